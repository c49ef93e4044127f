package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/rehearsal/apigateway"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/kms"
	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
	"github.com/tuneline/tuneline/internal/rehearsal/s3"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// The services by the names that AWS_ENDPOINT_URL_<name> has for them
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).
const (
	serviceS3             = "S3"
	serviceKMS            = "KMS"
	serviceBedrock        = "BEDROCK"
	serviceBedrockRuntime = "BEDROCK_RUNTIME"
	serviceCloudWatch     = "CLOUDWATCH"
	serviceStepFunctions  = "SFN"
	serviceEventBridge    = "EVENTBRIDGE"
	serviceEC2            = "EC2"
	serviceCloudFormation = "CLOUDFORMATION"
)

// startS3 starts S3 with the template's buckets and their key.
func (c *Cloud) startS3(ctx context.Context) (err error) {
	if _, ok := c.Stack.Endpoint("s3"); !ok {
		return errors.New("the stack has no S3 endpoint")
	}
	var names []string
	for _, bucket := range c.Stack.Buckets {
		names = append(names, bucket.Name)
	}
	c.s3, err = s3.Start(ctx, s3.Options{
		Dir:       filepath.Join(c.dir, "s3"),
		Buckets:   names,
		Region:    c.Stack.Region,
		AccountID: AccountID,
		KeyARN:    c.dataKey().ARN,
		Clock:     c.Clock,
		Keyring:   c.Keyring,
		Log:       c.Log,
		OnCreated: c.onCreated,
	})
	if err != nil {
		return fmt.Errorf("starting S3: %w", err)
	}
	c.setURL(serviceS3, c.s3.URL())
	return nil
}

// startStepFunctions starts the interpreter; its machines are created once the
// functions they call are known.
func (c *Cloud) startStepFunctions(ctx context.Context) (err error) {
	c.StepFunctions, err = stepfunctions.Start(ctx, stepfunctions.Options{
		Root:      c.options.Root,
		Region:    c.Stack.Region,
		AccountID: AccountID,
		Encrypted: c.encrypted(),
		Clock:     c.Clock,
		Log:       c.Log,
		KeyARN:    c.executionKey(),
		Verify:    c.verify("states"),
		Invoke:    c.invokeForMachine,
		Publish:   c.publishForMachine,
		OnEvent:   c.options.OnEvent,
		OnStatus:  c.onStatus,
		Pace:      c.options.Pace,
	})
	if err != nil {
		return fmt.Errorf("starting Step Functions: %w", err)
	}
	url, err := c.serve(c.StepFunctions.Handler())
	c.setURL(serviceStepFunctions, url)
	return err
}

// executionKey is the key of executions' data, empty without one.
func (c *Cloud) executionKey() string {
	if !c.encrypted() {
		return ""
	}
	return c.dataKey().ARN
}

// encrypted says whether every state machine has a customer managed key.
func (c *Cloud) encrypted() bool {
	for _, machine := range c.Stack.StateMachines {
		resource, _ := c.Stack.Resource(machine.LogicalID)
		encryption, _ := resource.Properties["EncryptionConfiguration"].(map[string]any)
		if encryption["Type"] != "CUSTOMER_MANAGED_KMS_KEY" {
			return false
		}
	}
	return true
}

// startBedrock starts the control plane and the runtime, one server for both.
func (c *Cloud) startBedrock(context.Context) (err error) {
	endpoints := map[string]string{}
	for _, service := range []string{"bedrock", "bedrock-runtime"} {
		if endpoint, ok := c.Stack.Endpoint(service); ok {
			endpoints[service] = endpoint.ID
		}
	}
	c.Bedrock, err = bedrock.New(bedrock.Options{
		Scenario:         c.options.Scenario,
		Region:           c.Stack.Region,
		AccountID:        AccountID,
		Clock:            c.Clock,
		Verify:           c.verify("bedrock"),
		Log:              c.Log,
		VPCEndpoints:     endpoints,
		AssumeRole:       c.assumeRole,
		ServicePrincipal: c.servicePrincipal,
	})
	if err != nil {
		return fmt.Errorf("starting the Bedrock double: %w", err)
	}
	url, err := c.serve(c.Bedrock.Handler())
	c.setURL(serviceBedrock, url)
	c.setURL(serviceBedrockRuntime, url)
	return err
}

func (c *Cloud) startKMS(ctx context.Context) (err error) {
	if _, ok := c.Stack.Endpoint("kms"); !ok {
		return errors.New("the stack has no KMS endpoint")
	}
	key := c.dataKey()
	c.kms, err = kms.Start(ctx, kms.Options{
		KeyARN:    key.ARN,
		Aliases:   key.Aliases,
		AccountID: AccountID,
		Clock:     c.Clock,
		Keyring:   c.Keyring,
		Log:       c.Log,
	})
	if err != nil {
		return fmt.Errorf("starting KMS: %w", err)
	}
	c.setURL(serviceKMS, c.kms.URL())
	return nil
}

