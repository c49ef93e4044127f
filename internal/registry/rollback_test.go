package registry

import (
	"reflect"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

// again is a capacity published once more, by a rollback from what serves m.
func again(m Model, c Capacity, attempt int) Capacity {
	from := m.Serving.publication()
	c.Attempt, c.Rollback = attempt, &Rollback{From: &from}
	return c
}

// publishAll publishes one after the other.
func publishAll(t *testing.T, m *Model, capacities ...Capacity) {
	t.Helper()
	for _, c := range capacities {
		if err := m.Publish(c); err != nil {
			t.Fatal(err)
		}
	}
}

// arn is a capacity's throughput, "" for none.
func arn(c *Capacity) string {
	if c == nil {
		return ""
	}
	return c.ThroughputARN
}

// Ensure a rollback changes places with what served before, so that rolling
// forward again is as quick, and takes what serves again off every list.
func TestPublishRollback(t *testing.T) {
	anew := deployment(1)
	anew.ThroughputARN = "made anew"
	tests := map[string]struct {
		published                  []Capacity
		back                       Capacity
		serving, previous, retired string
	}{
		"to the kept one":       {published: []Capacity{deployment(1), deployment(2)}, back: deployment(1), serving: "deployment1", previous: "deployment2"},
		"further back":          {published: []Capacity{deployment(1), deployment(2), deployment(3)}, back: anew, serving: "made anew", previous: "deployment3", retired: "deployment1deployment2"},
		"re-pointed":            {published: []Capacity{provisioned("pt", 1), provisioned("pt", 2)}, back: provisioned("pt", 1), serving: "pt"},
		"to another base":       {published: []Capacity{provisioned("pt1", 1), provisioned("pt2", 2)}, back: provisioned("anew", 1), serving: "anew", retired: "pt1pt2"},
		"to what was retired":   {published: []Capacity{provisioned("pt1", 1), provisioned("pt2", 2)}, back: provisioned("pt1", 1), serving: "pt1", retired: "pt2"},
		"from hourly to tokens": {published: []Capacity{deployment(1), provisioned("pt", 2)}, back: deployment(1), serving: "deployment1", retired: "pt"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var m Model
			publishAll(t, &m, test.published...)
			back := again(m, test.back, 1)
			publishAll(t, &m, back, back)
			retired := ""
			for _, c := range m.Retired {
				retired += c.ThroughputARN
			}
			if arn(m.Serving) != test.serving || arn(m.Previous) != test.previous || retired != test.retired {
				t.Errorf("serving %s, previous %q, retired %q; want %s, %q, %q", arn(m.Serving), arn(m.Previous), retired, test.serving, test.previous, test.retired)
			}
			if n := len(test.published); len(m.History) != n+1 || m.History[n].Rollback == nil || m.History[n].Rollback.From.Run != test.published[n-1].Run.ID {
				t.Errorf("the history is %+v; want one entry more, with what was rolled back from", m.History)
			}
			for _, owned := range []string{test.serving, test.previous} {
				if owned != "" && !m.Owns(owned) {
					t.Errorf("%s is not in the registry's care", owned)
				}
			}
			if m.Owns("another") {
				t.Error("what was never published is in the registry's care")
			}
		})
	}
}

// Ensure a rollback opens no door for uploads older than the one that was rolled
// back from, and closes none for newer ones.
func TestUploadsAfterARollback(t *testing.T) {
	var m Model
	publishAll(t, &m, deployment(1), deployment(3))
	publishAll(t, &m, again(m, deployment(1), 1))
	err := m.Publish(deployment(2))
	if kind, _ := finetune.KindOf(err); kind != finetune.Superseded || arn(m.Serving) != "deployment1" {
		t.Errorf("the upload in between: %v, %s served; want Superseded and deployment1", err, arn(m.Serving))
	}
	publishAll(t, &m, deployment(4))
	if arn(m.Serving) != "deployment4" {
		t.Errorf("%s is served, want the newer upload", arn(m.Serving))
	}
}

// Ensure that a rollback and a newer upload end the same in either order, and
// that of two rollbacks the one that is done first stays.
func TestRollbackIsOvertaken(t *testing.T) {
	var begun Model
	publishAll(t, &begun, deployment(1), deployment(2), deployment(3))
	toFirst, toSecond := again(begun, deployment(1), 1), again(begun, deployment(2), 1)
	for name, test := range map[string]struct{ first, second Capacity }{
		"upload, then rollback": {deployment(4), toSecond},
		"two rollbacks":         {toFirst, toSecond},
		"there and back":        {toFirst, toFirst},
	} {
		m := begun
		publishAll(t, &m, test.first)
		if name == "there and back" { // what was rolled back from serves once more
			publishAll(t, &m, again(m, deployment(3), 1))
		}
		serving := arn(m.Serving)
		err := m.Publish(test.second)
		if kind, _ := finetune.KindOf(err); kind != finetune.Superseded || arn(m.Serving) != serving {
			t.Errorf("%s: %v, %s served; want Superseded and %s", name, err, arn(m.Serving), serving)
		}
	}
	m := begun
	publishAll(t, &m, toSecond, deployment(4))
	if arn(m.Serving) != "deployment4" {
		t.Errorf("rollback, then upload: %s is served", arn(m.Serving))
	}
	m = begun
	m.Serving = nil // released since
	publishAll(t, &m, toSecond)
	if arn(m.Serving) != "deployment2" {
		t.Errorf("nothing served meanwhile: %s is served", arn(m.Serving))
	}
}

