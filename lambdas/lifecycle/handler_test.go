package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
)

const (
	// pause is what the tests' functions leave between two looks.
	pause = 15 * time.Second
	// stepPauses is how long a step may be at work after its execution.
	stepPauses = 8
)

// env is the function's environment.
var env = lambdaenv.Lifecycle{
	Stack: "tuneline", RuleName: "rule", JobSecurityGroupID: "sg-job",
	StateMachineARNs: "arn:machine,arn:sweep", ReleaseStateMachineARN: "arn:release",
}

// account is everything lifecycle can see and change. What is under way goes
// away by itself after as many looks as its number says.
type account struct {
	status      cftypes.StackStatus
	executions  []string
	jobs        map[string]types.FineTuningJobStatus
	throughputs []types.ProvisionedModelSummary
	deployments []types.CustomModelDeploymentSummary
	models      []types.CustomModelSummary
	// interfaces is for how many looks a job's network interface stays once no
	// job goes on.
	interfaces int
	// releases is for how many looks an execution of the release machine runs.
	releases int
	// foreign are the ARNs that carry another stack's tag.
	foreign []string
	// refusals are answered to an operation, one after the other.
	refusals map[string][]error
	// acts are the changes made, in order.
	acts []string
}

func refused(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "refused by the test"}
}

// releasing are the executions of the release machine that run.
func (a *account) releasing() []string {
	if a.releases == 0 {
		return nil
	}
	a.releases--
	return []string{"arn:execution/release"}
}

// refusal answers the next refusal of an operation, if there is one.
func (a *account) refusal(operation string) error {
	list := a.refusals[operation]
	if len(list) == 0 {
		return nil
	}
	a.refusals[operation] = list[1:]
	return list[0]
}

// act notes a change, unless it is refused.
func (a *account) act(operation, on string) error {
	if err := a.refusal(operation); err != nil {
		return err
	}
	a.acts = append(a.acts, strings.TrimSpace(operation+" "+on))
	return nil
}

func (a *account) DescribeStacks(_ context.Context, in *cloudformation.DescribeStacksInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	return &cloudformation.DescribeStacksOutput{Stacks: []cftypes.Stack{{StackId: in.StackName, StackStatus: a.status}}}, a.refusal("DescribeStacks")
}

func (a *account) DisableRule(_ context.Context, in *eventbridge.DisableRuleInput, _ ...func(*eventbridge.Options)) (*eventbridge.DisableRuleOutput, error) {
	if err := a.refusal("DisableRule"); err != nil {
		return nil, err
	}
	if on := "DisableRule " + *in.Name; !slices.Contains(a.acts, on) {
		a.acts = append(a.acts, on)
	}
	return &eventbridge.DisableRuleOutput{}, nil
}

func (a *account) ListExecutions(_ context.Context, in *sfn.ListExecutionsInput, _ ...func(*sfn.Options)) (*sfn.ListExecutionsOutput, error) {
	if in.StatusFilter != sfntypes.ExecutionStatusRunning {
		return nil, fmt.Errorf("asked for %+v", in)
	}
	var list []string
	switch *in.StateMachineArn {
	case "arn:machine":
		list = a.executions
	case "arn:release":
		list = a.releasing()
	case "arn:sweep": // none of it runs
	default:
		return nil, fmt.Errorf("asked for %s", *in.StateMachineArn)
	}
	out := &sfn.ListExecutionsOutput{}
	for _, arn := range list {
		out.Executions = append(out.Executions, sfntypes.ExecutionListItem{ExecutionArn: aws.String(arn)})
	}
	return out, a.refusal("ListExecutions")
}

func (a *account) StopExecution(_ context.Context, in *sfn.StopExecutionInput, _ ...func(*sfn.Options)) (*sfn.StopExecutionOutput, error) {
	a.executions = slices.DeleteFunc(a.executions, func(arn string) bool { return arn == *in.ExecutionArn })
	return &sfn.StopExecutionOutput{}, a.act("StopExecution", *in.ExecutionArn)
}

