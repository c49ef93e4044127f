package chaos

import (
	"fmt"
	"strings"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// place is where in a workload a fault can strike, but for how often it was
// passed by then.
type place struct {
	// state is the state that was entered last for the function that calls; of
	// the release machine after "release:". What no state asked for has the
	// function's name.
	state string
	// action is the IAM action of the call, or one of the two below.
	action string
	// on is the kind of resource: the first part of an object's key, or
	// Bedrock's resource type.
	on string
}

const (
	// invocation is a function being invoked for a state.
	invocation = "lambda:InvokeFunction"
	// entry is a state being entered.
	entry = "enter"
)

// point is the nth time, counted from 1, that a workload passes a place.
type point struct {
	place
	nth int
	// function is the one at work there, "" for what a state machine does.
	function string
	// inMachine says that a state of the machine that data sets start is at work.
	inMachine bool
}

// String is the point's part of a scenario's id.
func (p point) String() string {
	action := p.action
	if p.on != "" {
		action += "(" + p.on + ")"
	}
	return fmt.Sprintf("%s/%s#%d", p.state, action, p.nth)
}

// changes says whether what happens at the place changes anything at AWS.
func (p place) changes() bool {
	_, operation, isCall := strings.Cut(p.action, ":")
	for _, reads := range []string{"Get", "List", "Describe", "Invoke"} {
		if strings.HasPrefix(operation, reads) {
			return false
		}
	}
	return isCall
}

// counts says whether what happens at the place changes what is paid for or what
// is remembered of it: whatever is made, changed or ended in Bedrock, and the
// records of runs and models.
func (p place) counts() bool {
	service, _, _ := strings.Cut(p.action, ":")
	return p.changes() && (service == "bedrock" || service == "s3" && (p.on+"/" == finetune.PrefixRuns || p.on+"/" == finetune.PrefixRegistry))
}

// resourceKind is the kind of resource that a call is about.
func resourceKind(c calls.Call) string {
	service, _, _ := strings.Cut(c.Action, ":")
	parts := strings.SplitN(c.Resource, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	kind, rest, below := strings.Cut(parts[5], "/")
	switch service {
	case "s3":
		if !below {
			return "bucket"
		}
		prefix, _, _ := strings.Cut(rest, "/")
		return prefix
	case "bedrock":
		return kind
	}
	return ""
}
