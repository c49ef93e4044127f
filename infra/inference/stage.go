package inference

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/logging"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/storage"
)

// addStage publishes the API: throttled, traced, with an access log and, where
// API Gateway has a role to write one with, a log of errors. Bodies are written
// nowhere.
func (i *Inference) addStage(props Props, published map[string]any) {
	group := logging.NewGroup(i.Scope, "LogGroup", logging.GroupProps{Name: "api", Key: props.Key, Days: props.Config.RetentionDays.Logs})
	stage := awsapigateway.NewStage(i.Scope, jsii.String("Stage"), &awsapigateway.StageProps{
		Deployment:           i.newDeployment(published),
		StageName:            jsii.String(StageName),
		ThrottlingRateLimit:  jsii.Number(props.Config.API.RateLimit),
		ThrottlingBurstLimit: jsii.Number(props.Config.API.BurstLimit),
		TracingEnabled:       jsii.Bool(true),
		MetricsEnabled:       jsii.Bool(true),
		LoggingLevel:         loggingLevel(props.Config.API),
		DataTraceEnabled:     jsii.Bool(false),
	})
	i.API.SetDeploymentStage(stage)
	stage.Node().DefaultChild().(awsapigateway.CfnStage).SetAccessLogSetting(&awsapigateway.CfnStage_AccessLogSettingProperty{
		DestinationArn: jsii.String(policy.ARN(i.Scope, "logs", "log-group:"+*group.Ref())),
		Format:         jsii.String(accessLogFormat()),
	})
	if props.Config.API.CreateLogRole {
		stage.Node().AddDependency(i.newAccount(), i.newErrorLog(props))
	}
}

// newDeployment is the API as it is published. A deployment is a copy of the
// moment it is made, and CloudFormation makes a new one only under a new logical
// id: so the id holds what is published, or a change would never be live. The
// construct looks after the API itself, with its resource policy; what hangs
// below it is named here.
func (i *Inference) newDeployment(published map[string]any) awsapigateway.Deployment {
	deployment := awsapigateway.NewDeployment(i.Scope, jsii.String("Deployment"), &awsapigateway.DeploymentProps{Api: i.API})
	deployment.AddToLogicalId(published)
	return deployment
}

// loggingLevel leaves the log of errors off where this stack does not set the
// account's role: without one, API Gateway refuses the stage.
func loggingLevel(api config.API) awsapigateway.MethodLoggingLevel {
	if api.CreateLogRole {
		return awsapigateway.MethodLoggingLevel_ERROR
	}
	return awsapigateway.MethodLoggingLevel_OFF
}

// newErrorLog makes the group API Gateway would otherwise make by itself,
// without a key and for ever
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html).
func (i *Inference) newErrorLog(props Props) awslogs.CfnLogGroup {
	return logging.NewGroup(i.Scope, "ErrorLogGroup", logging.GroupProps{
		Given: i.ErrorLog(), Key: props.Key, Days: props.Config.RetentionDays.Logs,
	})
}

// ErrorLog is the name of the log group API Gateway writes errors to.
func (i *Inference) ErrorLog() string {
	return storage.APILogGroupPrefix + *i.API.RestApiId() + "/" + StageName
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
// account and region, shared by every API in it, so both outlive this stack.
// API Gateway tries the role when it is set, and AWS documents these actions on
// every resource, no fewer
// (https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonAPIGatewayPushToCloudWatchLogs.html):
// other APIs write to groups whose names this stack does not know.
func (i *Inference) newAccount() awsapigateway.CfnAccount {
	role := policy.NewRole(i.Scope, "LogRole", policy.RoleProps{
		Description: "API Gateway, for the whole account and region: writes logs",
		Room:        policy.RoomService,
		Trust:       policy.ByService("apigateway.amazonaws.com", nil),
		Statements: []policy.Statement{{
			Sid: "WriteLogsOfAnyAPI", Resources: []string{"*"},
			Actions: []string{
				"logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
				"logs:PutLogEvents", "logs:GetLogEvents", "logs:FilterLogEvents",
			},
		}},
	})
	account := awsapigateway.NewCfnAccount(i.Scope, jsii.String("Account"), &awsapigateway.CfnAccountProps{CloudWatchRoleArn: role.AttrArn()})
	policy.Retain(role)
	policy.Retain(account)
	return account
}
