package functions

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/customization"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/internal/lambdaenv"
)

// Functions are the steps of the pipeline, and the way in to what it made. The
// one function beside them, lifecycle, belongs to package lifecycle.
type Functions struct {
	Scope                                               constructs.Construct
	Validate, Submit, Poll, Analyze, Throughput, Invoke *Function
	// Authorize reads the tokens of callers; nil where IAM decides.
	Authorize *Function

	place  Place
	bucket *storage.Bucket
}

// Props is what the functions work with.
type Props struct {
	Place         Place
	Bucket        *storage.Bucket
	Customization *customization.Customization
}

// The limits of the functions, in seconds and megabytes. No function may run
// longer than the state machine waits for it.
const (
	validateSeconds = 900 // the longest Lambda allows; what takes longer, validate refuses by its size
	StepSeconds     = 120
	pollSeconds     = 60
	// authorizeSeconds leaves time for two fetches from an issuer, and is less
	// than what API Gateway waits.
	authorizeSeconds = 15

	// validateMegaBytes buys one whole vCPU; the check itself needs some 64 MB,
	// the memory for duplicates, and 32 MB for data that is fetched in parts.
	// Receiving over TLS and checking were measured at 658 MB a second on one core
	// of an EPYC, SHA-256 at 2,045 and CRC-64 at 2,139: together 404, which leaves
	// an estimated 140 to 220 for a Graviton2's core. That is more than the 85 to
	// 90 MB/s of one connection to S3, so that the network is what is waited for,
	// and several connections help with large data. At 1,024 MB, with 0.58 of a
	// vCPU, it is 80 to 130, and the processor may be what is waited for; a file
	// that is in error throughout, 60 to 95 here, would be at half of that. The
	// price decides nothing: 1 GB on one connection takes 11 seconds, 20 GB-s or
	// 0.0003 USD, and the usual data set is a twentieth of that.
	validateMegaBytes = 1769
	stepMegaBytes     = 512
	// invokeMegaBytes buys a little more than half a vCPU, which passes some MB a
	// second on and starts the function, and keeps a body of 6 MB, as text and as
	// the JSON it came in, several times.
	invokeMegaBytes = 1024
	// authorizeMegaBytes holds a few keys; with less than this, verifying one RSA
	// signature and starting take noticeably longer.
	authorizeMegaBytes = 256
)

// New makes the functions.
func New(scope constructs.Construct, id string, props Props) *Functions {
	f := &Functions{Scope: constructs.NewConstruct(scope, jsii.String(id)), place: props.Place, bucket: props.Bucket}
	f.Validate = f.newValidate()
	f.Submit = f.newSubmit(props.Customization)
	f.Poll = f.newPoll()
	f.Analyze = f.newAnalyze()
	f.Throughput = f.newThroughput()
	f.Invoke = f.newInvoke()
	if props.Place.Config.API.Auth == config.AuthJWT {
		f.Authorize = f.newAuthorize()
	}
	return f
}

func (f *Functions) newValidate() *Function {
	defaults, err := json.Marshal(f.place.Config.Settings())
	if err != nil {
		panic(fmt.Sprintf("configuration cannot be passed to validate: %v", err))
	}
	return NewFunction(f.Scope, "Validate", f.place, Spec{
		Name:        "validate",
		Description: "Checks every record of an uploaded data set and copies it to accepted/",
		Environment: lambdaenv.Validate{
			Bucket: f.bucket.Name(), Region: f.place.Config.Region, Defaults: string(defaults),
			Secrets: f.place.Config.Dataset.Secrets, PersonalData: f.place.Config.Dataset.PersonalData,
			BaseModels: strings.Join(f.place.Config.TunableBaseModels(), ","),
		},
		Statements: f.mayValidate(),
		Seconds:    validateSeconds, MegaBytes: validateMegaBytes,
	})
}

