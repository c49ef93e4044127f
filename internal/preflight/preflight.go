// Package preflight looks at an account before a stack is deployed to it, or
// before a data set is dropped into one that is: whether the base model can be
// tuned, whether quotas, zones and names allow what the configuration asks for,
// and whether key and role of a deployed stack can be used. Every line that
// fails says what mends it.
//
// It only reads, from wherever a person is. A call that is refused or not
// answered makes a line unknown and ends nothing.
package preflight

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/internal/catalog"
)

// Status is what came of looking.
type Status string

// The statuses.
const (
	// OK stands in nobody's way.
	OK Status = "ok"
	// Fails would stop a deployment or a run.
	Fails Status = "fails"
	// Unknown could not be looked at.
	Unknown Status = "unknown"
	// Note is worth knowing and neither right nor wrong.
	Note Status = "note"
)

// Line is one thing that was looked at.
type Line struct {
	// Check names it, the same in every report.
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Detail is what was found.
	Detail string `json:"detail"`
	// Mend is the command, the line of the configuration or the permission that
	// changes it; every line that fails has one.
	Mend string `json:"mend,omitempty"`
}

// Report is everything that was looked at.
type Report struct {
	// Account and Caller are empty when the credentials are no good: then
	// nothing else was looked at.
	Account string `json:"account"`
	Caller  string `json:"caller"`
	Region  string `json:"region"`
	Stack   string `json:"stack"`
	// Configuration says where the configuration stands.
	Configuration string `json:"configuration"`
	Lines         []Line `json:"lines"`
}

// Count is the number of lines with a status.
func (r Report) Count(status Status) int {
	n := 0
	for _, line := range r.Lines {
		if line.Status == status {
			n++
		}
	}
	return n
}

// Verdict is the worst of the lines: Fails, Unknown, or OK.
func (r Report) Verdict() Status {
	for _, status := range []Status{Fails, Unknown} {
		if r.Count(status) > 0 {
			return status
		}
	}
	return OK
}

// Subject is what is looked at.
type Subject struct {
	Config config.Config
	// Configuration names the file that lines of the configuration go to.
	Configuration string
	// Stack is the stack's name.
	Stack string
	// Dataset is a data set's key, s3:// URI or file, "" for none.
	Dataset string
	Now     time.Time
}

// patience bounds one check, in which an SDK client tries a call up to three
// times.
const patience = 20 * time.Second

// look is one preflight: its subject, and what several checks need to know.
type look struct {
	Subject
	Clients

	catalog *catalog.Catalog
	model   *catalog.BaseModel
	// mode is finetune.ServeOnDemand or finetune.ServeProvisioned.
	mode string

	account, caller string
	stack           stack
}

// Run looks. The credentials come first, since all else needs them, then the
// stack, since what is made by deploying it is not there before; the rest at
// once. progress, if not nil, is told how many of how many checks are done. The
// error is a configuration that the catalogue contradicts.
func Run(ctx context.Context, s Subject, c Clients, progress func(done, of int)) (Report, error) {
	l := &look{Subject: s, Clients: c}
	if err := l.settle(); err != nil {
		return Report{}, err
	}
	report := Report{Region: s.Config.Region, Stack: s.Stack, Configuration: s.Configuration}
	report.Lines = within(ctx, l.identify)
	if l.account == "" {
		return report, nil
	}
	report.Account, report.Caller = l.account, l.caller
	report.Lines = append(report.Lines, within(ctx, l.findStack)...)
	report.Lines = append(report.Lines, atOnce(ctx, l.checks(), progress)...)
	return report, nil
}

// settle takes the base model and how it will be served from the catalogue.
func (l *look) settle() (err error) {
	if l.catalog, err = catalog.Load(); err != nil {
		return err
	}
	if l.model, err = l.catalog.Find(l.Config.BaseModel); err != nil {
		return err
	}
	l.mode, err = l.model.ServingFor(l.Config.Serving.Mode)
	return err
}

// check looks at one thing, or at several that the same answers tell.
type check func(context.Context) []Line

// checks are the ones that do not wait for each other, in the report's order.
func (l *look) checks() []check {
	all := []check{l.checkRegion, l.checkBootstrap, l.checkBaseModel, l.checkAccess}
	all = append(all, l.quotaChecks()...)
	all = append(all, l.checkNetwork, l.checkPrefixList, l.checkNames, l.checkLogRole, l.checkKey, l.checkRole, l.checkPrice)
	if l.Dataset != "" {
		all = append(all, l.checkDataset)
	}
	return all
}

// within runs a check for as long as there is patience.
func within(ctx context.Context, c check) []Line {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c(ctx)
}

// atOnce runs all checks at the same time and returns their lines in order.
func atOnce(ctx context.Context, checks []check, progress func(done, of int)) []Line {
	lines := make([][]Line, len(checks))
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		done    int
	)
	for i, c := range checks {
		running.Go(func() {
			lines[i] = within(ctx, c)
			mu.Lock()
			defer mu.Unlock()
			if done++; progress != nil {
				progress(done, len(checks))
			}
		})
	}
	running.Wait()
	return slices.Concat(lines...)
}
