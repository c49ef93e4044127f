package inference

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
)

// keyRequired says whether a request needs a client's API key. A key tells clients
// apart and limits each; it is no authorization and comes beside one
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html).
func (i *Inference) keyRequired() *bool {
	if len(i.config.API.UsagePlan.Clients) == 0 {
		return nil
	}
	return jsii.Bool(true)
}

// addPlan gives every client a key, whose value API Gateway makes up: it stands in
// no template and no output.
func (i *Inference) addPlan() {
	limits := i.config.API.UsagePlan
	if len(limits.Clients) == 0 {
		return
	}
	name := *awscdk.Stack_Of(i.Scope).StackName()
	props := &awsapigateway.CfnUsagePlanProps{
		UsagePlanName: jsii.String(name),
		Description:   jsii.String("What each client of the inference API may send"),
		ApiStages:     []any{&awsapigateway.CfnUsagePlan_ApiStageProperty{ApiId: i.API.RestApiId(), Stage: i.stage.StageName()}},
	}
	if limits.RequestsPerDay > 0 {
		props.Quota = &awsapigateway.CfnUsagePlan_QuotaSettingsProperty{Limit: jsii.Number(limits.RequestsPerDay), Period: jsii.String("DAY")}
	}
	if limits.RateLimit > 0 {
		props.Throttle = &awsapigateway.CfnUsagePlan_ThrottleSettingsProperty{
			RateLimit: jsii.Number(limits.RateLimit), BurstLimit: jsii.Number(limits.BurstLimit),
		}
	}
	plan := awsapigateway.NewCfnUsagePlan(i.Scope, jsii.String("UsagePlan"), props)
	for _, client := range limits.Clients {
		key := awsapigateway.NewCfnApiKey(i.Scope, jsii.String("Key-"+client), &awsapigateway.CfnApiKeyProps{
			Name: jsii.String(ClientKeyPrefix(name) + client), Enabled: jsii.Bool(true),
			Description: jsii.String(fmt.Sprintf("Client %s of the inference API", client)),
		})
		awsapigateway.NewCfnUsagePlanKey(i.Scope, jsii.String("PlanKey-"+client), &awsapigateway.CfnUsagePlanKeyProps{
			KeyId: key.Ref(), KeyType: jsii.String("API_KEY"), UsagePlanId: plan.Ref(),
		})
	}
}

// ClientKeyPrefix begins the names of the API keys of a stack's clients.
func ClientKeyPrefix(stack string) string { return stack + "-" }
