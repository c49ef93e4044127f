// Package trail is the stack's trail of CloudTrail, for an account that has none or
// wants the objects' reads and writes recorded apart.
//
// See https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html.
package trail

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudtrail"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/logging"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/internal/finetune"
)

// Trail is the trail, and the role it writes its log group with.
type Trail struct {
	Scope    constructs.Construct
	Resource awscloudtrail.CfnTrail
	Role     awsiam.CfnRole
}

// Props is what the trail records, and where.
type Props struct {
	Key    *storage.Key
	Bucket *storage.Bucket
	// Guardrail is the configured one, or none.
	Guardrail finetune.Guardrail
	// LogDays is how long its log group keeps records; its files are the bucket's.
	LogDays int
}

// New makes the trail: of all Regions, with files whose digests show a change.
func New(scope constructs.Construct, id string, props Props) *Trail {
	t := &Trail{Scope: constructs.NewConstruct(scope, jsii.String(id))}
	group := logging.NewGroup(t.Scope, "LogGroup", logging.GroupProps{Name: "trail", Key: props.Key, Days: props.LogDays})
	t.Role = t.newRole(group)
	t.Resource = awscloudtrail.NewCfnTrail(t.Scope, jsii.String("Trail"), &awscloudtrail.CfnTrailProps{
		TrailName:                  awscdk.Stack_Of(scope).StackName(),
		S3BucketName:               props.Bucket.Trail.Ref(),
		KmsKeyId:                   props.Key.Resource.AttrArn(),
		IsLogging:                  jsii.Bool(true),
		IsMultiRegionTrail:         jsii.Bool(true),
		IncludeGlobalServiceEvents: jsii.Bool(true),
		EnableLogFileValidation:    jsii.Bool(true),
		CloudWatchLogsLogGroupArn:  group.AttrArn(),
		CloudWatchLogsRoleArn:      t.Role.AttrArn(),
		AdvancedEventSelectors:     t.selectors(props),
	})
	t.Resource.Node().AddDependency(props.Bucket.TrailPolicy)
	return t
}

// selectors are all management events, which those of Bedrock's runtime are among,
// and of data events those of the bucket's objects and of the guardrail.
func (t *Trail) selectors(props Props) []any {
	list := []any{
		selector("Management events", equals("eventCategory", "Management")),
		selector("Objects of the bucket", equals("eventCategory", "Data"), equals("resources.type", "AWS::S3::Object"),
			&awscloudtrail.CfnTrail_AdvancedFieldSelectorProperty{Field: jsii.String("resources.ARN"), StartsWith: jsii.Strings(props.Bucket.ARN() + "/")}),
	}
	if props.Guardrail != (finetune.Guardrail{}) {
		list = append(list, selector("The guardrail", equals("eventCategory", "Data"), equals("resources.type", "AWS::Bedrock::Guardrail"),
			equals("resources.ARN", policy.Guardrail(t.Scope, props.Guardrail))))
	}
	return list
}

func selector(name string, fields ...*awscloudtrail.CfnTrail_AdvancedFieldSelectorProperty) *awscloudtrail.CfnTrail_AdvancedEventSelectorProperty {
	return &awscloudtrail.CfnTrail_AdvancedEventSelectorProperty{Name: jsii.String(name), FieldSelectors: fields}
}

func equals(field, value string) *awscloudtrail.CfnTrail_AdvancedFieldSelectorProperty {
	return &awscloudtrail.CfnTrail_AdvancedFieldSelectorProperty{Field: jsii.String(field), EqualTo: jsii.Strings(value)}
}

// newRole makes the role CloudTrail writes the group with: streams of this account and
// Region. What it assumes the role for, CloudTrail does not say
// (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html).
func (t *Trail) newRole(group awslogs.CfnLogGroup) awsiam.CfnRole {
	stack := awscdk.Stack_Of(t.Scope)
	streams := policy.ARN(t.Scope, "logs", "log-group:"+*group.Ref()+":log-stream:"+*stack.Account()+"_CloudTrail_"+*stack.Region()+"*")
	return policy.NewRole(t.Scope, "Role", policy.RoleProps{
		Description: "CloudTrail: writes the trail's log group",
		Room:        policy.RoomService,
		Trust:       policy.ByService("cloudtrail.amazonaws.com", nil),
		Statements:  []policy.Statement{{Sid: "WriteTrail", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: []string{streams}}},
	})
}
