package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/rules"
	"github.com/tuneline/tuneline/infra/stack"
)

// TestRulesStopADeployment: whoever takes away one of the few things that nobody else
// asks for gets no template, and is told the rule and the resource. What is changed
// here is changed as a user's own code would, on the constructs.
func TestRulesStopADeployment(t *testing.T) {
	out := t.TempDir()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(out), Context: contextOf(t), AnalyticsReporting: jsii.Bool(false)})
	rules.Add(app)
	s := stack.New(app, standard.config(), stubs(t, "rules"))
	resourceAt := func(path string) awscdk.CfnResource {
		node := s.Node()
		parts := strings.Split(path, "/")
		for _, id := range parts[:len(parts)-1] {
			node = node.FindChild(jsii.String(id)).Node()
		}
		return node.FindChild(jsii.String(parts[len(parts)-1])).(awscdk.CfnResource)
	}
	allow := func(statement object) object { statement["Effect"] = "Allow"; return statement }
	policies := func(statement any) []object {
		return []object{{"PolicyName": "Permissions", "PolicyDocument": object{"Version": "2012-10-17", "Statement": statement}}}
	}
	trust := allow(object{"Action": "sts:AssumeRole", "Principal": object{"Service": "bedrock.amazonaws.com"}})
	passRole := allow(object{"Action": []string{"iam:passrole"}, "Resource": "*"})

	// Statements may be a list, or be one without a list.
	role := resourceAt("Customization/Role")
	role.(awsiam.CfnRole).SetAssumeRolePolicyDocument(object{"Version": "2012-10-17", "Statement": trust}) // an override would leave the list
	role.AddPropertyOverride(jsii.String("Policies"), policies([]object{
		allow(object{"Action": "ec2:CreateNetworkInterface", "Resource": "arn:aws:ec2:us-east-1:111122223333:network-interface/*"}),
		allow(object{"Action": "ec2:CreateNetworkInterface", "Resource": "arn:aws:ec2:us-east-1:111122223333:subnet/subnet-1"}),
		allow(object{"Action": "ec2:*Tags", "Resource": "*"}),
		passRole,
	}))
	submit := resourceAt("Functions/Submit/Role")
	submit.AddPropertyOverride(jsii.String("AssumeRolePolicyDocument.Statement"), []object{trust})
	submit.AddPropertyOverride(jsii.String("Policies"), policies(passRole))
	resourceAt("Network/S3Endpoint").AddPropertyDeletionOverride(jsii.String("PolicyDocument"))
	resourceAt("Storage/Policy").AddPropertyOverride(jsii.String("PolicyDocument.Statement"), []object{
		{"Effect": "Deny", "Action": "s3:*", "Principal": "*", "Resource": "*", "Condition": object{"Bool": object{"aws:SecureTransport": "false"}}},
	})

	func() {
		defer func() {
			if recover() == nil {
				t.Error("a template that breaks the rules was synthesized")
			}
		}()
		app.Synth(nil)
	}()
	want := []string{
		"TL001 Customization/Role", "TL001 Functions/Submit/Role", "TL002 Network/S3Endpoint", "TL003 Storage/Bucket",
		"TL004 Customization/Role", "TL004 Functions/Submit/Role", "TL005 Customization/Role", "TL006 Customization/Role",
	}
	var got []string
	for _, v := range violations(t, out) {
		for _, c := range v.ViolatingConstructs {
			got = append(got, v.RuleName+" "+strings.TrimPrefix(c.ConstructPath, "tuneline/"))
		}
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
