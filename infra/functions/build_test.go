package functions

import (
	"debug/buildinfo"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/infra/config"
)

// project writes a module with two functions; greeting is in one of them.
func project(t *testing.T, greeting string) string {
	t.Helper()
	root := t.TempDir()
	write(t, root, map[string]string{
		"go.mod":               "module example.com/functions\n\ngo 1.24\n",
		"lambdas/poll/main.go": "package main\n\nfunc main() { println(\"" + greeting + "\") }\n",
		"lambdas/scan/main.go": "package main\n\nfunc main() { println(\"scan\") }\n",
	})
	return root
}

// write puts texts into files by their names.
func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func build(t *testing.T, root string, architecture config.Architecture) Binaries {
	t.Helper()
	binaries, err := Build(root, architecture)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(binaries)), []string{"poll", "scan"}; !slices.Equal(got, want) {
		t.Fatalf("got functions %v, want %v", got, want)
	}
	return binaries
}

// TestSameSourceSameHash: the hash depends on the source alone, not on the
// folder, and follows every change of it.
func TestSameSourceSameHash(t *testing.T) {
	here := project(t, "hello")
	first, again := build(t, here, config.ARM64), build(t, here, config.ARM64)
	elsewhere := build(t, project(t, "hello"), config.ARM64)
	changed, intel := build(t, project(t, "hallo"), config.ARM64), build(t, here, config.X8664)
	for _, name := range []string{"poll", "scan"} {
		if again[name] != first[name] {
			t.Errorf("%s: built again: got %v, want %v", name, again[name], first[name])
		}
		if elsewhere[name].Hash != first[name].Hash {
			t.Errorf("%s: built in another folder: got %s, want %s", name, elsewhere[name].Hash, first[name].Hash)
		}
		if intel[name].Hash == first[name].Hash {
			t.Errorf("%s: both architectures have hash %s", name, first[name].Hash)
		}
	}
	if changed["poll"].Hash == first["poll"].Hash {
		t.Error("a changed function kept its hash")
	}
	if changed["scan"].Hash != first["scan"].Hash {
		t.Error("a function changed with another one")
	}
}

// TestSettingsOfAPersonDoNotMatter: what somebody exported or set with "go env
// -w" changes no byte, and stops no build.
func TestSettingsOfAPersonDoNotMatter(t *testing.T) {
	root := project(t, "hello")
	want := map[config.Architecture]Binaries{}
	for _, architecture := range []config.Architecture{config.ARM64, config.X8664} {
		want[architecture] = build(t, root, architecture)
	}
	written := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(written, []byte("GOAMD64=v3\nGOARM64=v9.0\nGOFLAGS=-tags=theirs -mod=vendor\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"GOENV": written, "GOFLAGS": "-tags=theirs -race", "GOAMD64": "v4", "GOARM64": "v9.5", "GOEXPERIMENT": "noregabi",
		"GOWORK": filepath.Join(root, "missing", "go.work"), "GOOS": "windows", "GOARCH": "386", "CGO_ENABLED": "1",
		"CGO_CFLAGS": "-fno-such-flag", "GO111MODULE": "off", "GODEBUG": "madvdontneed=1", "GO_EXTLINK_ENABLED": "1",
	} {
		t.Setenv(name, value)
	}
	for architecture, binaries := range want {
		for name, got := range build(t, root, architecture) {
			if got.Hash != binaries[name].Hash {
				t.Errorf("%s for %s: got %s, want %s", name, architecture, got.Hash, binaries[name].Hash)
			}
		}
	}
}

// TestBuiltFromGoAlone: an executable has no C in it, no path of who built it, and not
// the protocol that only older runtimes speak. One of the architectures is often this
// machine's own, for which Go would use C where it finds a compiler.
func TestBuiltFromGoAlone(t *testing.T) {
	root := project(t, "hello")
	for _, architecture := range []config.Architecture{config.ARM64, config.X8664} {
		for name, binary := range build(t, root, architecture) {
			info, err := buildinfo.ReadFile(filepath.Join(binary.Dir, "bootstrap"))
			if err != nil {
				t.Fatal(err)
			}
			for key, want := range map[string]string{"CGO_ENABLED": "0", "-trimpath": "true", "-tags": "lambda.norpc", "GOOS": "linux", "GOARCH": architecture.GOARCH()} {
				i := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == key })
				if i < 0 || info.Settings[i].Value != want {
					t.Errorf("%s for %s was built with %v, want %s=%s", name, architecture, info.Settings, key, want)
				}
			}
		}
	}
}

// TestModulesAreNotChanged: what go.mod does not name is not built with, and not added
// to it on the way.
func TestModulesAreNotChanged(t *testing.T) {
	root := project(t, "hello")
	const module = "module example.com/functions\n\ngo 1.24\n\nreplace example.com/other => ./other\n"
	write(t, root, map[string]string{
		"go.mod":               module,
		"other/go.mod":         "module example.com/other\n\ngo 1.24\n",
		"other/other.go":       "package other\n\n// Word is used by scan.\nconst Word = \"word\"\n",
		"lambdas/scan/main.go": "package main\n\nimport \"example.com/other\"\n\nfunc main() { println(other.Word) }\n",
	})
	if _, err := Build(root, config.ARM64); err == nil || !strings.Contains(err.Error(), "not required") {
		t.Errorf("got %v, want that example.com/other is not required", err)
	}
	if text, err := os.ReadFile(filepath.Join(root, "go.mod")); err != nil || string(text) != module { //nolint:gosec // the test's own
		t.Errorf("go.mod became %s, %v", text, err)
	}
}

// TestModulesComeFromWhereTheyDid: a person's proxy is kept, however it was
// set: without it, there may be no way to the modules at all.
func TestModulesComeFromWhereTheyDid(t *testing.T) {
	written := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(written, []byte("GOPROXY=https://proxy.example.com\nGOAMD64=v3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOENV", written)
	t.Setenv("GOPROXY", "")
	t.Setenv("GOPRIVATE", "example.com/private")
	environment, err := buildEnvironment(project(t, "hello"), config.X8664)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"GOPROXY=https://proxy.example.com", "GOPRIVATE=example.com/private", "GOAMD64=v1", "GOENV=off"} {
		if !slices.Contains(environment, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
	if slices.Contains(environment, "GOAMD64=v3") {
		t.Error("the environment holds what was set with go env -w")
	}
}

// TestBootstrap: an asset is one executable named bootstrap, and nothing is
// left behind beside the assets.
func TestBootstrap(t *testing.T) {
	root := project(t, "hello")
	binaries := build(t, root, config.ARM64)
	for name, binary := range binaries {
		entries, err := os.ReadDir(binary.Dir)
		if err != nil || len(entries) != 1 || entries[0].Name() != "bootstrap" {
			t.Fatalf("%s: got %v, %v in the asset", name, entries, err)
		}
		info, err := entries[0].Info()
		if err != nil || info.Mode().Perm()&0o111 == 0 {
			t.Errorf("%s: got mode %v, %v, want an executable", name, info.Mode(), err)
		}
	}
	left, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(buildDir)))
	if err != nil || len(left) != len(binaries) {
		t.Errorf("got %d folders, %v, want %d", len(left), err, len(binaries))
	}
}

func TestBuildFails(t *testing.T) {
	root := project(t, "hello")
	if err := os.WriteFile(filepath.Join(root, "lambdas", "scan", "main.go"), []byte("package main\n\nfunc main() { scan() }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Build(root, config.ARM64)
	if err == nil || !strings.Contains(err.Error(), "undefined: scan") {
		t.Errorf("got %v, want the compiler's message", err)
	}
}