func (a *account) ListModelCustomizationJobs(_ context.Context, in *bedrock.ListModelCustomizationJobsInput, _ ...func(*bedrock.Options)) (*bedrock.ListModelCustomizationJobsOutput, error) {
	out := &bedrock.ListModelCustomizationJobsOutput{}
	for arn, status := range a.jobs {
		if status == in.StatusEquals {
			out.ModelCustomizationJobSummaries = append(out.ModelCustomizationJobSummaries, types.ModelCustomizationJobSummary{JobArn: aws.String(arn)})
			if status == types.FineTuningJobStatusStopping {
				delete(a.jobs, arn)
			}
		}
	}
	return out, a.refusal("ListModelCustomizationJobs")
}

func (a *account) StopModelCustomizationJob(_ context.Context, in *bedrock.StopModelCustomizationJobInput, _ ...func(*bedrock.Options)) (*bedrock.StopModelCustomizationJobOutput, error) {
	if err := a.act("StopModelCustomizationJob", *in.JobIdentifier); err != nil {
		return nil, err
	}
	a.jobs[*in.JobIdentifier] = types.FineTuningJobStatusStopping
	return &bedrock.StopModelCustomizationJobOutput{}, nil
}

func (a *account) ListProvisionedModelThroughputs(context.Context, *bedrock.ListProvisionedModelThroughputsInput, ...func(*bedrock.Options)) (*bedrock.ListProvisionedModelThroughputsOutput, error) {
	return &bedrock.ListProvisionedModelThroughputsOutput{ProvisionedModelSummaries: slices.Clone(a.throughputs)}, a.refusal("ListProvisionedModelThroughputs")
}

func (a *account) DeleteProvisionedModelThroughput(_ context.Context, in *bedrock.DeleteProvisionedModelThroughputInput, _ ...func(*bedrock.Options)) (*bedrock.DeleteProvisionedModelThroughputOutput, error) {
	if err := a.act("DeleteProvisionedModelThroughput", *in.ProvisionedModelId); err != nil {
		return nil, err
	}
	a.throughputs = slices.DeleteFunc(a.throughputs, func(t types.ProvisionedModelSummary) bool {
		return *t.ProvisionedModelArn == *in.ProvisionedModelId
	})
	return &bedrock.DeleteProvisionedModelThroughputOutput{}, nil
}

func (a *account) ListCustomModelDeployments(context.Context, *bedrock.ListCustomModelDeploymentsInput, ...func(*bedrock.Options)) (*bedrock.ListCustomModelDeploymentsOutput, error) {
	return &bedrock.ListCustomModelDeploymentsOutput{ModelDeploymentSummaries: slices.Clone(a.deployments)}, a.refusal("ListCustomModelDeployments")
}

func (a *account) DeleteCustomModelDeployment(_ context.Context, in *bedrock.DeleteCustomModelDeploymentInput, _ ...func(*bedrock.Options)) (*bedrock.DeleteCustomModelDeploymentOutput, error) {
	if err := a.act("DeleteCustomModelDeployment", *in.CustomModelDeploymentIdentifier); err != nil {
		return nil, err
	}
	a.deployments = slices.DeleteFunc(a.deployments, func(d types.CustomModelDeploymentSummary) bool {
		return *d.CustomModelDeploymentArn == *in.CustomModelDeploymentIdentifier
	})
	return &bedrock.DeleteCustomModelDeploymentOutput{}, nil
}

func (a *account) ListCustomModels(context.Context, *bedrock.ListCustomModelsInput, ...func(*bedrock.Options)) (*bedrock.ListCustomModelsOutput, error) {
	return &bedrock.ListCustomModelsOutput{ModelSummaries: a.models}, a.refusal("ListCustomModels")
}

