package catalog

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func at(day string) time.Time {
	t, err := Date(day).Time()
	if err != nil {
		panic(err)
	}
	return t
}

// TestLifecycleAgreesWithItself: what was read about a status must follow from
// the dates that were read with it, on the day they were read.
func TestLifecycleAgreesWithItself(t *testing.T) {
	for _, m := range loaded(t).All() {
		l := m.Lifecycle
		checkPage(t, m.ID, l.Status.Source, l.Status.Read)
		read, err := l.Status.Read.Time()
		if err != nil {
			continue
		}
		if got := m.StatusAt(read); got != l.Status.Value {
			t.Errorf("%s: read as %s on %s, but its dates say %s", m.ID, l.Status.Value, l.Status.Read, got)
		}
		for name, s := range map[string]*Statement{"legacy": l.Legacy, "endOfLife": l.EndOfLife} {
			if s == nil {
				continue
			}
			checkPage(t, m.ID+" "+name, s.Source, s.Read)
			if _, err := Date(s.Value).Time(); err != nil {
				t.Errorf("%s %s: %v", m.ID, name, err)
			}
			if s.Unverified && !slices.ContainsFunc(m.Unverified, func(u string) bool { return strings.HasPrefix(u, name+" date:") }) {
				t.Errorf("%s: the %s date is unverified, and the entry's list does not say so", m.ID, name)
			}
		}
	}
}

func TestStatusAt(t *testing.T) {
	tests := []struct {
		id, day, want string
	}{
		{"amazon.nova-micro-v1:0:128k", "2026-11-23", StatusActive},
		{"meta.llama3-1-8b-instruct-v1:0:128k", "2026-11-23", StatusLegacy},
		{"meta.llama3-1-8b-instruct-v1:0:128k", "2027-03-29", StatusLegacy},
		{"meta.llama3-1-8b-instruct-v1:0:128k", "2027-03-30", StatusEOL},
		{"meta.llama3-2-1b-instruct-v1:0:128k", "2026-11-23", StatusEOL},
	}
	for _, tt := range tests {
		if got := find(t, tt.id).StatusAt(at(tt.day)); got != tt.want {
			t.Errorf("%s on %s: got %s, want %s", tt.id, tt.day, got, tt.want)
		}
	}
}

func TestStatusMovesOnWithLegacyDate(t *testing.T) {
	m := &BaseModel{Lifecycle: Lifecycle{
		Status: Statement{Value: StatusActive},
		Legacy: &Statement{Value: "2027-01-01"},
	}}
	if got := m.StatusAt(at("2026-12-31")); got != StatusActive {
		t.Errorf("the day before: got %s, want %s", got, StatusActive)
	}
	if got := m.StatusAt(at("2027-01-01")); got != StatusLegacy {
		t.Errorf("on the day: got %s, want %s", got, StatusLegacy)
	}
}

func TestNextStep(t *testing.T) {
	c, day := loaded(t), at("2026-11-23")
	tests := []struct {
		name, id, status string
		want             []string
	}{
		{"legacy", "meta.llama3-1-8b-instruct-v1:0:128k", StatusLegacy, []string{"is Legacy, end of life 2027-03-30", "no new customization job", "amazon.nova-micro-v1:0:128k (us-east-1, data set as bedrock-conversation-2024)"}},
		{"end of life", "meta.llama3-2-1b-instruct-v1:0:128k", StatusEOL, []string{"end of life on 2026-07-07", "amazon.nova-micro-v1:0:128k (us-east-1)"}},
		{"the account knows better", "amazon.nova-micro-v1:0:128k", StatusLegacy, []string{"is Legacy:", "use an active one: amazon.nova-lite-v1:0:300k (us-east-1)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := c.NextStep(find(t, tt.id), tt.status, day)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("got %q, want %q in it", got, want)
				}
			}
		})
	}
	if got := c.NextStep(find(t, "amazon.nova-micro-v1:0:128k"), StatusActive, day); got != "" {
		t.Errorf("active: got %q, want nothing to do", got)
	}
	if got := c.NextStep(find(t, "meta.llama3-1-8b-instruct-v1:0:128k"), StatusLegacy, day); strings.Contains(got, "llama3-3") {
		t.Errorf("got %q: Llama 3.3 is Legacy itself", got)
	}
}
