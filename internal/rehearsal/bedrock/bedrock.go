// Package bedrock is the rehearsal's double of Amazon Bedrock: the control
// plane of model customization and its serving forms, and the runtime that
// answers with the models it trained.
//
// It speaks the published API, checked by AWS's own API model (package
// awsmodel), and keeps a state that moves on a virtual clock: a job of hours
// takes as long as its caller's waits. It reads the training file through S3
// with the service role's credentials, writes the metric files where Bedrock
// does, and its tuned model is learnt from the rows it read: a retrieval model
// small enough to build in milliseconds, honest enough that other data give
// other answers.
//
// What an account looks like (base models and their life cycle, quotas,
// durations, forced outcomes, faults) is data: a Scenario. What the double
// takes for AWS's behaviour, with a source or the word unverified, is data
// too: Behaviours.
//
// It cannot show how well a model trains, what AWS's policies decide, nor
// prices.
package bedrock

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/rehearsal/awsmodel"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
)

// Options are what the double is made of.
type Options struct {
	// Scenario is the state of the account.
	Scenario Scenario
	// Region and AccountID name the account; an empty Region is the
	// scenario's.
	Region    string
	AccountID string
	// Clock is the rehearsal's virtual clock.
	Clock *clock.Clock
	// Verify checks a request's signature and tells who signed it.
	Verify func(*http.Request) (calls.Principal, error)
	// Log takes the calls and may inject faults. Its hook runs while a
	// request is served, so it must not call the double.
	Log *calls.Log
	// VPCEndpoints are the ids of the VPC's interface endpoints by service
	// ("bedrock", "bedrock-runtime"). When it is not nil, a caller inside the
	// VPC reaches no service that is missing here.
	VPCEndpoints map[string]string
	// AssumeRole gives an S3 client with the credentials of the service role.
	AssumeRole func(ctx context.Context, roleARN string) (*s3.Client, error)
	// ServicePrincipal tells how calls made by Bedrock with the service role
	// are recorded; nil takes the last part of the ARN as the role's name.
	ServicePrincipal func(roleARN string) calls.Principal
}

// Double is the double of Amazon Bedrock. Its methods are safe for concurrent
// use.
type Double struct {
	o        Options
	control  *awsmodel.Service
	runtime  *awsmodel.Service
	handlers map[string]handler
	catalog  []BaseModel

	mu          sync.Mutex
	sequence    int
	requests    int
	jobs        []*job
	models      []*model
	deployments []*deployment
	throughputs []*throughput
	ended       []Billed
	tokens      map[string]token
	tags        map[string]map[string]string
	served      map[string]int
	notes       []string
	violations  []error
	inference   Inference
	inferences  Inferences
	hook        StreamHook
}

// New returns a double in the state the scenario describes.
func New(o Options) (*Double, error) {
	if o.Clock == nil || o.Verify == nil || o.Log == nil || o.AssumeRole == nil {
		return nil, errors.New("making the Bedrock double: Clock, Verify, Log and AssumeRole are required")
	}
	if o.Region == "" {
		o.Region = o.Scenario.Region
	}
	if o.ServicePrincipal == nil {
		o.ServicePrincipal = principalOfRole
	}
	if err := o.Scenario.check(); err != nil {
		return nil, fmt.Errorf("making the Bedrock double: %w", err)
	}
	all := handlers()
	for _, f := range o.Scenario.Faults {
		if _, ok := all[f.Operation]; !ok {
			return nil, fmt.Errorf("making the Bedrock double: the scenario has a fault for the unknown operation %q", f.Operation)
		}
	}
	control, runtime, err := awsmodel.Load()
	if err != nil {
		return nil, fmt.Errorf("making the Bedrock double: %w", err)
	}
	for _, f := range o.Scenario.StreamFaults {
		if err := f.check(runtime); err != nil {
			return nil, fmt.Errorf("making the Bedrock double: %w", err)
		}
	}
	catalog, err := o.Scenario.catalogue()
	if err != nil {
		return nil, fmt.Errorf("making the Bedrock double: %w", err)
	}
	return &Double{
		o: o, control: control, runtime: runtime, catalog: catalog,
		handlers: all, inference: o.Scenario.Inference,
		tokens: map[string]token{},
		tags:   map[string]map[string]string{},
		served: map[string]int{},
	}, nil
}

// Reset empties the account: no job, model, throughput or deployment is left,
// nothing was ever billed, the faults of the scenario start over, and the
// runtime answers as the scenario says. Ids are never used twice all the same.
func (d *Double) Reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.jobs, d.models, d.deployments, d.throughputs = nil, nil, nil, nil
	d.ended, d.notes, d.violations = nil, nil, nil
	d.inference, d.hook = d.o.Scenario.Inference, nil
	d.inferences = Inferences{Open: d.inferences.Open}
	clear(d.tokens)
	clear(d.tags)
	clear(d.served)
}

// Handler serves the control plane and the runtime; their paths do not
// overlap, so one server can stand for both endpoints.
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serveHTTP) }

// Settle brings every life cycle up to the clock's time, as every request
// does. ctx bounds the S3 calls of the jobs that move.
func (d *Double) Settle(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle(ctx)
}

// NextChange returns the time of the next change of a life cycle that is
// already under way; ok is false when nothing moves by itself.
func (d *Double) NextChange() (at time.Time, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, due := range d.due() {
		if !ok || due.Before(at) {
			at, ok = due, true
		}
	}
	return at, ok
}

// Notes returns what a scenario's reader should know about requests that AWS
// may treat otherwise, such as a token repeated with other parameters.
func (d *Double) Notes() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.notes...)
}

// Violations returns the double's own answers that broke the API model. A
// rehearsal with any of them proves nothing and must fail.
func (d *Double) Violations() []error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]error(nil), d.violations...)
}
