package inference

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/policy"
)

// authorization is what every method wants of a caller; there is none without.
type authorization struct {
	kind awsapigateway.AuthorizationType
	// id is the authorizer's; nil where IAM decides.
	id *string
}

const (
	// headerFormat is the header's with a bearer token (https://www.rfc-editor.org/rfc/rfc6750#section-2.1);
	// what does not look like one is refused without a call of the function.
	headerFormat = `^[Bb]earer [-0-9A-Za-z._~+/]+=*$`
	// tokenSeconds is how long API Gateway takes the authorizer's word for a
	// token, for all methods: long enough to spare a busy client most calls, and
	// short for a token that has expired or was narrowed since.
	tokenSeconds = 60
)

// newAuthorization makes the authorizer where tokens are taken. Its answer is
// about all methods, because API Gateway remembers it by the token alone
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html).
func (i *Inference) newAuthorization() authorization {
	if i.config.API.Auth != config.AuthJWT {
		return authorization{kind: awsapigateway.AuthorizationType_IAM}
	}
	props := &awsapigateway.CfnAuthorizerProps{
		Name:                         jsii.String("Token"),
		RestApiId:                    i.API.RestApiId(),
		Type:                         jsii.String("TOKEN"),
		AuthorizerUri:                i.invocations(i.functions.Authorize, "2015-03-31", "invocations"),
		IdentitySource:               jsii.String("method.request.header.Authorization"),
		IdentityValidationExpression: jsii.String(headerFormat),
		AuthorizerResultTtlInSeconds: jsii.Number(tokenSeconds),
	}
	authorizer := awsapigateway.NewCfnAuthorizer(i.Scope, jsii.String("Authorizer"), props)
	i.published["authorizer"] = published(props)
	i.permit("AuthorizerPermission", i.functions.Authorize, policy.ARN(i.Scope, "execute-api", *i.API.RestApiId()+"/authorizers/"+*authorizer.Ref()))
	return authorization{kind: awsapigateway.AuthorizationType_CUSTOM, id: authorizer.Ref()}
}

// whoMayAsk is the API's resource policy. It allows nobody, because within the
// account an Allow here would be enough on its own, beside IAM as beside an
// authorizer; so callers need permission from one of those
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html#apigateway-resource-policies-iam-policies-interaction).
// A caller with a token is no principal of any account, and would be denied as
// somebody of another one.
func (i *Inference) whoMayAsk() []policy.Statement {
	statements := []policy.Statement{
		i.deny("DenyWithoutTLS", policy.Conditions{"Bool": {"aws:SecureTransport": "false"}}),
	}
	if i.config.API.Auth == config.AuthIAM {
		statements = append(statements, i.deny("DenyOtherAccounts",
			policy.Conditions{"StringNotEquals": {"aws:PrincipalAccount": policy.Account(i.Scope)}}))
	}
	if i.Door != nil {
		statements = append(statements, i.deny("DenyFromOutside",
			policy.Conditions{"StringNotEquals": {"aws:SourceVpce": *i.Door.Endpoint.AttrId()}}))
	}
	return statements
}

func (i *Inference) deny(sid string, conditions policy.Conditions) policy.Statement {
	return policy.Statement{
		Sid: sid, Deny: true, Principals: policy.Anyone,
		Actions:    []string{"execute-api:Invoke"},
		Resources:  []string{policy.ARN(i.Scope, "execute-api", "*")},
		Conditions: conditions,
	}
}