// Ensure an earlier publication does not count for a later attempt.
func TestPublishedByAttempt(t *testing.T) {
	var m Model
	publishAll(t, &m, deployment(1), deployment(2))
	if _, ok := m.Published("run1", 1); ok {
		t.Error("the second attempt is published before it was")
	}
	back := deployment(1)
	back.ThroughputARN = "made anew"
	publishAll(t, &m, again(m, back, 1))
	for attempt, want := range []string{"deployment1", "made anew"} {
		if c, ok := m.Published("run1", attempt); !ok || c.ThroughputARN != want {
			t.Errorf("attempt %d was published as %+v, %v; want %s", attempt, c, ok, want)
		}
	}
}

// Ensure a run that was published changes hands, and remembers how it ended.
func TestRollback(t *testing.T) {
	served := func(n int) Model {
		var m Model
		publishAll(t, &m, deployment(1), deployment(n))
		return m
	}
	ended := Run{End: finetune.EndDeployed, CustomModel: &finetune.Model{ARN: "arn:model"}, Endpoint: &finetune.Endpoint{ModelID: "deployment1"}}
	goingOn, failed, untrained := ended, ended, ended
	goingOn.End = ""
	failed.End, failed.Error, failed.Rollback = finetune.EndFailed, "SmokeTestFailed", &Rollback{}
	untrained.CustomModel = nil
	none := Model{}
	unserved := served(2)
	unserved.Serving = nil
	tests := map[string]struct {
		was    Run
		model  Model
		want   finetune.Kind
		nobody bool
	}{
		"deployed":            {was: ended, model: served(2)},
		"a rollback that was": {was: failed, model: served(2)},
		"nothing is served":   {was: ended, model: unserved, nobody: true},
		"serves already":      {was: ended, model: served(1), want: finetune.SettingsRejected},
		"never published":     {was: ended, model: none, want: finetune.SettingsRejected},
		"still going on":      {was: goingOn, model: served(2), want: finetune.SettingsRejected},
		"without a model":     {was: untrained, model: served(2), want: finetune.SettingsRejected},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			store := storeOf(t, test.was, test.model)
			got, err := store.Rollback(t.Context(), "run1", "second")
			if test.want != "" {
				if kind, _ := finetune.KindOf(err); kind != test.want {
					t.Errorf("got %v, want kind %s", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.ExecutionARN != "second" || got.End != "" || got.Endpoint != nil || got.Attempt() != 1 || got.Rollback == nil || (got.Rollback.From == nil) != test.nobody {
				t.Errorf("got %+v", got)
			}
			want := []Ended{{ExecutionARN: "first", End: test.was.End, Error: test.was.Error, Endpoint: test.was.Endpoint, Rollback: test.was.Rollback}}
			if !reflect.DeepEqual(got.EarlierEnds, want) {
				t.Errorf("the earlier ends are %+v, want %+v", got.EarlierEnds, want)
			}
			if again, err := store.Rollback(t.Context(), "run1", "second"); err != nil || again.Attempt() != 1 {
				t.Errorf("once more: attempt %d, %v", again.Attempt(), err)
			}
		})
	}
}

// storeOf holds the record of run1 and that of its model.
func storeOf(t *testing.T, was Run, model Model) Store {
	t.Helper()
	store, _ := newStore()
	was.ID, was.Model, was.ExecutionARN = "run1", "m", "first"
	if _, err := store.Claim(t.Context(), was); err != nil {
		t.Fatal(err)
	}
	if _, err := store.UpdateModel(t.Context(), "m", func(m *Model) error { *m = model; return nil }); err != nil {
		t.Fatal(err)
	}
	return store
}

// Ensure a run is not taken while an attempt of it publishes: the run's record is
// written last by a publication, and read first here.
func TestRollbackSeesThePublication(t *testing.T) {
	store, b := newStore()
	was := Run{ID: "run1", Model: "m", ExecutionARN: "first", End: finetune.EndFailed, CustomModel: &finetune.Model{}}
	if _, err := store.Claim(t.Context(), was); err != nil {
		t.Fatal(err)
	}
	var m Model
	publishAll(t, &m, deployment(1), deployment(2))
	if _, err := store.UpdateModel(t.Context(), "m", func(now *Model) error { *now = m; return nil }); err != nil {
		t.Fatal(err)
	}
	b.before = func(int) {
		b.before = nil
		if _, err := store.UpdateModel(t.Context(), "m", func(now *Model) error { return now.Publish(again(*now, deployment(1), 1)) }); err != nil {
			t.Error(err)
		}
		if _, err := store.UpdateRun(t.Context(), "run1", func(r *Run) error { r.End = finetune.EndDeployed; return nil }); err != nil {
			t.Error(err)
		}
	}
	_, err := store.Rollback(t.Context(), "run1", "second")
	if kind, _ := finetune.KindOf(err); kind != finetune.SettingsRejected {
		t.Errorf("got %v, want that the run serves already", err)
	}
}

// Ensure a rollback that failed is not resumed: it would be an upload's attempt.
func TestReclaimRefusesARollback(t *testing.T) {
	store, _ := newStore()
	was := Run{ID: "r", Model: "m", ExecutionARN: "first", End: finetune.EndFailed, CustomModel: &finetune.Model{}, Rollback: &Rollback{}}
	if _, err := store.Claim(t.Context(), was); err != nil {
		t.Fatal(err)
	}
	_, err := store.Reclaim(t.Context(), "r", "second")
	if kind, _ := finetune.KindOf(err); kind != finetune.SettingsRejected {
		t.Errorf("got %v, want kind SettingsRejected", err)
	}
}
