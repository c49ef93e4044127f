package guard

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// Key is a condition key that the rehearsal knows about.
type Key struct {
	// Name is the key; one that ends with "/" or ":" stands for all that begin so.
	Name string
	// Services are the prefixes of the actions it is known for; none is all.
	// For those a call that does not carry the key is known not to.
	Services []string
	// What says when it is there, and with which value.
	What string
	// Source is AWS's page, or begins with "unverified".
	Source string
}

// The pages that several keys are from.
const (
	globalKeys = "IAM User Guide: global condition keys"
	kmsKeys    = "KMS Developer Guide: condition keys"
	s3Keys     = "Service Authorization Reference: Amazon S3"
	jobKeys    = "Bedrock User Guide: custom-model-job-access-security"
	forwarded  = "IAM User Guide: access_forward_access_sessions, whose example is S3 with KMS; that Bedrock and SNS do so is unverified"
)

// Keys are all condition keys the rehearsal knows about.
var Keys = []Key{
	{"aws:PrincipalArn", nil, "The ARN of the role, not of its session", globalKeys},
	{"aws:PrincipalAccount", nil, "The account of the role; absent for a service", globalKeys},
	{"aws:PrincipalIsAWSService", nil, "true for a service that acts for itself", globalKeys},
	{"aws:PrincipalServiceName", nil, "That service", globalKeys},
	{"aws:PrincipalType", nil, "AssumedRole for a role; absent for a service", "unverified: the guide names the values, not when it is absent"},
	{"aws:username", nil, "Absent: nobody here is a user", globalKeys},
	{"aws:SecureTransport", nil, "true: loopback stands for TLS", globalKeys},
	{"aws:CurrentTime", nil, "Virtual time", globalKeys},
	{"aws:EpochTime", nil, "Virtual time", globalKeys},
	{"aws:RequestedRegion", nil, "The stack's Region", globalKeys},
	{"aws:ResourceAccount", []string{"s3", "kms"}, "The account of the key, or of the stack's bucket", globalKeys},
	{"aws:SourceVpc", nil, "The VPC, for calls that come through one of its endpoints", globalKeys},
	{"aws:SourceVpce", nil, "The endpoint, for calls that come through one; not for those that a service makes in the caller's name", globalKeys},
	{"aws:ViaAWSService", nil, "true for calls that a service makes in the caller's name, as S3 and Bedrock with the key", globalKeys + "; that Bedrock's are such calls is unverified"},
	{"aws:CalledVia", nil, "The one service that makes a call in the caller's name; absent for the caller's own", forwarded},
	{"aws:CalledViaFirst", nil, "The same service", forwarded},
	{"aws:CalledViaLast", nil, "The same service", forwarded},
	{"aws:SourceArn", nil, "What a service acts for: the rule, the schedule's group, the job, the API's method; absent for a role's calls", globalKeys},
	{"aws:SourceAccount", nil, "The account of what a service acts for; absent for a role's calls", globalKeys},
	{"aws:RequestTag/", []string{"bedrock", "ec2"}, "The tags of a request", "Service Authorization Reference: Amazon Bedrock, Amazon EC2"},
	{"aws:TagKeys", []string{"bedrock", "ec2"}, "Their keys", "Service Authorization Reference: Amazon Bedrock, Amazon EC2"},
	{"aws:ResourceTag/", []string{"bedrock"}, "The tags of the resource", "Service Authorization Reference: Amazon Bedrock"},
	{"lambda:SourceFunctionArn", nil, "The function whose code makes the call; absent for calls that Lambda makes with the role", "Lambda Developer Guide: permissions-source-function-arn"},
	{"iam:PassedToService", []string{"iam"}, "bedrock.amazonaws.com for the service role", "IAM User Guide: iam:PassRole"},
	{"ec2:CreateAction", []string{"ec2"}, "CreateNetworkInterface, when an interface is made with tags", jobKeys},
	{"ec2:Subnet", []string{"ec2"}, "The interface's subnet", jobKeys},
	{"ec2:ResourceTag/", []string{"ec2"}, "The tags of a job's interface", jobKeys},
	{"bedrock:GuardrailIdentifier", []string{"bedrock"}, "The request's guardrail", "Bedrock User Guide: guardrails-permissions-id"},
	{"kms:ViaService", []string{"kms"}, "The service that calls KMS in the caller's name", kmsKeys},
	{"kms:CallerAccount", []string{"kms"}, "The caller's account", kmsKeys},
	{"kms:GrantIsForAWSResource", []string{"kms"}, "true when Bedrock makes its grant", kmsKeys + "; that Bedrock's grants carry it is unverified"},
	{"kms:RequestAlias", []string{"kms"}, "The alias that named the key", kmsKeys},
	{"kms:EncryptionContext:", []string{"kms"}, "aws:s3:arn the bucket's (it has a bucket key), aws:states:stateMachineArn the machine's, aws:sns:topicArn the topic's, aws:scheduler:schedule:arn the schedule's, aws:bedrock:custom-model the model's when Bedrock uses the key by itself", kmsKeys + "; S3, Step Functions, SNS and Scheduler guides on encryption at rest; that Bedrock sets none in the caller's name is unverified"},
	{"kms:EncryptionContextKeys", []string{"kms"}, "The names in that context", kmsKeys},
	{"s3:ResourceAccount", []string{"s3"}, "The account", s3Keys},
	{"s3:TlsVersion", []string{"s3"}, "1.3: loopback stands for TLS", s3Keys},
	{"s3:VersionId", []string{"s3"}, "The version that is named", s3Keys},
	{"s3:prefix", []string{"s3"}, "A listing's prefix; absent when S3 asks whether the caller may know that an object is missing", s3Keys + "; the latter is unverified"},
	{"s3:delimiter", []string{"s3"}, "A listing's delimiter", s3Keys},
	{"s3:max-keys", []string{"s3"}, "A listing's limit", s3Keys},
	{"s3:if-none-match", []string{"s3"}, "The header of a conditional write", s3Keys},
	{"s3:if-match", []string{"s3"}, "The header of a conditional write", s3Keys},
	{"s3:x-amz-acl", []string{"s3"}, "The header", s3Keys},
	{"s3:x-amz-copy-source", []string{"s3"}, "The header", s3Keys},
	{"s3:x-amz-server-side-encryption", []string{"s3"}, "The header; absent when the bucket's default is used", s3Keys},
	{"s3:x-amz-server-side-encryption-aws-kms-key-id", []string{"s3"}, "The header", s3Keys},
	{"s3:x-amz-server-side-encryption-customer-algorithm", []string{"s3"}, "The header", s3Keys},
}