func (a *account) ListTagsForResource(_ context.Context, in *bedrock.ListTagsForResourceInput, _ ...func(*bedrock.Options)) (*bedrock.ListTagsForResourceOutput, error) {
	stack := "tuneline"
	if slices.Contains(a.foreign, *in.ResourceARN) {
		stack = "another"
	}
	return &bedrock.ListTagsForResourceOutput{Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("tuneline")}, {Key: aws.String(finetune.TagStack), Value: &stack}}}, a.refusal("ListTagsForResource")
}

func (a *account) DescribeNetworkInterfaces(_ context.Context, in *ec2.DescribeNetworkInterfacesInput, _ ...func(*ec2.Options)) (*ec2.DescribeNetworkInterfacesOutput, error) {
	if f := in.Filters; len(f) != 1 || *f[0].Name != "group-id" || !slices.Equal(f[0].Values, []string{"sg-job"}) {
		return nil, fmt.Errorf("asked for %+v", f)
	}
	if err := a.refusal("DescribeNetworkInterfaces"); err != nil {
		return nil, err
	}
	out := &ec2.DescribeNetworkInterfacesOutput{}
	if a.interfaces > 0 {
		a.interfaces--
		out.NetworkInterfaces = []ec2types.NetworkInterface{{NetworkInterfaceId: aws.String("eni-1"), Status: ec2types.NetworkInterfaceStatusInUse}}
	}
	return out, nil
}

// busy is an account in the middle of everything, next to another stack's.
func busy(status cftypes.StackStatus) *account {
	return &account{
		status: status, executions: []string{"arn:execution/1", "arn:execution/2"},
		jobs:        map[string]types.FineTuningJobStatus{"arn:job/1": types.FineTuningJobStatusInProgress, "arn:job/foreign": types.FineTuningJobStatusInProgress},
		throughputs: []types.ProvisionedModelSummary{throughput("arn:pt/1"), throughput("arn:pt/foreign")},
		deployments: []types.CustomModelDeploymentSummary{deployment("arn:deployment/1"), deployment("arn:deployment/foreign")},
		models:      []types.CustomModelSummary{{ModelArn: aws.String("arn:model/1"), ModelName: aws.String("support-1")}, {ModelArn: aws.String("arn:model/foreign")}},
		interfaces:  2,
		foreign:     []string{"arn:job/foreign", "arn:pt/foreign", "arn:deployment/foreign", "arn:model/foreign"},
		refusals:    map[string][]error{},
	}
}

func throughput(arn string) types.ProvisionedModelSummary {
	return types.ProvisionedModelSummary{ProvisionedModelArn: &arn, Status: types.ProvisionedModelStatusInService}
}

func deployment(arn string) types.CustomModelDeploymentSummary {
	return types.CustomModelDeploymentSummary{CustomModelDeploymentArn: &arn, Status: types.CustomModelDeploymentStatusActive}
}

// answer is what CloudFormation is told.
type answer struct {
	Status, Reason, PhysicalResourceID, RequestID, StackID, LogicalResourceID string
}

