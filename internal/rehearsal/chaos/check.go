package chaos

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// Invariant is what must hold after every scenario.
type Invariant string

// The invariants.
const (
	// OneJob: at most one job a data set version.
	OneJob Invariant = "one job a data set version"
	// OneBill: at most one throughput billed by the hour a model outside a swap,
	// and never more bought in all than the workload needs.
	OneBill Invariant = "one throughput a model"
	// Owned: every billed resource and every job that goes on has an owner: the
	// registry, a run that goes on, or a person who was told its ARN.
	Owned Invariant = "an owner for everything billed"
	// Ended: every upload has an end and a report.
	Ended Invariant = "an end and a report for every upload"
	// Newest: callers get the answers of the newest data that was published.
	Newest Invariant = "callers get the newest data"
	// Unharmed: a fault that is over by itself changes no end.
	Unharmed Invariant = "a passing fault changes no end"
	// Mendable: what was left to people is done by what the runbook says.
	Mendable Invariant = "the runbook mends the rest"
)

// Violation is an invariant that did not hold.
type Violation struct {
	Invariant Invariant
	Text      string
}

// String is both parts.
func (v Violation) String() string { return string(v.Invariant) + ": " + v.Text }

// books are what is known of a scenario's model: the bucket and the ledger.
type books struct {
	runs    map[finetune.RunID]registry.Run
	reports map[finetune.RunID]registry.Run
	// model is empty while nothing was published.
	model   registry.Model
	jobs    []bedrock.Job
	ledger  []bedrock.Billed
	notices []string
	// alarmed says that a sweep failed, which is an alarm: what it is about it has not
	// told.
	alarmed bool
	// mended are the releases that people had to start again.
	mended []string
}

// read reads the books as they are now.
func (s *Stage) read() (books, error) {
	b := books{runs: map[finetune.RunID]registry.Run{}, reports: map[finetune.RunID]registry.Run{}}
	store := s.cloud.Registry()
	for _, u := range s.uploads {
		run, err := store.Run(s.ctx, u.run)
		if err == nil {
			b.runs[u.run] = run
		} else if !errors.Is(err, registry.ErrNotFound) {
			return b, err
		}
		text, err := s.cloud.ReadObject(s.ctx, finetune.RunReportKey(u.run))
		if err != nil {
			continue // there is none
		}
		var report registry.Run
		if err := json.Unmarshal(text, &report); err != nil {
			return b, fmt.Errorf("reading the report of run %s: %w", u.run, err)
		}
		b.reports[u.run] = report
	}
	var err error
	if b.model, err = store.Model(s.ctx, s.model); err != nil && !errors.Is(err, registry.ErrNotFound) {
		return b, err
	}
	for _, arn := range s.started() {
		e, err := s.cloud.StepFunctions.Describe(arn)
		if err != nil {
			return b, err
		}
		swept := s.meddler.prefix(e.MachineARN) == sweepPrefix
		b.alarmed = b.alarmed || swept && e.Status != stepfunctions.Succeeded
	}
	b.jobs, b.ledger = s.cloud.Bedrock.Jobs(), s.cloud.Bedrock.Ledger()
	for _, n := range s.cloud.Notices() {
		b.notices = append(b.notices, n.Subject+" "+string(n.Message))
	}
	return b, nil
}

// told says whether a person was told words: by a notice, or in a run's record
// and report.
func (b books) told(words string) bool {
	if words == "" {
		return false
	}
	for _, n := range b.notices {
		if strings.Contains(n, words) {
			return true
		}
	}
	for _, run := range b.runs {
		if strings.Contains(strings.Join(run.Unreleased, " "), words) {
			return true
		}
	}
	return false
}

// owned says whether the registry owns what has an ARN.
func (b books) owned(arn string) bool {
	m := b.model
	owners := append(slices.Clone(m.Retired), capacity(m.Serving), capacity(m.Previous))
	if m.Lease != nil && m.Lease.ThroughputARN == arn {
		return true
	}
	return slices.ContainsFunc(owners, func(c registry.Capacity) bool { return c.ThroughputARN == arn })
}

