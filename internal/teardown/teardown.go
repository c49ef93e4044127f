// Package teardown takes a stack away and proves that nothing billed by the
// hour is left: what there is with its price, CloudFormation's deletion followed
// to its end, and two empty looks in a row. It deletes the stack and nothing
// else: the stack's own custom resource, lambdas/lifecycle, releases what serves,
// and no custom model, object or key is ever deleted.
//
// It takes an administrator's credentials: the operator role may not delete the
// stack.
package teardown

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/catalog"
)

// What teardown calls of each service: it deletes the stack, and else only looks.
type (
	// Stacks is CloudFormation.
	Stacks interface {
		DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
		DescribeStackEvents(context.Context, *cloudformation.DescribeStackEventsInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error)
		DeleteStack(context.Context, *cloudformation.DeleteStackInput, ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error)
	}
	// Models is Bedrock's control plane.
	Models interface {
		ListProvisionedModelThroughputs(context.Context, *bedrock.ListProvisionedModelThroughputsInput, ...func(*bedrock.Options)) (*bedrock.ListProvisionedModelThroughputsOutput, error)
		ListCustomModelDeployments(context.Context, *bedrock.ListCustomModelDeploymentsInput, ...func(*bedrock.Options)) (*bedrock.ListCustomModelDeploymentsOutput, error)
		ListModelCustomizationJobs(context.Context, *bedrock.ListModelCustomizationJobsInput, ...func(*bedrock.Options)) (*bedrock.ListModelCustomizationJobsOutput, error)
		ListCustomModels(context.Context, *bedrock.ListCustomModelsInput, ...func(*bedrock.Options)) (*bedrock.ListCustomModelsOutput, error)
		GetCustomModel(context.Context, *bedrock.GetCustomModelInput, ...func(*bedrock.Options)) (*bedrock.GetCustomModelOutput, error)
		ListTagsForResource(context.Context, *bedrock.ListTagsForResourceInput, ...func(*bedrock.Options)) (*bedrock.ListTagsForResourceOutput, error)
	}
	// Networks is EC2.
	Networks interface {
		DescribeVpcEndpoints(context.Context, *ec2.DescribeVpcEndpointsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointsOutput, error)
	}
	// Objects is S3.
	Objects interface {
		ListObjectVersions(context.Context, *s3.ListObjectVersionsInput, ...func(*s3.Options)) (*s3.ListObjectVersionsOutput, error)
	}
)

// Teardown is one stack in one Region, and what it takes to take it away.
type Teardown struct {
	Stacks   Stacks
	Models   Models
	Networks Networks
	Objects  Objects

	// Stack is the stack's name, and the value of its tag on all it made.
	Stack, Region string
	// Prices is the price table: what has no row in it is unknown.
	Prices *catalog.Prices
	// Poll lies between two questions how far a deletion is, Pause between two
	// looks of a proof.
	Poll, Pause time.Duration
	Now         func() time.Time
}

// The intervals of a teardown in earnest. Bedrock documents no time after which
// a list shows what was made; the lifecycle function leaves as much.
const (
	DefaultPoll  = 5 * time.Second
	DefaultPause = 15 * time.Second
)

// wait sleeps, or returns early with the context's error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// code is the AWS error code of err, "" when it has none.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// deniedCodes are the words of the four services for a missing permission.
var deniedCodes = []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}

// denied says whether a permission was missing.
func denied(err error) bool { return slices.Contains(deniedCodes, code(err)) }

// explain wraps an error with what was being done, and says of a missing
// permission whose credentials it takes.
func explain(doing string, err error) error {
	if denied(err) {
		return fmt.Errorf("%s: %w: a teardown takes an administrator's credentials, such as those the stack was deployed with; the operator role may not delete it", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
