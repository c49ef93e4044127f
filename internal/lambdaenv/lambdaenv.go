// Package lambdaenv is the environment of each function, spelled once: the
// infrastructure fills a struct with tokens and calls [Env] on it, the function
// calls [Load] and gets the same struct filled with values. Every field is a
// string, since a token is one; a list is joined by commas.
//
// Nothing else reads the environment; region and credentials are the SDK's.
package lambdaenv

import (
	"fmt"
	"os"
	"reflect"
	"strings"
)

// MaxVariable is more bytes than a variable can have: all of a function's together
// have 4 KB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
const MaxVariable = 4 << 10

// Validate is the environment of lambdas/validate.
type Validate struct {
	// Bucket is the name of the one bucket.
	Bucket string `env:"TUNELINE_BUCKET"`
	// Region is where jobs run: a base model must be offered there.
	Region string `env:"TUNELINE_REGION"`
	// Defaults is the stack's settings, a finetune.Settings as JSON.
	Defaults string `env:"TUNELINE_DEFAULTS"`
	// Secrets and PersonalData say what is done about them in texts:
	// finetune.LookIgnore, LookNote or LookRefuse.
	Secrets      string `env:"TUNELINE_SECRETS"`
	PersonalData string `env:"TUNELINE_PERSONAL_DATA"`
	// BaseModels are the ids of the base models that may be tuned, joined by commas:
	// those that submit's role may start a job on.
	BaseModels string `env:"TUNELINE_BASE_MODELS"`
}

// Submit is the environment of lambdas/submit.
type Submit struct {
	Bucket string `env:"TUNELINE_BUCKET"`
	// Stack is the stack's name, the value of finetune.TagStack on everything made.
	Stack string `env:"TUNELINE_STACK"`
	// RoleARN is the service role Bedrock assumes for the job.
	RoleARN string `env:"TUNELINE_SERVICE_ROLE_ARN"`
	// KeyARN is the customer managed key's ARN.
	KeyARN string `env:"TUNELINE_KEY_ARN"`
	// SubnetIDs and SecurityGroupIDs are the job's, joined by commas.
	SubnetIDs        string `env:"TUNELINE_JOB_SUBNET_IDS"`
	SecurityGroupIDs string `env:"TUNELINE_JOB_SECURITY_GROUP_IDS"`
	// DeadlineHours is training.deadlineHours, a whole number.
	DeadlineHours string `env:"TUNELINE_JOB_DEADLINE_HOURS"`
}

// Poll is the environment of lambdas/poll: what a job must show to be private.
type Poll struct {
	KeyARN           string `env:"TUNELINE_KEY_ARN"`
	SubnetIDs        string `env:"TUNELINE_JOB_SUBNET_IDS"`
	SecurityGroupIDs string `env:"TUNELINE_JOB_SECURITY_GROUP_IDS"`
}

// Analyze is the environment of lambdas/analyze.
type Analyze struct {
	Bucket string `env:"TUNELINE_BUCKET"`
}

// Throughput is the environment of lambdas/throughput.
type Throughput struct {
	Bucket string `env:"TUNELINE_BUCKET"`
	Stack  string `env:"TUNELINE_STACK"`
	// Region is where it buys: prices are a Region's.
	Region string `env:"TUNELINE_REGION"`
	// Ceilings is what may be spent without asking, a finetune.Ceilings as JSON.
	Ceilings string `env:"TUNELINE_CEILINGS"`
	// Sweeping is what is released and when, a finetune.Sweeping as JSON.
	Sweeping string `env:"TUNELINE_SWEEPING"`
}

// Invoke is the environment of lambdas/invoke.
type Invoke struct {
	Bucket string `env:"TUNELINE_BUCKET"`
	Stack  string `env:"TUNELINE_STACK"`
	// Guardrail is what questions and answers pass, a finetune.Guardrail as JSON;
	// {} is none.
	Guardrail string `env:"TUNELINE_GUARDRAIL"`
}

// Authorize is the environment of lambdas/authorize.
type Authorize struct {
	// Rules is which bearer tokens are taken, a finetune.TokenRules as JSON.
	Rules string `env:"TUNELINE_TOKEN_RULES"`
}

// Lifecycle is the environment of lambdas/lifecycle.
type Lifecycle struct {
	Stack string `env:"TUNELINE_STACK"`
	// RuleName is the upload rule, disabled first.
	RuleName string `env:"TUNELINE_RULE_NAME"`
	// StateMachineARNs are the machines whose executions are stopped, joined by
	// commas: every one but the release machine.
	StateMachineARNs string `env:"TUNELINE_STATE_MACHINE_ARNS"`
	// ReleaseStateMachineARN is the machine that closes the runs of executions
	// that were stopped; its own are let finish.
	ReleaseStateMachineARN string `env:"TUNELINE_RELEASE_STATE_MACHINE_ARN"`
	// JobSecurityGroupID is the group whose network interfaces must go before
	// CloudFormation can delete it.
	JobSecurityGroupID string `env:"TUNELINE_JOB_SECURITY_GROUP_ID"`
	// Pause lies between two looks at what is left, as time.ParseDuration reads it.
	Pause string `env:"TUNELINE_PAUSE"`
	// StepPauses is for how many pauses a step may still be at work after its
	// execution was stopped, a whole number.
	StepPauses string `env:"TUNELINE_STEP_PAUSES"`
}

// Env returns the variables of one of this package's structs.
func Env(environment any) map[string]string {
	v := reflect.ValueOf(environment)
	m := make(map[string]string, v.NumField())
	for i := range v.NumField() {
		m[v.Type().Field(i).Tag.Get("env")] = v.Field(i).String()
	}
	return m
}

// Load fills one of this package's structs from the process environment. The
// error names every variable that is missing or empty.
func Load[T any]() (T, error) {
	var environment T
	v := reflect.ValueOf(&environment).Elem()
	var missing []string
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("env")
		value := os.Getenv(name)
		if value == "" {
			missing = append(missing, name)
		}
		v.Field(i).SetString(value)
	}
	if missing != nil {
		return environment, fmt.Errorf("environment lacks %s: the infrastructure sets them, see internal/lambdaenv", strings.Join(missing, ", "))
	}
	return environment, nil
}

// List splits a value joined by commas.
func List(joined string) []string {
	return strings.Split(joined, ",")
}
