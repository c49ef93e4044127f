package security

var boundaryAssertions = []Assertion{{"EveryRoleIsBounded", 20, everyRoleIsBounded}}

// everyRoleIsBounded: where a permissions boundary is configured, it is on all roles,
// and it is one: the sample in examples/organization is held against the roles' duties
// by TestBoundary.
func everyRoleIsBounded(t *Template) (f Findings) {
	boundary := ""
	for _, role := range t.ofType("AWS::IAM::Role", "AWS::IAM::User") {
		if b := text(role.Properties["PermissionsBoundary"]); b != "" {
			boundary = b
		}
	}
	for _, role := range t.ofType("AWS::IAM::Role", "AWS::IAM::User") {
		if got := text(role.Properties["PermissionsBoundary"]); got != boundary {
			f.add(role.ID, "has the boundary %q, and another role has %q", got, boundary)
		}
	}
	return f
}
