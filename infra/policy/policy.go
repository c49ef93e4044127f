// Package policy writes IAM policies as they will stand in the template:
// nothing is added, merged or sorted on the way, so a template says exactly
// what a source file says, and a golden file shows every permission.
//
// See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html.
package policy

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Conditions is operator → condition key → a value or a list of values, all
// of which may be tokens.
type Conditions map[string]map[string]any

// Principals is the kind of principal ("Service", "AWS") → who.
type Principals map[string]any

// Anyone is every principal there is. It is written as "*", not as
// {"AWS": "*"}: both mean the same to AWS, but not to every tool that reads
// policies. A statement that allows Anyone always has a condition.
var Anyone = Principals{"*": "*"}

// Statement is one statement of a policy. It allows unless Deny is set, and is
// on Resources unless NotResources are given.
type Statement struct {
	// Sid says what the statement is for; every statement has one.
	Sid  string
	Deny bool
	// Principals is for resource policies; nil in a role's policy.
	Principals   Principals
	Actions      []string
	NotActions   []string
	Resources    []string
	NotResources []string
	Conditions   Conditions
}

// Document is a policy of these statements, for a property that takes one.
func Document(statements ...Statement) map[string]any {
	list := make([]any, 0, len(statements))
	for _, s := range statements {
		list = append(list, s.render())
	}
	return map[string]any{"Version": "2012-10-17", "Statement": list}
}

func (s Statement) render() map[string]any {
	m := map[string]any{"Sid": s.Sid, "Effect": "Allow"}
	if s.Deny {
		m["Effect"] = "Deny"
	}
	for who, value := range s.Principals {
		if who == "*" {
			m["Principal"] = "*"
			break
		}
		m["Principal"] = map[string]any{who: value}
	}
	for element, values := range map[string][]string{
		"Action": s.Actions, "NotAction": s.NotActions, "Resource": s.Resources, "NotResource": s.NotResources,
	} {
		if len(values) == 1 {
			m[element] = values[0]
		} else if len(values) > 1 {
			m[element] = slices.Clone(values)
		}
	}
	if len(s.Conditions) > 0 {
		m["Condition"] = s.Conditions
	}
	return m
}

// Account is the stack's account, a token.
func Account(scope constructs.Construct) string {
	return *awscdk.Stack_Of(scope).Account()
}

// ARN is the ARN of something in the stack's partition, region and account.
func ARN(scope constructs.Construct, service, resource string) string {
	stack := awscdk.Stack_Of(scope)
	return *jsii.Sprintf("arn:%s:%s:%s:%s:%s", *stack.Partition(), service, *stack.Region(), *stack.Account(), resource)
}

// AccountRoot is the account itself as a principal: in a resource policy it
// leaves the decision to the IAM policies of the account.
func AccountRoot(scope constructs.Construct) Principals {
	stack := awscdk.Stack_Of(scope)
	return Principals{"AWS": *jsii.Sprintf("arn:%s:iam::%s:root", *stack.Partition(), *stack.Account())}
}

// FromAccount is the condition that a service acts for the stack's account.
func FromAccount(scope constructs.Construct) Conditions {
	return Conditions{"StringEquals": {"aws:SourceAccount": Account(scope)}}
}
