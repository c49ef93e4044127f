package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/smithy-go"
)

func ok(check, format string, args ...any) Line {
	return Line{Check: check, Status: OK, Detail: fmt.Sprintf(format, args...)}
}

func note(check, format string, args ...any) Line {
	return Line{Check: check, Status: Note, Detail: fmt.Sprintf(format, args...)}
}

// fails is a line with what mends it.
func fails(check, mend, format string, args ...any) Line {
	return Line{Check: check, Status: Fails, Detail: fmt.Sprintf(format, args...), Mend: mend}
}

// unknown is a line about a call that was not answered. action is the call's in
// IAM's words: where it was refused, it is what the credentials lack.
func unknown(check, action string, err error) Line {
	line := Line{Check: check, Status: Unknown}
	var api smithy.APIError
	switch {
	case denied(err):
		line.Detail = fmt.Sprintf("these credentials may not call %s", action)
		line.Mend = "allow " + action
	case errors.Is(err, context.DeadlineExceeded):
		line.Detail = fmt.Sprintf("%s was not answered within %s", action, patience)
	case errors.As(err, &api):
		line.Detail = fmt.Sprintf("%s answered %s: %s", action, api.ErrorCode(), api.ErrorMessage())
	default:
		line.Detail = fmt.Sprintf("%s failed: %v", action, err)
	}
	return line
}

// refusals are the codes with which services refuse a call for want of a
// permission: JSON and query services in general, and EC2.
var refusals = []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}

func denied(err error) bool { return slices.Contains(refusals, code(err)) }

// code is the code of the error a service answered with, "" of any other.
func code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	return api.ErrorCode()
}

// setting is the line of the configuration that gives a key a value.
func (l *look) setting(key string, value any) string {
	text, err := json.Marshal(value)
	if err != nil { // strings, numbers and lists of them only
		text = fmt.Append(nil, value)
	}
	return fmt.Sprintf("in %s, the stack's settings: %q: %s", l.Configuration, key, text)
}

// inRegion ends a command for the AWS CLI.
func (l *look) inRegion() string { return " --region " + l.Config.Region }
