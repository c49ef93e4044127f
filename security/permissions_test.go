package security

import (
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

// permissionSet are a role's permissions, for any account and Region.
func permissionSet(tm *Template, role *Resource) string {
	var lines []string
	for _, l := range tm.permissionsOf(role) {
		lines = append(lines, strings.NewReplacer(Account, "ACCOUNT", tm.Region, "REGION").Replace(l))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
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
	want, err := os.ReadFile(path) //nolint:gosec // a file of the test's own
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

// TestNothingIsAddedUnseen: a statement more among what a role may do, however it gets
// there, makes another golden file than the one that is there.
func TestNothingIsAddedUnseen(t *testing.T) {
	sources := assembly(t, variants[0])
	tm := templateOf(t, sources)
	for _, role := range tm.ofType("AWS::IAM::Role") {
		written := permissionSet(tm, role)
		for _, statement := range additions(tm, role) {
			for way, e := range insertions(role.ID, statement) {
				mutated, err := mutate(sources, e)
				if err != nil {
					t.Fatal(err)
				}
				changed := templateOf(t, mutated)
				if permissionSet(changed, changed.Resources[role.ID]) == written {
					t.Errorf("%s: %v, %s, changes nothing", role.ID, statement, way)
				}
			}
		}
	}
}

// additions are statements that a role does not have: an action it does not need, all but
// some actions, and, where it has any, those of one of its statements on everything
// and always.
func additions(tm *Template, role *Resource) []object {
	list := []object{
		{"Sid": "More", "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"},
		{"Sid": "More", "Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
		{"Sid": "More", "Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::a/*"},
	}
	for _, d := range tm.identityDocuments(role) {
		for _, s := range statementsOf(d.body) {
			if s.allows() && (len(s.conditions()) > 0 || !slices.Contains(s.resources(), "*")) {
				return append(list, object{"Sid": "More", "Effect": "Allow", "Action": s.object["Action"], "Resource": "*"})
			}
		}
	}
	return list
}

// insertions are how a role gets a statement: in a policy of its own, or in one that is
// attached to it, from either side.
func insertions(role string, statement object) map[string]edit {
	document := object{"Version": "2012-10-17", "Statement": []any{statement}}
	attached := func(kind string, properties object) edit {
		properties["PolicyDocument"] = document
		return create(kind, properties)
	}
	inline := func(resources object) error {
		r, err := resourceOf(resources, role)
		if err != nil {
			return err
		}
		properties := r["Properties"].(object)
		properties["Policies"] = append(slices.Clone(items(properties["Policies"])), object{"PolicyName": "more", "PolicyDocument": document})
		return nil
	}
	return map[string]edit{
		"in the role":                       inline,
		"in a policy":                       attached("AWS::IAM::Policy", object{"PolicyName": "more", "Roles": []any{link{role, ""}}}),
		"in a role's policy":                attached("AWS::IAM::RolePolicy", object{"PolicyName": "more", "RoleName": link{role, ""}}),
		"in a managed policy":               attached("AWS::IAM::ManagedPolicy", object{"Roles": []any{link{role, ""}}}),
		"in a managed policy of the role's": both(attached("AWS::IAM::ManagedPolicy", object{}), set(role, "Properties.ManagedPolicyArns", []any{object{"Ref": "Seeded"}})),
	}
}
