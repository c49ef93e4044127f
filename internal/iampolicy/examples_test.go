package iampolicy

import (
	"slices"
	"strings"
	"testing"
)

// example is what a page of AWS's documentation says of policies: their
// statements, and requests with the decision that the page explains. Names of
// buckets, users and accounts are our own.
type example struct {
	// what says what the policies are for, and names the example.
	what string
	// page is the page's address.
	page string
	// described: the page says in words, or in a table, what holds; the policy is
	// ours. In all others the policy is the page's.
	described bool
	// The policies' statements, by kind; "" for none.
	identity, resource, boundary, session, endpoint string
	// rules: the resource's policy must consent, as a key's.
	rules bool
	asked []asked
}

// asked is one request: who ("" is a role; a service by its name; "anonymous"),
// what, on what, in which context ("key=value", once for each value; "key=" for
// a key that is absent and "key=”" for one that is empty), and how it ends.
type asked struct {
	who, action, on, context, want string
}

// How requests end: delegated is an implicit deny by itself, of a resource's
// policy that lets the account decide.
const (
	allowed   = "allowed"
	explicit  = "explicitDeny"
	implicit  = "implicitDeny"
	delegated = "delegated"
)

// Where the pages are.
const (
	userGuide  = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
	s3Guide    = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
	kmsGuide   = "https://docs.aws.amazon.com/kms/latest/developerguide/"
	apiGuide   = "https://docs.aws.amazon.com/apigateway/latest/developerguide/"
	vpcGuide   = "https://docs.aws.amazon.com/vpc/latest/privatelink/"
	bedrockDoc = "https://docs.aws.amazon.com/bedrock/latest/userguide/"
)

const (
	ana         = "arn:aws:iam::111122223333:user/ana"
	bob         = "arn:aws:iam::111122223333:user/bob"
	roleSession = "arn:aws:sts::111122223333:assumed-role/caller/ana"
	bucket      = "arn:aws:s3:::amzn-s3-demo-bucket"
	everything  = `{"Effect":"Allow","Action":"*","Resource":"*"}`
)

// examples are all there are, by what they are about.
var examples = slices.Concat(elementExamples, operatorExamples, setExamples, decisionExamples, serviceExamples)

func (a asked) request() Request {
	r := Request{Principal: PrincipalOf(role), Action: a.action, Resource: a.on, Context: map[string][]string{}}
	switch {
	case strings.HasSuffix(a.who, ".amazonaws.com"):
		r.Principal = Principal{Service: a.who}
	case a.who == "anonymous":
		r.Principal = Principal{}
	case a.who != "":
		r.Principal = PrincipalOf(a.who)
	}
	for pair := range strings.FieldsSeq(a.context) {
		key, value, _ := strings.Cut(pair, "=")
		switch value {
		case "":
			r.Context[key] = nil
		case "''":
			r.Context[key] = []string{""}
		default:
			r.Context[key] = append(r.Context[key], value)
		}
	}
	return r
}

// policies are the example's, ready to be evaluated.
func (e example) policies(t *testing.T) Policies {
	t.Helper()
	p := Policies{ResourceRules: e.rules}
	if e.identity != "" {
		p.Identity = []Policy{identity(t, e.what, e.identity)}
	}
	if e.resource != "" {
		p.Resource = []Policy{resource(t, e.what, e.resource)}
	}
	limit := func(statements string, parse func(*testing.T, string, string) Policy) *Policy {
		if statements == "" {
			return nil
		}
		limit := parse(t, e.what, statements)
		return &limit
	}
	p.Boundary, p.Session, p.Endpoint = limit(e.boundary, identity), limit(e.session, identity), limit(e.endpoint, resource)
	return p
}

// Ensure every documented example is decided as its page says.
func TestExamples(t *testing.T) {
	seen, pages, described, requests := map[string]bool{}, map[string]bool{}, 0, 0
	for _, e := range examples {
		if seen[e.what] || !strings.HasPrefix(e.page, "https://") {
			t.Errorf("%s: there are two examples of this name, or it has no page", e.what)
		}
		seen[e.what], pages[e.page] = true, true
		if e.described {
			described++
		}
		policies, ends := e.policies(t), map[string]bool{}
		for _, a := range e.asked {
			got, err := Decide(a.request(), policies)
			end := got.Effect.String()
			if got.Effect == ImplicitDeny && got.Delegated {
				end = delegated
			}
			if err != nil || end != a.want {
				t.Errorf("%s: %s by %q on %s with %q: got %s, %v, want %s (%s)", e.what, a.action, a.who, a.on, a.context, end, err, a.want, e.page)
			}
			ends[a.want] = true
			requests++
		}
		if len(ends) < 2 {
			t.Errorf("%s: all requests end alike, so the policy might say anything", e.what)
		}
	}
	t.Logf("%d examples, %d of them described in words, of %d pages; %d requests", len(examples), described, len(pages), requests)
}

