// Package stack is the whole: it reads from top to bottom like the picture in
// docs/architecture.md, and passes constructs from one to the next.
package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/access"
	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/customization"
	"github.com/tuneline/tuneline/infra/functions"
	"github.com/tuneline/tuneline/infra/inference"
	"github.com/tuneline/tuneline/infra/lifecycle"
	"github.com/tuneline/tuneline/infra/network"
	"github.com/tuneline/tuneline/infra/notices"
	"github.com/tuneline/tuneline/infra/observability"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/infra/sweep"
	"github.com/tuneline/tuneline/infra/trail"
	"github.com/tuneline/tuneline/infra/trigger"
	"github.com/tuneline/tuneline/infra/workflow"
	"github.com/tuneline/tuneline/internal/finetune"
)

// Name is the stack's name.
const Name = "tuneline"

// New makes the stack, with functions that were compiled before. Its account is
// left open: it is whichever account it is deployed to.
func New(app awscdk.App, cfg config.Config, binaries functions.Binaries) awscdk.Stack {
	stack := awscdk.NewStack(app, jsii.String(Name), &awscdk.StackProps{
		Env:         &awscdk.Environment{Region: jsii.String(cfg.Region)},
		Description: jsii.String("From a dropped JSONL data set to an answering Bedrock model, in private"),
	})

	key := storage.NewKey(stack, "Key", storage.KeyProps{Trail: cfg.Trail.Enabled, Nova: cfg.TunesNova()})
	bucket := storage.NewBucket(stack, "Storage", storage.BucketProps{Key: key, Retention: cfg.RetentionDays, WithTrail: cfg.Trail.Enabled})
	net := network.New(stack, "Network", network.Props{Config: cfg, Key: key, Bucket: bucket})
	role := customization.New(stack, "Customization", customization.Props{Key: key, Bucket: bucket, Network: net})
	channels := notices.New(stack, "Notices", notices.Props{Key: key, Email: cfg.AlarmEmail})

	place := functions.Place{Config: cfg, Binaries: binaries, Key: key, Network: net}
	steps := functions.New(stack, "Functions", functions.Props{Place: place, Bucket: bucket, Customization: role})
	machines := workflow.New(stack, "Workflow", workflow.Props{Functions: steps, Key: key, Notices: channels, LogDays: cfg.RetentionDays.Logs})
	rules := trigger.New(stack, "Trigger", trigger.Props{Bucket: bucket, Workflow: machines, Notices: channels})
	api := inference.New(stack, "Inference", inference.Props{Config: cfg, Functions: steps, Network: net, Key: key})
	watch := observability.New(stack, "Observability", observability.Props{
		Notices: channels, Workflow: machines, Functions: steps, Firewall: cfg.API.WAF.Enabled,
		Key: key, Network: net, Buckets: bucket.Names(), Region: cfg.Region,
	})

	if cfg.Trail.Enabled {
		trail.New(stack, "Trail", trail.Props{Key: key, Bucket: bucket, Guardrail: cfg.Guardrail(), LogDays: cfg.RetentionDays.Logs})
	}

	people := access.New(stack, "Access", access.Props{Config: cfg, Key: key, Bucket: bucket, Workflow: machines, Inference: api, Notices: channels, Customization: role})
	exempt := []awsiam.CfnRole{people.Operator}
	if cfg.BucketPolicy.ExemptServiceRole {
		exempt = append(exempt, role.Role)
	}
	bucket.Protect(storage.ProtectProps{
		Key: key, Endpoint: net.Endpoints.S3, Exempt: exempt, Approver: people.Operator,
		Uploaders: people.NamedUploaders(), UploadsInside: cfg.BucketPolicy.UploadsFromVPCOnly,
	})

	teardown := lifecycle.New(stack, "Lifecycle", lifecycle.Props{
		Place: place, Network: net, Workflow: machines, Trigger: rules,
		Outlive: []constructs.Construct{key.Scope, bucket.Scope, net.Scope, role.Scope, steps.Scope, machines.Scope, rules.Scope, watch.Scope},
	})

	sweep.New(stack, "Sweep", sweep.Props{Machine: machines.Sweep, Key: key, Notices: channels, Rules: cfg.Sweeping(), Teardown: teardown.Resource})

	addOutputs(stack, outputs{
		key: key, bucket: bucket, network: net, role: role, machines: machines, api: api, people: people, channels: channels,
		apiKeys: apiKeys(cfg), uploadsInside: cfg.BucketPolicy.UploadsFromVPCOnly,
	})
	policy.Bound(stack, cfg.PermissionsBoundary)
	awscdk.Tags_Of(stack).Add(jsii.String(finetune.TagStack), jsii.String(Name), nil)
	return stack
}