func capacity(c *registry.Capacity) registry.Capacity {
	if c == nil {
		return registry.Capacity{}
	}
	return *c
}

// goesOn says whether the run in a resource's tags has no end yet.
func (b books) goesOn(tags map[string]string) bool {
	run, claimed := b.runs[finetune.RunID(tags[finetune.TagRun])]
	return claimed && run.End == ""
}

// checkOwners holds that everything billed, and every job that goes on, has an
// owner. open says that the fault still holds: runs may be without an end, and
// people may have been told and have done nothing about it yet.
func (b books) checkOwners(open bool) []Violation {
	var found []Violation
	excused := func(arn, name string, tags map[string]string) bool {
		return open && (b.alarmed || b.told(arn) || b.told(name) || b.goesOn(tags))
	}
	for _, billed := range b.ledger {
		if billed.Until.IsZero() && !b.owned(billed.ARN) && !excused(billed.ARN, billed.Name, billed.Tags) {
			found = append(found, Violation{Owned, fmt.Sprintf("%s of run %s is billed since %s", billed.ARN, billed.Tags[finetune.TagRun], billed.Since)})
		}
	}
	for _, job := range b.jobs {
		if job.Status == "InProgress" && !excused(job.ARN, job.Name, job.Tags) {
			found = append(found, Violation{Owned, fmt.Sprintf("job %s of run %s goes on", job.ARN, job.Tags[finetune.TagRun])})
		}
	}
	return found
}

// checkJobs holds that no data set version was trained on twice.
func (b books) checkJobs() []Violation {
	var found []Violation
	first := map[string]bedrock.Job{}
	for _, job := range b.jobs {
		if earlier, twice := first[job.TrainingURI]; twice {
			found = append(found, Violation{OneJob, fmt.Sprintf("jobs %s and %s train on %s", earlier.ARN, job.ARN, job.TrainingURI)})
		}
		first[job.TrainingURI] = job
	}
	return found
}

// checkBills holds how much was bought by the hour.
func (b books) checkBills(limit int, beside bool) []Violation {
	var found []Violation
	var hourly []bedrock.Billed
	for _, billed := range b.ledger {
		if billed.Hourly {
			hourly = append(hourly, billed)
		}
	}
	if len(hourly) > limit {
		found = append(found, Violation{OneBill, fmt.Sprintf("%d throughputs were bought, and %d needed", len(hourly), limit)})
	}
	slices.SortFunc(hourly, func(a, b bedrock.Billed) int { return a.Since.Compare(b.Since) })
	for i := 1; i < len(hourly) && !beside; i++ {
		if before := hourly[i-1]; before.Until.IsZero() || before.Until.After(hourly[i].Since) {
			found = append(found, Violation{OneBill, fmt.Sprintf("%s was bought while %s was billed", hourly[i].ARN, before.ARN)})
		}
	}
	return found
}

// checkEnds holds that every upload has an end and a report that says the same.
func (s *Stage) checkEnds(b books) []Violation {
	var found []Violation
	for _, u := range s.uploads {
		run, claimed := b.runs[u.run]
		report, reported := b.reports[u.run]
		switch {
		case !reported && !claimed && s.neverBegan(b, u.run):
		case !reported:
			found = append(found, Violation{Ended, fmt.Sprintf("run %s (%s) has no report; its record says %q", u.run, u.set, run.End)})
		case report.End == "":
			found = append(found, Violation{Ended, fmt.Sprintf("the report of run %s (%s) has no end", u.run, u.set)})
		case claimed && run.End != report.End:
			found = append(found, Violation{Ended, fmt.Sprintf("run %s (%s) ended %q, and %s by its report", u.run, u.set, run.End, report.End)})
		}
	}
	for _, machine := range s.cloud.Stack.StateMachines {
		for _, e := range s.cloud.StepFunctions.Executions(machine.ARN) {
			if e.Status == stepfunctions.Running {
				found = append(found, Violation{Ended, fmt.Sprintf("execution %s still runs", e.ARN)})
			}
		}
	}
	return found
}

