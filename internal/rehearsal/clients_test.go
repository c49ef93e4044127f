package rehearsal

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbedrock "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// Ensure the Go SDK's clients see of a run what they would see on AWS.
func TestSDKClients(t *testing.T) {
	for _, w := range bothWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, w.example, w.scenario)
			run, _ := f.train("m", w.data, finetune.EndDeployed)
			f.seeJobAndModel(run)
			f.seeThroughput(w, run)
			f.seeExecution(run)
			f.seeObjects(run, w.data)
			if got := f.askBase(run.Endpoint.ModelID, question(3)); got != fact("a", 3) {
				t.Errorf("Converse answers %q, want %q", got, fact("a", 3))
			}
		})
	}
}

// seeJobAndModel asks the control plane for the run's job and custom model.
func (f *fixture) seeJobAndModel(run registry.Run) {
	f.t.Helper()
	client, ctx := f.Operator().Bedrock, f.t.Context()
	jobs, err := client.ListModelCustomizationJobs(ctx, &awsbedrock.ListModelCustomizationJobsInput{NameContains: aws.String(string(run.ID))})
	if err != nil || len(jobs.ModelCustomizationJobSummaries) != 1 || aws.ToString(jobs.ModelCustomizationJobSummaries[0].JobArn) != run.Job.ARN {
		f.t.Fatalf("ListModelCustomizationJobs: %+v, %v; want %s", jobs, err, run.Job.ARN)
	}
	job, err := client.GetModelCustomizationJob(ctx, &awsbedrock.GetModelCustomizationJobInput{JobIdentifier: &run.Job.ARN})
	if err != nil {
		f.t.Fatal(err)
	}
	if job.Status != "Completed" || job.VpcConfig == nil || len(job.VpcConfig.SubnetIds) < 2 || aws.ToString(job.OutputModelArn) != run.CustomModel.ARN ||
		aws.ToString(job.TrainingDataConfig.S3Uri) != finetune.S3URI(f.Bucket(), finetune.AcceptedTrainingKey(run.ID)) {
		f.t.Errorf("GetModelCustomizationJob: %+v; want it Completed, in the VPC, on the accepted copy", job)
	}
	models, err := client.ListCustomModels(ctx, &awsbedrock.ListCustomModelsInput{IsOwned: aws.Bool(true)})
	if err != nil || len(models.ModelSummaries) != 1 || aws.ToString(models.ModelSummaries[0].ModelArn) != run.CustomModel.ARN {
		f.t.Errorf("ListCustomModels: %+v, %v; want %s", models, err, run.CustomModel.ARN)
	}
}

// seeThroughput asks the control plane for what the run is served by.
func (f *fixture) seeThroughput(w way, run registry.Run) {
	f.t.Helper()
	var status, model string
	var err error
	if w.name == onDemand.name {
		var out *awsbedrock.GetCustomModelDeploymentOutput
		out, err = f.Operator().Bedrock.GetCustomModelDeployment(f.t.Context(), &awsbedrock.GetCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &run.Endpoint.ModelID})
		if err == nil {
			status, model = string(out.Status), aws.ToString(out.ModelArn)
		}
	} else {
		var out *awsbedrock.GetProvisionedModelThroughputOutput
		out, err = f.Operator().Bedrock.GetProvisionedModelThroughput(f.t.Context(), &awsbedrock.GetProvisionedModelThroughputInput{ProvisionedModelId: &run.Endpoint.ModelID})
		if err == nil {
			status, model = string(out.Status), aws.ToString(out.ModelArn)
		}
	}
	if err != nil || !slices.Contains([]string{"Active", "InService"}, status) || model != run.CustomModel.ARN {
		f.t.Errorf("%s is %s and serves %s, %v; want it ready, with %s", run.Endpoint.ModelID, status, model, err, run.CustomModel.ARN)
	}
}

// seeExecution asks Step Functions for the run's execution, list and history.
func (f *fixture) seeExecution(run registry.Run) {
	f.t.Helper()
	client, ctx := f.Operator().SFN, f.t.Context()
	execution, err := client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &run.ExecutionARN})
	if err != nil || execution.Status != sfntypes.ExecutionStatusSucceeded || execution.StopDate == nil || !strings.Contains(aws.ToString(execution.Output), run.Endpoint.ModelID) {
		f.t.Errorf("DescribeExecution: %+v, %v; want it SUCCEEDED with the endpoint", execution, err)
	}
	machine := f.Machine().ARN
	list, err := client.ListExecutions(ctx, &sfn.ListExecutionsInput{StateMachineArn: &machine, StatusFilter: sfntypes.ExecutionStatusSucceeded})
	if err != nil || len(list.Executions) != 1 || aws.ToString(list.Executions[0].ExecutionArn) != run.ExecutionARN {
		f.t.Errorf("ListExecutions: %+v, %v; want %s", list, err, run.ExecutionARN)
	}
	last, err := client.GetExecutionHistory(ctx, &sfn.GetExecutionHistoryInput{ExecutionArn: &run.ExecutionARN, ReverseOrder: true, MaxResults: 1})
	if err != nil || len(last.Events) != 1 || last.Events[0].Type != sfntypes.HistoryEventTypeExecutionSucceeded {
		f.t.Errorf("GetExecutionHistory: %+v, %v; want ExecutionSucceeded last", last, err)
	}
}

// writeCheck is the object Bedrock writes to see whether it may.
const writeCheck = ".write_access_check_file.tmp"

