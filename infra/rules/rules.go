// Package rules has the CDK hold the stack, at every synthesis, against a few
// rules of our own, in Rego: see rules.rego. They run inside the CDK's validation
// of CloudFormation templates, beside its own rules, and a template that breaks
// one is not deployed.
package rules

import (
	_ "embed"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

//go:embed rules.rego
var source string

// Add has the app's templates validated. The CDK's flag
// "@aws-cdk/core:validateAgainstDefaultRules", in cdk.json, makes an error of it:
// without the flag, the CDK only warns. [awscdk.App.Synth] panics on a template that
// breaks a rule, and leaves validation-report.json in the cloud assembly.
func Add(app awscdk.App) {
	awscdk.Validations_Of(app).AddPlugins(awscdk.NewCloudFormationValidatePlugin(&awscdk.CloudFormationValidatePluginProps{
		RegoRules: &[]*awscdk.ValidationRuleSource{{Name: jsii.String("tuneline"), Content: jsii.String(source)}},
	}))
}
