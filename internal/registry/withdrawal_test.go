package registry

import (
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
)

// TestWithdrawal: an attempt that was withdrawn stays barred, a resumed one is
// not, and a withdrawal is forgotten once its run is too old to matter.
func TestWithdrawal(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	run := func(id finetune.RunID, minute int) finetune.Run {
		return finetune.Run{ID: id, Model: "support", Order: finetune.UploadOrder{LastModified: noon.Add(time.Duration(minute) * time.Minute), RunID: id}}
	}
	var m Model
	m.Withdraw(run("a", 0), 0)
	m.Withdraw(run("a", 0), 0)
	if len(m.Withdrawn) != 1 {
		t.Errorf("withdrawn twice, listed %d times", len(m.Withdrawn))
	}
	if kind, _ := finetune.KindOf(m.CheckOpen(run("a", 0), 0)); kind != finetune.RunClosed {
		t.Errorf("a withdrawn attempt has kind %s; want RunClosed", kind)
	}
	for name, err := range map[string]error{"resumed": m.CheckOpen(run("a", 0), 1), "another": m.CheckOpen(run("b", 0), 0)} {
		if err != nil {
			t.Errorf("the %s run is refused: %v", name, err)
		}
	}
	if _, ok := m.Published("b", 0); ok {
		t.Error("run b is published before it was")
	}
	m.Withdraw(run("c", 2), 0)
	if err := m.Publish(Capacity{ThroughputARN: "arn:b", Run: run("b", 1)}); err != nil {
		t.Fatal(err)
	}
	if c, ok := m.Published("b", 0); !ok || c.ThroughputARN != "arn:b" {
		t.Errorf("Published = %+v, %v", c, ok)
	}
	if len(m.Withdrawn) != 1 || m.Withdrawn[0].Run.ID != "c" {
		t.Errorf("withdrawn after publishing: %+v; want c alone", m.Withdrawn)
	}
}
