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
func (i *Inference) addStage() {
	group := logging.NewGroup(i.Scope, "LogGroup", logging.GroupProps{Name: "api", Key: i.key, Days: i.config.RetentionDays.Logs})
	i.stage = awsapigateway.NewStage(i.Scope, jsii.String("Stage"), &awsapigateway.StageProps{
		Deployment:           i.newDeployment(),
		StageName:            jsii.String(StageName),
		ThrottlingRateLimit:  jsii.Number(i.config.API.RateLimit),
		ThrottlingBurstLimit: jsii.Number(i.config.API.BurstLimit),
		TracingEnabled:       jsii.Bool(true),
		MetricsEnabled:       jsii.Bool(true),
		LoggingLevel:         loggingLevel(i.config.API),
		DataTraceEnabled:     jsii.Bool(false),
	})
	i.API.SetDeploymentStage(i.stage)
	i.stage.Node().DefaultChild().(awsapigateway.CfnStage).SetAccessLogSetting(&awsapigateway.CfnStage_AccessLogSettingProperty{
		DestinationArn: jsii.String(policy.ARN(i.Scope, "logs", "log-group:"+*group.Ref())),
		Format:         jsii.String(accessLogFormat()),
	})
	if i.config.API.CreateLogRole {
		i.stage.Node().AddDependency(i.newAccount(), i.newErrorLog())
	}
}

// newDeployment is the API as it is published. A deployment is a copy of the
// moment it is made, and CloudFormation makes a new one only under a new logical
// id: so the id holds what is published, or a change would never be live. The
// construct looks after the API itself, with its resource policy; what hangs
// below it is named here.
func (i *Inference) newDeployment() awsapigateway.Deployment {
	deployment := awsapigateway.NewDeployment(i.Scope, jsii.String("Deployment"), &awsapigateway.DeploymentProps{Api: i.API})
	deployment.AddToLogicalId(i.published)
	deployment.Node().AddDependency(i.before...)
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
func (i *Inference) newErrorLog() awslogs.CfnLogGroup {
	return logging.NewGroup(i.Scope, "ErrorLogGroup", logging.GroupProps{
		Given: i.ErrorLog(), Key: i.key, Days: i.config.RetentionDays.Logs,
	})
}

// ErrorLog is the name of the log group API Gateway writes errors to.
func (i *Inference) ErrorLog() string {
	return storage.APILogGroupPrefix + *i.API.RestApiId() + "/" + StageName
}

// accessLogFormat says who asked for which model and how it went. What a caller
// is depends on api.auth: the ARN of who signed, or the sub of a token; the key is
// the id of a client's, not its value. What the validator found in a body is not
// here, because it may quote the body
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html).
func accessLogFormat() string {
	text, err := json.Marshal(map[string]string{
		"requestId":         "$context.requestId",
		"time":              "$context.requestTime",
		"caller":            "$context.identity.userArn",
		"principal":         "$context.authorizer.principalId",
		"apiKeyId":          "$context.identity.apiKeyId",
		"sourceIp":          "$context.identity.sourceIp",
		"tls":               "$context.tlsVersion",
		"method":            "$context.httpMethod",
		"path":              "$context.path",
		"status":            "$context.status",
		"latency":           "$context.responseLatency",
		"functionLatency":   "$context.integration.latency",
		"authorizerLatency": "$context.authorizer.latency",
		"responseLength":    "$context.responseLength",
		"error":             "$context.error.message",
		"errorType":         "$context.error.responseType",
		"firewall":          "$context.wafResponseCode",
		"functionId":        "$context.integration.requestId",
		"functionCode":      "$context.integration.status",
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
