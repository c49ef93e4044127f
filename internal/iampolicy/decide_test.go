package iampolicy

import (
	"strings"
	"testing"
)

// Ensure what limits identity policies does: "Permissions boundaries for IAM
// entities" and "Session policies" for who is limited, and who is not because a
// resource's policy names them.
func TestDecide_Limits(t *testing.T) {
	const (
		user    = "arn:aws:iam::111122223333:user/ana"
		session = "arn:aws:sts::111122223333:assumed-role/caller/ana"
	)
	on := func(action string) Policy {
		return identity(t, action, `{"Effect":"Allow","Action":"`+action+`","Resource":"*"}`)
	}
	of := func(principal string) []Policy {
		return []Policy{resource(t, "resource", `{"Effect":"Allow","Principal":`+principal+`,"Action":"*","Resource":"*"}`)}
	}
	all, none := on("a:*"), on("c:*")
	but := []Policy{resource(t, "but", `{"Effect":"Deny","NotPrincipal":{"AWS":["`+user+`","`+account+`"]},"Action":"*","Resource":"*"}`)}
	denies := identity(t, "denies", `{"Effect":"Deny","Action":"a:b","Resource":"*"}`)
	for name, tc := range map[string]struct {
		who      string
		policies Policies
		want     Effect
		missing  string
	}{
		"identity alone":                      {role, Policies{Identity: []Policy{all}}, Allowed, ""},
		"the boundary allows":                 {role, Policies{Identity: []Policy{all}, Boundary: &all}, Allowed, ""},
		"the boundary does not":               {role, Policies{Identity: []Policy{all}, Boundary: &none}, ImplicitDeny, "permissions boundary"},
		"the boundary denies":                 {role, Policies{Identity: []Policy{all}, Boundary: &denies}, ExplicitDeny, ""},
		"a boundary grants nothing":           {role, Policies{Boundary: &all}, ImplicitDeny, ""},
		"the session policy does not":         {session, Policies{Identity: []Policy{all}, Boundary: &all, Session: &none}, ImplicitDeny, "session policy"},
		"a session policy grants nothing":     {session, Policies{Session: &all}, ImplicitDeny, ""},
		"named as a role, limited":            {session, Policies{Resource: of(`{"AWS":"` + role + `"}`), Boundary: &none}, ImplicitDeny, "permissions boundary"},
		"named as a session, not limited":     {session, Policies{Resource: of(`{"AWS":"` + session + `"}`), Boundary: &none, Session: &none}, Allowed, ""},
		"named as a session, still denied":    {session, Policies{Resource: of(`{"AWS":"` + session + `"}`), Boundary: &denies}, ExplicitDeny, ""},
		"named as a user, not limited":        {user, Policies{Resource: of(`{"AWS":"` + user + `"}`), Boundary: &none}, Allowed, ""},
		"everybody, not limited":              {role, Policies{Resource: of(`"*"`), Boundary: &none}, Allowed, ""},
		"everybody, no session policy either": {session, Policies{Resource: of(`{"AWS":"*"}`), Session: &none}, Allowed, ""},
		"everybody, still denied":             {role, Policies{Resource: of(`"*"`), Boundary: &denies}, ExplicitDeny, ""},
		"left out, with a boundary":           {user, Policies{Identity: []Policy{all}, Resource: but, Boundary: &all}, ExplicitDeny, ""},
		"left out, without a boundary":        {user, Policies{Identity: []Policy{all}, Resource: but}, Allowed, ""},
		"the endpoint does not":               {role, Policies{Identity: []Policy{all}, Endpoint: &none}, ImplicitDeny, "VPC endpoint policy"},
		"the endpoint, who is named":          {user, Policies{Resource: of(`{"AWS":"` + user + `"}`), Endpoint: &none}, ImplicitDeny, "VPC endpoint policy"},
		"the endpoint allows":                 {role, Policies{Identity: []Policy{all}, Endpoint: &all}, Allowed, ""},
		"a key's policy is silent":            {role, Policies{Identity: []Policy{all}, ResourceRules: true}, ImplicitDeny, "resource-based policy"},
		"a key's policy lets the account":     {role, Policies{Identity: []Policy{all}, Resource: of(`{"AWS":"` + account + `"}`), ResourceRules: true}, Allowed, ""},
		"the account, no identity policy":     {role, Policies{Resource: of(`{"AWS":"` + account + `"}`), ResourceRules: true}, ImplicitDeny, ""},
		"a key's policy names the role":       {role, Policies{Resource: of(`{"AWS":"` + role + `"}`), ResourceRules: true}, Allowed, ""},
		"a key's policy names another's role": {role, Policies{Identity: []Policy{all}, Resource: of(`{"AWS":"` + other + `"}`), ResourceRules: true}, ImplicitDeny, "resource-based policy"},
	} {
		got, err := Decide(Request{Principal: PrincipalOf(tc.who), Action: "a:b", Resource: "*"}, tc.policies)
		if err != nil || got.Effect != tc.want || got.Missing != tc.missing {
			t.Errorf("%s: got %+v, %v, want %v without %q", name, got, err, tc.want, tc.missing)
		}
	}
}

