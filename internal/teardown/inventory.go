package teardown

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
)

// Inventory is what there is of a stack: what its deletion releases, and what
// outlives it.
type Inventory struct {
	Stack       Stack        `json:"stack"`
	Throughputs []Throughput `json:"provisionedThroughputs"`
	Deployments []Deployment `json:"deployments"`
	Jobs        []Job        `json:"jobs"`
	Endpoints   []Endpoint   `json:"interfaceEndpoints"`
	Kept        Kept         `json:"kept"`
	// Foreign are ARNs of provisioned throughputs that serve one of the stack's
	// models and do not carry its tag: somebody else bought them, nothing here
	// deletes them, and they are billed by the hour.
	Foreign []string `json:"notTheStacks"`
}

// Stack is what CloudFormation says of the stack.
type Stack struct {
	Name   string `json:"name"`
	Region string `json:"region"`
	// ID and Status are "" when there is no such stack (any more).
	ID     string `json:"id,omitempty"`
	Status string `json:"status,omitempty"`
	// Protected is set while termination protection forbids the deletion.
	Protected bool              `json:"terminationProtection,omitempty"`
	Outputs   map[string]string `json:"-"`
}

// Gone says whether there is no stack of the name any more.
func (s Stack) Gone() bool { return s.ID == "" }

// Throughput is a provisioned throughput: billed by the hour and model unit
// until it is deleted.
type Throughput struct {
	ARN    string `json:"arn"`
	Name   string `json:"name"`
	Status string `json:"status"`
	// BaseModel is the base model's id, by which a unit is priced.
	BaseModel string `json:"baseModel"`
	Units     int    `json:"modelUnits"`
	// Commitment is "", OneMonth or SixMonths; CommittedUntil is the end of its
	// term, before which it cannot be deleted, and after which it renews by itself.
	Commitment     string     `json:"commitment,omitempty"`
	CommittedUntil *time.Time `json:"committedUntil,omitempty"`
	Hourly         Price      `json:"usdPerHour"`
	Monthly        Price      `json:"usdPerMonth"`
	Command        string     `json:"command"`
}

// Held says whether a commitment keeps the throughput at a time.
func (t Throughput) Held(at time.Time) bool {
	return t.CommittedUntil != nil && at.Before(*t.CommittedUntil)
}

// Deployment is a custom model deployment, billed by the token and nothing by
// the hour.
type Deployment struct {
	ARN     string `json:"arn"`
	Name    string `json:"name"`
	Status  string `json:"status"`
	Command string `json:"command"`
}

// Job is a model customization job that goes on; what it trained is billed.
type Job struct {
	ARN     string `json:"arn"`
	Name    string `json:"name"`
	Status  string `json:"status"`
	Command string `json:"command"`
}

// Endpoint is an interface endpoint of the stack's VPC, billed by the hour in
// each of its zones, whether used or not.
type Endpoint struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	State   string `json:"state"`
	Zones   int    `json:"zones"`
	Command string `json:"command"`
}

// Inventory looks at everything once.
func (t Teardown) Inventory(ctx context.Context) (Inventory, error) {
	stack, err := t.describe(ctx, t.Stack)
	if err != nil {
		return Inventory{}, err
	}
	found, err := t.look(ctx)
	if err != nil {
		return Inventory{}, err
	}
	found.Stack = stack
	if found.Kept, err = t.kept(ctx, stack); err != nil {
		return Inventory{}, err
	}
	found.Foreign, err = t.foreign(ctx, found)
	return found, err
}

// look finds what is billed by the hour, or would become it. Everything is
// found by the stack's tag, read of each resource.
func (t Teardown) look(ctx context.Context) (Inventory, error) {
	// Empty, not nil: a program reads lists.
	found := Inventory{Throughputs: []Throughput{}, Deployments: []Deployment{}, Jobs: []Job{}, Endpoints: []Endpoint{}}
	for _, part := range []func(context.Context, *Inventory) error{t.findThroughputs, t.findDeployments, t.findJobs, t.findEndpoints} {
		if err := part(ctx, &found); err != nil {
			return Inventory{}, err
		}
	}
	return found, nil
}

// ours says whether a Bedrock resource carries the stack's tag. One that went
// between the list and this question is nobody's.
func (t Teardown) ours(ctx context.Context, arn string) (bool, error) {
	out, err := t.Models.ListTagsForResource(ctx, &bedrock.ListTagsForResourceInput{ResourceARN: &arn})
	if code(err) == "ResourceNotFoundException" {
		return false, nil
	}
	if err != nil {
		return false, explain("reading the tags of "+arn, err)
	}
	for _, tag := range out.Tags {
		if aws.ToString(tag.Key) == finetune.TagStack && aws.ToString(tag.Value) == t.Stack {
			return true, nil
		}
	}
	return false, nil
}

