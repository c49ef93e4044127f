package policy

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Room is what kind of role it is. It becomes part of the role's path, and so
// of its ARN: the key policy can name all functions' roles without naming one,
// which would make key and role wait for each other.
type Room string

// The rooms.
const (
	RoomFunction      Room = "function"
	RoomCustomization Room = "customization"
	RoomService       Room = "service"
	RoomPeople        Room = "people"
)

// RoleProps describes a role.
type RoleProps struct {
	Description string
	Room        Room
	// Trust is who may assume the role; its Sid, Actions and Resources are set.
	Trust Statement
	// Statements is all the role may do. It stands in the role itself and not
	// beside it, so that the permissions are there before, and as long as, the
	// role is.
	Statements []Statement
}

// NewRole makes a role with exactly these permissions.
func NewRole(scope constructs.Construct, id string, props RoleProps) awsiam.CfnRole {
	trust := props.Trust
	trust.Sid, trust.Actions = "Assume", []string{"sts:AssumeRole"}
	role := &awsiam.CfnRoleProps{
		AssumeRolePolicyDocument: Document(trust),
		Description:              jsii.String(props.Description),
		Path:                     jsii.String(path(scope, props.Room)),
	}
	if len(props.Statements) > 0 {
		role.Policies = []any{&awsiam.CfnRole_PolicyProperty{
			PolicyName:     jsii.String("Permissions"),
			PolicyDocument: Document(props.Statements...),
		}}
	}
	return awsiam.NewCfnRole(scope, jsii.String(id), role)
}

// Bound puts a permissions boundary on every role of the stack, whoever made it: the
// constructs of the CDK as well. The managed policy is named by its ARN, or by the
// name it has in the account; "" bounds nothing.
func Bound(stack awscdk.Stack, boundary string) {
	switch {
	case boundary == "":
	case strings.HasPrefix(boundary, "arn:"):
		awsiam.PermissionsBoundary_Of(stack).Apply(awsiam.ManagedPolicy_FromManagedPolicyArn(stack, jsii.String("Boundary"), jsii.String(boundary)))
	default:
		awsiam.PermissionsBoundary_Of(stack).Apply(awsiam.ManagedPolicy_FromManagedPolicyName(stack, jsii.String("Boundary"), jsii.String(boundary)))
	}
}

// ByService trusts an AWS service, under conditions.
func ByService(service string, conditions Conditions) Statement {
	return Statement{Principals: Principals{"Service": service}, Conditions: conditions}
}

// RolesIn is a pattern of the ARNs of the stack's roles in a room, for
// aws:PrincipalArn.
func RolesIn(scope constructs.Construct, room Room) string {
	stack := awscdk.Stack_Of(scope)
	return *jsii.Sprintf("arn:%s:iam::%s:role%s*", *stack.Partition(), *stack.Account(), path(scope, room))
}

func path(scope constructs.Construct, room Room) string {
	return *jsii.Sprintf("/%s/%s/", *awscdk.Stack_Of(scope).StackName(), string(room))
}
