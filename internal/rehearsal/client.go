package rehearsal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// Clients are SDK clients of the local cloud that sign as one principal.
type Clients struct {
	Credentials    calls.Credentials
	S3             *s3.Client
	Bedrock        *bedrock.Client
	BedrockRuntime *bedrockruntime.Client
	SFN            *sfn.Client
	CloudFormation *cloudformation.Client
	EC2            *ec2.Client
}

// As returns clients that sign as principal, with credentials of their own.
func (c *Cloud) As(principal calls.Principal) Clients {
	issued := c.Keyring.Issue(principal)
	config := aws.Config{
		Region:      c.Stack.Region,
		Credentials: credentials.NewStaticCredentialsProvider(issued.AccessKeyID, issued.SecretAccessKey, issued.SessionToken),
		HTTPClient:  wholeAnswers{awshttp.NewBuildableClient()},
	}
	return Clients{
		Credentials: issued,
		S3: s3.NewFromConfig(config, func(o *s3.Options) {
			o.BaseEndpoint, o.UsePathStyle = aws.String(c.URL(serviceS3)), true
		}),
		Bedrock: bedrock.NewFromConfig(config, func(o *bedrock.Options) {
			o.BaseEndpoint = aws.String(c.URL(serviceBedrock))
		}),
		BedrockRuntime: bedrockruntime.NewFromConfig(config, func(o *bedrockruntime.Options) {
			o.BaseEndpoint = aws.String(c.URL(serviceBedrockRuntime))
		}),
		SFN: sfn.NewFromConfig(config, func(o *sfn.Options) {
			o.BaseEndpoint = aws.String(c.URL(serviceStepFunctions))
		}),
		CloudFormation: cloudformation.NewFromConfig(config, func(o *cloudformation.Options) {
			o.BaseEndpoint = aws.String(c.URL(serviceCloudFormation))
		}),
		EC2: ec2.NewFromConfig(config, func(o *ec2.Options) {
			o.BaseEndpoint = aws.String(c.URL(serviceEC2))
		}),
	}
}

// wholeAnswers is a client for a server that answers before the client has
// looked for the end of its own request. The SDK closes a request's body as
// soon as an answer begins; the reader it made of the body then ends with
// io.EOF where io.WriterTo wants nil, which net/http takes for a request that
// failed, and so it closes the connection under the answer. No network is that
// fast, but loopback is. A body that is no io.WriterTo is read, and its end is
// an end.
type wholeAnswers struct{ aws.HTTPClient }

// Do hides that the body is an io.WriterTo.
func (c wholeAnswers) Do(request *http.Request) (*http.Response, error) {
	if request.Body != nil && request.Body != http.NoBody {
		request.Body = struct{ io.ReadCloser }{request.Body}
	}
	return c.HTTPClient.Do(request)
}

// Operator returns clients that sign as the stack's operator role.
func (c *Cloud) Operator() Clients { return c.as("OperatorRoleArn") }

// administrator is who has all rights in the account.
const administrator = "Administrator"

// Administrator returns clients that sign as somebody who administers the
// account; the stack has no such role.
func (c *Cloud) Administrator() Clients {
	return c.As(calls.Principal{Role: administrator, ARN: roleARN(administrator)})
}

// Uploader returns clients that sign as the stack's uploader role.
func (c *Cloud) Uploader() Clients { return c.as("UploaderRoleArn") }

// as returns clients of the role that an output names; the stack's tests hold
// that both outputs exist.
func (c *Cloud) as(output string) Clients {
	role, _ := c.Stack.Role(c.Stack.Outputs[output].Value)
	return c.As(calls.Principal{Role: role.LogicalID, ARN: role.ARN})
}

// Machine returns the state machine that data sets start; the stack's tests hold
// that the output is there. The stack has another one, which releases.
func (c *Cloud) Machine() template.StateMachine {
	machine, _ := c.Stack.StateMachine(c.Stack.Outputs["StateMachineArn"].Value)
	return machine
}

// Bucket returns the name of the bucket data sets are dropped into.
func (c *Cloud) Bucket() string { return c.dataBucket().Name }

// dataBucket is the bucket whose events go to EventBridge.
func (c *Cloud) dataBucket() template.Bucket {
	for _, bucket := range c.Stack.Buckets {
		if bucket.EventBridge {
			return bucket
		}
	}
	return template.Bucket{}
}

// dataKey is the key the data bucket is encrypted with.
func (c *Cloud) dataKey() template.Key {
	key, _ := c.Stack.Key(c.dataBucket().Key)
	return key
}

// Registry reads the pipeline's records, as the operator.
func (c *Cloud) Registry() registry.Store {
	return registry.Store{S3: c.Operator().S3, Bucket: c.Bucket()}
}

// URL returns where a service of the local cloud is, by its name in
// AWS_ENDPOINT_URL_<name>.
func (c *Cloud) URL(service string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.urls[service]
}

