package security

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tuneline/tuneline/internal/rehearsal"
)

var update = flag.Bool("update", false, "write the golden files and the generated parts of the documentation")

// templateDir names a cloud assembly that is held against the promises in place of
// the stack's own: what TestControls does with it is all that is run then.
const templateDir = "TEMPLATE_DIR"

func TestMain(m *testing.M) {
	flag.Parse()
	if run := flag.Lookup("test.run"); os.Getenv(templateDir) != "" && run.Value.String() == "" {
		if err := flag.Set("test.run", "^TestControls$"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}

// variants are the configurations the stack is synthesized with, those of infra's
// golden files and one more: each has a file in testdata/variants, but the default.
var variants = []string{"default", "strict", "bearer", "inside", "sealed"}

// root is the repository's root, as seen from this package.
const root = ".."

var synthesized sync.Map

// assembly is a variant's cloud assembly. A synthesis takes some 20 seconds, and is
// kept by what it depends on.
func assembly(t *testing.T, variant string) []source {
	t.Helper()
	once, _ := synthesized.LoadOrStore(variant, sync.OnceValues(func() ([]source, error) { return synthesize(t, variant) }))
	sources, err := once.(func() ([]source, error))()
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func synthesize(t *testing.T, variant string) ([]source, error) {
	configuration := ""
	if variant != variants[0] {
		configuration = filepath.Join("security", "testdata", "variants", variant+".json")
	}
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	dir, _, err := rehearsal.Synth(t.Context(), absolute, configuration)
	if err != nil {
		return nil, err
	}
	return readAssembly(dir)
}

func templateOf(t *testing.T, sources []source) *Template {
	t.Helper()
	tm, err := newTemplate(sources)
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

// TestControls holds every assertion against the template in TEMPLATE_DIR, or
// against each variant of the stack.
func TestControls(t *testing.T) {
	if dir := os.Getenv(templateDir); dir != "" {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(root, dir) // go test runs in the package's folder
		}
		tm, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, tm)
		return
	}
	for _, variant := range variants {
		t.Run(variant, func(t *testing.T) { holds(t, templateOf(t, assembly(t, variant))) })
	}
}

func holds(t *testing.T, tm *Template) {
	t.Helper()
	for _, a := range Assertions() {
		t.Run(a.Name, func(t *testing.T) {
			before := decisions.Load()
			found := a.Check(tm)
			if n := decisions.Load() - before; n >= many {
				t.Logf("%d decisions", n)
			}
			for i, finding := range found {
				if i == shownFindings {
					t.Errorf("and %d more", len(found)-i)
					return
				}
				t.Errorf("control %d: %s", a.Control, finding)
			}
		})
	}
}

// shownFindings is how many of an assertion's findings are printed: one that asks
// about all actions finds the same thing many times.
const shownFindings = 10

// many is from how many decisions on an assertion says how many it took: it is about
// all of something then.
const many = 100

func isControl(id int) bool {
	return slices.ContainsFunc(Controls, func(c Control) bool { return c.ID == id })
}

// TestAssertionsAreNamed: each has a name of its own, and a control there is.
func TestAssertionsAreNamed(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range Assertions() {
		if a.Name == "" || seen[a.Name] || strings.ContainsAny(a.Name, " /") {
			t.Errorf("%q is no name of its own", a.Name)
		}
		seen[a.Name] = true
		if !isControl(a.Control) {
			t.Errorf("%s is for control %d, which there is not", a.Name, a.Control)
		}
	}
}
