package iampolicy

import (
	"strings"
	"testing"
)

// Ensure whatever the package does not know is refused when it is read.
func TestParseRefuses(t *testing.T) {
	const rest = `"Effect":"Allow","Action":"a:b","Resource":"*"`
	document := func(statement string) string { return `{"Version":"2012-10-17","Statement":{` + statement + `}}` }
	condition := func(c string) string { return document(rest + `,"Condition":{` + c + `}`) }
	for name, tc := range map[string]struct{ text, want string }{
		"no JSON":             {`{`, "reading policy p"},
		"no object":           {`[]`, "reading policy p"},
		"no version":          {`{"Statement":{` + rest + `}}`, `the version is ""`},
		"older version":       {`{"Version":"2008-10-17","Statement":{` + rest + `}}`, "2008-10-17"},
		"no statement":        {`{"Version":"2012-10-17","Statement":[]}`, "no statement"},
		"unknown element":     {`{"Version":"2012-10-17","Statement":{` + rest + `},"Note":""}`, "Note"},
		"unknown in it":       {document(rest + `,"Note":""`), "Note"},
		"unknown in a list":   {`{"Version":"2012-10-17","Statement":[{` + rest + `,"Note":""}]}`, "Note"},
		"other spelling":      {document(`"effect":"Allow","Action":"a:b","Resource":"*"`), "effect"},
		"twice the same":      {document(rest + `,"Effect":"Allow"`), "duplicate"},
		"effect":              {document(`"Effect":"allow","Action":"a:b","Resource":"*"`), `the effect is "allow"`},
		"no effect":           {document(`"Action":"a:b","Resource":"*"`), `the effect is ""`},
		"no action":           {document(`"Effect":"Allow","Resource":"*"`), "Action and NotAction"},
		"both actions":        {document(rest + `,"NotAction":"a:c"`), "Action and NotAction"},
		"empty action":        {document(`"Effect":"Allow","Action":[],"Resource":"*"`), "Action and NotAction"},
		"no resource":         {document(`"Effect":"Allow","Action":"a:b"`), "Resource and NotResource"},
		"both resources":      {document(rest + `,"NotResource":"*"`), "Resource and NotResource"},
		"principal":           {document(rest + `,"Principal":"*"`), "an identity policy none"},
		"action's form":       {document(`"Effect":"Allow","Action":"invoke","Resource":"*"`), "service:name"},
		"action's value":      {document(`"Effect":"Allow","Action":{"a":1},"Resource":"*"`), "want a string"},
		"resource's form":     {document(`"Effect":"Allow","Action":"a:b","Resource":"bucket/key"`), "neither an ARN nor *"},
		"few segments":        {document(`"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3"`), "neither an ARN nor *"},
		"variable":            {document(`"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:::b/${username}"`), "is no policy variable"},
		"variable's place":    {document(`"Effect":"Allow","Action":"a:b","Resource":"arn:aws:sns:*:${aws:PrincipalAccount}:t"`), "before the fifth colon"},
		"variable's end":      {document(`"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:::b/${aws:username"`), "does not end"},
		"variable's default":  {document(`"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:::b/${aws:username, none}"`), "is no policy variable"},
		"NotPrincipal":        {document(`"NotPrincipal":{"AWS":"111122223333"},` + rest), "an identity policy none"},
		"same Sid":            {`{"Version":"2012-10-17","Statement":[{"Sid":"A",` + rest + `},{"Sid":"A",` + rest + `}]}`, "not unique"},
		"unknown operator":    {condition(`"StringIs":{"k":"v"}`), "condition StringIs on k: the operator is not modelled"},
		"BinaryEquals":        {condition(`"BinaryEquals":{"k":"*"}`), "is not base64"},
		"set operator":        {condition(`"ForSomeValues:StringLike":{"k":"v"}`), "the set operator is not modelled"},
		"NullIfExists":        {condition(`"NullIfExists":{"k":"true"}`), "not modelled"},
		"set of Null":         {condition(`"ForAnyValue:Null":{"k":"true"}`), "not modelled"},
		"no value":            {condition(`"StringEquals":{"k":[]}`), "no value"},
		"condition variable":  {condition(`"NumericEquals":{"k":"${aws:username}"}`), "takes no policy variables"},
		"no ARN":              {condition(`"ArnLike":{"k":"*"}`), "is not an ARN"},
		"no truth value":      {condition(`"Bool":{"k":"1"}`), "neither true nor false"},
		"no number":           {condition(`"NumericEquals":{"k":"1/2"}`), "is not a number"},
		"no date":             {condition(`"DateEquals":{"k":"04.03.2026"}`), "is not a date"},
		"no address":          {condition(`"IpAddress":{"k":"203.0.113.0/99"}`), "neither an IP address"},
		"a null":              {condition(`"StringEquals":{"k":null}`), "want a string"},
		"a condition's value": {condition(`"StringEquals":{"k":{"a":"b"}}`), "want a string"},
	} {
		if _, err := ParseIdentity("p", []byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, tc.want)
		}
	}
}