// URLs returns where every service of the local cloud is.
func (c *Cloud) URLs() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.urls)
}

func (c *Cloud) setURL(service, u string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.urls[service] = u
}

// APIURL returns the inference API's URL, its stage included.
func (c *Cloud) APIURL() string { return c.apiURL }

// Upload puts an object as the uploader and returns its version once the event
// of it was delivered; virtual time stands still meanwhile. Two uploads are
// never of the same virtual second, as two people's hardly are.
func (c *Cloud) Upload(ctx context.Context, key string, body io.ReadSeeker) (version string, err error) {
	return c.UploadAs(ctx, c.Uploader(), key, body)
}

// UploadAs is Upload by somebody else.
func (c *Cloud) UploadAs(ctx context.Context, who Clients, key string, body io.ReadSeeker) (version string, err error) {
	defer c.StepFunctions.Hold()()
	c.Clock.Advance(time.Second)
	bucket := c.Bucket()
	out, err := who.S3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: body})
	if err != nil {
		return "", fmt.Errorf("uploading %s: %w", key, err)
	}
	version = aws.ToString(out.VersionId)
	select {
	case <-c.uploaded(version):
		return version, nil
	case <-ctx.Done():
		return "", fmt.Errorf("waiting for the event of %s: %w", key, ctx.Err())
	}
}

// Converse asks a model through the inference API, signed as the operator, and
// returns the answer's status and body.
func (c *Cloud) Converse(ctx context.Context, model string, body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.apiURL+"/model/"+url.PathEscape(model)+"/converse", bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("asking model %s: %w", model, err)
	}
	request.Header.Set("Content-Type", "application/json")
	if err := sign(ctx, request, c.Operator().Credentials, c.Stack.Region, body); err != nil {
		return 0, nil, err
	}
	response, err := directly.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("asking model %s: %w", model, err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	answer, err = io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("reading the answer of model %s: %w", model, err)
	}
	return response.StatusCode, answer, nil
}

// directly asks the local cloud's API, through no proxy and no redirect.
var directly = &http.Client{
	Transport:     &http.Transport{IdleConnTimeout: time.Minute},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// sign signs a request to API Gateway with Signature Version 4.
func sign(ctx context.Context, request *http.Request, c calls.Credentials, region string, body []byte) error {
	sum := sha256.Sum256(body)
	signer := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
	err := v4.NewSigner().SignHTTP(ctx, signer, request, hex.EncodeToString(sum[:]), "execute-api", region, time.Now())
	if err != nil {
		return fmt.Errorf("signing the request: %w", err)
	}
	return nil
}

// Created is something the pipeline made in Bedrock.
type Created struct {
	// Kind is "job", "model", "deployment" or "throughput".
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	ARN    string `json:"arn"`
	Status string `json:"status"`
}

// Created lists what is in Bedrock now.
func (c *Cloud) Created() []Created {
	c.Bedrock.Settle(context.Background())
	var all []Created
	for _, j := range c.Bedrock.Jobs() {
		all = append(all, Created{"job", j.Name, j.ARN, j.Status})
	}
	for _, m := range c.Bedrock.Models() {
		all = append(all, Created{"model", m.Name, m.ARN, m.Status})
	}
	for _, d := range c.Bedrock.Deployments() {
		all = append(all, Created{"deployment", d.Name, d.ARN, d.Status})
	}
	for _, t := range c.Bedrock.Throughputs() {
		all = append(all, Created{"throughput", t.Name, t.ARN, t.Status})
	}
	return all
}

// ErrNoExecution is returned when nothing was started.
var ErrNoExecution = errors.New("no execution was started")

// LastExecution waits for the execution that an event started last to end, and
// for what its end set off.
func (c *Cloud) LastExecution(ctx context.Context) (stepfunctions.Execution, error) {
	started := c.Started()
	if len(started) == 0 {
		return stepfunctions.Execution{}, ErrNoExecution
	}
	return c.Wait(ctx, started[len(started)-1])
}

// Started returns the ARNs of the executions that events started, in order.
func (c *Cloud) Started() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.started...)
}

// Wait waits for an execution to end, and for what its end set off.
func (c *Cloud) Wait(ctx context.Context, executionARN string) (stepfunctions.Execution, error) {
	execution, err := c.StepFunctions.Wait(ctx, executionARN)
	if err != nil {
		return execution, fmt.Errorf("waiting for execution %s: %w", executionARN, err)
	}
	c.async.Wait()
	return execution, nil
}

// ReadObject reads an object of the data bucket, as the operator.
func (c *Cloud) ReadObject(ctx context.Context, key string) (body []byte, err error) {
	bucket := c.Bucket()
	out, err := c.Operator().S3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", key, err)
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	return io.ReadAll(out.Body)
}