// Ensure what is between two accounts is decided by both: "Cross-account policy
// evaluation logic".
func TestDecide_BetweenAccounts(t *testing.T) {
	const stranger = "arn:aws:iam::999988887777:role/caller"
	queue := "arn:aws:sqs:us-east-1:" + account + ":q"
	all := identity(t, "all", everything)
	none := identity(t, "none", `{"Effect":"Allow","Action":"c:*","Resource":"*"}`)
	denies := identity(t, "denies", `{"Effect":"Deny","Action":"*","Resource":"*"}`)
	of := func(principal string) []Policy {
		return []Policy{resource(t, "resource", `{"Effect":"Allow","Principal":`+principal+`,"Action":"*","Resource":"*"}`)}
	}
	theirs, whole, session := of(`{"AWS":"`+stranger+`"}`), of(`{"AWS":"999988887777"}`), "arn:aws:sts::999988887777:assumed-role/caller/ana"
	for name, tc := range map[string]struct {
		who      string
		on       string
		owner    []string
		policies Policies
		want     Effect
		missing  string
	}{
		"both allow":                          {stranger, queue, nil, Policies{Identity: []Policy{all}, Resource: theirs}, Allowed, ""},
		"both allow, the account":             {stranger, queue, nil, Policies{Identity: []Policy{all}, Resource: whole}, Allowed, ""},
		"the principal's only":                {stranger, queue, nil, Policies{Identity: []Policy{all}}, ImplicitDeny, "resource-based policy"},
		"the resource's only":                 {stranger, queue, nil, Policies{Resource: theirs}, ImplicitDeny, "identity-based policy"},
		"the resource's only, everybody":      {stranger, queue, nil, Policies{Resource: of(`"*"`)}, ImplicitDeny, "identity-based policy"},
		"the account's only":                  {stranger, queue, nil, Policies{Resource: whole}, ImplicitDeny, ""},
		"the principal's denies":              {stranger, queue, nil, Policies{Identity: []Policy{denies}, Resource: theirs}, ExplicitDeny, ""},
		"the boundary limits who is named":    {session, queue, nil, Policies{Identity: []Policy{all}, Resource: of(`{"AWS":"` + session + `"}`), Boundary: &none}, ImplicitDeny, "permissions boundary"},
		"everybody, the session's limits":     {session, queue, nil, Policies{Identity: []Policy{all}, Resource: of(`"*"`), Session: &none}, ImplicitDeny, "session policy"},
		"an ARN without an account, known":    {stranger, bucket, []string{account}, Policies{Identity: []Policy{all}}, ImplicitDeny, "resource-based policy"},
		"an ARN without an account, one's":    {stranger, bucket, []string{"999988887777"}, Policies{Identity: []Policy{all}}, Allowed, ""},
		"within the account":                  {role, queue, nil, Policies{Identity: []Policy{all}}, Allowed, ""},
		"the anonymous":                       {"", queue, nil, Policies{Resource: of(`"*"`)}, Allowed, ""},
		"within the account, by the resource": {role, queue, nil, Policies{Resource: of(`{"AWS":"` + role + `"}`)}, Allowed, ""},
	} {
		got, err := Decide(Request{Principal: PrincipalOf(tc.who), Action: "a:b", Resource: tc.on, Context: map[string][]string{"aws:ResourceAccount": tc.owner}}, tc.policies)
		if err != nil || got.Effect != tc.want || got.Missing != tc.missing {
			t.Errorf("%s: got %+v, %v, want %v without %q", name, got, err, tc.want, tc.missing)
		}
	}
	got, err := Decide(Request{Principal: PrincipalOf(role), Action: "a:b", Resource: queue, Context: map[string][]string{"aws:ResourceAccount": {"999988887777"}}}, Policies{Identity: []Policy{all}})
	if err == nil || got != (Decision{}) {
		t.Errorf("a queue of two accounts: got %+v, want an error", got)
	}
}

