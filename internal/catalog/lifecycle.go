package catalog

import (
	"fmt"
	"strings"
	"time"
)

// Statuses of a base model. ACTIVE and LEGACY are GetFoundationModel's words
// (modelLifecycle.status); EOL is the lifecycle page's third state, in which
// the API may not answer for the model at all.
const (
	StatusActive = "ACTIVE"
	StatusLegacy = "LEGACY"
	StatusEOL    = "EOL"
)

// Lifecycle is how long a base model can be tuned and served, as far as known.
type Lifecycle struct {
	// Status is the status on the day it was read.
	Status Statement `json:"status"`
	// Legacy is the first day on which Bedrock takes no new customization job.
	Legacy *Statement `json:"legacy,omitempty"`
	// EndOfLife is the day from which requests fail.
	EndOfLife *Statement `json:"endOfLife,omitempty"`
}

// Statement is one fact about a life cycle, the page that states it and the day
// that page was read.
type Statement struct {
	// Value is a status or a Date.
	Value  string `json:"value"`
	Source string `json:"source"`
	Read   Date   `json:"read"`
	// Unverified: inferred from the source, not stated by it.
	Unverified bool `json:"unverified,omitempty"`
}

// Date is a day in UTC, as YYYY-MM-DD.
type Date string

// Time returns the day's first moment.
func (d Date) Time() (time.Time, error) {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return time.Time{}, fmt.Errorf("reading a catalogue date: %w", err)
	}
	return t, nil
}

// reached says whether the statement's date has come; a statement that is
// missing or no date has not.
func (s *Statement) reached(at time.Time) bool {
	if s == nil {
		return false
	}
	t, err := Date(s.Value).Time()
	return err == nil && !at.Before(t)
}

// StatusAt is the status at a moment: the one that was read, moved on by the
// dates that have come since.
func (m *BaseModel) StatusAt(at time.Time) string {
	switch {
	case m.Lifecycle.Status.Value == StatusEOL || m.Lifecycle.EndOfLife.reached(at):
		return StatusEOL
	case m.Lifecycle.Status.Value == StatusLegacy || m.Lifecycle.Legacy.reached(at):
		return StatusLegacy
	}
	return StatusActive
}

// Active returns the base models that can be tuned at a moment, the ones to
// recommend first.
func (c *Catalog) Active(at time.Time) []*BaseModel {
	var active []*BaseModel
	for _, m := range c.Models {
		if m.StatusAt(at) == StatusActive {
			active = append(active, m)
		}
	}
	return active
}

// NextStep says what to do about a base model with this status, which is
// GetFoundationModel's where the account was asked and StatusAt's otherwise:
// what the status means and which base models to use instead. It is "" for an
// active one.
func (c *Catalog) NextStep(m *BaseModel, status string, at time.Time) string {
	var fate string
	switch status {
	case StatusActive:
		return ""
	case StatusEOL:
		fate = "has reached its end of life" + m.endOfLife(" on ") + ": Bedrock refuses every request to it"
	default:
		fate = "is Legacy" + m.endOfLife(", end of life ") + ": Bedrock takes no new customization job and no new provisioned throughput on it"
	}
	return fmt.Sprintf("base model %s %s; %s", m.ID, fate, instead(m, c.Active(at)))
}

func (m *BaseModel) endOfLife(lead string) string {
	if m.Lifecycle.EndOfLife == nil {
		return ""
	}
	return lead + m.Lifecycle.EndOfLife.Value
}

// instead lists the models to use in place of m, with what changes for the
// data set.
func instead(m *BaseModel, active []*BaseModel) string {
	var options []string
	for _, a := range active {
		if a.ID == m.ID {
			continue
		}
		option := fmt.Sprintf("%s (%s", a.ID, strings.Join(a.Regions, ", "))
		if a.Format != m.Format {
			option += ", data set as " + a.Format
		}
		options = append(options, option+")")
	}
	if len(options) == 0 {
		return "the catalogue knows no active base model to use instead: update it"
	}
	return "use an active one: " + strings.Join(options, ", ")
}