// seeObjects reads the accepted copy, and the metrics Bedrock wrote.
func (f *fixture) seeObjects(run registry.Run, data string) {
	f.t.Helper()
	bucket, key := f.Bucket(), finetune.AcceptedTrainingKey(run.ID)
	out, err := f.Operator().S3.GetObject(f.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		f.t.Fatal(err)
	}
	text, err := io.ReadAll(out.Body)
	if err != nil || string(text) != data || out.ServerSideEncryption != "aws:kms" || !strings.HasSuffix(f.Stack.Outputs["KeyArn"].Value, aws.ToString(out.SSEKMSKeyId)) {
		f.t.Errorf("the accepted copy has %d bytes, encrypted with %s %s, %v; want what was uploaded, under the stack's key", len(text), out.ServerSideEncryption, aws.ToString(out.SSEKMSKeyId), err)
	}
	if err := out.Body.Close(); err != nil {
		f.t.Error(err)
	}
	// The object of its write check stays, since its role may delete nothing.
	wrote := f.keys(finetune.OutputPrefix(run.ID))
	if len(wrote) != 2 || !strings.HasSuffix(wrote[0], writeCheck) || !strings.HasSuffix(wrote[1], "step_wise_training_metrics.csv") {
		f.t.Errorf("Bedrock wrote %q, want its write check and the training metrics", wrote)
	}
}

// Ensure the machine's own AWS CLI works against the rehearsal, from the upload
// command that the stack's outputs name to the answer. Where there is no CLI,
// or none that knows an operation, the test says so: the Go SDK's clients were
// held to the same above.
func TestCommandLine(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		t.Log("no AWS CLI was tried: there is none on the PATH")
		return
	}
	for _, w := range bothWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, w.example, w.scenario)
			run := f.uploadByCommand(cli, w.data)
			for _, c := range f.commands(w, run) {
				t.Run(c.args[0]+" "+c.args[1], func(t *testing.T) {
					t.Parallel()
					got, known := f.command(t, cli, "", c.args...)
					if !known {
						t.Logf("not tried: this AWS CLI does not know aws %s %s", c.args[0], c.args[1])
						return
					}
					if !strings.Contains(got, quoted(c.want)) {
						t.Errorf("aws %s answers %s, want %s", strings.Join(c.args, " "), got, quoted(c.want))
					}
				})
			}
		})
	}
}

// command is a command of the AWS CLI, and a string in its answer.
type command struct {
	args []string
	want string
}

// commands are what a person asks about a run.
func (f *fixture) commands(w way, run registry.Run) []command {
	if w.name == provisioned.name {
		return []command{{[]string{"bedrock", "get-provisioned-model-throughput", "--provisioned-model-id", run.Endpoint.ModelID, "--query", "status"}, "InService"}}
	}
	messages := `[{"role":"user","content":[{"text":` + quoted(question(2)) + `}]}]`
	return []command{
		{[]string{"bedrock", "list-model-customization-jobs", "--query", "modelCustomizationJobSummaries[].jobArn"}, run.Job.ARN},
		{[]string{"bedrock", "get-model-customization-job", "--job-identifier", run.Job.ARN, "--query", "outputModelArn"}, run.CustomModel.ARN},
		{[]string{"bedrock", "list-custom-models", "--query", "modelSummaries[].modelName"}, nameOf(run)},
		{[]string{"bedrock", "get-custom-model-deployment", "--custom-model-deployment-identifier", run.Endpoint.ModelID, "--query", "status"}, "Active"},
		{[]string{"bedrock-runtime", "converse", "--model-id", run.Endpoint.ModelID, "--messages", messages, "--query", "output.message.content[0].text"}, fact("a", 2)},
		{[]string{"stepfunctions", "describe-execution", "--execution-arn", run.ExecutionARN, "--query", "status"}, "SUCCEEDED"},
	}
}

// uploadByCommand drops a data set by the command of the stack's outputs, and
// waits for the end of its run.
func (f *fixture) uploadByCommand(cli, data string) registry.Run {
	f.t.Helper()
	dir := f.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "train.jsonl"), []byte(data), 0o600); err != nil {
		f.t.Fatal(err)
	}
	words := strings.Fields(f.Stack.Outputs["UploadCommand"].Value)
	if words[0] != "aws" {
		f.t.Fatalf("the upload command is %q, want one of the AWS CLI", words)
	}
	if _, known := f.command(f.t, cli, dir, words[1:]...); !known {
		f.t.Fatalf("this AWS CLI does not know %q", words)
	}
	f.eventually("the upload started an execution", func() bool { return len(f.Started()) == 1 })
	execution := f.end()
	run := f.run(f.runOf(execution.ARN))
	f.checkEnd(run, execution, finetune.EndDeployed)
	return run
}

// command runs the AWS CLI in a folder, with the operator's credentials (or an
// administrator's, who may invoke models) and the
// rehearsal's endpoints and nothing of the machine's own configuration. known
// is false when the CLI does not know the operation.
func (f *fixture) command(t *testing.T, cli, dir string, args ...string) (output string, known bool) {
	t.Helper()
	run := exec.CommandContext(t.Context(), cli, args...) //nolint:gosec // the AWS CLI, on the test's own server
	run.Dir = dir
	who := f.Operator()
	if args[0] == "bedrock-runtime" { // an operator asks through the API
		who = f.Administrator()
	}
	run.Env = f.awsEnvironment(who.Credentials)
	for service, address := range f.URLs() {
		run.Env = append(run.Env, "AWS_ENDPOINT_URL_"+service+"="+address)
	}
	var stdout, stderr bytes.Buffer
	run.Stdout, run.Stderr = &stdout, &stderr
	err := run.Run()
	if err != nil && strings.Contains(strings.ToLower(stderr.String()), "invalid choice") {
		return "", false
	}
	if err != nil {
		t.Fatalf("aws %s: %v: %s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), true
}
