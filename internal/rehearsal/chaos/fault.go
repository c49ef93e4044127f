package chaos

import (
	"strings"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// fault is what befalls a point.
type fault string

// What befalls a call. But for denied it is once, and hits every try the SDK
// makes in one function's call, but for the two resets, which the SDK tries
// again itself.
const (
	// throttled, failed and denied refuse a call, without an effect; denied goes
	// on for the action on this kind of resource, as a missing permission does.
	throttled fault = "throttled"
	failed    fault = "failed"
	denied    fault = "denied"
	// failedAfter is a server's error for a call that took effect.
	failedAfter fault = "failed-after"
	// reset and resetAfter cut the connection, before or after the effect: for
	// the caller the latter is a time-out.
	reset      fault = "reset"
	resetAfter fault = "reset-after"
	// killed and killedAfter end the process that calls.
	killed      fault = "killed"
	killedAfter fault = "killed-after"
	// overtaken lets the call wait while its execution is stopped and the run is
	// released, as far as that goes without it; doubled while the same function is
	// invoked once more for the same and ends. What the caller saw is old by then.
	overtaken fault = "overtaken"
	doubled   fault = "doubled"
)

// What befalls an invocation.
const (
	// refused is Lambda's own error: the function does not run.
	refused fault = "refused"
	// lost loses the answer of a function that did its work, and its process.
	lost fault = "lost"
	// twice runs the function a second time at the same time, and late once more
	// after the executions ended: the first try of a state that was given up on
	// is still at work.
	twice fault = "twice"
	late  fault = "late"
)

// What befalls a state being entered.
const (
	// again delivers the upload's event again.
	again fault = "again"
	// stopped stops the execution.
	stopped fault = "stopped"
)

// faultsOf are the faults that can befall a point.
func faultsOf(p point) []fault {
	switch {
	case p.action == invocation:
		return []fault{refused, lost, twice, late}
	case p.action == entry && (strings.HasPrefix(p.state, releasePrefix) || strings.HasPrefix(p.state, sweepPrefix)):
		return []fault{stopped}
	case p.action == entry:
		return []fault{again, stopped}
	case p.function == "": // a state machine's own call has no process and no connection of ours
		return []fault{throttled, failed, denied, failedAfter}
	}
	faults := []fault{throttled, failed, denied, reset, killed, doubled}
	if p.changes() { // else there is no effect to be after
		faults = append(faults, failedAfter, resetAfter, killedAfter)
	}
	if p.inMachine {
		faults = append(faults, overtaken)
	}
	return faults
}

// kills says whether the fault ends a process.
func (f fault) kills() bool { return f == killed || f == killedAfter || f == lost }

// passes says whether the fault is over by itself, so that the workload must
// come to the end it comes to undisturbed.
func (f fault) passes() bool { return f != denied && f != stopped && f != overtaken }

// retriedBySDK says whether the SDK is to try the call again itself.
func (f fault) retriedBySDK() bool { return f == reset || f == resetAfter }

// answer is an HTTP status and an AWS error code.
type answer struct {
	status int
	code   string
}

// answers are what each service's refusals look like: throttled, failed, denied.
// Sources: the Errors sections of the services' API references; of SNS through
// Step Functions the names are the exceptions' without "SNS.".
var answers = map[string]map[fault]answer{
	"s3":             {throttled: {503, "SlowDown"}, failed: {500, "InternalError"}, denied: {403, "AccessDenied"}},
	"kms":            {throttled: {400, "ThrottlingException"}, failed: {500, "KMSInternalException"}, denied: {400, "AccessDeniedException"}},
	"bedrock":        {throttled: {429, "ThrottlingException"}, failed: {500, "InternalServerException"}, denied: {403, "AccessDeniedException"}},
	"states":         {throttled: {400, "ThrottlingException"}, failed: {500, "InternalFailure"}, denied: {400, "AccessDeniedException"}},
	"events":         {throttled: {400, "ThrottlingException"}, failed: {500, "InternalException"}, denied: {400, "AccessDeniedException"}},
	"cloudwatch":     {throttled: {400, "ThrottlingException"}, failed: {500, "InternalServiceError"}, denied: {403, "AccessDenied"}},
	"ec2":            {throttled: {503, "RequestLimitExceeded"}, failed: {500, "InternalError"}, denied: {403, "UnauthorizedOperation"}},
	"cloudformation": {throttled: {400, "Throttling"}, failed: {500, "InternalFailure"}, denied: {403, "AccessDenied"}},
	"sns":            {throttled: {429, "ThrottledException"}, failed: {500, "InternalErrorException"}, denied: {403, "AuthorizationErrorException"}},
}

// on is what the double is told to make of a call; nil lets it take effect.
func (f fault) on(action string) *calls.Fault {
	switch f {
	case killedAfter, overtaken, doubled:
		return nil
	case killed, reset:
		return &calls.Fault{Reset: true, Code: "Reset"}
	case resetAfter:
		return &calls.Fault{Reset: true, After: true, Code: "Reset"}
	}
	service, _, _ := strings.Cut(action, ":")
	kind := f
	if f == failedAfter {
		kind = failed
	}
	a := answers[service][kind]
	return &calls.Fault{After: f == failedAfter, Status: a.status, Code: a.code, Message: "The suite of faults " + string(f) + " this call"}
}
