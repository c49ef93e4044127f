package scan

import (
	"debug/buildinfo"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSecrets looks for secrets in the files, and in full in all that they ever were.
func TestSecrets(t *testing.T) {
	s, err := NewSecrets()
	if err != nil {
		t.Fatal(err)
	}
	key := "AKIA" + "Q4ZTM7XJ2LKD5RWV" // invented
	for _, file := range []string{"main.go", "go.sum", "package-lock.json", "picture.svg", "paper.pdf", "vendor/golang.org/x/a.go"} {
		text := []byte("\x00const key = \"" + key + "\" // gitleaks:allow\n")
		if found := s.In(t.Context(), file, text); len(found) != 1 || found[0].Rule != "aws-access-token" || strings.Contains(found[0].Message, key) {
			t.Errorf("a hard-coded key in %s: found %v", file, found)
		}
	}
	found, err := s.InTree(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	explained(t, "gitleaks", found, []string{""})
	if !full() {
		return
	}
	once, err := s.InHistory(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	gone := slices.DeleteFunc(once, func(f Finding) bool { return slices.Contains(found, f) })
	explained(t, "gitleaks-history", gone, []string{""})
}

// functions are the compiled functions of the configuration that has them all.
func functions(t *testing.T) map[string]string {
	t.Helper()
	dirs, err := assemblies()
	if err != nil {
		t.Fatal(err)
	}
	functions, err := Functions(dirs["bearer"])
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob(filepath.Join(root, "lambdas", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	for i, folder := range folders {
		folders[i] = filepath.Base(filepath.Dir(folder))
	}
	if names := slices.Sorted(maps.Keys(functions)); !slices.Equal(names, folders) {
		t.Fatalf("the assembly has the functions %v, and lambdas/ %v", names, folders)
	}
	return functions
}

// TestBills: a function's bill of materials lists the modules that are in its
// binary, with their checksums, and nothing else; the same binary has the same bill.
func TestBills(t *testing.T) {
	gomod := tool(t, "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod")
	for name, binary := range functions(t) {
		text, err := Bill(t.Context(), gomod, binary)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Bill(t.Context(), gomod, binary)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != string(again) {
			t.Errorf("%s: two bills differ", name)
		}
		var bill struct {
			BOMFormat, SpecVersion string
			Components             []struct {
				PURL   string
				Hashes []struct{ Alg, Content string }
			}
		}
		if err := json.Unmarshal(text, &bill); err != nil {
			t.Fatal(err)
		}
		var listed []string
		for _, c := range bill.Components {
			purl, _, _ := strings.Cut(strings.TrimPrefix(c.PURL, "pkg:golang/"), "?")
			listed = append(listed, purl)
			if !strings.HasPrefix(purl, "std@") && (len(c.Hashes) != 1 || c.Hashes[0].Alg != "SHA-256" || len(c.Hashes[0].Content) != 64) {
				t.Errorf("%s: %s has the checksums %v", name, purl, c.Hashes)
			}
		}
		slices.Sort(listed)
		if want := modules(t, binary); bill.BOMFormat != "CycloneDX" || bill.SpecVersion != "1.6" || !slices.Equal(listed, want) {
			t.Errorf("%s: a bill in %s %s lists %v, and the binary has %v", name, bill.BOMFormat, bill.SpecVersion, listed, want)
		}
	}
}

// modules are what the Go tool wrote into a binary.
func modules(t *testing.T, binary string) []string {
	t.Helper()
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{"std@" + info.GoVersion}
	for _, module := range info.Deps {
		list = append(list, module.Path+"@"+module.Version)
	}
	slices.Sort(list)
	return list
}

// database is the pinned copy of the Go vulnerability database, or what VULNDB names:
// a URL, or with "live" the database itself.
func database(t *testing.T) string {
	t.Helper()
	switch url := os.Getenv("VULNDB"); url {
	case "live":
		return ""
	case "":
	default:
		return url
	}
	command := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "golang.org/x/vulndb")
	command.Dir = "vulndb" // whose go.sum holds the copy to its checksum
	text, err := command.Output()
	if err != nil {
		t.Fatalf("fetching the vulnerability database: %v\n%s", err, text)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(text, &module); err != nil {
		t.Fatal(err)
	}
	return "file://" + filepath.ToSlash(filepath.Join(module.Dir, "data", "osv"))
}

// TestVulnerabilities looks for known vulnerabilities of the modules that are in the
// functions. The standard library is that of whichever Go is at hand, and no module
// of go.mod: it is looked at in full, with the calls that lead into it.
func TestVulnerabilities(t *testing.T) {
	govulncheck, db := tool(t, "golang.org/x/vuln/cmd/govulncheck"), database(t)
	exceptions, err := Exceptions("govulncheck")
	if err != nil {
		t.Fatal(err)
	}
	library := slices.DeleteFunc(slices.Clone(exceptions), func(e Exception) bool { return !strings.Contains(e.Resource, StandardLibrary+"@") })
	exceptions = slices.DeleteFunc(exceptions, func(e Exception) bool { return strings.Contains(e.Resource, StandardLibrary+"@") })
	var found []Finding
	for name, binary := range functions(t) {
		in, err := Vulnerabilities(t.Context(), govulncheck, db, name, "-mode", "binary", binary)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, slices.DeleteFunc(in, func(f Finding) bool { return strings.Contains(f.Resource, ":"+StandardLibrary+"@") })...)
	}
	explain(t, "govulncheck", found, []string{""}, exceptions)
	if !full() {
		return
	}
	if found, err = Vulnerabilities(t.Context(), govulncheck, db, "functions", "-C", root, "./lambdas/..."); err != nil {
		t.Fatal(err)
	}
	// An exception for the library of another Go says nothing about this one's.
	version, err := exec.CommandContext(t.Context(), "go", "env", "GOVERSION").Output()
	if err != nil {
		t.Fatal(err)
	}
	ours := "@v" + strings.TrimPrefix(strings.TrimSpace(string(version)), "go")
	library = slices.DeleteFunc(library, func(e Exception) bool { return !strings.HasSuffix(e.Resource, ours) })
	explain(t, "govulncheck", found, []string{""}, library)
}

// Ensure a vulnerability that is made up is found: every function calls this. Of an
// entry that names no packages, the module is found; of one that names some, only
// what is in the binary, where that can be told: functions have no symbols.
func TestVulnerabilityIsFound(t *testing.T) {
	dir := t.TempDir()
	for _, entry := range []struct{ id, module, specific string }{
		{"GO-0000-0001", "github.com/aws/aws-lambda-go", `{"imports": [{"path": "github.com/aws/aws-lambda-go/lambda", "symbols": ["StartWithOptions"]}]}`},
		{"GO-0000-0002", "github.com/aws/aws-lambda-go", `{}`},
		{"GO-0000-0003", "golang.org/x/mod", `{}`},
		{"GO-0000-0004", "golang.org/x/mod", `{"imports": [{"path": "golang.org/x/mod/zip", "symbols": ["Create"]}]}`},
	} {
		text := `{"id": "` + entry.id + `", "modified": "2026-01-01T00:00:00Z", "summary": "made up", "affected": [{
			"package": {"name": "` + entry.module + `", "ecosystem": "Go"},
			"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
			"ecosystem_specific": ` + entry.specific + `}]}`
		if err := os.WriteFile(filepath.Join(dir, entry.id+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	govulncheck := tool(t, "golang.org/x/vuln/cmd/govulncheck")
	for binary, want := range map[string][]string{
		functions(t)["poll"]: {"GO-0000-0001 it:github.com/aws/aws-lambda-go", "GO-0000-0002 it:github.com/aws/aws-lambda-go"},
		govulncheck:          {"GO-0000-0003 it:golang.org/x/mod"}, // it has no package zip
	} {
		found, err := Vulnerabilities(t.Context(), govulncheck, "file://"+filepath.ToSlash(dir), "it", "-mode", "binary", binary)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			resource, _, _ := strings.Cut(f.Resource, "@v")
			got = append(got, f.Rule+" "+resource)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", filepath.Base(binary), got, want)
		}
	}
}
