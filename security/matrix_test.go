package security

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
)

// mutations are all seeded defects.
func mutations() []mutation {
	return slices.Concat(networkMutations, dataMutations, permissionMutations, runMutations, strangerMutations, formMutations, namedMutations, controlMutations)
}

// wanted is how many defects there must be at least.
const wanted = 80

// row is what the assertions make of one mutation: those that find something.
type matrixRow struct {
	mutation
	killed []string
	err    error
}

// matrix is the kill matrix, computed once: for every mutation the assertions that it
// names. Whatever else would find it proves nothing about either.
func matrix(t *testing.T) []matrixRow {
	t.Helper()
	matrixOnce.Do(func() {
		kept := map[string]bool{}
		for _, variant := range variants {
			for text := range policiesOf(templateOf(t, assembly(t, variant))) {
				kept[text] = true
			}
		}
		all := mutations()
		matrixRows = make([]matrixRow, len(all))
		var wait sync.WaitGroup
		next := make(chan int)
		for range 2 {
			wait.Go(func() {
				for i := range next {
					matrixRows[i] = kill(t, all[i], kept)
				}
			})
		}
		for i := range all {
			next <- i
		}
		close(next)
		wait.Wait()
	})
	return matrixRows
}

var (
	matrixOnce sync.Once
	matrixRows []matrixRow
)

// policiesOf are the texts of the policies that the assertions read of a template.
func policiesOf(tm *Template) map[string]bool {
	for _, a := range Assertions() {
		a.Check(tm)
	}
	texts := map[string]bool{}
	for _, p := range tm.parsed {
		texts[p.policy.text] = true
	}
	return texts
}

// kill holds the assertions that must find a defect against a template with it; all, if
// one of them does not. What a policy said that only this template has is forgotten after
// that.
func kill(t *testing.T, m mutation, kept map[string]bool) matrixRow {
	row := matrixRow{mutation: m}
	sources, err := mutate(assembly(t, cmp.Or(m.variant, variants[0])), m.edit)
	if err != nil {
		row.err = err
		return row
	}
	tm, err := newTemplate(sources)
	if err != nil {
		row.err = err
		return row
	}
	for _, a := range Assertions() {
		if slices.Contains(m.killers, a.Name) && len(a.Check(tm)) > 0 {
			row.killed = append(row.killed, a.Name)
		}
	}
	if len(row.killed) < len(m.killers) { // who else finds it is worth knowing
		for _, a := range Assertions() {
			if !slices.Contains(m.killers, a.Name) && len(a.Check(tm)) > 0 {
				row.killed = append(row.killed, a.Name)
			}
		}
	}
	for _, p := range tm.parsed {
		if !kept[p.policy.text] {
			remembered.Delete(p.policy.text)
		}
	}
	return row
}

// TestEveryDefectIsFound: each mutation is found by the assertions it names. No golden
// file and no hash is among them.
func TestEveryDefectIsFound(t *testing.T) {
	rows, seen, killed := matrix(t), map[string]bool{}, 0
	for _, row := range rows {
		switch {
		case row.err != nil:
			t.Errorf("control %d, %s: %v", row.control, row.what, row.err)
			continue
		case seen[row.what]:
			t.Errorf("two mutations are %q", row.what)
		case len(row.killers) == 0:
			t.Errorf("control %d, %s: names no assertion", row.control, row.what)
		}
		seen[row.what] = true
		missed := slices.DeleteFunc(slices.Clone(row.killers), func(name string) bool { return slices.Contains(row.killed, name) })
		if len(missed) > 0 {
			t.Errorf("control %d, %s: not found by %v, found by %v", row.control, row.what, missed, row.killed)
			continue
		}
		killed++
	}
	if len(rows) < wanted {
		t.Errorf("got %d mutations, want %d", len(rows), wanted)
	}
	t.Logf("%d of %d mutations killed, over %d controls, by %d assertions", killed, len(rows), len(controlsOf(rows)), len(Assertions()))
}

func controlsOf(rows []matrixRow) map[int]bool {
	controls := map[int]bool{}
	for _, row := range rows {
		controls[row.control] = true
	}
	return controls
}

// TestNoAssertionIsIdle: each finds at least one defect that names it.
func TestNoAssertionIsIdle(t *testing.T) {
	kills := map[string]int{}
	for _, row := range matrix(t) {
		for _, name := range row.killed {
			kills[name]++
		}
	}
	for _, a := range Assertions() {
		if kills[a.Name] == 0 {
			t.Errorf("%s finds none of the mutations", a.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(kills)) {
		t.Logf("%4d %s", kills[name], name)
	}
}

// TestMutationsAreOfControls: a mutation is of a control that assertions prove, and
// every such control has one.
func TestMutationsAreOfControls(t *testing.T) {
	seeded := controlsOf(matrix(t))
	for _, a := range Assertions() {
		if !seeded[a.Control] {
			t.Errorf("control %d has assertions and no mutation", a.Control)
		}
	}
	for id := range seeded {
		if !isControl(id) {
			t.Errorf("mutations are of control %d, which there is not", id)
		}
	}
}

// TestMutationsMustBite is the test of the tests: a change of what is not there fails.
func TestMutationsMustBite(t *testing.T) {
	sources := assembly(t, variants[0])
	for name, e := range map[string]edit{
		"resource": drop("Nothing"), "path": unset("StorageBucket", "Properties.Nothing"), "statement": forget("StoragePolicy", "Nothing"),
		"condition": change("StoragePolicy", "DenyWithoutTLS", "Condition>Nothing", nil), "state": inState("WorkflowMachine", "Nothing", "Retry", nil),
		"link": set("StorageBucket", "Properties.Tags", link{"Nothing", "Arn"}), "two": both(drop("Nothing"), drop("StorageBucket")),
	} {
		if _, err := mutate(sources, e); err == nil {
			t.Errorf("%s: a change without an effect is taken", name)
		}
	}
	if _, err := mutate(sources, func(object) error { return errors.New("broken") }); err == nil {
		t.Error("an edit's error is lost")
	}
	if text := fmt.Sprint(Finding{"a", "b"}); text != "a: b" {
		t.Errorf("got %q", text)
	}
}
