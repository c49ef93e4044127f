// Package stepfunctions is the rehearsal's Step Functions: it runs Standard
// state machines in virtual time and serves the part of the Step Functions API
// a pipeline and its operators use.
//
// The interpreter is aws-local-stepfunctions in one Node child, which only
// knows how to run a definition. Status, history, tasks and time live here.
// What the interpreter runs differently from AWS is repaired (child/
// interpreter.mjs, prepare.go) or refused when the machine is created
// (check.go); the sources are the Amazon States Language specification and the
// Step Functions developer guide.
package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
)

// Options configure a Service.
type Options struct {
	// Root is the repository's root, where node_modules is installed and
	// .tuneline may be written.
	Root string
	// Region and AccountID go into every ARN.
	Region    string
	AccountID string
	// Encrypted says that the machines are encrypted with a customer managed
	// key: their status events then carry neither data nor errors.
	Encrypted bool
	// KeyARN is that key, for whoever asks whether a caller may use it.
	KeyARN string
	// Clock is moved forward when every execution waits.
	Clock *clock.Clock
	// Log records API calls and injects faults into them; nil does neither.
	Log *calls.Log
	// Verify finds out who signed an API request. Without it every request is
	// refused.
	Verify func(*http.Request) (calls.Principal, error)
	// Invoke runs a Lambda function for a machine, named as the definition names
	// it (ARN or name). Virtual time stands still until it returns. It is not cancelled
	// when the execution ends, as AWS lets a running function finish.
	Invoke func(ctx context.Context, machineARN, function string, payload []byte) (Result, error)
	// Publish takes what an sns:publish task sends to a topic; nil knows no topic.
	// An error is as for Invoke, with names such as "SNS.InternalErrorException".
	Publish func(ctx context.Context, machineARN string, n Notice) error
	// OnEvent observes the executions' states. It is called in order and
	// before anything that follows from the event: an execution stopped from
	// within never sends the entered state's task. It must not wait for an
	// execution or create a machine.
	OnEvent func(Event)
	// OnStatus receives an EventBridge event for every change of an
	// execution's status. Events arrive in order, one at a time; virtual time
	// stands still until it returns. It must not wait for an execution.
	OnStatus func(event json.RawMessage)
	// Pace is the real time a virtual wait takes; zero wastes none.
	Pace time.Duration
}

// Service is a running Step Functions.
type Service struct {
	opts    Options
	ctx     context.Context
	cancel  context.CancelFunc
	child   *child
	replies map[int]chan string

	mu         sync.Mutex
	machines   map[string]*machine
	executions map[string]*execution
	order      []*execution
	lastReply  int
	outbox     []message
	wake       chan struct{} // has capacity 1: something stands in outbox
	sent       int           // messages for the child so far
	idle       *idle         // the child's last wish to let time pass
	holds      int
	statuses   []status      // status changes not yet delivered
	statusWake chan struct{} // has capacity 1: something stands in statuses
	ended      chan struct{} // closed when the child is gone
	endedErr   error
}

// machine is one state machine.
type machine struct {
	arn, name  string
	roleARN    string
	definition string
	created    time.Time
	states     map[string]any
}

// ErrClosed is what waiting for an execution returns once the service is gone.
var ErrClosed = errors.New("step functions rehearsal is closed")

// Start starts the Node child and waits until it is ready. The service ends
// with ctx or with Close.
func Start(ctx context.Context, opts Options) (*Service, error) {
	if opts.Clock == nil || opts.Invoke == nil {
		return nil, errors.New("starting step functions rehearsal: Clock and Invoke are needed")
	}
	s := &Service{
		opts:       opts,
		replies:    map[int]chan string{},
		machines:   map[string]*machine{},
		executions: map[string]*execution{},
		wake:       make(chan struct{}, 1),
		statusWake: make(chan struct{}, 1),
		ended:      make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	var err error
	if s.child, err = startChild(s.ctx, opts.Root); err != nil {
		s.cancel()
		return nil, fmt.Errorf("starting step functions rehearsal: %w", err)
	}
	go s.deliverStatuses()
	go s.write()
	ready := make(chan struct{})
	go s.read(ready)
	select {
	case <-ready:
		return s, nil
	case <-s.ended:
		return nil, fmt.Errorf("starting step functions rehearsal: %w", s.endedErr)
	}
}

// Close stops the child; executions that still run are lost.
func (s *Service) Close() {
	s.child.closeInput()
	select {
	case <-s.ended:
	case <-time.After(2 * time.Second):
	}
	s.cancel()
	<-s.ended
}

var machineName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// Create makes a state machine that runs as a role, which DescribeStateMachine
// reports, and returns its ARN. A definition the validator
// rejects, or that this rehearsal would run differently from AWS, is refused
// with the state and the field.
func (s *Service) Create(name, roleARN, definition string) (string, error) {
	if !machineName.MatchString(name) {
		return "", fmt.Errorf("creating state machine %q: the name may have 1 to 80 letters, digits, - and _", name)
	}
	var states map[string]any
	if err := json.Unmarshal([]byte(definition), &states); err != nil {
		return "", fmt.Errorf("creating state machine %s: reading definition: %w", name, err)
	}
	if err := s.validate(definition); err != nil {
		return "", fmt.Errorf("creating state machine %s: validating definition: %w", name, err)
	}
	if err := check(states); err != nil {
		return "", fmt.Errorf("creating state machine %s: %w", name, err)
	}
	m := &machine{
		arn:        fmt.Sprintf("arn:aws:states:%s:%s:stateMachine:%s", s.opts.Region, s.opts.AccountID, name),
		name:       name,
		roleARN:    roleARN,
		definition: definition,
		created:    s.opts.Clock.Now(),
		states:     mapOf(states["States"]),
	}
	s.mu.Lock()
	_, exists := s.machines[m.arn]
	s.mu.Unlock()
	if exists {
		return "", fmt.Errorf("creating state machine %s: it exists already", name)
	}
	prepared, timeout := prepare(states)
	create := message{Type: "create", Machine: m.arn, Definition: prepared, TimeoutSeconds: timeout}
	if err := s.ask(create); err != nil {
		return "", fmt.Errorf("creating state machine %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machines[m.arn] = m
	return m.arn, nil
}

// valid has the definitions that the validator has accepted in this process.
// Validating one takes a third of a second, and tests run hundreds of services with
// the same three.
var valid sync.Map

func (s *Service) validate(definition string) error {
	if _, seen := valid.Load(definition); seen {
		return nil
	}
	if err := s.ask(message{Type: "validate", Definition: definition}); err != nil {
		return err
	}
	valid.Store(definition, true)
	return nil
}

// Hold stops virtual time until release is called, for whoever does something
// that the executions must not run ahead of.
func (s *Service) Hold() (release func()) {
	s.mu.Lock()
	s.holds++
	s.mu.Unlock()
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.holds--
		s.letTimePass()
	})
}
