package preflight

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// The names a stack gives itself. CloudFormation makes up all others, the
// buckets' and functions' among them; a test holds this against the template.

// logGroups are the names of a stack's log groups. The one of API Gateway is
// named after an API that is not there before.
func logGroups(stack string) []string {
	var names []string
	for _, part := range []string{"validate", "submit", "poll", "analyze", "throughput", "invoke", "lifecycle", "api", "flow-log"} {
		names = append(names, "/"+stack+"/"+part)
	}
	for _, part := range []string{"executions", "releases", "sweeps"} {
		names = append(names, "/aws/vendedlogs/"+stack+"/"+part)
	}
	return names
}

// stateMachines are the names of a stack's machines. The schedule has the sweep
// machine's name, so that it is looked for with it.
func stateMachines(stack string) []string {
	return []string{stack + "-finetune", stack + "-release", stack + "-sweep"}
}

func keyAlias(stack string) string { return "alias/" + stack }

// checkNames looks for what else has the names the stack is about to take.
func (l *look) checkNames(ctx context.Context) []Line {
	const name = "names"
	switch {
	case l.stack.unknown:
		return []Line{{Check: name, Status: Unknown, Detail: "whether the stack is deployed, and so has its names, is not known"}}
	case l.stack.exists:
		return []Line{note(name, "not looked at: the stack is deployed and has them")}
	}
	var lines []Line
	taken := 0
	for _, look := range []func(context.Context) ([]Line, int){l.takenLogGroups, l.takenMachines, l.takenAlias} {
		found, n := look(ctx)
		lines, taken = append(lines, found...), taken+n
	}
	if len(lines) == 0 {
		return []Line{ok(name, "%d are free: log groups, state machines and the key's alias", taken)}
	}
	return lines
}

// takenLogGroups returns a line for each log group that is in the way, and how
// many names were looked for.
func (l *look) takenLogGroups(ctx context.Context) ([]Line, int) {
	var lines []Line
	wanted := logGroups(l.Stack)
	for _, prefix := range []string{"/" + l.Stack + "/", "/aws/vendedlogs/" + l.Stack + "/"} {
		pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(l.Logs, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String(prefix)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return append(lines, unknown("names", "logs:DescribeLogGroups", err)), len(wanted)
			}
			for _, group := range page.LogGroups {
				if found := aws.ToString(group.LogGroupName); slices.Contains(wanted, found) {
					lines = append(lines, l.taken("log group "+found, "aws logs delete-log-group --log-group-name "+found))
				}
			}
		}
	}
	return lines, len(wanted)
}

func (l *look) takenMachines(ctx context.Context) ([]Line, int) {
	var lines []Line
	wanted := stateMachines(l.Stack)
	for _, machine := range wanted {
		arn := strings.Join([]string{"arn:aws:states", l.Config.Region, l.account, "stateMachine", machine}, ":")
		_, err := l.StepFunctions.DescribeStateMachine(ctx, &sfn.DescribeStateMachineInput{StateMachineArn: &arn})
		var free *sfntypes.StateMachineDoesNotExist
		switch {
		case errors.As(err, &free):
		case err != nil:
			lines = append(lines, unknown("names", "states:DescribeStateMachine", err))
		default:
			lines = append(lines, l.taken("state machine "+machine, "aws stepfunctions delete-state-machine --state-machine-arn "+arn))
		}
	}
	return lines, len(wanted)
}

func (l *look) takenAlias(ctx context.Context) ([]Line, int) {
	alias := keyAlias(l.Stack)
	_, err := l.KMS.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &alias})
	var free *kmstypes.NotFoundException
	switch {
	case errors.As(err, &free):
		return nil, 1
	case err != nil:
		return []Line{unknown("names", "kms:DescribeKey", err)}, 1
	}
	return []Line{l.taken("KMS alias "+alias, "aws kms delete-alias --alias-name "+alias)}, 1
}

// taken is a line about something that would fail the deployment by its name.
func (l *look) taken(what, command string) Line {
	return fails("names", "if nobody needs it: "+command+l.inRegion(), "%s is there already, and the stack would make it", what)
}
