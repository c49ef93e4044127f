package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// The beginnings of the names of the states of machines that data sets do not start.
const (
	releasePrefix = "release:"
	sweepPrefix   = "sweep:"
)

// meddler watches every point a workload passes in one cloud, and lets a fault
// strike at one of them.
type meddler struct {
	ctx   context.Context
	cloud *rehearsal.Cloud
	// functionOf is the name of the function that has a role, by the role.
	functionOf map[string]string
	// workerOf is the role that a state's call is made with, by the machine's
	// ARN and the state.
	workerOf map[[2]string]string

	// release is the ARN of the machine that releases.
	release string
	// together says that executions go on at the same time.
	together bool
	// constructOf is the name of the construct of a function, by its role.
	constructOf map[string]string
	// inMachine are the states of the machine that data sets start.
	inMachine map[string]bool

	// background are invocations that nobody waits for.
	background sync.WaitGroup

	mu sync.Mutex
	// stateOf is the state that was entered last for a role.
	stateOf map[string]string
	passed  map[place]int
	// points are all that were passed, in order.
	points []point
	target *point
	fault  fault
	fired  int
	// payload is what a function was invoked with last, by its name.
	payload map[string][]byte
	// late is an invocation to make once the executions have ended.
	late func()
	// when are what a workload does on entering a state, once.
	when map[string]func()
	// whenever are what it does each time.
	whenever map[string]func(stepfunctions.Execution) error
	// interrupts are what a workload does while a call waits, once.
	interrupts map[place]func()
	// refuses are the calls that the workload itself has refused.
	refuses map[place]bool
	// errs are failures of the suite itself.
	errs []error
}

// watch installs the meddler in a cloud, whose OnEvent must be its event.
func (m *meddler) watch(ctx context.Context, cloud *rehearsal.Cloud) error {
	m.ctx, m.cloud = ctx, cloud
	m.functionOf, m.workerOf, m.inMachine = map[string]string{}, map[[2]string]string{}, map[string]bool{}
	m.stateOf, m.constructOf = map[string]string{}, map[string]string{}
	m.release = cloud.Stack.Outputs["ReleaseStateMachineArn"].Value
	roleOf := map[string]string{}
	for _, f := range cloud.Stack.Functions {
		m.functionOf[f.Role], roleOf[f.ARN] = f.Name, f.Role
		m.constructOf[f.Role] = constructOf(f.LogicalID)
	}
	for _, machine := range cloud.Stack.StateMachines {
		var definition struct {
			States map[string]struct{ Type, Resource string }
		}
		if err := json.Unmarshal([]byte(machine.Definition), &definition); err != nil {
			return fmt.Errorf("reading state machine %s: %w", machine.LogicalID, err)
		}
		for name, state := range definition.States {
			role, isFunction := roleOf[state.Resource]
			if !isFunction {
				role = machine.Role // an integration: the machine calls
			}
			m.workerOf[[2]string{machine.ARN, name}] = role
			if machine.ARN == cloud.Machine().ARN {
				m.inMachine[name] = true
			}
		}
	}
	return nil
}

// constructOf is the name of a function's construct, by its logical id, such as
// FunctionsSubmitFunction2EB91D80 or LifecycleFunctionBC34BBCA.
func constructOf(logicalID string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(logicalID, "Functions"), "Function")
	return name
}

// arm begins to watch, and lets the fault strike at a point; nil only watches.
func (m *meddler) arm(target *point, f fault) {
	m.mu.Lock()
	m.passed, m.points, m.when, m.refuses, m.errs = map[place]int{}, nil, map[string]func(){}, map[place]bool{}, nil
	m.interrupts, m.whenever = map[place]func(){}, map[string]func(stepfunctions.Execution) error{}
	m.target, m.fault, m.fired, m.late, m.payload = target, f, 0, nil, map[string][]byte{}
	m.mu.Unlock()
	m.cloud.Log.SetHook(m.call)
	m.cloud.Lambda().SetHook(m.invocation)
}