func (f *Functions) newSubmit(c *customization.Customization) *Function {
	return NewFunction(f.Scope, "Submit", f.place, Spec{
		Name:        "submit",
		Description: "Starts the model customization job, in the VPC and with the key",
		Environment: lambdaenv.Submit{
			Bucket:           f.bucket.Name(),
			Stack:            *awscdk.Stack_Of(f.Scope).StackName(),
			RoleARN:          *c.Role.AttrArn(),
			KeyARN:           f.place.Key.ARN(),
			SubnetIDs:        f.jobSubnets(),
			SecurityGroupIDs: f.jobGroup(),
			DeadlineHours:    strconv.Itoa(f.place.Config.Training.DeadlineHours),
		},
		Statements: f.maySubmit(c),
		Seconds:    StepSeconds, MegaBytes: stepMegaBytes,
	})
}

func (f *Functions) newPoll() *Function {
	return NewFunction(f.Scope, "Poll", f.place, Spec{
		Name:        "poll",
		Description: "Asks Bedrock how a job or a throughput is getting on, and whether the job is private",
		Environment: lambdaenv.Poll{KeyARN: f.place.Key.ARN(), SubnetIDs: f.jobSubnets(), SecurityGroupIDs: f.jobGroup()},
		Statements:  f.mayPoll(),
		Seconds:     pollSeconds, MegaBytes: stepMegaBytes,
	})
}

func (f *Functions) newAnalyze() *Function {
	return NewFunction(f.Scope, "Analyze", f.place, Spec{
		Name:        "analyze",
		Description: "Reads the metrics of a job and writes the run's report",
		Environment: lambdaenv.Analyze{Bucket: f.bucket.Name()},
		Statements:  f.mayAnalyze(),
		Seconds:     StepSeconds, MegaBytes: stepMegaBytes,
	})
}

func (f *Functions) newThroughput() *Function {
	config := f.place.Config
	ceilings, err := json.Marshal(config.Ceilings())
	if err != nil {
		panic(fmt.Sprintf("ceilings cannot be passed to throughput: %v", err))
	}
	sweeping, err := json.Marshal(config.Sweeping())
	if err != nil {
		panic(fmt.Sprintf("configuration cannot be passed to throughput: %v", err))
	}
	return NewFunction(f.Scope, "Throughput", f.place, Spec{
		Name:        "throughput",
		Description: "Asks for, secures, tries, publishes and releases the capacity a model is served by",
		Environment: lambdaenv.Throughput{
			Bucket: f.bucket.Name(), Stack: *awscdk.Stack_Of(f.Scope).StackName(), Region: config.Region,
			Ceilings: string(ceilings), Sweeping: string(sweeping),
		},
		Statements: f.mayServe(),
		Seconds:    StepSeconds, MegaBytes: stepMegaBytes,
	})
}

func (f *Functions) newInvoke() *Function {
	guardrail, err := json.Marshal(f.place.Config.Guardrail())
	if err != nil {
		panic(fmt.Sprintf("the guardrail cannot be passed to invoke: %v", err))
	}
	return NewFunction(f.Scope, "Invoke", f.place, Spec{
		Name:        "invoke",
		Description: "Answers the inference API from the model's registered endpoint",
		Environment: lambdaenv.Invoke{
			Bucket: f.bucket.Name(), Stack: *awscdk.Stack_Of(f.Scope).StackName(), Guardrail: string(guardrail),
		},
		Statements: f.mayInvoke(),
		// API Gateway waits as long as the function may run.
		Seconds: f.place.Config.API.TimeoutSeconds, MegaBytes: invokeMegaBytes,
	})
}

// newAuthorize is outside the VPC: it sees no data, and inside it could not reach
// the issuer of the tokens.
func (f *Functions) newAuthorize() *Function {
	rules, err := json.Marshal(f.place.Config.TokenRules())
	if err != nil {
		panic(fmt.Sprintf("the token rules cannot be passed to authorize: %v", err))
	}
	place := f.place
	place.Network = nil
	return NewFunction(f.Scope, "Authorize", place, Spec{
		Name:        "authorize",
		Description: "Reads the token of a caller of the inference API, and says which models it may ask",
		Environment: lambdaenv.Authorize{Rules: string(rules)},
		Seconds:     authorizeSeconds, MegaBytes: authorizeMegaBytes,
	})
}

func (f *Functions) jobSubnets() string {
	return strings.Join(f.place.Network.SubnetIDs(), ",")
}

func (f *Functions) jobGroup() string {
	return *f.place.Network.Groups.Job.AttrGroupId()
}
