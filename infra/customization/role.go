// Package customization is the service role: what Bedrock may do in the
// account while it tunes a model.
//
// See https://docs.aws.amazon.com/bedrock/latest/userguide/custom-model-job-access-security.html.
package customization

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/network"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/internal/finetune"
)

// Tags Bedrock puts on the network interfaces of a job.
const (
	tagManaged = "BedrockManaged"
	tagJob     = "BedrockModelCustomizationJobArn"
)

// Customization is the role a job runs with.
type Customization struct {
	Scope constructs.Construct
	Role  awsiam.CfnRole
}

// Props is what the role is for.
type Props struct {
	Key     *storage.Key
	Bucket  *storage.Bucket
	Network *network.Network
}

// New makes the role.
func New(scope constructs.Construct, id string, props Props) *Customization {
	c := &Customization{Scope: constructs.NewConstruct(scope, jsii.String(id))}
	statements := append(c.data(props), c.network(props.Network)...)
	c.Role = policy.NewRole(c.Scope, "Role", policy.RoleProps{
		Description: "Bedrock, while it tunes a model: reads accepted data and media, writes outputs, in the VPC",
		Room:        policy.RoomCustomization,
		Trust:       policy.ByService("bedrock.amazonaws.com", c.forOurJobs()),
		Statements:  append(statements, c.encryption(props.Key)...),
	})
	return c
}

// forOurJobs keeps the service from using the role for anybody else's job.
func (c *Customization) forOurJobs() policy.Conditions {
	conditions := policy.FromAccount(c.Scope)
	conditions["ArnEquals"] = map[string]any{"aws:SourceArn": policy.CustomizationJobs(c.Scope)}
	return conditions
}

// data is what was accepted to read, the media its records name, and outputs to
// write. Bedrock tries whether it may write before it starts, hence no narrower
// pattern. There is one role for all models, hence all of the media. AWS's page
// has the role list the buckets it reads.
func (c *Customization) data(props Props) []policy.Statement {
	return []policy.Statement{
		{Sid: "ReadAccepted", Actions: []string{"s3:GetObject"}, Resources: props.Bucket.Objects(finetune.PrefixAccepted)},
		{Sid: "ReadMedia", Actions: []string{"s3:GetObject"}, Resources: props.Bucket.Objects(finetune.PrefixMedia)},
		{Sid: "WriteOutputs", Actions: []string{"s3:GetObject", "s3:PutObject"}, Resources: props.Bucket.Objects(finetune.PrefixOutputs)},
		{
			Sid: "ListThese", Actions: []string{"s3:ListBucket"}, Resources: []string{props.Bucket.ARN()},
			Conditions: policy.Conditions{"StringLike": {"s3:prefix": []string{
				finetune.PrefixAccepted + "*", finetune.PrefixMedia + "*", finetune.PrefixOutputs + "*",
			}}},
		},
	}
}

// network is the five statements AWS asks for, with the tags that keep the role
// to interfaces Bedrock made for a job.
func (c *Customization) network(n *network.Network) []policy.Statement {
	interfaces := policy.ARN(c.Scope, "ec2", "network-interface/*")
	jobs := policy.CustomizationJobs(c.Scope)
	var subnets []string
	for _, id := range n.SubnetIDs() {
		subnets = append(subnets, policy.ARN(c.Scope, "ec2", "subnet/"+id))
	}
	group := policy.ARN(c.Scope, "ec2", "security-group/"+*n.Groups.Job.AttrGroupId())
	return []policy.Statement{
		{
			Sid: "LookAtNetwork", Resources: []string{"*"},
			Actions: []string{"ec2:DescribeNetworkInterfaces", "ec2:DescribeVpcs", "ec2:DescribeDhcpOptions", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"},
		},
		{
			Sid: "CreateTaggedInterfaces", Actions: []string{"ec2:CreateNetworkInterface"}, Resources: []string{interfaces},
			Conditions: policy.Conditions{
				"StringEquals": {"aws:RequestTag/" + tagManaged: "true"},
				"ArnEquals":    {"aws:RequestTag/" + tagJob: jobs},
			},
		},
		{Sid: "CreateInterfacesHere", Actions: []string{"ec2:CreateNetworkInterface"}, Resources: slices.Concat(subnets, []string{group})},
		{
			Sid: "UseTaggedInterfaces", Resources: []string{"*"},
			Actions: []string{"ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"},
			Conditions: policy.Conditions{
				"ArnEquals":    {"ec2:Subnet": subnets, "ec2:ResourceTag/" + tagJob: jobs},
				"StringEquals": {"ec2:ResourceTag/" + tagManaged: "true"},
			},
		},
		{
			Sid: "TagNewInterfaces", Actions: []string{"ec2:CreateTags"}, Resources: []string{interfaces},
			Conditions: policy.Conditions{
				"StringEquals":              {"ec2:CreateAction": "CreateNetworkInterface"},
				"ForAllValues:StringEquals": {"aws:TagKeys": []string{tagManaged, tagJob}},
			},
		},
	}
}

// encryption is the key through S3, for the objects, and through Bedrock, for
// the custom model.
func (c *Customization) encryption(key *storage.Key) []policy.Statement {
	model := key.Use("EncryptModel", "bedrock", true)
	model.Actions = append(model.Actions, "kms:DescribeKey")
	return []policy.Statement{key.Use("UseObjects", "s3", true), model, key.GrantThroughBedrock("KeepModelReadable")}
}