// Behaviours lists what the rehearsal takes for the behaviour of services that
// ask for permission, each as ID, what it does, and its source or the word
// unverified.
var Behaviours = [][3]string{
	{"order of authorization", "A request is authorized after its signature and before anything takes effect; a fault of the scenario comes first", "IAM User Guide: policy evaluation logic; that a request is validated first is unverified"},
	{"not judged", "What the administrator asks, who may do everything, and CloudFormation's call of the function lifecycle, are held against no policy", "AWS Lambda Developer Guide: services-cloudformation; with whose rights CloudFormation makes the call is unverified"},
	{"denied", "S3 answers AccessDenied, Bedrock and KMS and Step Functions and EventBridge AccessDeniedException, EC2 UnauthorizedOperation, CloudFormation AccessDenied", "the services' API references"},
	{"denied tasks", "A task whose function may not be invoked fails with Lambda.AWSLambdaException, one that may not publish with SNS.AuthorizationErrorException", "unverified"},
	{"denied key", "Who may not use the key is denied by the service that asks KMS in the caller's name, with that service's own code", "unverified: for Bedrock and Step Functions"},
	{"missing objects", "S3 answers that an object is missing only to who may list the bucket, and AccessDenied to others", "S3 API Reference: GetObject, HeadObject"},
	{"missing resources", "What is not there has no tags: Bedrock answers AccessDeniedException to a caller whose permission depends on them, and ResourceNotFoundException to others", "unverified: it may be ResourceNotFoundException for all"},
	{"endpoint policies", "An endpoint's policy is held against the API request, not against what a service does for the caller with the key, nor iam:PassRole", "AWS PrivateLink Guide: vpc-endpoints-access; that iam:PassRole is not is unverified"},
	{"roles of services", "A service assumes a role with the ARN and account of what it does so for; Lambda with neither", "unverified: for EventBridge, Scheduler and Step Functions the pages name the keys"},
	{"executions' key", "A machine's role uses the key with every task; DescribeExecution, GetExecutionHistory and DescribeStateMachine decrypt with the caller's rights", "Step Functions Developer Guide: encryption-at-rest; the moments are unverified"},
	{"encrypted topic", "Who publishes to an encrypted topic needs GenerateDataKey and Decrypt through SNS", "SNS Developer Guide: sns-key-management"},
	{"network of a job", "A job whose role may not make its network interfaces fails before training", "Bedrock User Guide: custom-model-job-access-security; moment and text are unverified"},
}