func TestParseResourceRefuses(t *testing.T) {
	for principal, want := range map[string]string{
		``:                       "a resource policy names principals",
		`"Principal":{},`:        "a resource policy names principals",
		`"Principal":"someone",`: "reading policy p",
		`"Principal":{"AWS":"arn:aws:iam::111122223333:role/*"},`: "is not modelled",
		`"Principal":{"AWS":"AIDAEXAMPLE"},`:                      "is not modelled",
		`"NotPrincipal":{"AWS":"111122223333"},`:                  "statements that deny",
		`"Principal":"*","NotPrincipal":{"AWS":"111122223333"},`:  "a resource policy names principals",
		`"Principal":{"Service":"*"},`:                            "is not modelled",
		`"Principal":{"Federated":"accounts.example.com"},`:       "is not modelled",
		`"Principal":{"CanonicalUser":"79a59df900b949e55d96"},`:   "is not modelled",
	} {
		text := `{"Version":"2012-10-17","Statement":{` + principal + `"Effect":"Allow","Action":"a:b","Resource":"*"}}`
		if _, err := ParseResource("p", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", principal, err, want)
		}
	}
}

// Ensure that only a trust policy is about what it is on without saying so.
func TestParseResourceWithoutResource(t *testing.T) {
	for action, want := range map[string]bool{
		`["sts:AssumeRole","STS:TagSession"]`: true, `["sts:AssumeRole","s3:GetObject"]`: false, `"s3:GetObject"`: false, `"*"`: false,
	} {
		_, err := ParseResource("p", []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":`+action+`}}`))
		if got := err == nil; got != want {
			t.Errorf("%s: got %v, want %v", action, err, want)
		}
	}
}

// Ensure statements given in Go are read as those of a document are.
func TestNewIdentity(t *testing.T) {
	p, err := NewIdentity("p", Statement{
		Sid: "S", Effect: Allow, Action: Values{"execute-api:Invoke"}, Resource: Values{"arn:aws:execute-api:*:*:*/live/*"},
		Condition: map[string]map[string]Values{"Bool": {"aws:SecureTransport": {"true"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := request()
	r.Context = map[string][]string{"aws:SecureTransport": {"true"}}
	if got, err := p.Evaluate(r); err != nil || got != (Decision{Effect: Allowed, Policy: "p", Sid: "S"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := NewIdentity("p", Statement{Effect: Allow, Action: Values{"a:b"}}); err == nil {
		t.Error("a statement without a resource is taken")
	}
}

// FuzzParse: no document makes the package panic, and one that is read allows
// nothing once a deny of everything stands beside it.
func FuzzParse(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":["a:*"],"NotResource":"arn:aws:s3:::b/*"}]}`, "a:b", "arn:aws:s3:::c", "v")
	f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:NumericLessThan":{"k":[1,"2"]}}}}`, "a:b", "*", "1.5")
	denied, err := NewIdentity("deny", Statement{Effect: Deny, Action: Values{"*"}, Resource: Values{"*"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, action, resource, value string) {
		p, err := ParseIdentity("p", []byte(text))
		if err != nil {
			return
		}
		r := Request{Action: action, Resource: resource, Context: map[string][]string{"k": {value}}}
		alone, err := p.Evaluate(r)
		if err != nil && alone.Effect != ImplicitDeny {
			t.Errorf("got %+v with %v", alone, err)
		}
		if both, err := Decide(r, Policies{Identity: []Policy{p, denied}}); err == nil && both.Effect != ExplicitDeny {
			t.Errorf("got %+v beside a deny of everything", both)
		}
	})
}
