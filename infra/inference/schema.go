package inference

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
)

type schema = awsapigateway.JsonSchema

// body is what a request's body must be like, so that what is no request at all
// never reaches the function. What else it may hold is the function's to check,
// and Bedrock's: nothing they take is refused here, now or with a member they
// learn. API Gateway checks a body that says it is JSON, and no other.
//
// A schema only says types, members that must be there and bounds of numbers. An
// enumeration would be useful, but API Gateway writes the value that is not in it
// into its log of errors, and a prompt in the wrong place would be such a value.
// Nor is anything said of members that clients send as null for what they leave
// out: draft 4 can say that, but API Gateway's pages do not say that it may
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html).
type body struct {
	Name, Description string
	Schema            *schema
}

// converseBody is the part of Converse's and ConverseStream's request that every
// caller must get right: who says what, and how the answer is drawn
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
func converseBody() *body {
	s := object()
	s.Required = jsii.Strings("messages")
	s.Properties = &map[string]*schema{
		"messages":   messages(listOf(object(), 1)),
		"system":     listOf(object(), 0),
		"toolConfig": object(),
		"inferenceConfig": {
			Type: awsapigateway.JsonSchemaType_OBJECT,
			Properties: &map[string]*schema{
				"maxTokens":     {Type: awsapigateway.JsonSchemaType_INTEGER, Minimum: jsii.Number(1)},
				"temperature":   fraction(),
				"topP":          fraction(),
				"stopSequences": listOf(text(), 0),
			},
		},
	}
	return named("ConverseRequest", "The body of Bedrock's Converse and ConverseStream", s)
}

// invokeBody is one object: the rest is the base model's own
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html).
func invokeBody() *body {
	return named("InvokeRequest", "The body of Bedrock's InvokeModel: an object in the base model's own form", object())
}

// chatBody is what every request of OpenAI's chat completions has
// (https://platform.openai.com/docs/api-reference/chat/create). A message's content
// is a text or a list, and not there at all beside tool calls.
func chatBody() *body {
	s := object()
	s.Required = jsii.Strings("messages")
	s.Properties = &map[string]*schema{"model": text(), "messages": messages(nil)}
	return named("ChatCompletionRequest", "The body of OpenAI's chat completions", s)
}

func named(name, description string, s *schema) *body {
	s.Schema, s.Title = awsapigateway.JsonSchemaVersion_DRAFT4, jsii.String(name)
	return &body{Name: name, Description: description, Schema: s}
}

// messages is a list of at least one message, which says whose it is; content,
// if given, is what each must have.
func messages(content *schema) *schema {
	message := object()
	message.Required = jsii.Strings("role")
	properties := map[string]*schema{"role": text()}
	if content != nil {
		message.Required = jsii.Strings("role", "content")
		properties["content"] = content
	}
	message.Properties = &properties
	return listOf(message, 1)
}

func listOf(items *schema, least float64) *schema {
	s := &schema{Type: awsapigateway.JsonSchemaType_ARRAY, Items: items}
	if least > 0 {
		s.MinItems = jsii.Number(least)
	}
	return s
}

func object() *schema { return &schema{Type: awsapigateway.JsonSchemaType_OBJECT} }

func text() *schema { return &schema{Type: awsapigateway.JsonSchemaType_STRING} }

func fraction() *schema {
	return &schema{Type: awsapigateway.JsonSchemaType_NUMBER, Minimum: jsii.Number(0), Maximum: jsii.Number(1)}
}
