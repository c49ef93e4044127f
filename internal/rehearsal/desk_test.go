package rehearsal

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbedrock "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// desk is where an operator's commands are tried: a stack that serves on demand and
// one that serves by provisioned throughput, each with two runs of one model.
type desk struct {
	onDemand, provisioned *fixture
	// runs are those on demand, provisions the others, oldest first.
	runs, provisions []registry.Run
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{onDemand: start(t, onDemand.example, onDemand.scenario), provisioned: start(t, provisioned.example, provisioned.scenario)}
	for _, set := range []string{"first", "second"} {
		run, _ := d.onDemand.train("m", conversation(set), finetune.EndDeployed)
		d.runs = append(d.runs, run)
		run, _ = d.provisioned.train("m", promptCompletion(set), finetune.EndDeployed)
		d.provisions = append(d.provisions, run)
	}
	return d
}

// operatorsCommand is a command that the operator role must be able to run.
type operatorsCommand struct {
	command string
	// try runs it as the operator; nil where the tests that are named do.
	try func(*desk) error
	by  []func(*testing.T)
}

// operatorsCommands are in the order in which they are tried: what deletes comes last.
var operatorsCommands = []operatorsCommand{
	{command: "tuneline approve", by: []func(*testing.T){TestSpendingWaitsForAnApproval}},
	{command: "tuneline reject", by: []func(*testing.T){TestRejectedSpendingBuysNothing}},
	{command: "tuneline resume", by: []func(*testing.T){TestArticleAtDefaultQuotaIsResumed}},
	{command: "tuneline rollback", by: []func(*testing.T){TestRollbackIsInstant}},

	{"aws s3 cp", (*desk).copyObjects, nil},
	{"aws s3 ls", func(d *desk) error { return d.listObjects(finetune.PrefixDatasets) }, nil},
	{"aws s3api list-object-versions", (*desk).listVersions, nil},
	{"aws stepfunctions list-executions", func(d *desk) error {
		_, err := d.executions().ListExecutions(d.onDemand.t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(d.onDemand.Machine().ARN)})
		return err
	}, nil},
	{"aws stepfunctions describe-execution", func(d *desk) error {
		_, err := d.executions().DescribeExecution(d.onDemand.t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &d.runs[1].ExecutionARN})
		return err
	}, nil},
	{"aws stepfunctions get-execution-history", func(d *desk) error {
		_, err := d.executions().GetExecutionHistory(d.onDemand.t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: &d.runs[1].ExecutionARN})
		return err
	}, nil},
	{"aws stepfunctions start-execution", (*desk).startRelease, nil},
	{"aws stepfunctions stop-execution", (*desk).stopRun, nil},
	{"aws cloudformation describe-stacks", func(d *desk) error {
		_, err := d.onDemand.Operator().CloudFormation.DescribeStacks(d.onDemand.t.Context(), &cloudformation.DescribeStacksInput{StackName: &d.onDemand.Stack.Name})
		return err
	}, nil},
	{"aws bedrock-runtime converse", func(d *desk) error { // through the API, as tuneline proxy says
		_, err := d.onDemand.answer("m", question(3))
		return err
	}, nil},
	{"aws ec2 describe-managed-prefix-lists", func(d *desk) error { return d.onDemand.mayOperate("ec2:DescribeManagedPrefixLists", "*") }, nil},
	{"aws service-quotas request-service-quota-increase", func(d *desk) error {
		return d.onDemand.mayOperate("servicequotas:RequestServiceQuotaIncrease", d.onDemand.arn("servicequotas", "bedrock/L-BE77399C"))
	}, nil},
	{"aws logs filter-log-events", func(d *desk) error {
		for _, group := range []string{"/tuneline/throughput", "/tuneline/api", "/aws/vendedlogs/tuneline/a", "API-Gateway-Execution-Logs_" + d.onDemand.Stack.RestAPIs[0].ID + "/" + d.onDemand.Stack.RestAPIs[0].Stage.Name} {
			if err := d.onDemand.mayOperate("logs:FilterLogEvents", d.onDemand.arn("logs", "log-group:"+group)); err != nil {
				return err
			}
		}
		return nil
	}, nil},
	{"aws sqs receive-message", func(d *desk) error { return d.onDemand.receive() }, nil},
	{"aws sqs delete-message", func(d *desk) error { return d.onDemand.mayOperate("sqs:DeleteMessage", d.onDemand.queue()) }, nil},
	{"aws sts assume-role", func(d *desk) error {
		return errors.Join(d.onDemand.become("OperatorRoleArn"), d.onDemand.become("UploaderRoleArn"))
	}, nil},

	{"aws bedrock list-model-customization-jobs", func(d *desk) error {
		_, err := d.onDemand.Operator().Bedrock.ListModelCustomizationJobs(d.onDemand.t.Context(), &awsbedrock.ListModelCustomizationJobsInput{})
		return err
	}, nil},
	{"aws bedrock list-custom-models", func(d *desk) error {
		_, err := d.onDemand.Operator().Bedrock.ListCustomModels(d.onDemand.t.Context(), &awsbedrock.ListCustomModelsInput{IsOwned: aws.Bool(true)})
		return err
	}, nil},
	{"aws bedrock list-provisioned-model-throughputs", func(d *desk) error {
		_, err := d.onDemand.Operator().Bedrock.ListProvisionedModelThroughputs(d.onDemand.t.Context(), &awsbedrock.ListProvisionedModelThroughputsInput{})
		return err
	}, nil},
	{"aws bedrock list-custom-model-deployments", func(d *desk) error {
		_, err := d.onDemand.Operator().Bedrock.ListCustomModelDeployments(d.onDemand.t.Context(), &awsbedrock.ListCustomModelDeploymentsInput{})
		return err
	}, nil},
	{"aws bedrock get-model-customization-job", func(d *desk) error { // the runbook has its name
		_, err := d.onDemand.Operator().Bedrock.GetModelCustomizationJob(d.onDemand.t.Context(), &awsbedrock.GetModelCustomizationJobInput{JobIdentifier: aws.String(nameOf(d.runs[0]))})
		return err
	}, nil},
	{"aws bedrock stop-model-customization-job", (*desk).stopJob, nil},
	{"aws bedrock update-provisioned-model-throughput", (*desk).pointBack, nil},
	{"aws bedrock delete-custom-model-deployment", func(d *desk) error {
		_, err := d.onDemand.Operator().Bedrock.DeleteCustomModelDeployment(d.onDemand.t.Context(), &awsbedrock.DeleteCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &d.runs[1].Endpoint.ModelID})
		return err
	}, nil},
	{"aws bedrock delete-provisioned-model-throughput", func(d *desk) error {
		_, err := d.provisioned.Operator().Bedrock.DeleteProvisionedModelThroughput(d.provisioned.t.Context(), &awsbedrock.DeleteProvisionedModelThroughputInput{ProvisionedModelId: &d.provisions[1].Endpoint.ModelID})
		return err
	}, nil},
	{"aws bedrock delete-custom-model", func(d *desk) error {
		_, err := d.provisioned.Operator().Bedrock.DeleteCustomModel(d.provisioned.t.Context(), &awsbedrock.DeleteCustomModelInput{ModelIdentifier: &d.provisions[1].CustomModel.ARN})
		return err
	}, nil},
}

