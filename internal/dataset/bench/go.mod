// The benchmark is a module of its own: the libraries it compares with must not
// decide the versions the product is built with.
module github.com/tuneline/tuneline/internal/dataset/bench

go 1.26.0

require (
	github.com/go-faster/jx v1.2.0
	github.com/tuneline/tuneline v0.0.0
)

require (
	github.com/go-faster/errors v0.7.1 // indirect
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/segmentio/asm v1.2.1 // indirect
	golang.org/x/sys v0.50.0 // indirect
)

replace github.com/tuneline/tuneline => ../../..