// asked is one request of CloudFormation, answered over HTTP as in earnest.
// The time that pausing takes passes at once.
func asked(t *testing.T, a *account, request cfn.RequestType) (answer, time.Duration, string) {
	t.Helper()
	var got answer
	answers := 0
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		answers++
		body, err := io.ReadAll(r.Body)
		if err != nil || len(body) > 4096 || r.Method != http.MethodPut {
			t.Errorf("%s with %d bytes: %v", r.Method, len(body), err)
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	h := newHandler(clients{a, a, a, a, a}, env, pause, stepPauses)
	var log bytes.Buffer
	h.log = slog.New(slog.NewJSONHandler(&log, nil))
	var paused time.Duration
	h.now = func() time.Time { return time.Now().Add(paused) }
	h.sleep = func(_ context.Context, d time.Duration) error { paused += d; return nil }
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	_, err := cfn.LambdaWrap(h.Handle)(ctx, cfn.Event{RequestType: request, RequestID: "request", ResponseURL: server.URL, StackID: "arn:stack", LogicalResourceID: "Lifecycle", PhysicalResourceID: physicalID})
	if err != nil || answers != 1 {
		t.Errorf("answered %d times, %v", answers, err)
	}
	if got.PhysicalResourceID != physicalID || got.RequestID != "request" || got.StackID != "arn:stack" || got.LogicalResourceID != "Lifecycle" {
		t.Errorf("the answer is %+v", got)
	}
	return got, paused, log.String()
}

// inOrder is what is done of a busy account.
var inOrder = []string{
	"DisableRule rule", "StopExecution arn:execution/1", "StopExecution arn:execution/2",
	"StopModelCustomizationJob arn:job/1", "DeleteProvisionedModelThroughput arn:pt/1", "DeleteCustomModelDeployment arn:deployment/1",
}

func TestStackGoes(t *testing.T) {
	for _, status := range []cftypes.StackStatus{cftypes.StackStatusDeleteInProgress, cftypes.StackStatusRollbackInProgress} {
		t.Run(string(status), func(t *testing.T) {
			a := busy(status)
			got, _, log := asked(t, a, cfn.RequestDelete)
			if got.Status != "SUCCESS" {
				t.Errorf("answered %+v", got)
			}
			if !slices.Equal(a.acts, inOrder) {
				t.Errorf("done\ngot  %q\nwant %q", a.acts, inOrder)
			}
			if a.interfaces != 0 || len(a.jobs) != 1 || len(a.throughputs) != 1 || len(a.deployments) != 1 {
				t.Errorf("left are %+v", a)
			}
			if !strings.Contains(log, "aws bedrock delete-custom-model --model-identifier arn:model/1") || strings.Contains(log, "arn:model/foreign") {
				t.Errorf("the log names other models than the stack's: %s", log)
			}
			again, paused, _ := asked(t, a, cfn.RequestDelete)
			if again.Status != "SUCCESS" || !slices.Equal(a.acts, inOrder) || paused != pause {
				t.Errorf("the second time: %+v after %v, done %q", again, paused, a.acts)
			}
		})
	}
}

// TestStackStays: nothing is touched unless the whole stack goes.
func TestStackStays(t *testing.T) {
	requests := map[cfn.RequestType][]cftypes.StackStatus{
		cfn.RequestCreate: {cftypes.StackStatusCreateInProgress},
		cfn.RequestUpdate: {cftypes.StackStatusUpdateInProgress},
		cfn.RequestDelete: {
			cftypes.StackStatusUpdateCompleteCleanupInProgress, cftypes.StackStatusUpdateRollbackInProgress,
			cftypes.StackStatusUpdateRollbackCompleteCleanupInProgress, cftypes.StackStatusUpdateInProgress,
		},
	}
	for request, statuses := range requests {
		for _, status := range statuses {
			a := busy(status)
			if got, _, _ := asked(t, a, request); got.Status != "SUCCESS" || len(a.acts) != 0 {
				t.Errorf("%s in %s: answered %+v, done %q", request, status, got, a.acts)
			}
		}
	}
	a := busy(cftypes.StackStatusDeleteInProgress)
	a.refusals["DescribeStacks"] = []error{refused("AccessDenied")}
	if got, _, _ := asked(t, a, cfn.RequestDelete); got.Status != "FAILED" || !strings.Contains(got.Reason, "nothing was touched") || len(a.acts) != 0 {
		t.Errorf("not knowing: answered %+v, done %q", got, a.acts)
	}
}

// TestCommitment: what only the end of a term releases is named, at once, and
// everything else is released all the same.
func TestCommitment(t *testing.T) {
	a := busy(cftypes.StackStatusDeleteInProgress)
	a.throughputs[0].CommitmentExpirationTime = aws.Time(time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC))
	a.refusals["DeleteProvisionedModelThroughput"] = slices.Repeat([]error{refused(invalid)}, 100)
	got, paused, _ := asked(t, a, cfn.RequestDelete)
	if got.Status != "FAILED" || paused > 3*time.Minute {
		t.Errorf("answered %+v after %v", got, paused)
	}
	for _, want := range []string{"arn:pt/1", "2027-01-02T03:04:05Z", "aws bedrock delete-provisioned-model-throughput --provisioned-model-id arn:pt/1"} {
		if !strings.Contains(got.Reason, want) {
			t.Errorf("the reason %q does not say %q", got.Reason, want)
		}
	}
	if want := slices.DeleteFunc(slices.Clone(inOrder), func(act string) bool { return strings.HasPrefix(act, "DeleteProvisioned") }); !slices.Equal(a.acts, want) {
		t.Errorf("done\ngot  %q\nwant %q", a.acts, want)
	}
}

