package inference

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
)

type schema = awsapigateway.JsonSchema

// converseSchema is the part of Converse's request that every caller must get
// right: who says what, and how the answer is drawn
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
// What else a request may hold is Bedrock's to check.
func converseSchema() *schema {
	return &schema{
		Schema:   awsapigateway.JsonSchemaVersion_DRAFT4,
		Title:    jsii.String("ConverseRequest"),
		Type:     awsapigateway.JsonSchemaType_OBJECT,
		Required: jsii.Strings("messages"),
		Properties: &map[string]*schema{
			"messages": {Type: awsapigateway.JsonSchemaType_ARRAY, MinItems: jsii.Number(1), Items: messageSchema()},
			"system":   {Type: awsapigateway.JsonSchemaType_ARRAY, Items: object()},
			"inferenceConfig": {
				Type: awsapigateway.JsonSchemaType_OBJECT,
				Properties: &map[string]*schema{
					"maxTokens":     {Type: awsapigateway.JsonSchemaType_INTEGER, Minimum: jsii.Number(1)},
					"temperature":   fraction(),
					"topP":          fraction(),
					"stopSequences": {Type: awsapigateway.JsonSchemaType_ARRAY, Items: text()},
				},
			},
		},
	}
}

func messageSchema() *schema {
	return &schema{
		Type:     awsapigateway.JsonSchemaType_OBJECT,
		Required: jsii.Strings("role", "content"),
		Properties: &map[string]*schema{
			"role":    {Type: awsapigateway.JsonSchemaType_STRING, Enum: &[]any{"user", "assistant"}},
			"content": {Type: awsapigateway.JsonSchemaType_ARRAY, MinItems: jsii.Number(1), Items: object()},
		},
	}
}

func object() *schema { return &schema{Type: awsapigateway.JsonSchemaType_OBJECT} }

func text() *schema { return &schema{Type: awsapigateway.JsonSchemaType_STRING} }

func fraction() *schema {
	return &schema{Type: awsapigateway.JsonSchemaType_NUMBER, Minimum: jsii.Number(0), Maximum: jsii.Number(1)}
}
