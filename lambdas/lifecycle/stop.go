package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// disableRule lets no further upload start an execution.
func (h handler) disableRule(ctx context.Context, left *leftover) {
	_, err := h.rules.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: &h.env.RuleName})
	if err != nil && code(err) != notFound {
		left.fail(fmt.Errorf("disabling rule %s: %w", h.env.RuleName, err))
	}
}

// stopExecutions stops every execution of a machine that runs.
func (h handler) stopExecutions(ctx context.Context, machine string, left *leftover) {
	h.running(ctx, machine, left, func(execution string) {
		_, err := h.executions.StopExecution(ctx, &sfn.StopExecutionInput{
			ExecutionArn: &execution, Error: aws.String("StackDeleted"), Cause: aws.String("The stack " + h.env.Stack + " is being deleted."),
		})
		switch {
		case code(err) == "ExecutionDoesNotExist":
		case err != nil:
			left.fail(fmt.Errorf("stopping execution %s: %w", execution, err))
		default:
			left.stopped = true
			left.wait("execution %s was just stopped", execution)
		}
	})
}

// findReleases notes the executions of the release machine, which finish the
// records of the runs that were stopped.
func (h handler) findReleases(ctx context.Context, left *leftover) {
	h.running(ctx, h.env.ReleaseStateMachineARN, left, func(execution string) {
		left.closing = append(left.closing, fmt.Sprintf("execution %s is closing a run", execution))
	})
}

// running calls each with every execution of a machine that runs.
func (h handler) running(ctx context.Context, machine string, left *leftover, each func(execution string)) {
	pages := sfn.NewListExecutionsPaginator(h.executions, &sfn.ListExecutionsInput{StateMachineArn: &machine, StatusFilter: sfntypes.ExecutionStatusRunning})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if code(err) == "StateMachineDoesNotExist" {
			return
		}
		if err != nil {
			left.fail(fmt.Errorf("listing the executions of %s: %w", machine, err))
			return
		}
		for _, e := range page.Executions {
			each(aws.ToString(e.ExecutionArn))
		}
	}
}

// stopJobs stops the stack's jobs and notes those that are still stopping.
func (h handler) stopJobs(ctx context.Context, tags tagReader, left *leftover) {
	for _, status := range []types.FineTuningJobStatus{types.FineTuningJobStatusInProgress, types.FineTuningJobStatusStopping} {
		pages := bedrock.NewListModelCustomizationJobsPaginator(h.bedrock, &bedrock.ListModelCustomizationJobsInput{StatusEquals: status})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				left.fail(fmt.Errorf("listing jobs in status %s: %w", status, err))
				return
			}
			for _, job := range page.ModelCustomizationJobSummaries {
				h.stopJob(ctx, tags, aws.ToString(job.JobArn), status, left)
			}
		}
	}
}

// stopJob stops one job, if it is the stack's.
func (h handler) stopJob(ctx context.Context, tags tagReader, arn string, status types.FineTuningJobStatus, left *leftover) {
	ours, err := tags.ours(ctx, arn)
	if err != nil || !ours {
		left.fail(err)
		return
	}
	left.wait("job %s is stopping", arn)
	if status == types.FineTuningJobStatusStopping {
		return
	}
	h.log.Info("stopping", "job", arn)
	_, err = h.bedrock.StopModelCustomizationJob(ctx, &bedrock.StopModelCustomizationJobInput{JobIdentifier: &arn})
	if ended := code(err); err != nil && ended != conflict && ended != notFound {
		left.fail(fmt.Errorf("stopping job %s (by hand: aws bedrock stop-model-customization-job --job-identifier %s): %w", arn, arn, err))
	}
}

// findInterfaces notes the jobs' network interfaces: until Bedrock has taken
// them away, CloudFormation can delete neither subnets nor security group.
func (h handler) findInterfaces(ctx context.Context, left *leftover) {
	pages := ec2.NewDescribeNetworkInterfacesPaginator(h.networks, &ec2.DescribeNetworkInterfacesInput{
		Filters: []ec2types.Filter{{Name: aws.String("group-id"), Values: []string{h.env.JobSecurityGroupID}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if code(err) == "InvalidGroup.NotFound" {
			return
		}
		if err != nil {
			left.fail(fmt.Errorf("looking for network interfaces of security group %s: %w", h.env.JobSecurityGroupID, err))
			return
		}
		for _, i := range page.NetworkInterfaces {
			left.wait("network interface %s of a job is still there (%s)", aws.ToString(i.NetworkInterfaceId), i.Status)
		}
	}
}