// lowerKeys are the names of Keys in lower case, by which requests have them.
var lowerKeys = func() []string {
	var names []string
	for _, k := range Keys {
		names = append(names, strings.ToLower(k.Name))
	}
	return names
}()

// known tells that a call of a service which does not carry a key is known not
// to.
func known(key, service string) bool {
	for i, name := range lowerKeys {
		matches := key == name || (strings.HasSuffix(name, "/") || strings.HasSuffix(name, ":")) && strings.HasPrefix(key, name)
		if matches && (Keys[i].Services == nil || slices.Contains(Keys[i].Services, service)) {
			return true
		}
	}
	return false
}

// multivalued are the keys whose values a call joins by commas.
var multivalued = map[string]bool{"aws:tagkeys": true, "aws:calledvia": true, "kms:encryptioncontextkeys": true}

// encryptionContext begins the keys of an encryption context, whose names are those of
// another key.
const encryptionContext = "kms:encryptioncontext:"

// request is a call as policies see it.
func (g *Guard) request(c calls.Call) iampolicy.Request {
	stack := g.options.Stack
	r := iampolicy.Request{Principal: iampolicy.PrincipalOf(c.Principal.ARN), Action: c.Action, Resource: c.Resource, Context: map[string][]string{}}
	if c.Principal.Service != "" {
		r.Principal = iampolicy.Principal{Service: c.Principal.Service}
	}
	service, _, _ := strings.Cut(c.Action, ":")
	for _, key := range g.keys {
		if known(key, service) {
			r.Context[key] = nil
		}
	}
	now := c.Time.UTC()
	set := map[string]string{
		"aws:securetransport": "true",
		"aws:currenttime":     now.Format(time.RFC3339),
		"aws:epochtime":       strconv.FormatInt(now.Unix(), 10),
		"aws:requestedregion": stack.Region,
		"aws:viaawsservice":   "false",
		"s3:tlsversion":       "1.3",
	}
	if c.Principal.Service == "" {
		set["aws:principaltype"] = "AssumedRole"
		set["kms:calleraccount"] = stack.AccountID
	}
	switch service := via(c); {
	case service != "":
		set["aws:viaawsservice"] = "true"
		set["aws:calledvia"], set["aws:calledviafirst"], set["aws:calledvialast"] = service, service, service
	case c.Principal.Function != "" && said(c, "aws:ViaAWSService") != "true":
		set["lambda:sourcefunctionarn"] = c.Principal.Function
	}
	if account := g.resourceAccount(c); account != "" {
		set["aws:resourceaccount"] = account
	}
	if e, ok := g.through(c); ok {
		set["aws:sourcevpce"], set["aws:sourcevpc"] = e.id, e.vpc
	}
	for key, value := range c.Context {
		lower := strings.ToLower(key)
		set[lower] = value
		if strings.HasPrefix(lower, encryptionContext) {
			r.Context["kms:encryptioncontextkeys"] = append(r.Context["kms:encryptioncontextkeys"], key[len(encryptionContext):])
		}
	}
	for key, value := range set {
		switch {
		case multivalued[key]:
			r.Context[key] = strings.Split(value, ",")
		default:
			r.Context[key] = []string{value}
		}
	}
	return r
}

// collectKeys finds the condition keys that the stack's policies ask about.
func (g *Guard) collectKeys() {
	keys := map[string]bool{}
	add := func(list ...iampolicy.Policy) {
		for _, p := range list {
			for _, key := range p.Keys() {
				keys[key] = true
			}
		}
	}
	for _, r := range g.roles {
		add(r.identity...)
		add(r.trust)
		if r.boundary != nil {
			add(*r.boundary)
		}
	}
	for _, p := range g.resources {
		add(p)
	}
	for _, e := range g.endpoints {
		if e.policy != nil {
			add(*e.policy)
		}
	}
	g.keys = slices.Sorted(maps.Keys(keys))
}