// Ensure a NotPrincipal leaves out who is named on every level, and that nothing
// is known of who is named on some.
func TestEvaluate_NotPrincipal(t *testing.T) {
	const session = "arn:aws:sts::111122223333:assumed-role/caller/ana"
	for name, tc := range map[string]struct {
		not  string
		who  Principal
		want string
	}{
		"user with the account":    {`{"AWS":["arn:aws:iam::111122223333:user/ana","111122223333"]}`, PrincipalOf("arn:aws:iam::111122223333:user/ana"), "implicitDeny"},
		"user without the account": {`{"AWS":"arn:aws:iam::111122223333:user/ana"}`, PrincipalOf("arn:aws:iam::111122223333:user/ana"), "left open"},
		"another user":             {`{"AWS":["arn:aws:iam::111122223333:user/ana","111122223333"]}`, PrincipalOf("arn:aws:iam::111122223333:user/bob"), "left open"},
		"another account's user":   {`{"AWS":["arn:aws:iam::111122223333:user/ana","111122223333"]}`, PrincipalOf("arn:aws:iam::999988887777:user/ana"), "explicitDeny"},
		"session on every level":   {`{"AWS":["` + session + `","` + role + `","111122223333"]}`, PrincipalOf(session), "implicitDeny"},
		"role without its session": {`{"AWS":["` + role + `","111122223333"]}`, PrincipalOf(role), "which session makes the request is not known"},
		"role, of a session":       {`{"AWS":"` + session + `"}`, PrincipalOf(role), "which session makes the request is not known"},
		"role, another's session":  {`{"AWS":"arn:aws:sts::111122223333:assumed-role/x/ana"}`, PrincipalOf(role), "explicitDeny"},
		"role with another path":   {`{"AWS":"arn:aws:iam::111122223333:role/team/caller"}`, PrincipalOf(session), "with another path"},
		"session as a role only":   {`{"AWS":["` + role + `","111122223333"]}`, PrincipalOf(session), "left open"},
		"service":                  {`{"Service":"logs.amazonaws.com"}`, Principal{Service: "logs.amazonaws.com"}, "implicitDeny"},
		"another service":          {`{"Service":"logs.amazonaws.com"}`, Principal{Service: "sns.amazonaws.com"}, "explicitDeny"},
		"anonymous":                {`{"AWS":"111122223333"}`, Principal{}, "explicitDeny"},
	} {
		p := resource(t, name, `{"Effect":"Deny","NotPrincipal":`+tc.not+`,"Action":"a:*","Resource":"*"}`)
		got, err := p.Evaluate(Request{Principal: tc.who, Action: "a:b", Resource: "*"})
		answer := got.Effect.String()
		if err != nil {
			answer = err.Error()
		}
		if !strings.Contains(answer, tc.want) {
			t.Errorf("%s: got %s, want %s", name, answer, tc.want)
		}
		if got, err := p.Evaluate(Request{Principal: tc.who, Action: "c:d", Resource: "*"}); err != nil || got.Effect != ImplicitDeny {
			t.Errorf("%s, another action: got %+v, %v", name, got, err)
		}
	}
}

