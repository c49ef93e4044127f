package security

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestControlsAreProved: every control has assertions or tests elsewhere, which there
// are, or says what is open or declined; and their numbers are all there, once.
func TestControlsAreProved(t *testing.T) {
	seen := map[int]bool{}
	for _, c := range Controls {
		if seen[c.ID] {
			t.Errorf("two controls have the number %d", c.ID)
		}
		seen[c.ID] = true
		if len(assertionsOf(c.ID)) == 0 && len(c.Elsewhere) == 0 && c.Open == "" && c.Declined == "" {
			t.Errorf("control %d is neither proved, open nor declined", c.ID)
		}
		for _, code := range strings.Split(c.Code, ", ") {
			if _, err := os.Stat(filepath.Join(root, code)); err != nil {
				t.Errorf("control %d: %v", c.ID, err)
			}
		}
		for _, tests := range c.Elsewhere {
			dir, names := testsOf(tests)
			if len(names) == 0 {
				t.Errorf("control %d names no test of %s", c.ID, dir)
			}
			for _, name := range names {
				if !testExists(t, dir, name) {
					t.Errorf("control %d: there is no test %s in %s", c.ID, name, dir)
				}
			}
		}
	}
	for id := 1; id <= len(Controls); id++ {
		if !seen[id] {
			t.Errorf("there is no control %d", id)
		}
	}
}

// testsOf are a package's folder and the tests of it in one line of
// [Control.Elsewhere].
func testsOf(line string) (dir string, names []string) {
	words := strings.Fields(line)
	return words[0], words[1:]
}

// testExists says whether a package has a test.
func testExists(t *testing.T, dir, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	declaration := regexp.MustCompile(`(?m)^func ` + test + `\(`)
	return slices.ContainsFunc(files, func(path string) bool {
		text, err := os.ReadFile(path) //nolint:gosec // a file of the test's own
		return err == nil && declaration.Match(text)
	})
}

func assertionsOf(control int) []string {
	var names []string
	for _, a := range Assertions() {
		if a.Control == control {
			names = append(names, a.Name)
		}
	}
	return names
}

// TestGeneratedParts holds the tables of the documentation against the controls, the
// assertions and the mutations; -update writes them.
func TestGeneratedParts(t *testing.T) {
	for name, part := range map[string]struct{ file, content string }{
		"controls": {"docs/security.md", controlTable()},
		"open":     {"docs/security.md", openTable()},
		"defects":  {"docs/seeded-defects.md", defectTable()},
	} {
		path := filepath.Join(root, part.file)
		text, err := os.ReadFile(path) //nolint:gosec // a file of the test's own
		if err != nil {
			t.Error(err)
			continue
		}
		begin := fmt.Sprintf("<!-- generated %s: go test ./security -run TestGeneratedParts -update -->\n", name)
		end := fmt.Sprintf("<!-- end of %s -->\n", name)
		before, rest, ok := strings.Cut(string(text), begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Errorf("%s lacks the markers of the part %q", part.file, name)
			continue
		}
		want := before + begin + part.content + end + after
		if string(text) == want {
			continue
		}
		if !*update {
			t.Errorf("%s: the part %q is not what the code says; run: go test ./security -run TestGeneratedParts -update", part.file, name)
			continue
		}
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil { //nolint:gosec // a page of this repository
			t.Error(err)
		}
	}
}

func sorted() []Control {
	return slices.SortedFunc(slices.Values(Controls), func(a, b Control) int { return a.ID - b.ID })
}

func tableRow(cells ...string) string {
	for i, cell := range cells {
		cells[i] = strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(cell)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// code is names as code.
func code(names []string) string {
	var out []string
	for _, name := range names {
		out = append(out, "`"+name+"`")
	}
	return strings.Join(out, ", ")
}

// controlTable leads from a control to its code, its tests and its defects.
func controlTable() string {
	var b strings.Builder
	b.WriteString(tableRow("no.", "promise", "answers", "code", "assertions of `security`", "tests elsewhere", "seeded defects"))
	b.WriteString(tableRow("---", "---", "---", "---", "---", "---", "---"))
	for _, c := range sorted() {
		defects := 0
		for _, m := range mutations() {
			if m.control == c.ID {
				defects++
			}
		}
		var elsewhere []string
		for _, tests := range c.Elsewhere {
			dir, names := testsOf(tests)
			elsewhere = append(elsewhere, code(names)+" in "+dir)
		}
		b.WriteString(tableRow(fmt.Sprint(c.ID), c.Promise, c.Standards, c.Code, code(assertionsOf(c.ID)), strings.Join(elsewhere, "; "), fmt.Sprint(defects)))
	}
	return b.String()
}

// openTable is what is not there yet, and what will not be.
func openTable() string {
	var b strings.Builder
	b.WriteString(tableRow("no.", "open", "declined, and why") + tableRow("---", "---", "---"))
	for _, c := range sorted() {
		if c.Open != "" || c.Declined != "" {
			b.WriteString(tableRow(fmt.Sprint(c.ID), c.Open, c.Declined))
		}
	}
	return b.String()
}

// defectTable lists the mutations by control.
func defectTable() string {
	var b strings.Builder
	b.WriteString(tableRow("control", "defect", "configuration", "must be found by") + tableRow("---", "---", "---", "---"))
	list := slices.Clone(mutations())
	slices.SortStableFunc(list, func(a, b mutation) int { return a.control - b.control })
	for _, m := range list {
		b.WriteString(tableRow(fmt.Sprint(m.control), m.what, m.variant, code(m.killers)))
	}
	return b.String()
}
