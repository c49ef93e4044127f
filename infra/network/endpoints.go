package network

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/internal/finetune"
)

// Endpoints are the only ways out of the VPC. Each carries a policy: principals
// of this account, the actions the pipeline uses, on the stack's resources.
// There is none for CloudWatch Logs and X-Ray, because Lambda writes both from
// outside the VPC, and none for anything that only people call.
type Endpoints struct {
	S3             awsec2.CfnVPCEndpoint
	KMS            awsec2.CfnVPCEndpoint
	Bedrock        awsec2.CfnVPCEndpoint
	BedrockRuntime awsec2.CfnVPCEndpoint
	// CloudWatch is nil where nothing goes by how long a model was not asked.
	CloudWatch awsec2.CfnVPCEndpoint
}

func newEndpoints(n *Network, props Props) Endpoints {
	group := n.Groups.Endpoints
	endpoints := Endpoints{
		// Needed so that the functions and the job reach the bucket, which is
		// denied to whoever does not come this way.
		S3: newGatewayEndpoint(n, "S3Endpoint", "s3", s3Policy(n, props)),
		// Needed so that submit can check the key before a job is paid for. S3
		// and Bedrock use the key themselves, not through here.
		KMS: n.NewInterfaceEndpoint(n.Scope, "KMSEndpoint", "kms", group, kmsPolicy(n, props)),
		// Needed so that submit, poll and throughput can ask Bedrock to tune,
		// to tell and to serve.
		Bedrock: n.NewInterfaceEndpoint(n.Scope, "BedrockEndpoint", "bedrock", group, bedrockPolicy(n, props)),
		// Needed so that invoke, and throughput's smoke test, can ask a tuned
		// model.
		BedrockRuntime: n.NewInterfaceEndpoint(n.Scope, "BedrockRuntimeEndpoint", "bedrock-runtime", group, runtimePolicy(n, props)),
	}
	if props.Config.WatchesInvocations() {
		// Needed so that the sweep can see when a model was last asked.
		endpoints.CloudWatch = n.NewInterfaceEndpoint(n.Scope, "CloudWatchEndpoint", "monitoring", group, metricsPolicy(n))
	}
	return endpoints
}

func newGatewayEndpoint(n *Network, id, service string, document map[string]any) awsec2.CfnVPCEndpoint {
	return awsec2.NewCfnVPCEndpoint(n.Scope, jsii.String(id), &awsec2.CfnVPCEndpointProps{
		VpcId:           n.VPC.AttrVpcId(),
		VpcEndpointType: jsii.String("Gateway"),
		ServiceName:     serviceName(n.Scope, service),
		RouteTableIds:   &[]any{n.RouteTable.AttrRouteTableId()},
		PolicyDocument:  document,
	})
}

// NewInterfaceEndpoint makes an endpoint that answers under the service's usual
// name, in every subnet, for whoever may reach its group.
func (n *Network) NewInterfaceEndpoint(scope constructs.Construct, id, service string, group awsec2.CfnSecurityGroup, document map[string]any) awsec2.CfnVPCEndpoint {
	return awsec2.NewCfnVPCEndpoint(scope, jsii.String(id), &awsec2.CfnVPCEndpointProps{
		VpcId:             n.VPC.AttrVpcId(),
		VpcEndpointType:   jsii.String("Interface"),
		ServiceName:       serviceName(n.Scope, service),
		SubnetIds:         references(n.SubnetIDs()),
		SecurityGroupIds:  &[]any{group.AttrGroupId()},
		PrivateDnsEnabled: jsii.Bool(true),
		PolicyDocument:    document,
	})
}

// references are ids as a property takes them that accepts constructs as well.
func references(ids []string) *[]any {
	list := make([]any, 0, len(ids))
	for _, id := range ids {
		list = append(list, id)
	}
	return &list
}

func serviceName(scope constructs.Construct, service string) *string {
	return jsii.Sprintf("com.amazonaws.%s.%s", *awscdk.Stack_Of(scope).Region(), service)
}

func s3Policy(n *Network, props Props) map[string]any {
	return policy.Document(
		ours(n, "UseObjects",
			[]string{"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload"},
			props.Bucket.Objects("")...),
		ours(n, "ListObjects", []string{"s3:ListBucket"}, props.Bucket.ARN()),
	)
}

func kmsPolicy(n *Network, props Props) map[string]any {
	return policy.Document(ours(n, "DescribeKey", []string{"kms:DescribeKey"}, props.Key.ARN()))
}

func bedrockPolicy(n *Network, props Props) map[string]any {
	job, model := policy.CustomizationJobs(n.Scope), policy.CustomModels(n.Scope)
	deployment, provisioned := policy.Deployments(n.Scope), policy.ProvisionedModels(n.Scope)
	tunable := policy.BaseModels(n.Scope, props.Config.TunableBaseModels())
	return policy.Document(
		ours(n, "Tune", []string{
			"bedrock:CreateModelCustomizationJob", "bedrock:GetModelCustomizationJob", "bedrock:StopModelCustomizationJob",
			"bedrock:GetFoundationModel", "bedrock:GetCustomModel", "bedrock:TagResource",
		}, append(slices.Clone(tunable), job, model)...),
		ours(n, "Serve", []string{
			"bedrock:CreateCustomModelDeployment", "bedrock:GetCustomModelDeployment",
			"bedrock:DeleteCustomModelDeployment",
			"bedrock:CreateProvisionedModelThroughput", "bedrock:GetProvisionedModelThroughput",
			"bedrock:UpdateProvisionedModelThroughput", "bedrock:DeleteProvisionedModelThroughput",
			"bedrock:TagResource", "bedrock:ListTagsForResource",
		}, append(tunable, model, deployment, provisioned)...),
		// The lists know no resources; they show names and ARNs only.
		ours(n, "Look", []string{"bedrock:ListCustomModelDeployments", "bedrock:ListProvisionedModelThroughputs"}, "*"),
	)
}

func runtimePolicy(n *Network, props Props) map[string]any {
	statements := []policy.Statement{
		ours(n, "Ask", []string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}, policy.Deployments(n.Scope), policy.ProvisionedModels(n.Scope)),
	}
	if guardrail := props.Config.Guardrail(); guardrail != (finetune.Guardrail{}) {
		statements = append(statements, ours(n, "PassGuardrail", []string{"bedrock:ApplyGuardrail"}, policy.Guardrail(n.Scope, guardrail)))
	}
	return policy.Document(statements...)
}

// metricsPolicy lets metrics be read, which know no resources, and none be written.
func metricsPolicy(n *Network) map[string]any {
	return policy.Document(ours(n, "ReadMetrics", []string{"cloudwatch:GetMetricStatistics"}, "*"))
}

// ours allows actions to the principals of this account and to nobody else.
func ours(n *Network, sid string, actions []string, resources ...string) policy.Statement {
	return policy.Statement{
		Sid:        sid,
		Principals: policy.Anyone,
		Actions:    actions,
		Resources:  resources,
		Conditions: policy.Conditions{"StringEquals": {"aws:PrincipalAccount": policy.Account(n.Scope)}},
	}
}
