// Package workflow is the state machine. Its definition is the file in
// statemachine/, as it stands: nothing here knows the order of the steps.
package workflow

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/functions"
	"github.com/tuneline/tuneline/infra/logging"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/statemachine"
)

// Workflow is the state machine and its role.
type Workflow struct {
	Scope   constructs.Construct
	Machine awsstepfunctions.CfnStateMachine
	Role    awsiam.CfnRole
}

// Props is what the state machine calls and is kept with.
type Props struct {
	Functions *functions.Functions
	Key       *storage.Key
	// LogDays is the retention of the execution log.
	LogDays int
}

// dataKeySeconds is how long Step Functions uses one data key: five minutes,
// its own default.
const dataKeySeconds = 300

// New makes the state machine.
func New(scope constructs.Construct, id string, props Props) *Workflow {
	w := &Workflow{Scope: constructs.NewConstruct(scope, jsii.String(id))}
	log := logging.NewGroup(w.Scope, "LogGroup", logging.GroupProps{Name: "executions", Vended: true, Key: props.Key, Days: props.LogDays})
	w.Role = w.newRole(props)
	definition := statemachine.Substitutions{
		ValidateFunction:   props.Functions.Validate.ARN(),
		SubmitFunction:     props.Functions.Submit.ARN(),
		PollFunction:       props.Functions.Poll.ARN(),
		AnalyzeFunction:    props.Functions.Analyze.ARN(),
		ThroughputFunction: props.Functions.Throughput.ARN(),
	}
	w.Machine = awsstepfunctions.NewCfnStateMachine(w.Scope, jsii.String("Machine"), &awsstepfunctions.CfnStateMachineProps{
		StateMachineName:        jsii.String(w.name()),
		StateMachineType:        jsii.String("STANDARD"),
		RoleArn:                 w.Role.AttrArn(),
		DefinitionString:        jsii.String(statemachine.Definition),
		DefinitionSubstitutions: definition.Map(),
		LoggingConfiguration:    logEverythingButData(log),
		TracingConfiguration:    &awsstepfunctions.CfnStateMachine_TracingConfigurationProperty{Enabled: jsii.Bool(true)},
		EncryptionConfiguration: &awsstepfunctions.CfnStateMachine_EncryptionConfigurationProperty{
			Type:                         jsii.String("CUSTOMER_MANAGED_KMS_KEY"),
			KmsKeyId:                     props.Key.Resource.AttrArn(),
			KmsDataKeyReusePeriodSeconds: jsii.Number(dataKeySeconds),
		},
	})
	return w
}

// ARN is the state machine's ARN.
func (w *Workflow) ARN() string { return *w.Machine.AttrArn() }

// Executions is the pattern of the ARNs of its executions.
func (w *Workflow) Executions() string {
	return policy.ARN(w.Scope, "states", "execution:"+w.name()+":*")
}

// Encryption is the statement of whoever runs executions, or, without write,
// reads them: they are encrypted with the key. Starting and stopping them takes
// no permission on it
// (https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html).
func (w *Workflow) Encryption(key *storage.Key, sid string, write bool) policy.Statement {
	s := policy.Statement{
		Sid:       sid,
		Actions:   []string{"kms:Decrypt"},
		Resources: []string{key.ARN()},
		Conditions: policy.Conditions{"StringEquals": {
			"kms:EncryptionContext:aws:states:stateMachineArn": policy.ARN(w.Scope, "states", "stateMachine:"+w.name()),
		}},
	}
	if write {
		s.Actions = append(s.Actions, "kms:GenerateDataKey")
	}
	return s
}

// name is given, so that the role can be told the machine's ARN before there is
// a machine.
func (w *Workflow) name() string {
	return *awscdk.Stack_Of(w.Scope).StackName() + "-finetune"
}

// logEverythingButData logs every event of an execution, without its input and
// output.
func logEverythingButData(group awslogs.CfnLogGroup) *awsstepfunctions.CfnStateMachine_LoggingConfigurationProperty {
	return &awsstepfunctions.CfnStateMachine_LoggingConfigurationProperty{
		Level:                jsii.String("ALL"),
		IncludeExecutionData: jsii.Bool(false),
		Destinations: []any{&awsstepfunctions.CfnStateMachine_LogDestinationProperty{
			CloudWatchLogsLogGroup: &awsstepfunctions.CfnStateMachine_CloudWatchLogsLogGroupProperty{LogGroupArn: group.AttrArn()},
		}},
	}
}

func (w *Workflow) newRole(props Props) awsiam.CfnRole {
	trust := policy.FromAccount(w.Scope)
	trust["ArnLike"] = map[string]any{"aws:SourceArn": policy.ARN(w.Scope, "states", "stateMachine:"+w.name())}
	return policy.NewRole(w.Scope, "Role", policy.RoleProps{
		Description: "The state machine: calls the steps, writes its log and traces",
		Room:        policy.RoomService,
		Trust:       policy.ByService("states.amazonaws.com", trust),
		Statements: []policy.Statement{
			{
				Sid: "CallSteps", Actions: []string{"lambda:InvokeFunction"},
				Resources: []string{
					props.Functions.Validate.ARN(), props.Functions.Submit.ARN(), props.Functions.Poll.ARN(),
					props.Functions.Analyze.ARN(), props.Functions.Throughput.ARN(),
				},
			},
			{
				// Log delivery and X-Ray know no resources
				// (https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html).
				Sid: "DeliverLog", Resources: []string{"*"},
				Actions: []string{
					"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
					"logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
				},
			},
			{
				Sid: "WriteTraces", Resources: []string{"*"},
				Actions: []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"},
			},
			w.Encryption(props.Key, "EncryptExecutions", true),
			{
				Sid: "EncryptLog", Actions: []string{"kms:GenerateDataKey"}, Resources: []string{props.Key.ARN()},
				Conditions: policy.Conditions{"StringEquals": {"kms:EncryptionContext:SourceArn": policy.ARN(w.Scope, "logs", "*")}},
			},
		},
	})
}
