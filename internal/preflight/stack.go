package preflight

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// stack is what CloudFormation says of the stack.
type stack struct {
	// unknown is set when CloudFormation did not say.
	unknown, exists bool
	outputs         map[string]string
}

// The outputs that are looked up; infra/stack writes them.
const (
	outputBucket = "BucketName"
	outputKey    = "KeyArn"
	outputRole   = "ServiceRoleArn"
)

// findStack asks whether the stack is deployed, and for its outputs.
func (l *look) findStack(ctx context.Context) []Line {
	const name = "stack"
	out, err := l.CloudFormation.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &l.Stack})
	switch {
	case missingStack(err), err == nil && len(out.Stacks) == 0:
		return []Line{ok(name, "%s is not deployed yet", l.Stack)}
	case err != nil:
		l.stack.unknown = true
		return []Line{unknown(name, "cloudformation:DescribeStacks", err)}
	}
	l.stack.exists, l.stack.outputs = true, map[string]string{}
	for _, output := range out.Stacks[0].Outputs {
		l.stack.outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	return []Line{l.judgeStack(string(out.Stacks[0].StackStatus))}
}

// missingStack recognises CloudFormation's word for a stack that is not there,
// a ValidationError with a text
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html).
func missingStack(err error) bool {
	return code(err) == "ValidationError" && strings.Contains(err.Error(), "does not exist")
}

// stuck are the statuses from which a stack is not updated, but deleted
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html).
var stuck = []string{"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}

// judgeStack says whether the stack can be deployed to.
func (l *look) judgeStack(status string) Line {
	const name = "stack"
	ours := l.stack.outputs[outputKey] != "" && l.stack.outputs[outputBucket] != ""
	switch {
	case slices.Contains(stuck, status):
		return fails(name, "aws cloudformation delete-stack --stack-name "+l.Stack+l.inRegion(), "%s is %s, from which it can only be deleted; the bucket and the key stay", l.Stack, status)
	case status == "UPDATE_ROLLBACK_FAILED":
		return fails(name, "aws cloudformation continue-update-rollback --stack-name "+l.Stack+l.inRegion(), "%s is %s", l.Stack, status)
	case strings.HasSuffix(status, "_IN_PROGRESS"):
		return note(name, "%s is %s: run this again when that is over", l.Stack, status)
	case !ours:
		return fails(name, "export AWS_PROFILE=NAME of another account, or delete that stack if nobody needs it: aws cloudformation delete-stack --stack-name "+l.Stack+l.inRegion(),
			"%s is a stack that tuneline did not make: it lacks the outputs %s and %s", l.Stack, outputBucket, outputKey)
	}
	return ok(name, "%s is deployed (%s)", l.Stack, status)
}

// later says why something a deployment makes was not looked at; waits is false
// when it can be.
func (l *look) later(name, what string) (line Line, waits bool) {
	switch {
	case l.stack.unknown:
		return Line{Check: name, Status: Unknown, Detail: "whether the stack is deployed is not known, so neither is " + what}, true
	case !l.stack.exists:
		return note(name, "not known before the deployment, which makes %s", what), true
	}
	return Line{}, false
}