// startFunctions registers every function of the template with its own
// environment, role and binary.
func (c *Cloud) startFunctions(ctx context.Context) (err error) {
	if c.host, err = runtimeapi.Start(ctx); err != nil {
		return fmt.Errorf("starting the Lambda host: %w", err)
	}
	for _, f := range c.Stack.Functions {
		if !f.CodeIsDirectory {
			return fmt.Errorf("function %s: its code is not a folder", f.LogicalID)
		}
		if err := c.perform(c.assumeCall("lambda.amazonaws.com", f.RoleARN, "")); err != nil {
			return fmt.Errorf("registering function %s: %w", f.LogicalID, err)
		}
		err := c.host.Register(c.hosted(f))
		if err != nil {
			return fmt.Errorf("registering function %s: %w", f.LogicalID, err)
		}
	}
	return nil
}

// hosted is a function of the template as Lambda runs it, with credentials of
// its role.
func (c *Cloud) hosted(f template.Function) runtimeapi.Function {
	return runtimeapi.Function{
		Name:        f.Name,
		ARN:         f.ARN,
		Bootstrap:   c.bootstrap(f),
		Handler:     f.Handler,
		Region:      c.Stack.Region,
		Credentials: c.Keyring.Issue(calls.Principal{Role: f.Role, ARN: f.RoleARN, InVPC: f.InVPC(), Function: f.ARN}),
		Env:         c.environment(f),
		Timeout:     f.Timeout,
		MemoryMB:    f.MemoryMB,
		Output:      c.options.Output,
	}
}

// Function returns a function as Lambda runs it here, by the name of its folder
// under lambdas/, for whoever wants to run it by itself.
func (c *Cloud) Function(folder string) (runtimeapi.Function, error) {
	for _, f := range c.Stack.Functions {
		if strings.Contains(strings.ToLower(f.LogicalID), folder) {
			return c.hosted(f), nil
		}
	}
	return runtimeapi.Function{}, fmt.Errorf("the stack has no function %s", folder)
}

// bootstrap is the executable of a function.
func (c *Cloud) bootstrap(f template.Function) string {
	for folder, path := range c.options.Bootstraps {
		if strings.Contains(strings.ToLower(f.LogicalID), folder) {
			return path
		}
	}
	return filepath.Join(f.CodePath, "bootstrap")
}

// pauseVariable is how long a function pauses between two looks at what it
// waits for. Functions sleep in real time, so the rehearsal cuts it to pause.
const (
	pauseVariable = "TUNELINE_PAUSE"
	pause         = "20ms"
)

// environment is the template's variables, and where the local services are.
func (c *Cloud) environment(f template.Function) map[string]string {
	env := map[string]string{}
	for service, url := range c.URLs() {
		env["AWS_ENDPOINT_URL_"+service] = url
	}
	maps.Copy(env, f.Environment)
	maps.Copy(env, c.options.FunctionEnvironment)
	if _, pauses := env[pauseVariable]; pauses {
		env[pauseVariable] = pause
	}
	return env
}

// createMachines creates the template's state machines.
func (c *Cloud) createMachines(context.Context) error {
	for _, machine := range c.Stack.StateMachines {
		arn, err := c.StepFunctions.Create(machine.Name, machine.RoleARN, machine.Definition)
		if err != nil {
			return fmt.Errorf("creating state machine %s: %w", machine.LogicalID, err)
		}
		if arn != machine.ARN {
			return fmt.Errorf("state machine %s has the ARN %s, and %s in the template", machine.LogicalID, arn, machine.ARN)
		}
	}
	return nil
}

// startAPI serves the template's REST API.
func (c *Cloud) startAPI(context.Context) error {
	if len(c.Stack.RestAPIs) != 1 {
		return fmt.Errorf("the stack has %d REST APIs, want 1", len(c.Stack.RestAPIs))
	}
	api := c.Stack.RestAPIs[0]
	handler, err := apigateway.New(apigateway.Options{
		API:          api,
		Region:       c.Stack.Region,
		AccountID:    AccountID,
		Partition:    c.Stack.Partition,
		URLSuffix:    c.Stack.URLSuffix,
		Verify:       c.verify("execute-api"),
		Policies:     c.apiPolicies,
		Decided:      c.guard.Observe,
		Endpoint:     c.doorOf(api),
		Log:          c.Log,
		Clock:        c.Clock,
		Invoke:       c.invokeForAPI,
		InvokeStream: c.streamForAPI,
	})
	if err != nil {
		return fmt.Errorf("starting API Gateway: %w", err)
	}
	url, err := c.serve(handler)
	c.apiURL = url + "/" + api.Stage.Name
	return err
}

