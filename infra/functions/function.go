// Package functions is the Go functions: how one is built and run, and what
// each of them, and nothing else, may do.
package functions

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/logging"
	"github.com/tuneline/tuneline/infra/network"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/internal/lambdaenv"
)

// Function is one Go function with a role and a log group of its own.
type Function struct {
	Scope    constructs.Construct
	Resource awslambda.CfnFunction
	Role     awsiam.CfnRole
}

// Place is what all functions share.
type Place struct {
	Config   config.Config
	Binaries Binaries
	Key      *storage.Key
	// Network is nil for a function outside the VPC.
	Network *network.Network
}

// Spec is what is one function's own.
type Spec struct {
	// Name is the folder under lambdas/.
	Name        string
	Description string
	// Environment is the function's struct in lambdaenv.
	Environment any
	// Statements is what the function may do, beside what every function must.
	Statements []policy.Statement
	// Seconds and MegaBytes are its limits. A vCPU is 1,769 MB of memory
	// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
	Seconds, MegaBytes int
}

// NewFunction makes a function. No concurrency is reserved: a fresh account has
// too little to reserve any.
func NewFunction(scope constructs.Construct, id string, place Place, spec Spec) *Function {
	f := &Function{Scope: constructs.NewConstruct(scope, jsii.String(id))}
	group := logging.NewGroup(f.Scope, "LogGroup", logging.GroupProps{Name: spec.Name, Key: place.Key, Days: place.Config.RetentionDays.Logs})
	f.Role = policy.NewRole(f.Scope, "Role", policy.RoleProps{
		Description: spec.Description,
		Room:        policy.RoomFunction,
		Trust:       policy.ByService("lambda.amazonaws.com", nil),
		Statements:  append(spec.Statements, f.running(place, group)...),
	})
	code := f.asset(place.Binaries, spec.Name)
	f.Resource = awslambda.NewCfnFunction(f.Scope, jsii.String("Function"), &awslambda.CfnFunctionProps{
		Description:   jsii.String(spec.Description),
		Architectures: jsii.Strings(string(place.Config.Architecture)),
		Runtime:       jsii.String("provided.al2023"),
		Handler:       jsii.String("bootstrap"),
		Code:          &awslambda.CfnFunction_CodeProperty{S3Bucket: code.S3BucketName(), S3Key: code.S3ObjectKey()},
		Role:          f.Role.AttrArn(),
		// Without KmsKeyArn, Lambda encrypts the variables with a key AWS owns.
		// That is enough: they hold names, ARNs and limits, which stand in the
		// template as well. With the stack's key, everybody who may look at a
		// function's configuration would need the right to decrypt with it.
		Environment:   &awslambda.CfnFunction_EnvironmentProperty{Variables: lambdaenv.Env(spec.Environment)},
		LoggingConfig: &awslambda.CfnFunction_LoggingConfigProperty{LogGroup: group.Ref(), LogFormat: jsii.String("JSON")},
		TracingConfig: &awslambda.CfnFunction_TracingConfigProperty{Mode: jsii.String("Active")},
		Timeout:       jsii.Number(spec.Seconds),
		MemorySize:    jsii.Number(spec.MegaBytes),
	})
	if place.Network != nil {
		f.Resource.SetVpcConfig(&awslambda.CfnFunction_VpcConfigProperty{
			SubnetIds:        jsii.Strings(place.Network.SubnetIDs()...),
			SecurityGroupIds: jsii.Strings(*place.Network.Groups.Functions.AttrGroupId()),
		})
	}
	return f
}

// ARN is the function's ARN.
func (f *Function) ARN() string { return *f.Resource.AttrArn() }

// asset makes the compiled function an asset named by the hash of its bytes.
func (f *Function) asset(binaries Binaries, name string) awss3assets.Asset {
	binary, ok := binaries[name]
	if !ok {
		panic(fmt.Sprintf("function %s was not compiled: there is no main package lambdas/%s", name, name))
	}
	return awss3assets.NewAsset(f.Scope, jsii.String("Code"), &awss3assets.AssetProps{
		Path:          jsii.String(binary.Dir),
		AssetHash:     jsii.String(binary.Hash),
		AssetHashType: awscdk.AssetHashType_CUSTOM,
		DisplayName:   jsii.String(name),
	})
}

// running is what any function needs in order to run.
func (f *Function) running(place Place, group awslogs.CfnLogGroup) []policy.Statement {
	statements := []policy.Statement{
		{Sid: "WriteLog", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: []string{*group.AttrArn()}},
		// X-Ray knows no resources.
		{Sid: "WriteTraces", Actions: []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, Resources: []string{"*"}},
	}
	if place.Network != nil {
		statements = append(statements, f.attach()...)
	}
	return statements
}

// attach lets Lambda, and not the function's code, attach the function to the
// VPC. Lambda asks for all resources; the Deny takes the permissions from the
// code that runs with the role
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice).
func (f *Function) attach() []policy.Statement {
	actions := []string{
		"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
		"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
	}
	return []policy.Statement{
		{Sid: "AttachToVPC", Actions: actions, Resources: []string{"*"}},
		{
			Sid: "DenyAttachingToCode", Deny: true, Actions: actions, Resources: []string{"*"},
			Conditions: policy.Conditions{"ArnLike": {"lambda:SourceFunctionArn": policy.ARN(f.Scope, "lambda", "function:*")}},
		},
	}
}
