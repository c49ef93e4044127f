package rehearsal

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/tuneline/tuneline/internal/rehearsal/guard"
)

// seen is what all rehearsals of this run of the tests made of the grants of the
// stack.
var (
	seenMu sync.Mutex
	seen   = guard.NewUsage()
)

// noteGrants adds what one rehearsal made of them.
func noteGrants(u guard.Usage) {
	seenMu.Lock()
	defer seenMu.Unlock()
	seen.Add(u)
}

// wholePackage tells that every test ran, so that what no call needed is not
// needed by any.
func wholePackage() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return !flag.Lookup("test.short").Value.(flag.Getter).Get().(bool)
}

// unexercised says of grants why no rehearsal makes a call that needs them.
type unexercised struct {
	// holder is a part of the logical id of the role, or of what has the policy, * of
	// all; sid the statement's.
	holder, sid string
	// actions are those of the statement that are not needed, * for all.
	actions []string
	reason  string
}

// excuse is one action in a row of the table.
type excuse struct {
	row    int
	action string
}

// checkGrants fails the run when something is granted that no call needed and the
// table does not say why, or the table says so of what one needed, or of nothing.
func checkGrants() int {
	used := map[excuse]bool{}
	statements := map[guard.Grant]bool{}
	var wrong []string
	needed := 0
	for grant := range seen.Granted {
		wrong = append(wrong, checkGrant(grant, used)...)
		if seen.Needed[grant] {
			needed++
		}
		grant.Action = ""
		statements[grant] = true
	}
	for i, row := range unneeded {
		for _, action := range row.actions {
			if !used[excuse{i, action}] {
				wrong = append(wrong, fmt.Sprintf("the table lists %s of %s %s as not needed, and there is nothing of the kind", action, row.holder, row.sid))
			}
		}
	}
	slices.Sort(wrong)
	for _, line := range wrong {
		fmt.Println("grants:", line)
	}
	fmt.Printf("grants: %d statements with %d actions, %d of them needed\n", len(statements), len(seen.Granted), needed)
	if len(wrong) > 0 {
		fmt.Fprintln(os.Stderr, "FAIL: grants that no rehearsal needs")
		return 1
	}
	return 0
}

// checkGrant says what is wrong about a grant, and marks the excuse that is about it.
func checkGrant(grant guard.Grant, used map[excuse]bool) []string {
	found, ok := excuseOf(grant)
	switch {
	case ok && seen.Needed[grant]:
		return []string{fmt.Sprintf("%s is needed, and listed as if it were not: %s", show(grant), unneeded[found.row].reason)}
	case ok:
		used[found] = true
	case !seen.Needed[grant]:
		return []string{show(grant) + " can be taken away, and no call of any rehearsal is denied"}
	}
	return nil
}

// excuseOf finds what the table says about a grant.
func excuseOf(g guard.Grant) (excuse, bool) {
	for i, row := range unneeded {
		if row.sid != g.Sid || row.holder != "*" && !strings.Contains(g.Holder, row.holder) {
			continue
		}
		for _, action := range row.actions {
			if action == "*" || action == g.Action {
				return excuse{i, action}, true
			}
		}
	}
	return excuse{}, false
}

func show(g guard.Grant) string {
	return fmt.Sprintf("%s by statement %s of %s (%s)", g.Action, g.Sid, g.Holder, g.Policy)
}
