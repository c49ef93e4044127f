package inference

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/logging"
	"github.com/tuneline/tuneline/infra/policy"
)

// addStage publishes the API: throttled, traced, with an access log. Bodies are
// written nowhere.
func (i *Inference) addStage(props Props) {
	group := logging.NewGroup(i.Scope, "LogGroup", logging.GroupProps{Name: "api", Key: props.Key, Days: props.Config.RetentionDays.Logs})
	deployment := awsapigateway.NewDeployment(i.Scope, jsii.String("Deployment"), &awsapigateway.DeploymentProps{Api: i.API})
	stage := awsapigateway.NewStage(i.Scope, jsii.String("Stage"), &awsapigateway.StageProps{
		Deployment:           deployment,
		StageName:            jsii.String(StageName),
		ThrottlingRateLimit:  jsii.Number(props.Config.API.RateLimit),
		ThrottlingBurstLimit: jsii.Number(props.Config.API.BurstLimit),
		TracingEnabled:       jsii.Bool(true),
		MetricsEnabled:       jsii.Bool(true),
		DataTraceEnabled:     jsii.Bool(false),
	})
	i.API.SetDeploymentStage(stage)
	stage.Node().DefaultChild().(awsapigateway.CfnStage).SetAccessLogSetting(&awsapigateway.CfnStage_AccessLogSettingProperty{
		DestinationArn: jsii.String(policy.ARN(i.Scope, "logs", "log-group:"+*group.Ref())),
		Format:         jsii.String(accessLogFormat()),
	})
	if props.Config.API.CreateLogRole {
		stage.Node().AddDependency(i.newAccount())
	}
}

// accessLogFormat says who asked for which model and how it went.
func accessLogFormat() string {
	text, err := json.Marshal(map[string]string{
		"requestId":    "$context.requestId",
		"time":         "$context.requestTime",
		"caller":       "$context.identity.userArn",
		"sourceIp":     "$context.identity.sourceIp",
		"method":       "$context.httpMethod",
		"path":         "$context.path",
		"status":       "$context.status",
		"latency":      "$context.responseLatency",
		"error":        "$context.error.message",
		"validation":   "$context.error.validationErrorString",
		"functionId":   "$context.integration.requestId",
		"functionCode": "$context.integration.status",
	})
	if err != nil {
		panic(fmt.Sprintf("encoding the access log's format: %v", err))
	}
	return string(text)
}

// newAccount gives API Gateway a role to write logs with. There is one for the
// account and region, shared by every API in it, so both outlive this stack;
// the actions are those AWS asks for
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html).
func (i *Inference) newAccount() awsapigateway.CfnAccount {
	role := policy.NewRole(i.Scope, "LogRole", policy.RoleProps{
		Description: "API Gateway, for the whole account and region: writes logs",
		Room:        policy.RoomService,
		Trust:       policy.ByService("apigateway.amazonaws.com", nil),
		Statements: []policy.Statement{{
			Sid: "WriteLogs", Resources: []string{policy.ARN(i.Scope, "logs", "*")},
			Actions: []string{
				"logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
				"logs:PutLogEvents", "logs:GetLogEvents", "logs:FilterLogEvents",
			},
		}},
	})
	account := awsapigateway.NewCfnAccount(i.Scope, jsii.String("Account"), &awsapigateway.CfnAccountProps{CloudWatchRoleArn: role.AttrArn()})
	role.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	account.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	return account
}