// executions is the operator's client of Step Functions on demand.
func (d *desk) executions() *sfn.Client { return d.onDemand.Operator().SFN }

// copyObjects writes where the operator uploads, and reads what the runbook reads.
func (d *desk) copyObjects() error {
	f := d.onDemand
	f.putAsOperator(finetune.PrefixMedia+"m/a.png", "a")
	for _, key := range []string{
		finetune.RegistryKey("m"), finetune.RunKey(d.runs[0].ID), finetune.RunReportKey(d.runs[0].ID), finetune.ExecutionKey(d.runs[0].ExecutionARN),
	} {
		if _, err := f.ReadObject(f.t.Context(), key); err != nil {
			return err
		}
	}
	return nil
}

func (d *desk) listObjects(prefix string) error {
	out, err := d.onDemand.Operator().S3.ListObjectsV2(d.onDemand.t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(d.onDemand.Bucket()), Prefix: &prefix})
	if err == nil && len(out.Contents) == 0 {
		return fmt.Errorf("nothing is listed under %s", prefix)
	}
	return err
}

func (d *desk) listVersions() error {
	out, err := d.onDemand.Operator().S3.ListObjectVersions(d.onDemand.t.Context(), &s3.ListObjectVersionsInput{
		Bucket: aws.String(d.onDemand.Bucket()), Prefix: aws.String(finetune.PrefixDatasets),
	})
	if err == nil && len(out.Versions) != len(d.runs) {
		return fmt.Errorf("%d versions are listed, want %d", len(out.Versions), len(d.runs))
	}
	return err
}

