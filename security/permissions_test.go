package security

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPermissions holds all that each role may do, by action, resource and condition,
// against a file a role: nothing more and nothing less. Run with -update to write the
// files, and read the difference.
func TestPermissions(t *testing.T) {
	for _, variant := range variants {
		tm := templateOf(t, assembly(t, variant))
		dir := filepath.Join("testdata", "permissions", variant)
		roles := map[string]bool{}
		for _, role := range tm.ofType("AWS::IAM::Role") {
			name := role.ID[:len(role.ID)-hashLength] + ".txt"
			roles[name] = true
			golden(t, filepath.Join(dir, name), permissionSet(tm, role))
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if !roles[entry.Name()] {
				t.Errorf("%s is of a role that there is not", filepath.Join(dir, entry.Name()))
			}
		}
	}
}

// permissionSet is a line an action and resource: what is allowed first, then what is
// denied, in order, so that statements may be cut differently without a difference.
func permissionSet(tm *Template, role *Resource) string {
	var lines []string
	for _, d := range tm.identityDocuments(role) {
		for _, s := range statementsOf(d.body) {
			for _, action := range s.actions() {
				for _, resource := range s.resources() {
					lines = append(lines, line(tm, s, action, resource))
				}
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n") + "\n"
}

func line(tm *Template, s statement, action, resource string) string {
	var conditions []string
	for _, c := range s.conditions() {
		values := slices.Sorted(slices.Values(c.values))
		conditions = append(conditions, fmt.Sprintf("%s %s [%s]", c.operator, c.key, strings.Join(values, ", ")))
	}
	out := fmt.Sprintf("%s %s on %s", s.object["Effect"], action, resource)
	if len(conditions) > 0 {
		out += " if " + strings.Join(conditions, " and ")
	}
	return strings.NewReplacer(Account, "ACCOUNT", tm.Region, "REGION").Replace(out)
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%v; run go test ./security -run TestPermissions -update", err)
		return
	}
	if got == string(want) {
		return
	}
	old, now := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for _, l := range now {
		if !slices.Contains(old, l) {
			t.Errorf("%s: more than is written down: %s", path, l)
		}
	}
	for _, l := range old {
		if !slices.Contains(now, l) {
			t.Errorf("%s: less than is written down: %s", path, l)
		}
	}
}