// disarm lets everything pass again.
func (m *meddler) disarm() {
	m.cloud.Log.SetHook(nil)
	m.cloud.Lambda().SetHook(nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.target, m.when, m.whenever, m.passed, m.refuses, m.interrupts = nil, nil, nil, nil, nil, nil
}

// pass notes that a place was passed and says whether the fault strikes. m.mu
// must be held.
func (m *meddler) pass(at place, function string) bool {
	if m.passed == nil {
		return false
	}
	m.passed[at]++
	p := point{place: at, nth: m.passed[at], function: function, inMachine: m.inMachine[at.state] || m.together}
	m.points = append(m.points, p)
	if m.target == nil || m.target.place != at {
		return false
	}
	strikes := p.nth == m.target.nth || m.fault == denied && p.nth > m.target.nth
	if strikes {
		m.fired++
	}
	return strikes
}

// call is the hook of the cloud's calls.
func (m *meddler) call(c calls.Call) *calls.Fault {
	m.mu.Lock()
	state := m.at(c.Principal.Role)
	function := m.functionOf[c.Principal.Role]
	strikes := state != "" && m.pass(place{state, c.Action, resourceKind(c)}, function)
	plain := place{state: state, action: c.Action}
	refused, interrupt := m.refuses[plain], m.interrupts[plain]
	delete(m.interrupts, plain)
	m.mu.Unlock()
	if interrupt != nil {
		interrupt()
	}
	if refused {
		return &calls.Fault{Status: 400, Code: "ValidationException", Message: "The workload has this call refused"}
	}
	if !strikes {
		return nil
	}
	switch {
	case m.fault.kills():
		m.cloud.Lambda().Kill(function)
	case m.fault == doubled:
		m.mu.Lock()
		payload := m.payload[function]
		m.mu.Unlock()
		m.invoke(function, payload)
	case m.fault == overtaken:
		m.fail(m.overtake())
	}
	return m.fault.on(c.Action)
}

// invocation is the hook of the functions' invocations.
func (m *meddler) invocation(function string, payload []byte) *runtimeapi.Fault {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.payload != nil {
		m.payload[function] = payload
	}
	if !m.pass(place{state: m.at(m.roleOf(function)), action: invocation}, function) {
		return nil
	}
	invoke := func() { m.invoke(function, payload) }
	switch m.fault {
	case refused:
		return &runtimeapi.Fault{Service: &runtimeapi.ServiceError{Code: "ServiceException", Status: 500, Message: "Service encountered an internal error"}}
	case lost:
		return &runtimeapi.Fault{KillAfter: true}
	case twice:
		m.background.Go(invoke)
	case late:
		m.late = invoke
	}
	return nil
}

// at is where a role is at work: in the state that was entered last for it, or
// in its function. It is "" for a role that is none of the pipeline's. m.mu must
// be held.
func (m *meddler) at(role string) string {
	if state := m.stateOf[role]; state != "" && !m.together {
		return state
	}
	return m.constructOf[role]
}

// invoke invokes a function for nobody.
func (m *meddler) invoke(function string, payload []byte) {
	if _, err := m.cloud.Lambda().Invoke(m.ctx, function, payload); err != nil {
		m.fail(fmt.Errorf("invoking %s once more: %w", function, err))
	}
}

// patience is the longest, in real time, that a call waits to be overtaken: a
// release may have to wait for what the call's own function holds up.
const patience = time.Second

// overtake stops the executions under way and waits until their runs are
// released, or their releases wait. Virtual time stands still meanwhile: a call
// is not on its way for minutes.
func (m *meddler) overtake() error {
	defer m.cloud.StepFunctions.Hold()()
	var stopped []stepfunctions.Execution
	for _, e := range m.cloud.StepFunctions.Executions(m.cloud.Machine().ARN) {
		if e.Status == stepfunctions.Running {
			stopped = append(stopped, e)
			if err := m.stop(e.ARN); err != nil {
				return err
			}
		}
	}
	store := m.cloud.Registry()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if !slices.ContainsFunc(stopped, func(e stepfunctions.Execution) bool { return !m.released(store, e) }) {
			return nil
		}
	}
	return nil
}