// startRelease starts the release of a run that was published, which releases nothing.
func (d *desk) startRelease() error {
	out, err := d.executions().StartExecution(d.onDemand.t.Context(), &sfn.StartExecutionInput{
		StateMachineArn: aws.String(d.onDemand.release().ARN), Input: aws.String(`{"executionArn":"` + d.runs[1].ExecutionARN + `","status":"FAILED"}`),
	})
	if err != nil {
		return err
	}
	_, err = d.onDemand.Wait(d.onDemand.t.Context(), *out.ExecutionArn)
	return err
}

// stopRun stops a run that waits for its job.
func (d *desk) stopRun() (err error) {
	d.onDemand.whenEntered("PollJob", func(execution string) {
		_, err = d.executions().StopExecution(d.onDemand.t.Context(), &sfn.StopExecutionInput{ExecutionArn: &execution, Cause: aws.String("not needed")})
	})
	d.onDemand.drop("n", "train.jsonl", conversation("third"))
	d.onDemand.end()
	return err
}

// stopJob stops the job of another.
func (d *desk) stopJob() error {
	err := errors.New("no job went on")
	d.provisioned.whenEntered("PollJob", func(string) {
		for _, job := range d.provisioned.Bedrock.Jobs() {
			if job.Status == string(types.ModelCustomizationJobStatusInProgress) {
				_, err = d.provisioned.Operator().Bedrock.StopModelCustomizationJob(d.provisioned.t.Context(), &awsbedrock.StopModelCustomizationJobInput{JobIdentifier: &job.ARN})
			}
		}
	})
	d.provisioned.drop("n", "train.jsonl", promptCompletion("third"))
	d.provisioned.end()
	return err
}

// pointBack points the throughput that serves the second run back to the first.
func (d *desk) pointBack() error {
	_, err := d.provisioned.Operator().Bedrock.UpdateProvisionedModelThroughput(d.provisioned.t.Context(), &awsbedrock.UpdateProvisionedModelThroughputInput{
		ProvisionedModelId: &d.provisions[1].Endpoint.ModelID, DesiredModelId: &d.provisions[0].CustomModel.ARN,
	})
	d.provisioned.Clock.Advance(time.Hour) // so that it is done
	return err
}

// othersCommand is a command that the operator role cannot run.
type othersCommand struct {
	command string
	// action is what it takes, on a resource; empty for one that takes no permission.
	action   string
	resource func(*fixture) string
	// why is why it is not the operator's.
	why string
}

// Why commands are not an operator's.
const (
	ofNobody      = "it takes no permission of the stack's"
	ofKey         = "the key is administered by none of the stack's roles"
	ofDeployers   = "who deploys is told it, by the preflight or by the deployment itself"
	ofTeardown    = "who takes the stack away is told it, when the operator role goes as well"
	ofJudging     = "the runbook has it for administrators: no role of the stack makes capacity for people"
	ofInvestigate = "the runbook has it for administrators: the operator role sees the stack's own only"
)

