package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// served are names of packages that open a server or listen, and asked those that ask
// over HTTP by what the whole process shares: without a time-out, through whatever
// proxy and redirect there is.
var (
	served = map[string][]string{
		"net":               {"Listen", "ListenTCP", "ListenUnix", "ListenPacket", "ListenUDP", "ListenConfig", "FileListener"},
		"net/http":          {"Server", "Serve", "ServeTLS", "ListenAndServe", "ListenAndServeTLS"},
		"net/http/httptest": {"NewServer", "NewTLSServer", "NewUnstartedServer", "Server"},
		"crypto/tls":        {"Listen", "NewListener"},
	}
	asked = map[string][]string{
		"net/http": {"Get", "Head", "Post", "PostForm", "DefaultClient", "DefaultTransport", "DefaultServeMux"},
	}
)

// listens is the one package that may open a server: it listens on loopback, with
// limits. The others name http.Server only to keep one.
const listens = "internal/loopback"

// Ensure whatever this project serves, it serves to this machine alone and within
// limits, and whatever it asks, it asks by a client of its own.
func TestServersAndClients(t *testing.T) {
	files := sources(t)
	if len(files) < 300 {
		t.Errorf("%d files were read", len(files))
	}
	for _, path := range files {
		if strings.HasPrefix(path, listens+"/") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../..", path), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range opens(file) {
			t.Errorf("%s uses %s: use %s, or a client with time-outs of its own", path, found, listens)
		}
	}
}

// sources are the module's Go files but tests and what is only data of tests.
func sources(t *testing.T) []string {
	t.Helper()
	var files []string
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case entry.IsDir() && (name == "node_modules" || name == "testdata" || name == "cdk.out" || strings.HasPrefix(name, ".") && path != "."):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// opens names what a file uses of served and asked.
func opens(file *ast.File) []string {
	names := map[string]string{}
	for _, imported := range file.Imports {
		path, _ := strconv.Unquote(imported.Path.Value) // a string in Go source
		name := path[strings.LastIndexByte(path, '/')+1:]
		if imported.Name != nil {
			name = imported.Name.Name
		}
		names[name] = path
	}
	kept := map[ast.Node]bool{} // *http.Server, the type of what is kept
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch node := n.(type) {
		case *ast.StarExpr:
			kept[node.X] = true
		case *ast.SelectorExpr:
			pkg, ok := node.X.(*ast.Ident)
			if !ok || kept[node] {
				break
			}
			if path := names[pkg.Name]; slices.Contains(served[path], node.Sel.Name) || slices.Contains(asked[path], node.Sel.Name) {
				found = append(found, path+"."+node.Sel.Name)
			}
		}
		return true
	})
	return found
}

// TestOpens is the test of the test: each way to open a server or to ask is found.
func TestOpens(t *testing.T) {
	for source, want := range map[string]int{
		`import "net"; var l, _ = net.Listen("tcp", ":80")`:                       1,
		`import n "net"; var l = n.ListenConfig{}`:                                1,
		`import "net/http"; var s = &http.Server{}`:                               1,
		`import "net/http"; var s = http.ListenAndServe(":80", nil)`:              1,
		`import web "net/http"; var r, _ = web.Get("http://example.com")`:         1,
		`import "net/http"; var c = http.DefaultClient`:                           1,
		`import "net/http/httptest"; var s = httptest.NewServer(nil)`:             1,
		`import "crypto/tls"; var l, _ = tls.Listen("tcp", ":443", nil)`:          1,
		`import "net/http"; var s *http.Server`:                                   0,
		`import "net/http"; var c = &http.Client{}`:                               0,
		`import "example.com/net"; var l = net.Listen("tcp", ":80")`:              0,
		`import "net/http"; type t struct { s *http.Server }; var h http.Handler`: 0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "a.go", "package a; "+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if found := opens(file); len(found) != want {
			t.Errorf("%s: found %q", source, found)
		}
	}
}