// released says whether the release of a stopped execution came as far as it can.
func (m *meddler) released(store registry.Store, e stepfunctions.Execution) bool {
	for _, release := range m.cloud.StepFunctions.Executions(m.release) {
		var input finetune.StatusRelease
		if json.Unmarshal(release.Input, &input) == nil && input.ExecutionARN == e.ARN && release.Status != stepfunctions.Running {
			return true
		}
	}
	var input finetune.ExecutionInput
	if err := json.Unmarshal(e.Input, &input); err != nil {
		return true
	}
	run, err := store.Run(m.ctx, input.Dataset.RunID())
	return err == nil && run.ExecutionARN == e.ARN && (run.End != "" || run.Awaited)
}

// stop stops an execution, as the operator.
func (m *meddler) stop(arn string) error {
	_, err := m.cloud.Operator().SFN.StopExecution(m.ctx, &sfn.StopExecutionInput{
		ExecutionArn: &arn, Error: aws.String("Stopped"), Cause: aws.String("by the suite of faults"),
	})
	return err
}

// roleOf is the role of a function.
func (m *meddler) roleOf(function string) string {
	for role, name := range m.functionOf {
		if name == function {
			return role
		}
	}
	return ""
}

// event observes the states of the executions.
func (m *meddler) event(e stepfunctions.Event) {
	if e.Type != stepfunctions.Entered || m.cloud == nil {
		return
	}
	execution, err := m.cloud.StepFunctions.Describe(e.Execution)
	if err != nil {
		m.fail(err)
		return
	}
	name := m.prefix(execution.MachineARN) + e.State
	m.mu.Lock()
	if role := m.workerOf[[2]string{execution.MachineARN, e.State}]; role != "" {
		m.stateOf[role] = name
	}
	act, always := m.when[name], m.whenever[name]
	delete(m.when, name)
	strikes := m.pass(place{state: name, action: entry}, "")
	m.mu.Unlock()
	if act != nil {
		act()
	}
	if always != nil {
		m.fail(always(execution))
	}
	if strikes {
		m.fail(m.disturb(execution))
	}
}

// prefix begins the names of a machine's states.
func (m *meddler) prefix(machineARN string) string {
	switch machineARN {
	case m.cloud.Machine().ARN:
		return ""
	case m.release:
		return releasePrefix
	}
	return sweepPrefix
}

// disturb does to an execution what can befall a state being entered.
func (m *meddler) disturb(execution stepfunctions.Execution) error {
	if m.fault == again {
		return deliverAgain(m.ctx, m.cloud, execution)
	}
	return m.stop(execution.ARN)
}

// deliverAgain puts the event that started an execution on the bus again.
func deliverAgain(ctx context.Context, cloud *rehearsal.Cloud, execution stepfunctions.Execution) error {
	var input finetune.ExecutionInput
	if err := json.Unmarshal(execution.Input, &input); err != nil {
		return fmt.Errorf("reading the input of %s: %w", execution.ARN, err)
	}
	for _, event := range cloud.Delivered() {
		var created struct {
			Detail struct {
				Object struct {
					VersionID string `json:"version-id"`
				} `json:"object"`
			} `json:"detail"`
		}
		if json.Unmarshal(event, &created) == nil && created.Detail.Object.VersionID == input.Dataset.VersionID {
			return cloud.Deliver(ctx, event)
		}
	}
	return fmt.Errorf("the event that started %s was never delivered", execution.ARN)
}

// fail notes a failure of the suite itself; nil is none.
func (m *meddler) fail(err error) {
	if err == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.errs = append(m.errs, err)
}