// Ensure policy variables take the request's values: "IAM policy elements:
// Variables and tags".
func TestVariables(t *testing.T) {
	context := map[string][]string{
		"aws:PrincipalTag/team": {"yellow"}, "aws:PrincipalTag/none": nil, "aws:userid": {"AROA:*"},
		"s3:prefix": {"home/ana/x"}, "aws:TagKeys": {"a", "b"},
	}
	for name, tc := range map[string]struct{ rest, resource, want string }{
		"a user's folder":            {`"Resource":"arn:aws:s3:::b/${aws:username}/*"`, "arn:aws:s3:::b/ana/x", "allowed"},
		"another's folder":           {`"Resource":"arn:aws:s3:::b/${aws:username}/*"`, "arn:aws:s3:::b/bob/x", "implicitDeny"},
		"in any case":                {`"Resource":"arn:aws:s3:::b/${AWS:UserName}/*"`, "arn:aws:s3:::b/ana/x", "allowed"},
		"a tag":                      {`"Resource":"arn:aws:s3:::b-${aws:PrincipalTag/team, 'company-wide'}"`, "arn:aws:s3:::b-yellow", "allowed"},
		"a default":                  {`"Resource":"arn:aws:s3:::b-${aws:PrincipalTag/none, 'company-wide'}"`, "arn:aws:s3:::b-company-wide", "allowed"},
		"no value":                   {`"Resource":"arn:aws:s3:::b-${aws:PrincipalTag/none}*"`, "arn:aws:s3:::b-", "implicitDeny"},
		"a literal star":             {`"Resource":"arn:aws:s3:::b/${*}"`, "arn:aws:s3:::b/*", "allowed"},
		"a literal star, no text":    {`"Resource":"arn:aws:s3:::b/${*}"`, "arn:aws:s3:::b/x", "implicitDeny"},
		"a literal dollar":           {`"Resource":"arn:aws:s3:::b/${$}{${?}}"`, "arn:aws:s3:::b/${?}", "allowed"},
		"a value's star is no wild":  {`"Resource":"arn:aws:s3:::b/${aws:userid}"`, "arn:aws:s3:::b/AROA:x", "implicitDeny"},
		"in a condition":             {`"Resource":"*","Condition":{"StringLike":{"s3:prefix":["","home/${aws:username}/*"]}}`, "*", "allowed"},
		"in a condition, no value":   {`"Resource":"*","Condition":{"StringEquals":{"s3:prefix":"${aws:PrincipalTag/none}"}}`, "*", "implicitDeny"},
		"in an ARN's segment":        {`"Resource":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::${aws:PrincipalAccount}:user/*"}}`, "*", "allowed"},
		"of a negated condition":     {`"Resource":"*","Condition":{"StringNotEquals":{"s3:prefix":"${aws:PrincipalTag/none}"}}`, "*", "allowed"},
		"of NotResource":             {`"NotResource":"arn:aws:s3:::${aws:PrincipalTag/none}"`, "*", "NotResource has no value"},
		"of NotResource, with more":  {`"NotResource":["arn:aws:s3:::${aws:PrincipalTag/none}","arn:aws:s3:::b/*"]`, "arn:aws:s3:::b/x", "implicitDeny"},
		"unknown":                    {`"Resource":"arn:aws:s3:::b/${aws:PrincipalTag/other}"`, "*", "says nothing about aws:principaltag/other"},
		"unknown, of a condition":    {`"Resource":"*","Condition":{"StringLike":{"s3:prefix":"${saml:aud}"}}`, "*", "says nothing about saml:aud"},
		"many values":                {`"Resource":"arn:aws:s3:::b/${aws:TagKeys}"`, "*", "has 2 values"},
		"the filled text is no ARN":  {`"Resource":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"${s3:prefix}"}}`, "*", "is not an ARN"},
		"NotResource, another's":     {`"NotResource":"arn:aws:s3:::b/${aws:username}/*"`, "arn:aws:s3:::b/bob/x", "allowed"},
		"NotResource, one's own":     {`"NotResource":"arn:aws:s3:::b/${aws:username}/*"`, "arn:aws:s3:::b/ana/x", "implicitDeny"},
		"an older spelling's dollar": {`"Resource":"arn:aws:s3:::b/$x"`, "arn:aws:s3:::b/$x", "allowed"},
	} {
		p := identity(t, "p", `{"Effect":"Allow","Action":"s3:*",`+tc.rest+`}`)
		got, err := p.Evaluate(Request{Principal: PrincipalOf("arn:aws:iam::111122223333:user/team/ana"), Action: "s3:GetObject", Resource: tc.resource, Context: context})
		answer := got.Effect.String()
		if err != nil {
			answer = err.Error()
		}
		if !strings.Contains(answer, tc.want) {
			t.Errorf("%s: got %s, want %s", name, answer, tc.want)
		}
	}
	p := identity(t, "p", `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}"}`)
	if got, err := p.Evaluate(Request{Principal: PrincipalOf(role), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/"}); err != nil || got.Effect != ImplicitDeny {
		t.Errorf("a role has a user name: %+v, %v", got, err)
	}
}

// Ensure a policy without a statement is the policy without it, and the
// original keeps it.
func TestWithout(t *testing.T) {
	p := identity(t, "p", `[{"Sid":"A","Effect":"Allow","Action":"a:b","Resource":"*"},{"Sid":"B","Effect":"Allow","Action":"a:c","Resource":"*"}]`)
	r := Request{Action: "a:b", Resource: "*"}
	for i, want := range []Effect{ImplicitDeny, Allowed} {
		if got, err := p.Without(i).Evaluate(r); err != nil || got.Effect != want {
			t.Errorf("without %s: got %v, %v, want %v", p.Statements()[i].Sid, got, err, want)
		}
	}
	if matching, err := p.Matching(r); err != nil || len(matching) != 1 || matching[0] != 0 {
		t.Errorf("got %v, %v, want the first statement", matching, err)
	}
}