func everything(*fixture) string { return "*" }

func bucketOf(f *fixture) string { return "arn:" + f.Stack.Partition + ":s3:::" + f.Bucket() }

func keyOf(f *fixture) string { return f.dataKey().ARN }

func stackOf(f *fixture) string { return f.Stack.ID }

var othersCommands = []othersCommand{
	{"aws sso login", "", nil, ofNobody},
	{"aws sts get-caller-identity", "", nil, ofNobody},

	{"aws kms enable-key", "kms:EnableKey", keyOf, ofKey},
	{"aws kms cancel-key-deletion", "kms:CancelKeyDeletion", keyOf, ofKey},
	{"aws kms schedule-key-deletion", "kms:ScheduleKeyDeletion", keyOf, ofKey},
	{"aws kms delete-alias", "kms:DeleteAlias", keyOf, ofKey},

	{"aws iam update-assume-role-policy", "iam:UpdateAssumeRolePolicy", func(f *fixture) string { return f.Stack.Outputs["ServiceRoleArn"].Value }, ofDeployers},
	{"aws bedrock list-foundation-model-agreement-offers", "bedrock:ListFoundationModelAgreementOffers", everything, ofDeployers},
	{"aws bedrock create-foundation-model-agreement", "bedrock:CreateFoundationModelAgreement", everything, ofDeployers},
	{"aws logs delete-log-group", "logs:DeleteLogGroup", func(f *fixture) string { return f.arn("logs", "log-group:/tuneline/api") }, ofDeployers},
	{"aws stepfunctions delete-state-machine", "states:DeleteStateMachine", func(f *fixture) string { return f.release().ARN }, ofDeployers},
	{"aws cloudformation continue-update-rollback", "cloudformation:ContinueUpdateRollback", stackOf, ofDeployers},
	{"aws apigateway get-api-keys", "apigateway:GET", func(f *fixture) string { return "arn:aws:apigateway:" + f.Stack.Region + "::/apikeys" }, ofDeployers},

	{"aws cloudformation delete-stack", "cloudformation:DeleteStack", stackOf, ofTeardown},
	{"aws cloudformation update-termination-protection", "cloudformation:UpdateTerminationProtection", stackOf, ofTeardown},
	{"aws cloudformation describe-stack-events", "cloudformation:DescribeStackEvents", stackOf, ofTeardown},
	{"aws ec2 delete-vpc-endpoints", "ec2:DeleteVpcEndpoints", func(f *fixture) string { return f.arn("ec2", "vpc-endpoint/vpce-1") }, ofTeardown},
	{"aws resourcegroupstaggingapi get-resources", "tag:GetResources", everything, ofTeardown},
	{"aws s3api delete-bucket", "s3:DeleteBucket", bucketOf, ofTeardown},
	{"aws s3api delete-bucket-policy", "s3:DeleteBucketPolicy", bucketOf, ofTeardown},
	{"aws s3api get-bucket-logging", "s3:GetBucketLogging", bucketOf, ofTeardown},
	{"aws s3api delete-objects", "s3:DeleteObjectVersion", func(f *fixture) string { return bucketOf(f) + "/runs/a" }, ofTeardown},

	{"aws bedrock create-custom-model-deployment", "bedrock:CreateCustomModelDeployment", everything, ofJudging},
	{"aws bedrock create-evaluation-job", "bedrock:CreateEvaluationJob", everything, ofJudging},

	{"aws cloudformation detect-stack-drift", "cloudformation:DetectStackDrift", stackOf, ofInvestigate},
	{"aws cloudtrail lookup-events", "cloudtrail:LookupEvents", everything, ofInvestigate},
	{"aws events list-rules", "events:ListRules", everything, ofInvestigate},
}