// Ensure there is a documented example of everything the policy language has.
func TestExamplesCoverTheLanguage(t *testing.T) {
	found := map[string]bool{}
	note := func(feature string, is bool) { found[feature] = found[feature] || is }
	for _, e := range examples {
		p := e.policies(t)
		note("a permissions boundary", p.Boundary != nil)
		note("a session policy", p.Session != nil)
		note("an endpoint policy", p.Endpoint != nil)
		note("a policy that must consent", p.ResourceRules)
		for _, policy := range slices.Concat(p.Identity, p.Resource, only(p.Boundary), only(p.Session), only(p.Endpoint)) {
			for _, s := range policy.Statements() {
				noteStatement(note, s)
			}
		}
		for _, a := range e.asked {
			note("an explicit deny", a.want == explicit)
			note("a policy that lets the account decide", a.want == delegated)
			note("a service's request", strings.HasSuffix(a.who, ".amazonaws.com"))
			note("an anonymous request", a.who == "anonymous")
			note("a role's session", a.who == roleSession)
			note("many values", strings.Count(a.context, "aws:TagKeys=") > 1)
			note("a missing key", strings.HasSuffix(a.context, "=") || strings.Contains(a.context, "= "))
			note("an empty value", strings.Contains(a.context, "=''"))
		}
	}
	for name := range operators {
		note(name, false)
	}
	for feature, is := range found {
		if !is {
			t.Errorf("there is no example of %s", feature)
		}
	}
}

func only(p *Policy) []Policy {
	if p == nil {
		return nil
	}
	return []Policy{*p}
}

// noteStatement notes what of the language is in a statement.
func noteStatement(note func(string, bool), s Statement) {
	text := func(values ...Values) string { return strings.Join(slices.Concat(values...), " ") }
	note("Action", len(s.Action) > 0)
	note("NotAction", len(s.NotAction) > 0)
	note("Resource", len(s.Resource) > 0)
	note("NotResource", len(s.NotResource) > 0)
	note("NotPrincipal", len(s.NotPrincipal) > 0)
	note("a * in an action", strings.Contains(text(s.Action), ":*"))
	note("a * in a resource", strings.Contains(text(s.Resource), "/*"))
	note("a ? in a resource", strings.Contains(text(s.Resource), "?"))
	note("a variable in a resource", strings.Contains(text(s.Resource), "${aws:"))
	note("a variable in NotResource", strings.Contains(text(s.NotResource), "${aws:"))
	note("a variable's default", strings.Contains(text(s.Resource), ", '"))
	note("a literal *", strings.Contains(text(s.Resource), "${*}"))
	for kind, who := range s.Principal {
		note("everybody", kind == "*")
		note("everybody as AWS", kind == "AWS" && slices.Contains(who, "*"))
		note("a service as a principal", kind == "Service")
		note("an account as a principal", kind == "AWS" && strings.Contains(text(who), ":root"))
		note("an account by its number", kind == "AWS" && slices.ContainsFunc(who, accountID.MatchString))
		note("a user as a principal", strings.Contains(text(who), ":user/"))
		note("a role as a principal", strings.Contains(text(who), ":role/"))
		note("a session as a principal", strings.Contains(text(who), ":assumed-role/"))
	}
	for name, keys := range s.Condition {
		set, operator, ok := strings.Cut(name, ":")
		if !ok {
			set, operator = "", name
		}
		operator, ifExists := strings.CutSuffix(operator, "IfExists")
		note(operator, true)
		note(forAll, set == forAll)
		note(forAny, set == forAny)
		note("IfExists", ifExists)
		note("many keys of an operator", len(keys) > 1)
		for _, values := range keys {
			note("many values of a policy", len(values) > 1)
			note("a variable in a condition", strings.Contains(text(values), "${aws:"))
		}
	}
}
