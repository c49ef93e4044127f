// The Go vulnerability database that the tests look into, pinned like any module.
// It holds no Go package for anybody: its folder data/osv is what is read.
module github.com/tuneline/tuneline/internal/scan/vulndb

go 1.26.0

require golang.org/x/vulndb v0.0.0-20261105234957-e22db6528018
