// Package access is the people: who may upload, and who may operate.
package access

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/customization"
	"github.com/tuneline/tuneline/infra/inference"
	"github.com/tuneline/tuneline/infra/notices"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/infra/workflow"
)

// Access is the two roles people assume, and the policies of the second one,
// which can be given to other roles as well.
type Access struct {
	Scope          constructs.Construct
	Uploader       awsiam.CfnRole
	Operator       awsiam.CfnRole
	OperatorPolicy awsiam.CfnManagedPolicy
	// PreflightPolicy is the rest of what an operator may: to compare the account
	// with the configuration.
	PreflightPolicy awsiam.CfnManagedPolicy
	// CallerPolicy lets whoever gets it ask every model, and nothing else: operators,
	// and callers by a team's own choice. It is nil where tokens say who may.
	CallerPolicy awsiam.CfnManagedPolicy

	uploaders []string
}

// Props is what people use.
type Props struct {
	Config    config.Config
	Key       *storage.Key
	Bucket    *storage.Bucket
	Workflow  *workflow.Workflow
	Inference *inference.Inference
	Notices   *notices.Notices
	// Customization is the service role, which operators may look at.
	Customization *customization.Customization
}

// New makes the roles.
func New(scope constructs.Construct, id string, props Props) *Access {
	a := &Access{Scope: constructs.NewConstruct(scope, jsii.String(id)), uploaders: props.Config.Uploaders}
	a.Uploader = policy.NewRole(a.Scope, "Uploader", policy.RoleProps{
		Description: "People: upload data sets, and nothing else",
		Room:        policy.RoomPeople,
		Trust:       a.by(props.Config.Uploaders),
		Statements: []policy.Statement{
			upload(props.Bucket),
			props.Key.Use("EncryptUploads", "s3", true),
		},
	})
	a.Operator = policy.NewRole(a.Scope, "Operator", policy.RoleProps{
		Description: "People: look after runs, models and what they cost",
		Room:        policy.RoomPeople,
		Trust:       a.by(props.Config.Operators),
	})
	a.OperatorPolicy = awsiam.NewCfnManagedPolicy(a.Scope, jsii.String("OperatorPolicy"), &awsiam.CfnManagedPolicyProps{
		Description:    jsii.String("Look after runs, models and what they cost"),
		PolicyDocument: policy.Document(a.mayOperate(props)...),
		Roles:          &[]any{a.Operator.Ref()},
	})
	a.PreflightPolicy = awsiam.NewCfnManagedPolicy(a.Scope, jsii.String("PreflightPolicy"), &awsiam.CfnManagedPolicyProps{
		Description:    jsii.String("Compare the account with what the stack needs; reads only"),
		PolicyDocument: policy.Document(a.mayCompare(props)...),
		Roles:          &[]any{a.Operator.Ref()},
	})
	if props.Config.API.Auth == config.AuthIAM {
		a.CallerPolicy = awsiam.NewCfnManagedPolicy(a.Scope, jsii.String("CallerPolicy"), &awsiam.CfnManagedPolicyProps{
			Description:    jsii.String("Ask every tuned model"),
			PolicyDocument: policy.Document(policy.Statement{Sid: "AskModels", Actions: []string{"execute-api:Invoke"}, Resources: props.Inference.Methods()}),
			Roles:          &[]any{a.Operator.Ref()},
		})
	}
	return a
}

// NamedUploaders are the only ones who may upload from outside the VPC, or
// none, when that is left to IAM.
func (a *Access) NamedUploaders() []string {
	if len(a.uploaders) == 0 {
		return nil
	}
	return append([]string{*a.Uploader.AttrArn()}, a.uploaders...)
}

// by trusts the named people, or, when nobody is named, whoever IAM lets in.
func (a *Access) by(arns []string) policy.Statement {
	if len(arns) == 0 {
		return policy.Statement{Principals: policy.AccountRoot(a.Scope)}
	}
	return policy.Statement{Principals: policy.Principals{"AWS": arns}}
}

// upload is a data set, its settings, its validation data and its media.
func upload(bucket *storage.Bucket) policy.Statement {
	return policy.Statement{
		Sid:       "Upload",
		Actions:   []string{"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"},
		Resources: bucket.Objects(storage.UserPrefixes...),
	}
}
