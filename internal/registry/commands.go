package registry

import (
	"fmt"
	"strings"
)

// ResumeCommand is the command that goes on with a run, or asks for a rollback to
// it again, as it can be run. The state machine's ARN follows from its execution's:
// arn:...:execution:<machine>:<name> is of arn:...:stateMachine:<machine>.
func (r Run) ResumeCommand() string {
	machine := strings.Replace(r.ExecutionARN, ":execution:", ":stateMachine:", 1)
	if end := strings.LastIndexByte(machine, ':'); end >= 0 {
		machine = machine[:end]
	}
	if r.Rollback != nil {
		return fmt.Sprintf("tuneline rollback %s --to %s --bucket %s --state-machine %s", r.Model, r.ID, r.Dataset.Bucket, machine)
	}
	return fmt.Sprintf("tuneline resume %s --bucket %s --state-machine %s", r.ID, r.Dataset.Bucket, machine)
}

// ApproveCommand is the command that approves what the run asks, as it can be run.
func (r Run) ApproveCommand() string {
	return fmt.Sprintf("tuneline approve %s --bucket %s", r.ID, r.Dataset.Bucket)
}

// RejectCommand is the command that rejects it.
func (r Run) RejectCommand() string {
	return fmt.Sprintf("tuneline reject %s --bucket %s", r.ID, r.Dataset.Bucket)
}
