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
)

// Machine is a state machine and its role.
type Machine struct {
	Scope    constructs.Construct
	Resource awsstepfunctions.CfnStateMachine
	Role     awsiam.CfnRole

	// name is given, so that the role can be told the machine's ARN before
	// there is a machine.
	name string
}

// spec is what is one machine's own.
type spec struct {
	// name is the end of the machine's name, log that of its log group's.
	name, log, description string
	definition             string
	substitutions          map[string]string
	// functions are all that the machine may call.
	functions []*functions.Function
	// tells says that the machine publishes to the topic of notices.
	tells bool
}

// dataKeySeconds is how long Step Functions uses one data key: five minutes,
// its own default.
const dataKeySeconds = 300

func newMachine(scope constructs.Construct, props Props, s spec) *Machine {
	m := &Machine{Scope: scope, name: *awscdk.Stack_Of(scope).StackName() + "-" + s.name}
	log := logging.NewGroup(scope, "LogGroup", logging.GroupProps{Name: s.log, Vended: true, Key: props.Key, Days: props.LogDays})
	m.Role = m.newRole(props, s)
	m.Resource = awsstepfunctions.NewCfnStateMachine(scope, jsii.String("Machine"), &awsstepfunctions.CfnStateMachineProps{
		StateMachineName:        jsii.String(m.name),
		StateMachineType:        jsii.String("STANDARD"),
		RoleArn:                 m.Role.AttrArn(),
		DefinitionString:        jsii.String(s.definition),
		DefinitionSubstitutions: s.substitutions,
		LoggingConfiguration:    logEverythingButData(log),
		TracingConfiguration:    &awsstepfunctions.CfnStateMachine_TracingConfigurationProperty{Enabled: jsii.Bool(true)},
		EncryptionConfiguration: &awsstepfunctions.CfnStateMachine_EncryptionConfigurationProperty{
			Type:                         jsii.String("CUSTOMER_MANAGED_KMS_KEY"),
			KmsKeyId:                     props.Key.Resource.AttrArn(),
			KmsDataKeyReusePeriodSeconds: jsii.Number(dataKeySeconds),
		},
	})
	return m
}

// ARN is the state machine's ARN.
func (m *Machine) ARN() string { return *m.Resource.AttrArn() }

// Executions is the pattern of the ARNs of its executions.
func (m *Machine) Executions() string {
	return policy.ARN(m.Scope, "states", "execution:"+m.name+":*")
}

// Executions is the pattern of the ARNs of the executions of all machines.
func (w *Workflow) Executions() string {
	return policy.ARN(w.Scope, "states", "execution:"+*awscdk.Stack_Of(w.Scope).StackName()+"-*:*")
}

// givenARN is the ARN by the machine's name, for whatever is made before it.
func (m *Machine) givenARN() string {
	return policy.ARN(m.Scope, "states", "stateMachine:"+m.name)
}

// ReadExecutions is the statement of whoever reads executions of any machine:
// they are encrypted with the key. Starting and stopping them takes no
// permission on it
// (https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html).
func (w *Workflow) ReadExecutions(key *storage.Key) policy.Statement {
	machines := policy.ARN(w.Scope, "states", "stateMachine:"+*awscdk.Stack_Of(w.Scope).StackName()+"-*")
	return policy.Statement{
		Sid: "ReadExecutions", Actions: []string{"kms:Decrypt"}, Resources: []string{key.ARN()},
		Conditions: policy.Conditions{"ArnLike": {"kms:EncryptionContext:aws:states:stateMachineArn": machines}},
	}
}

// encryption allows to use the key for the executions of machines.
func encryption(key *storage.Key, sid string, actions []string, machines any) policy.Statement {
	return policy.Statement{
		Sid: sid, Actions: actions, Resources: []string{key.ARN()},
		Conditions: policy.Conditions{"StringEquals": {"kms:EncryptionContext:aws:states:stateMachineArn": machines}},
	}
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

func (m *Machine) newRole(props Props, s spec) awsiam.CfnRole {
	key := props.Key
	trust := policy.FromAccount(m.Scope)
	trust["ArnLike"] = map[string]any{"aws:SourceArn": m.givenARN()}
	var steps []string
	for _, f := range s.functions {
		steps = append(steps, f.ARN())
	}
	statements := []policy.Statement{
		{Sid: "CallSteps", Actions: []string{"lambda:InvokeFunction"}, Resources: steps},
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
		encryption(key, "EncryptExecutions", []string{"kms:Decrypt", "kms:GenerateDataKey"}, m.givenARN()),
		{
			Sid: "EncryptLog", Actions: []string{"kms:GenerateDataKey"}, Resources: []string{key.ARN()},
			Conditions: policy.Conditions{"StringEquals": {"kms:EncryptionContext:SourceArn": policy.ARN(m.Scope, "logs", "*")}},
		},
	}
	if s.tells {
		statements = append(statements,
			policy.Statement{Sid: "TellPeople", Actions: []string{"sns:Publish"}, Resources: []string{*props.Notices.Topic.AttrTopicArn()}},
			key.Use("EncryptNotices", "sns", true))
	}
	return policy.NewRole(m.Scope, "Role", policy.RoleProps{
		Description: s.description,
		Room:        policy.RoomService,
		Trust:       policy.ByService("states.amazonaws.com", trust),
		Statements:  statements,
	})
}