// TestWaitsForChanges: what is being created cannot be deleted yet.
func TestWaitsForChanges(t *testing.T) {
	a := busy(cftypes.StackStatusDeleteInProgress)
	a.throughputs[0].Status = types.ProvisionedModelStatusCreating
	a.refusals["DeleteProvisionedModelThroughput"] = []error{refused(conflict), refused(invalid)}
	a.deployments[0].Status = types.CustomModelDeploymentStatusCreating
	a.refusals["DeleteCustomModelDeployment"] = []error{refused(conflict), refused(invalid)}
	a.refusals["StopModelCustomizationJob"] = []error{refused(conflict)}
	a.refusals["ListModelCustomizationJobs"] = []error{refused("ThrottlingException")}
	if got, _, _ := asked(t, a, cfn.RequestDelete); got.Status != "SUCCESS" {
		t.Errorf("answered %+v", got)
	}
	if len(a.throughputs) != 1 || len(a.deployments) != 1 || len(a.jobs) != 1 {
		t.Errorf("left are %+v", a)
	}
}

// TestWaitsForJobs: a job that is stopping is waited for, even when no network
// interface shows.
func TestWaitsForJobs(t *testing.T) {
	a := &account{status: cftypes.StackStatusDeleteInProgress, jobs: map[string]types.FineTuningJobStatus{"arn:job/1": types.FineTuningJobStatusInProgress}, refusals: map[string][]error{}}
	got, paused, _ := asked(t, a, cfn.RequestDelete)
	if got.Status != "SUCCESS" || paused != 2*pause {
		t.Errorf("answered %+v after %v; want after %v", got, paused, 2*pause)
	}
}

// TestWaitsForSteps: stopping an execution stops no function, so what a step at
// work buys after two empty looks is still found; it is waited for until no
// function of a stopped execution can run, and a release machine as well.
func TestWaitsForSteps(t *testing.T) {
	for name, test := range map[string]struct {
		releases int
		looks    int
	}{
		"the step":                 {0, stepPauses + 2},
		"a release that is longer": {stepPauses + 5, stepPauses + 6},
	} {
		t.Run(name, func(t *testing.T) {
			a := &account{status: cftypes.StackStatusDeleteInProgress, executions: []string{"arn:execution/1"}, releases: test.releases, refusals: map[string][]error{}}
			late := &arrives{account: a, at: stepPauses}
			h := newHandler(clients{a, a, a, late, a}, env, pause, stepPauses)
			h.log = slog.New(slog.DiscardHandler)
			h.sleep = func(context.Context, time.Duration) error { return nil }
			if err := h.clear(t.Context()); err != nil || len(a.throughputs) != 0 || late.looks != test.looks {
				t.Errorf("%v after %d looks, want %d; left %+v", err, late.looks, test.looks, a.throughputs)
			}
		})
	}
}

// TestReleaseThatGoesOn: a run whose record is not closed in time is no reason
// to keep a stack of which nothing is billed any more.
func TestReleaseThatGoesOn(t *testing.T) {
	a := &account{status: cftypes.StackStatusDeleteInProgress, releases: 1000, refusals: map[string][]error{}}
	got, paused, log := asked(t, a, cfn.RequestDelete)
	if got.Status != "SUCCESS" || paused < 12*time.Minute || !strings.Contains(log, "arn:execution/release") {
		t.Errorf("answered %+v after %v: %s", got, paused, log)
	}
}

