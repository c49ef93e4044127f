package registry

import (
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

// TestUnknownMembers ensures that a record with a member of tomorrow can be read, and is
// not written back without it: a function that is older than the one which wrote it
// would lose what that one knows.
func TestUnknownMembers(t *testing.T) {
	const record = `{"name":"m","tomorrow":{"a":1},"serving":{"kind":"deployment","throughputArn":"arn"}}`
	store, b := newStore()
	b.objects[finetune.RegistryKey("m")] = []byte(record)
	if m, err := store.Model(t.Context(), "m"); err != nil || m.Serving == nil || m.Serving.ThroughputARN != "arn" {
		t.Errorf("read %+v, %v", m, err)
	}
	_, err := store.UpdateModel(t.Context(), "m", func(m *Model) error {
		m.Missing = "arn"
		return nil
	})
	if kind, _ := finetune.KindOf(err); kind != finetune.Unavailable || !strings.Contains(err.Error(), "tomorrow") || string(b.objects[finetune.RegistryKey("m")]) != record {
		t.Errorf("written back: %v, %s", err, b.objects[finetune.RegistryKey("m")])
	}
}

// Ensure no record is read or written by a name that leads elsewhere.
func TestNamesLeadNowhereElse(t *testing.T) {
	store, b := newStore()
	for _, name := range []string{"../runs/a", "a/../b", "a//b", "a\\b", "a%2fb", "a b", "ä", "a\x00"} {
		if _, err := store.Model(t.Context(), name); err == nil || !strings.Contains(err.Error(), "none of the pipeline's") {
			t.Errorf("reading the model %q: %v", name, err)
		}
		if _, err := store.UpdateModel(t.Context(), name, func(*Model) error { return nil }); err == nil {
			t.Errorf("the model %q was written", name)
		}
		if _, err := store.Run(t.Context(), finetune.RunID(name)); err == nil || !strings.Contains(err.Error(), "none of the pipeline's") {
			t.Errorf("reading the run %q: %v", name, err)
		}
		if err := store.WriteRunReport(t.Context(), Run{ID: finetune.RunID(name)}); err == nil {
			t.Errorf("the report of the run %q was written", name)
		}
		if _, err := store.Approval(t.Context(), finetune.RunID(name), finetune.PurposeServing); err == nil || !strings.Contains(err.Error(), "none of the pipeline's") {
			t.Errorf("reading the approval of %q: %v", name, err)
		}
	}
	if len(b.objects) > 0 {
		t.Errorf("written: %v", b.objects)
	}
}