// eachThroughput calls do with every provisioned throughput of the account.
func (t Teardown) eachThroughput(ctx context.Context, do func(types.ProvisionedModelSummary) error) error {
	pages := bedrock.NewListProvisionedModelThroughputsPaginator(t.Models, &bedrock.ListProvisionedModelThroughputsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explain("listing provisioned throughputs", err)
		}
		for _, summary := range page.ProvisionedModelSummaries {
			if err := do(summary); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t Teardown) findThroughputs(ctx context.Context, found *Inventory) error {
	return t.eachThroughput(ctx, func(s types.ProvisionedModelSummary) error {
		ours, err := t.ours(ctx, aws.ToString(s.ProvisionedModelArn))
		if ours {
			found.Throughputs = append(found.Throughputs, t.throughput(s))
		}
		return err
	})
}

// throughput is a provisioned throughput with its price. The price is the base
// model's, of the model it serves now.
func (t Teardown) throughput(s types.ProvisionedModelSummary) Throughput {
	arn, units := aws.ToString(s.ProvisionedModelArn), int(aws.ToInt32(s.ModelUnits))
	base := BaseModelOf(aws.ToString(s.ModelArn))
	hourly := t.price(base, catalog.ItemUnitHour, string(s.CommitmentDuration)).times(float64(units))
	return Throughput{
		ARN: arn, Name: aws.ToString(s.ProvisionedModelName), Status: string(s.Status), BaseModel: base, Units: units,
		Commitment: string(s.CommitmentDuration), CommittedUntil: s.CommitmentExpirationTime,
		Hourly: hourly, Monthly: hourly.times(finetune.HoursPerMonth),
		Command: "aws bedrock delete-provisioned-model-throughput --provisioned-model-id " + arn + t.inRegion(),
	}
}

// BaseModelOf is the id of the base model in the ARN of a custom model
// (arn:…:custom-model/<base model>/<id>) or of a base model
// (arn:…::foundation-model/<base model>), "" for any other ARN
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ProvisionedModelSummary.html).
func BaseModelOf(arn string) string {
	for _, kind := range []string{":custom-model/", ":foundation-model/"} {
		if _, rest, ok := strings.Cut(arn, kind); ok {
			base, _, _ := strings.Cut(rest, "/")
			return base
		}
	}
	return ""
}

func (t Teardown) findDeployments(ctx context.Context, found *Inventory) error {
	pages := bedrock.NewListCustomModelDeploymentsPaginator(t.Models, &bedrock.ListCustomModelDeploymentsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explain("listing custom model deployments", err)
		}
		for _, d := range page.ModelDeploymentSummaries {
			arn := aws.ToString(d.CustomModelDeploymentArn)
			ours, err := t.ours(ctx, arn)
			if err != nil {
				return err
			}
			if ours {
				found.Deployments = append(found.Deployments, Deployment{
					ARN: arn, Name: aws.ToString(d.CustomModelDeploymentName), Status: string(d.Status),
					Command: "aws bedrock delete-custom-model-deployment --custom-model-deployment-identifier " + arn + t.inRegion(),
				})
			}
		}
	}
	return nil
}

// findJobs finds the jobs that are not at their end.
func (t Teardown) findJobs(ctx context.Context, found *Inventory) error {
	for _, status := range []types.FineTuningJobStatus{types.FineTuningJobStatusInProgress, types.FineTuningJobStatusStopping} {
		pages := bedrock.NewListModelCustomizationJobsPaginator(t.Models, &bedrock.ListModelCustomizationJobsInput{StatusEquals: status})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return explain(fmt.Sprintf("listing jobs in status %s", status), err)
			}
			for _, j := range page.ModelCustomizationJobSummaries {
				arn := aws.ToString(j.JobArn)
				ours, err := t.ours(ctx, arn)
				if err != nil {
					return err
				}
				if ours {
					found.Jobs = append(found.Jobs, Job{
						ARN: arn, Name: aws.ToString(j.JobName), Status: string(status),
						Command: "aws bedrock stop-model-customization-job --job-identifier " + arn + t.inRegion(),
					})
				}
			}
		}
	}
	return nil
}

// findEndpoints finds the interface endpoints with the stack's tag. Gateway
// endpoints cost nothing.
func (t Teardown) findEndpoints(ctx context.Context, found *Inventory) error {
	pages := ec2.NewDescribeVpcEndpointsPaginator(t.Networks, &ec2.DescribeVpcEndpointsInput{Filters: []ec2types.Filter{
		{Name: aws.String("tag:" + finetune.TagStack), Values: []string{t.Stack}},
		{Name: aws.String("vpc-endpoint-type"), Values: []string{"Interface"}},
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explain("looking for interface endpoints", err)
		}
		for _, e := range page.VpcEndpoints {
			if strings.EqualFold(string(e.State), "deleted") {
				continue
			}
			id := aws.ToString(e.VpcEndpointId)
			found.Endpoints = append(found.Endpoints, Endpoint{
				ID: id, Service: aws.ToString(e.ServiceName), State: string(e.State), Zones: len(e.SubnetIds),
				Command: "aws ec2 delete-vpc-endpoints --vpc-endpoint-ids " + id + t.inRegion(),
			})
		}
	}
	return nil
}

// foreign finds the provisioned throughputs that serve the stack's models and
// are not the stack's.
func (t Teardown) foreign(ctx context.Context, found Inventory) ([]string, error) {
	theirs := map[string]bool{}
	for _, m := range found.Kept.Models {
		theirs[m.ARN] = m.Ours
	}
	known := map[string]bool{}
	for _, own := range found.Throughputs {
		known[own.ARN] = true
	}
	list := []string{}
	err := t.eachThroughput(ctx, func(s types.ProvisionedModelSummary) error {
		if arn := aws.ToString(s.ProvisionedModelArn); theirs[aws.ToString(s.ModelArn)] && !known[arn] {
			list = append(list, arn)
		}
		return nil
	})
	return list, err
}

// inRegion ends every command that is printed, so that it can be copied into any
// shell.
func (t Teardown) inRegion() string { return " --region " + t.Region }
