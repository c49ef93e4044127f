package iampolicy

import (
	"strings"
	"testing"
)

const (
	account = "111122223333"
	role    = "arn:aws:iam::111122223333:role/caller"
	other   = "arn:aws:iam::999988887777:role/caller"
	invoke  = "arn:aws:execute-api:us-east-1:111122223333:abcdefghij/live/POST/model/a/converse"
)

func identity(t *testing.T, name, statements string) Policy {
	t.Helper()
	p, err := ParseIdentity(name, []byte(`{"Version":"2012-10-17","Statement":`+statements+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func resource(t *testing.T, name, statements string) Policy {
	t.Helper()
	p, err := ParseResource(name, []byte(`{"Version":"2012-10-17","Id":"x","Statement":`+statements+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func request() Request {
	return Request{Principal: PrincipalOf(role), Action: "execute-api:Invoke", Resource: invoke}
}

// The tables "Determining whether a request is allowed or denied within an
// account" of the IAM User Guide, and Table A of API Gateway's "How API Gateway
// resource policies affect authorization workflow".
func TestDecide(t *testing.T) {
	by := map[string]string{"Allow": "Allow", "Deny": "Deny"}
	for _, tc := range []struct {
		identity, resource string
		want               Effect
		byResource         bool
	}{
		{"Allow", "Allow", Allowed, false},
		{"Allow", "", Allowed, false},
		{"Allow", "Deny", ExplicitDeny, true},
		{"", "Allow", Allowed, true},
		{"", "", ImplicitDeny, false},
		{"", "Deny", ExplicitDeny, true},
		{"Deny", "Allow", ExplicitDeny, false},
		{"Deny", "", ExplicitDeny, false},
		{"Deny", "Deny", ExplicitDeny, false},
	} {
		var p Policies
		if effect := by[tc.identity]; effect != "" {
			p.Identity = []Policy{identity(t, "identity", `{"Sid":"I","Effect":"`+effect+`","Action":"execute-api:*","Resource":"*"}`)}
		}
		if effect := by[tc.resource]; effect != "" {
			p.Resource = []Policy{resource(t, "resource", `[{"Sid":"R","Effect":"`+effect+`","Principal":"*","Action":"*","Resource":"*"}]`)}
		}
		want := Decision{Effect: tc.want}
		if tc.want != ImplicitDeny {
			want.Policy, want.Sid, want.ByResource = "identity", "I", tc.byResource
			if tc.byResource {
				want.Policy, want.Sid = "resource", "R"
			}
		}
		got, err := Decide(request(), p)
		if err != nil || got != want {
			t.Errorf("identity %q, resource %q: got %+v, %v, want %+v", tc.identity, tc.resource, got, err, want)
		}
	}
}

// Ensure a deny counts wherever it stands, and that the deciding statement is
// named.
func TestEvaluate_Statements(t *testing.T) {
	p := identity(t, "p", `[
		{"Sid":"AllowAll","Effect":"Allow","Action":["execute-api:Invoke","s3:Get*"],"Resource":"*"},
		{"Sid":"AllowAgain","Effect":"Allow","Action":"*","Resource":"`+invoke+`"},
		{"Sid":"DenyModelB","Effect":"Deny","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:*:*:*/live/*/model/b/*"}]`)
	for _, tc := range []struct{ action, resource, want, sid string }{
		{"execute-api:Invoke", invoke, "allowed", "AllowAll"},
		{"execute-API:INVOKE", invoke, "allowed", "AllowAll"},
		{"execute-api:ManageConnections", invoke, "allowed", "AllowAgain"},
		{"execute-api:Invoke", strings.Replace(invoke, "/a/", "/b/", 1), "explicitDeny", "DenyModelB"},
		{"s3:GetObject", "arn:aws:s3:::b/k", "allowed", "AllowAll"},
		{"s3:PutObject", "arn:aws:s3:::b/k", "implicitDeny", ""},
		{"s3:ListAllMyBuckets", "*", "implicitDeny", ""},
	} {
		got, err := p.Evaluate(Request{Principal: PrincipalOf(role), Action: tc.action, Resource: tc.resource})
		if err != nil || got.Effect.String() != tc.want || got.Sid != tc.sid {
			t.Errorf("%s on %s: got %+v, %v, want %s by %s", tc.action, tc.resource, got, err, tc.want, tc.sid)
		}
	}
}

// Ensure NotAction and NotResource are all but those, and nothing else.
func TestEvaluate_Not(t *testing.T) {
	for name, tc := range map[string]struct {
		statement, action, resource string
		want                        Effect
	}{
		"NotAction, another":   {`"NotAction":"iam:*","Resource":"*"`, "s3:GetObject", "arn:aws:s3:::b/k", Allowed},
		"NotAction, that one":  {`"NotAction":["iam:*","s3:*"],"Resource":"*"`, "s3:GetObject", "arn:aws:s3:::b/k", ImplicitDeny},
		"NotResource, another": {`"Action":"s3:*","NotResource":"arn:aws:s3:::a/*"`, "s3:GetObject", "arn:aws:s3:::b/k", Allowed},
		"NotResource, it":      {`"Action":"s3:*","NotResource":["arn:aws:s3:::a/*","arn:aws:s3:::b/*"]`, "s3:GetObject", "arn:aws:s3:::b/k", ImplicitDeny},
		"only on everything":   {`"Action":"s3:*","Resource":"arn:aws:s3:::*"`, "s3:ListAllMyBuckets", "*", ImplicitDeny},
		"everything":           {`"Action":"s3:*","Resource":"*"`, "s3:ListAllMyBuckets", "*", Allowed},
	} {
		got, err := identity(t, name, `{"Effect":"Allow",`+tc.statement+`}`).Evaluate(Request{Action: tc.action, Resource: tc.resource})
		if err != nil || got.Effect != tc.want {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, tc.want)
		}
	}
}

// Ensure a statement is about whom it names: "AWS JSON policy elements:
// Principal".
func TestEvaluate_Principals(t *testing.T) {
	sessionARN := "arn:aws:sts::111122223333:assumed-role/caller/ana"
	session, anonymous, service := PrincipalOf(sessionARN), Principal{}, Principal{Service: "apigateway.amazonaws.com"}
	for name, tc := range map[string]struct {
		principal string
		who       Principal
		allow     Effect
		deny      Effect
		delegated bool
	}{
		"everybody":                {`"*"`, PrincipalOf(role), Allowed, ExplicitDeny, false},
		"everybody, anonymous":     {`"*"`, anonymous, Allowed, ExplicitDeny, false},
		"everybody as AWS":         {`{"AWS":"*"}`, anonymous, Allowed, ExplicitDeny, false},
		"the role":                 {`{"AWS":["` + other + `","` + role + `"]}`, PrincipalOf(role), Allowed, ExplicitDeny, false},
		"the role, its session":    {`{"AWS":"` + role + `"}`, session, Allowed, ExplicitDeny, false},
		"the session":              {`{"AWS":"` + sessionARN + `"}`, session, Allowed, ExplicitDeny, false},
		"another session":          {`{"AWS":"` + sessionARN + `x"}`, session, ImplicitDeny, ImplicitDeny, false},
		"another role":             {`{"AWS":"` + other + `"}`, PrincipalOf(role), ImplicitDeny, ImplicitDeny, false},
		"another role, anonymous":  {`{"AWS":"` + other + `"}`, anonymous, ImplicitDeny, ImplicitDeny, false},
		"the account":              {`{"AWS":"` + account + `"}`, PrincipalOf(role), ImplicitDeny, ExplicitDeny, true},
		"the account's root":       {`{"AWS":"arn:aws:iam::111122223333:root"}`, session, ImplicitDeny, ExplicitDeny, true},
		"another account":          {`{"AWS":"999988887777"}`, PrincipalOf(role), ImplicitDeny, ImplicitDeny, false},
		"the account, anonymous":   {`{"AWS":"` + account + `"}`, anonymous, ImplicitDeny, ImplicitDeny, false},
		"role and account":         {`{"AWS":["` + account + `","` + role + `"]}`, PrincipalOf(role), Allowed, ExplicitDeny, false},
		"the service":              {`{"Service":"apigateway.amazonaws.com"}`, service, Allowed, ExplicitDeny, false},
		"another service":          {`{"Service":"lambda.amazonaws.com"}`, service, ImplicitDeny, ImplicitDeny, false},
		"the service, not a role":  {`{"Service":"apigateway.amazonaws.com"}`, PrincipalOf(role), ImplicitDeny, ImplicitDeny, false},
		"the account, not service": {`{"AWS":"` + account + `"}`, service, ImplicitDeny, ImplicitDeny, false},
	} {
		for effect, want := range map[string]Effect{Allow: tc.allow, Deny: tc.deny} {
			p := resource(t, name, `{"Effect":"`+effect+`","Principal":`+tc.principal+`,"Action":"*","Resource":"*"}`)
			got, err := p.Evaluate(Request{Principal: tc.who, Action: "a:b", Resource: "*"})
			if err != nil || got.Effect != want || got.Delegated != (tc.delegated && effect == Allow) {
				t.Errorf("%s, %s: got %+v, %v, want %v", name, effect, got, err, want)
			}
		}
	}
}

// Ensure a role's trust policy, which names no resource, can be evaluated.
func TestEvaluate_TrustPolicy(t *testing.T) {
	p := resource(t, "trust", `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`)
	got, err := p.Evaluate(Request{Principal: Principal{Service: "lambda.amazonaws.com"}, Action: "sts:AssumeRole", Resource: role})
	if err != nil || got.Effect != Allowed {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Ensure the keys that follow from the principal are there: an anonymous caller
// has the account "anonymous".
func TestEvaluate_PrincipalKeys(t *testing.T) {
	p := resource(t, "p", `[
		{"Sid":"OtherAccounts","Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":"111122223333"}}},
		{"Sid":"Role","Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"ArnLike":{"AWS:principalARN":"arn:aws:iam::*:role/caller"}}}]`)
	for name, tc := range map[string]struct {
		who  Principal
		want Effect
	}{
		"role":      {PrincipalOf(role), Allowed},
		"session":   {PrincipalOf("arn:aws:sts::111122223333:assumed-role/caller/ana"), Allowed},
		"user":      {PrincipalOf("arn:aws:iam::111122223333:user/ana"), ImplicitDeny},
		"other":     {PrincipalOf(other), ExplicitDeny},
		"anonymous": {Principal{}, ExplicitDeny},
		"service":   {Principal{Service: "lambda.amazonaws.com"}, ExplicitDeny},
	} {
		got, err := p.Evaluate(Request{Principal: tc.who, Action: "a:b", Resource: "*"})
		if err != nil || got.Effect != tc.want {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, tc.want)
		}
	}
}

func TestPrincipalOf(t *testing.T) {
	for arn, want := range map[string]struct{ arn, name, account string }{
		"": {"", "anonymous", ""},
		"arn:aws:sts::111122223333:assumed-role/caller/ana": {role, "arn:aws:sts::111122223333:assumed-role/caller/ana", account},
		role: {role, role, account},
		"arn:aws-cn:iam::111122223333:user/team/ana": {"arn:aws-cn:iam::111122223333:user/team/ana", "arn:aws-cn:iam::111122223333:user/team/ana", account},
	} {
		if p := PrincipalOf(arn); p.ARN != want.arn || p.String() != want.name || p.account() != want.account {
			t.Errorf("%s: got %+v, %s in %s, want %+v", arn, p, p, p.account(), want)
		}
	}
}

// Ensure an unknown is an error and never an allow, unless nobody asks.
func TestEvaluate_UnknownKey(t *testing.T) {
	p := identity(t, "p", `{"Sid":"S","Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalTag/team":"x"}}}`)
	got, err := Decide(Request{Action: "a:b", Resource: "*"}, Policies{Identity: []Policy{p}})
	if err == nil || got != (Decision{}) || !strings.Contains(err.Error(), "policy p, statement S, for a:b: the request's context says nothing about aws:principaltag/team") {
		t.Errorf("got %+v, %v, want an error that names policy, statement and key", got, err)
	}
	if got, err := p.Evaluate(Request{Action: "a:c", Resource: "*"}); err != nil || got.Effect != ImplicitDeny {
		t.Errorf("of another action: got %+v, %v", got, err)
	}
	absent := Request{Action: "a:b", Resource: "*", Context: map[string][]string{"aws:PrincipalTag/team": nil}}
	if got, err := p.Evaluate(absent); err != nil || got.Effect != Allowed {
		t.Errorf("known to be absent: got %+v, %v", got, err)
	}
}

// Ensure a role's path is not guessed: an account has one role of a name.
func TestEvaluate_Path(t *testing.T) {
	const session, inTeam = "arn:aws:sts::111122223333:assumed-role/caller/ana", "arn:aws:iam::111122223333:role/team/caller"
	names := func(arn string) Policy {
		return resource(t, "p", `{"Effect":"Allow","Principal":{"AWS":"`+arn+`"},"Action":"a:b","Resource":"*"}`)
	}
	r := Request{Principal: PrincipalOf(session), Action: "a:b", Resource: "*"}
	if got, err := names(inTeam).Evaluate(r); err == nil || got.Effect != ImplicitDeny || !strings.Contains(err.Error(), "with another path") {
		t.Errorf("a session of a role whose path is not known: got %+v, %v", got, err)
	}
	for _, another := range []string{"arn:aws:iam::999988887777:role/team/caller", "arn:aws:iam::111122223333:user/team/caller", "arn:aws:iam::111122223333:role/team/x"} {
		if got, err := names(another).Evaluate(r); err != nil || got.Effect != ImplicitDeny {
			t.Errorf("%s: got %+v, %v", another, got, err)
		}
	}
	r.Principal = Principal{ARN: inTeam, Session: session}
	if got, err := names(inTeam).Evaluate(r); err != nil || got.Effect != Allowed {
		t.Errorf("a session of a role with its path: got %+v, %v", got, err)
	}
}
