package iampolicy_test

import (
	"math/rand/v2"
	"testing"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/iampolicy/random"
)

// drawn is how many cases a test draws; the fuzz test goes on from there.
const drawn = 1000

// FuzzDecide holds what must be so of all policies: a deny of everything is final,
// nothing less is allowed without a limit than with it, and nothing less with one
// more allow.
func FuzzDecide(f *testing.F) {
	for seed := range uint64(drawn) {
		f.Add(seed)
	}
	statement := func(effect string) iampolicy.Policy {
		p, err := iampolicy.NewIdentity(effect, iampolicy.Statement{Effect: effect, Action: iampolicy.Values{"*"}, Resource: iampolicy.Values{"*"}})
		if err != nil {
			f.Fatal(err)
		}
		return p
	}
	deny, allow := statement(iampolicy.Deny), statement(iampolicy.Allow)
	f.Fuzz(func(t *testing.T, seed uint64) {
		c := random.New(rand.New(rand.NewPCG(seed, 0))) //nolint:gosec // a seed is to give the same cases again
		r := c.Request()
		policies, err := c.Policies()
		if err != nil {
			t.Fatalf("a drawn policy cannot be read: %v", err)
		}
		got, err := iampolicy.Decide(r, policies)
		if err != nil && got != (iampolicy.Decision{}) {
			t.Errorf("got %+v with %v", got, err)
		}
		if err != nil {
			return
		}
		more := func(p iampolicy.Policy) iampolicy.Effect {
			with := policies
			with.Identity = append([]iampolicy.Policy{p}, policies.Identity...)
			d, err := iampolicy.Decide(r, with)
			if err != nil {
				t.Error(err)
			}
			return d.Effect
		}
		if end := more(deny); end != iampolicy.ExplicitDeny {
			t.Errorf("got %v beside a deny of everything", end)
		}
		if end := more(allow); end < got.Effect {
			t.Errorf("got %v beside an allow of everything, and %v without", end, got.Effect)
		}
		free := policies
		free.Boundary, free.Session, free.Endpoint, free.ResourceRules = nil, nil, nil, false
		if end, err := iampolicy.Decide(r, free); err == nil && got.Effect == iampolicy.Allowed && end.Effect != iampolicy.Allowed {
			t.Errorf("got %v without what limits, and an allow with it", end.Effect)
		}
	})
}

// Ensure cases end in all ways, and are decided mostly: otherwise they hold nothing.
func TestCasesEndInAllWays(t *testing.T) {
	ends := map[string]int{}
	for seed := range uint64(drawn) {
		c := random.New(rand.New(rand.NewPCG(seed, 0))) //nolint:gosec // a seed is to give the same cases again
		policies, err := c.Policies()
		if err != nil {
			t.Fatal(err)
		}
		d, err := iampolicy.Decide(c.Request(), policies)
		end := d.Effect.String()
		if err != nil {
			end = "error"
		}
		ends[end]++
	}
	for end, most := range map[string]int{"allowed": drawn, "explicitDeny": drawn, "implicitDeny": drawn, "error": drawn / 10} {
		if n := ends[end]; n < drawn/100 && end != "error" || n > most {
			t.Errorf("%d of %d cases end with %s", n, drawn, end)
		}
	}
	t.Log(ends)
}