// TestSomethingComesLate: what a step made after the first look found nothing
// is found by the second.
func TestSomethingComesLate(t *testing.T) {
	a := &account{status: cftypes.StackStatusDeleteInProgress, refusals: map[string][]error{}}
	late := &arrives{account: a, at: 2}
	h := newHandler(clients{a, a, a, late, a}, env, pause, stepPauses)
	h.log = slog.New(slog.DiscardHandler)
	h.sleep = func(context.Context, time.Duration) error { return nil }
	if err := h.clear(t.Context()); err != nil || len(a.throughputs) != 0 || late.looks != 4 {
		t.Errorf("%v after %d looks; left %+v", err, late.looks, a.throughputs)
	}
}

// arrives has a throughput from one look on.
type arrives struct {
	*account
	looks, at int
}

func (a *arrives) ListProvisionedModelThroughputs(ctx context.Context, in *bedrock.ListProvisionedModelThroughputsInput, options ...func(*bedrock.Options)) (*bedrock.ListProvisionedModelThroughputsOutput, error) {
	if a.looks++; a.looks == a.at {
		a.throughputs = []types.ProvisionedModelSummary{throughput("arn:pt/late")}
	}
	return a.account.ListProvisionedModelThroughputs(ctx, in, options...)
}

// TestAnswersInTime: before the function's own time is up, with everything
// that is left in the reason.
func TestAnswersInTime(t *testing.T) {
	a := busy(cftypes.StackStatusDeleteInProgress)
	a.interfaces = 1000
	got, paused, _ := asked(t, a, cfn.RequestDelete)
	if got.Status != "FAILED" || !strings.Contains(got.Reason, "eni-1") || !strings.Contains(got.Reason, "again") {
		t.Errorf("answered %+v", got)
	}
	if paused < 12*time.Minute || paused > 15*time.Minute-margin {
		t.Errorf("answered after %v", paused)
	}
	h := newHandler(clients{a, a, a, a, a}, env, pause, stepPauses)
	h.log = slog.New(slog.DiscardHandler)
	pauses := 0
	h.sleep = func(context.Context, time.Duration) error { pauses++; return nil }
	if err := h.clear(t.Context()); err == nil || pauses != maxLooks-1 {
		t.Errorf("without a deadline: %v after %d pauses", err, pauses)
	}
}

// TestHopeless: a failure that no waiting mends is answered at once, after
// everything that could be done was done.
func TestHopeless(t *testing.T) {
	for operation, says := range map[string]string{
		"DisableRule":                     "disabling rule rule",
		"ListExecutions":                  "listing the executions of arn:machine",
		"StopExecution":                   "stopping execution arn:execution/1",
		"StopModelCustomizationJob":       "--job-identifier arn:job/1",
		"ListProvisionedModelThroughputs": "listing provisioned throughputs",
		"DeleteCustomModelDeployment":     "--custom-model-deployment-identifier arn:deployment/1",
		"DescribeNetworkInterfaces":       "sg-job",
		"ListTagsForResource":             "reading the tags",
	} {
		t.Run(operation, func(t *testing.T) {
			a := busy(cftypes.StackStatusDeleteInProgress)
			a.refusals[operation] = []error{refused("AccessDeniedException")}
			got, paused, _ := asked(t, a, cfn.RequestDelete)
			if got.Status != "FAILED" || !strings.Contains(got.Reason, says) || paused != 0 {
				t.Errorf("answered %+v after %v", got, paused)
			}
			if len(a.acts) < 4 {
				t.Errorf("done is only %q", a.acts)
			}
		})
	}
	if long := clip(strings.Repeat("x", 5000)); len(long) > 4000-500 {
		t.Errorf("a reason of %d bytes is sent", len(long))
	}
}