// neverBegan says whether the upload's executions were stopped before they wrote
// down which data set they are about, so that nothing was made for it, and
// people were told of each by its ARN: the one end without a report, since
// whoever is told of an encrypted execution's end is not told its input.
func (s *Stage) neverBegan(b books, id finetune.RunID) bool {
	began := false
	for _, arn := range s.started() {
		e, err := s.cloud.StepFunctions.Describe(arn)
		if err != nil {
			return false
		}
		var input finetune.ExecutionInput
		if err := json.Unmarshal(e.Input, &input); err != nil {
			return false
		}
		if input.Dataset.RunID() != id {
			continue
		}
		began = began || s.noted(arn) || e.Status != stepfunctions.Aborted || !b.told(arn)
	}
	return !began
}

// noted says whether an execution wrote down which data set it is about.
func (s *Stage) noted(executionARN string) bool {
	text, err := s.cloud.ReadObject(s.ctx, finetune.ExecutionKey(executionARN))
	var note registry.Execution
	return err == nil && json.Unmarshal(text, &note) == nil && !note.Ended
}

// checkMended holds that people were told of every release they had to start
// again, by the execution's ARN.
func (b books) checkMended() []Violation {
	var found []Violation
	for _, arn := range b.mended {
		if !b.told(arn) {
			found = append(found, Violation{Owned, fmt.Sprintf("nobody was told that the release %s did not succeed", arn)})
		}
	}
	return found
}

// newest is the publication callers must reach: that of the newest upload, or the
// last, of a workload that goes back.
func newest(w Workload, history []registry.Capacity) registry.Capacity {
	if w.GoesBack {
		return history[len(history)-1]
	}
	return slices.MaxFunc(history, func(x, y registry.Capacity) int {
		if x.Run.Order.Before(y.Run.Order) {
			return -1
		}
		return 1
	})
}

// checkAnswer holds that the newest upload that was published is what answers.
func (s *Stage) checkAnswer(w Workload, b books) ([]Violation, error) {
	if len(b.model.History) == 0 {
		return nil, nil
	}
	newest := newest(w, b.model.History)
	i := slices.IndexFunc(s.uploads, func(u upload) bool { return u.run == newest.Run.ID })
	if i < 0 {
		return []Violation{{Newest, fmt.Sprintf("run %s is published, and was never uploaded", newest.Run.ID)}}, nil
	}
	const n = 5
	status, got, err := s.ask(question(n))
	if err != nil {
		return nil, err
	}
	if want := fact(s.uploads[i].set, n); status != http.StatusOK || got != want {
		return []Violation{{Newest, fmt.Sprintf("the model answers %d %q, want %q of run %s", status, got, want, newest.Run.ID)}}, nil
	}
	return nil, nil
}

// checkTeardown holds that nothing of a deleted stack is billed or goes on.
func (s *Stage) checkTeardown(b books) []Violation {
	var found []Violation
	if s.deletion.Status != "SUCCESS" {
		found = append(found, Violation{Mendable, "deleting the stack once more fails: " + s.deletion.Reason})
	}
	for _, billed := range b.ledger {
		if billed.Until.IsZero() {
			found = append(found, Violation{Owned, fmt.Sprintf("%s is billed after the stack was deleted", billed.ARN)})
		}
	}
	for _, job := range b.jobs {
		if job.Status == "InProgress" {
			found = append(found, Violation{Owned, fmt.Sprintf("job %s goes on after the stack was deleted", job.ARN)})
		}
	}
	return found
}

// ends are the ends of the uploads, in their order.
func (s *Stage) ends(b books) []string {
	var ends []string
	for _, u := range s.uploads {
		ends = append(ends, cmp.Or(b.reports[u.run].End, "none"))
	}
	return ends
}