// doorOf is the VPC endpoint that a private API is reached through.
func (c *Cloud) doorOf(api template.RestAPI) *template.Endpoint {
	if api.EndpointType != "PRIVATE" {
		return nil
	}
	for _, endpoint := range c.Stack.Endpoints {
		if slices.Contains(api.EndpointIDs, endpoint.ID) {
			return &endpoint
		}
	}
	return nil
}

// invokeForMachine runs a function for a state of a machine.
func (c *Cloud) invokeForMachine(ctx context.Context, machineARN, function string, payload []byte) (stepfunctions.Result, error) {
	name, err := c.functionName(function)
	if err != nil {
		return stepfunctions.Result{}, err
	}
	machine, ok := c.Stack.StateMachine(machineARN)
	if !ok {
		return stepfunctions.Result{}, fmt.Errorf("the stack has no state machine %s", machineARN)
	}
	f, _ := c.Stack.Function(function)
	call := c.serviceCall(machinePrincipal(machine), "lambda:InvokeFunction", f.ARN, nil)
	if err := c.perform(append(c.stepCalls(machine), call)...); err != nil {
		return stepfunctions.Result{}, denied("Lambda.AWSLambdaException", err)
	}
	result, err := c.host.Invoke(ctx, name, payload)
	if err != nil {
		return stepfunctions.Result{}, err
	}
	return stepfunctions.Result{Payload: result.Payload, FunctionError: result.FunctionError}, nil
}

// publishForMachine sends a notice to a topic for a state of a machine.
func (c *Cloud) publishForMachine(_ context.Context, machineARN string, n stepfunctions.Notice) error {
	machine, ok := c.Stack.StateMachine(machineARN)
	if !ok {
		return fmt.Errorf("the stack has no state machine %s", machineARN)
	}
	who := machinePrincipal(machine)
	needed := append(c.stepCalls(machine), c.topicCalls(who, n.TopicARN, nil)...)
	if denial := c.Log.Authorize(needed...); denial != nil {
		return denied("SNS.AuthorizationErrorException", errors.New(denial.Message))
	}
	call := c.serviceCall(who, "sns:Publish", n.TopicARN, nil)
	fault := c.Log.Fault(call)
	if fault == nil || fault.After {
		text, err := json.Marshal(n.Message)
		if err != nil {
			return fmt.Errorf("encoding a notice: %w", err)
		}
		c.notify(Notice{TopicARN: n.TopicARN, Subject: n.Subject, Message: text})
	}
	call.Status = http.StatusOK
	if fault != nil {
		call.Status, call.Error = fault.Status, fault.Code
	}
	c.Log.Record(call)
	if fault != nil {
		return &stepfunctions.InvokeError{Name: "SNS." + fault.Code, Message: fault.Message}
	}
	return nil
}

// invokeForAPI runs a function for a method of the API.
func (c *Cloud) invokeForAPI(ctx context.Context, functionARN string, payload []byte) ([]byte, string, error) {
	name, err := c.functionName(functionARN)
	if err != nil {
		return nil, "", err
	}
	result, err := c.host.Invoke(ctx, name, payload)
	return result.Payload, result.FunctionError, err
}

// streamForAPI runs a function whose response a method of the API streams.
func (c *Cloud) streamForAPI(ctx context.Context, functionARN string, payload []byte) (io.ReadCloser, error) {
	name, err := c.functionName(functionARN)
	if err != nil {
		return nil, err
	}
	stream, err := c.host.InvokeStream(ctx, name, payload)
	if err != nil {
		return nil, err
	}
	return stream, nil
}

// functionName returns the name of a function given by its ARN or name.
func (c *Cloud) functionName(function string) (string, error) {
	f, ok := c.Stack.Function(function)
	if !ok {
		return "", fmt.Errorf("the stack has no function %s", function)
	}
	return f.Name, nil
}

// servicePrincipal is Bedrock acting with a role of the stack: its workers sit
// in the job's subnets, so their calls come through the VPC's endpoints.
func (c *Cloud) servicePrincipal(roleARN string) calls.Principal {
	role, _ := c.Stack.Role(roleARN)
	role.ARN = roleARN
	return c.guard.Principal(role)
}

// assumeRole gives Bedrock an S3 client with the service role's credentials.
func (c *Cloud) assumeRole(_ context.Context, roleARN string) (*awss3.Client, error) {
	principal := c.servicePrincipal(roleARN)
	if principal.Role == "" {
		return nil, fmt.Errorf("the stack has no role %s", roleARN)
	}
	return c.As(principal).S3, nil
}
