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
// stack's roles.
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

// unexercised says of a grant why no rehearsal makes a call that needs it.
type unexercised struct {
	// role is a part of roles' logical ids, * of all; sid the statement's.
	role, sid string
	// actions are those of the statement that are not exercised, * for all; empty
	// when they all are, and only the statement is not needed.
	actions []string
	reason  string
}

// checkGrants fails the run when a role is granted what no call needed and the
// table does not say why, or the table says so of what one needed.
func checkGrants() int {
	used := make([]bool, len(unneeded))
	statements := map[guard.Grant]bool{}
	var wrong []string
	for grant := range seen.Granted {
		wrong = append(wrong, checkAction(grant, used)...)
		grant.Action = ""
		statements[grant] = true
	}
	for statement := range statements {
		wrong = append(wrong, checkStatement(statement, used)...)
	}
	for i, row := range unneeded {
		if !used[i] {
			wrong = append(wrong, fmt.Sprintf("the table of what is not exercised lists %s %s of %s, which no role is granted", row.sid, row.actions, row.role))
		}
	}
	slices.Sort(wrong)
	for _, line := range wrong {
		fmt.Println("grants:", line)
	}
	fmt.Printf("grants: %d statements of %d actions; %d actions exercised, %d statements needed\n", len(statements), len(seen.Granted), len(seen.Exercised), len(seen.Needed))
	if len(wrong) > 0 {
		fmt.Fprintln(os.Stderr, "FAIL: grants that no rehearsal needs")
		return 1
	}
	return 0
}

// checkAction says what is wrong about an action of a statement, and marks the
// row that is about it.
func checkAction(grant guard.Grant, used []bool) []string {
	row := listed(grant)
	switch {
	case row >= 0 && seen.Exercised[grant]:
		return []string{fmt.Sprintf("%s is exercised, and listed as if it were not: %s", show(grant), unneeded[row].reason)}
	case row >= 0:
		used[row] = true
	case !seen.Exercised[grant]:
		return []string{show(grant) + " is granted, and no rehearsal makes such a call"}
	}
	return nil
}

// checkStatement is the same of a whole statement.
func checkStatement(statement guard.Grant, used []bool) []string {
	row := listedStatement(statement)
	switch {
	case row >= 0 && seen.Needed[statement]:
		return []string{fmt.Sprintf("%s is needed, and listed as if it were not: %s", show(statement), unneeded[row].reason)}
	case row >= 0:
		used[row] = true
	case !seen.Needed[statement]:
		return []string{show(statement) + " can be taken away and no call of any rehearsal is denied"}
	}
	return nil
}

// listed is the row about an action of a statement, -1 without one.
func listed(g guard.Grant) int {
	return slices.IndexFunc(unneeded, func(row unexercised) bool {
		return row.about(g) && (slices.Contains(row.actions, "*") || slices.Contains(row.actions, g.Action))
	})
}

// listedStatement is the row about a whole statement, -1 without one.
func listedStatement(g guard.Grant) int {
	return slices.IndexFunc(unneeded, func(row unexercised) bool {
		return row.about(g) && (len(row.actions) == 0 || slices.Contains(row.actions, "*"))
	})
}

func (row unexercised) about(g guard.Grant) bool {
	return row.sid == g.Sid && (row.role == "*" || strings.Contains(g.Role, row.role))
}

func show(g guard.Grant) string {
	if g.Action == "" {
		return fmt.Sprintf("statement %s of %s (%s)", g.Sid, g.Role, g.Policy)
	}
	return fmt.Sprintf("%s by statement %s of %s (%s)", g.Action, g.Sid, g.Role, g.Policy)
}
