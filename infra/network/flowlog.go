package network

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/logging"
	"github.com/tuneline/tuneline/infra/policy"
)

// newFlowLog records every connection that was made or refused.
func newFlowLog(n *Network, props Props) {
	group := logging.NewGroup(n.Scope, "FlowLogGroup", logging.GroupProps{Name: "flow-log", Key: props.Key, Days: props.Config.RetentionDays.Logs})
	trust := policy.FromAccount(n.Scope)
	trust["ArnLike"] = map[string]any{"aws:SourceArn": policy.ARN(n.Scope, "ec2", "vpc-flow-log/*")}
	role := policy.NewRole(n.Scope, "FlowLogRole", policy.RoleProps{
		Description: "Writes the VPC's flow log",
		Room:        policy.RoomService,
		Trust:       policy.ByService("vpc-flow-logs.amazonaws.com", trust),
		Statements: []policy.Statement{{
			Sid:       "WriteFlowLog",
			Actions:   []string{"logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"},
			Resources: []string{*group.AttrArn()},
		}},
	})
	awsec2.NewCfnFlowLog(n.Scope, jsii.String("FlowLog"), &awsec2.CfnFlowLogProps{
		ResourceId:               n.VPC.AttrVpcId(),
		ResourceType:             jsii.String("VPC"),
		TrafficType:              jsii.String("ALL"),
		LogDestinationType:       jsii.String("cloud-watch-logs"),
		LogGroupName:             group.Ref(),
		DeliverLogsPermissionArn: role.AttrArn(),
	})
}
