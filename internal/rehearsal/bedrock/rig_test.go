package bedrock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	rt "github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
)

const (
	account  = "123456789012"
	roleARN  = "arn:aws:iam::" + account + ":role/tuneline-customization"
	nova     = "amazon.nova-micro-v1:0:128k"
	novaLite = "amazon.nova-lite-v1:0:300k"
	novaPlan = "amazon.nova-micro-v1:0"
	llama    = "meta.llama3-1-8b-instruct-v1:0:128k"
)

// bucketStore is an in-memory S3: path-style PUT, GET, HEAD and DELETE.
type bucketStore struct {
	mu      sync.Mutex
	objects map[string][]byte
	deny    func(method, path string) bool
	seen    []string
}

func (b *bucketStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, r.Method+" "+r.URL.Path)
	body, known := b.objects[r.URL.Path]
	switch {
	case b.deny != nil && b.deny(r.Method, r.URL.Path):
		w.WriteHeader(http.StatusForbidden)
	case r.Method == http.MethodPut:
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		b.objects[r.URL.Path] = raw
	case r.Method == http.MethodDelete:
		delete(b.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case !known:
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(body) // a client that leaves is the test's affair
		}
	}
}

func (b *bucketStore) put(path, body string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[path] = []byte(body)
}

func (b *bucketStore) get(t *testing.T, part string) (path, body string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for path, raw := range b.objects {
		if strings.Contains(path, part) {
			return path, string(raw)
		}
	}
	t.Fatalf("no object has %q in its key", part)
	return "", ""
}

// rig is a double with its clients.
type rig struct {
	t         *testing.T
	double    *Double
	clock     *clock.Clock
	log       *calls.Log
	store     *bucketStore
	mu        sync.Mutex
	principal calls.Principal
	url       string
	control   *sdk.Client
	runtime   *bedrockruntime.Client
}

var keys = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}, nil // Verify of the tests' double
})

// newRig starts a double in a built-in scenario, changed as the test wants.
func newRig(t *testing.T, scenario string, change ...func(*Scenario)) *rig {
	t.Helper()
	s, err := LoadScenario(scenario)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(&s)
	}
	r := &rig{
		t: t, clock: clock.New(s.Start), log: &calls.Log{}, store: &bucketStore{objects: map[string][]byte{}},
		principal: calls.Principal{Role: "SubmitRole", ARN: "arn:aws:iam::" + account + ":role/submit", InVPC: true},
	}
	files := httptest.NewServer(r.store)
	t.Cleanup(files.Close)
	bucket := s3.New(s3.Options{
		Region: s.Region, BaseEndpoint: &files.URL, UsePathStyle: true, Credentials: keys,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired, RetryMaxAttempts: 1,
	})
	r.double, err = New(Options{
		Scenario: s, AccountID: account, Clock: r.clock, Log: r.log, Verify: r.verify,
		VPCEndpoints: map[string]string{"bedrock": "vpce-control", "bedrock-runtime": "vpce-runtime"},
		AssumeRole:   func(context.Context, string) (*s3.Client, error) { return bucket, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r.double.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		for _, v := range r.double.Violations() {
			t.Errorf("the double broke the API model: %v", v)
		}
		checkContextKeys(t, r.log)
	})
	r.url = server.URL
	r.control = sdk.New(sdk.Options{Region: s.Region, BaseEndpoint: &r.url, Credentials: keys, RetryMaxAttempts: 1})
	r.runtime = bedrockruntime.New(bedrockruntime.Options{
		Region: s.Region, BaseEndpoint: &r.url, Credentials: keys, RetryMaxAttempts: 1, HTTPClient: patientClient{},
	})
	return r
}

// patientClient is the default client, for a server that answers before the
// client has looked for the end of its own request. The SDK closes a request's
// body as soon as an answer begins; the reader it made of the body then ends
// with io.EOF where io.WriterTo wants nil, which net/http takes for a request
// that failed, and so it closes the connection under the answer. No network is
// that fast. A body that is no io.WriterTo is read, and its end is an end.
type patientClient struct{}

func (patientClient) Do(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		request.Body = struct{ io.ReadCloser }{request.Body}
	}
	return http.DefaultClient.Do(request) //nolint:gosec // the test's own server
}

func (r *rig) verify(request *http.Request) (calls.Principal, error) {
	if request.Header.Get("Authorization") == "" {
		return calls.Principal{}, calls.ErrUnsigned
	}
	if !strings.Contains(request.Header.Get("Authorization"), "AKIDTEST") {
		return calls.Principal{}, errors.New("unknown key")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.principal, nil
}

// leaveVPC lets the caller sit outside the VPC from now on.
func (r *rig) leaveVPC() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.principal.InVPC = false
}

// checkContextKeys holds every condition key the double set to Behaviours.
func checkContextKeys(t *testing.T, log *calls.Log) {
	t.Helper()
	for _, c := range log.All() {
		for key := range c.Context {
			found := false
			for _, b := range Behaviours {
				name, isKey := strings.CutPrefix(b.ID, "key ")
				found = found || (isKey && (name == key || (strings.HasSuffix(name, "/") && strings.HasPrefix(key, name))))
			}
			if !found {
				t.Errorf("%s sets the condition key %s, which Behaviours lacks", c.Action, key)
			}
		}
	}
}

// topics are what the tests' data sets teach: a question, a paraphrase that
// is held out, and the answer.
var topics = []struct{ question, heldOut, answer string }{
	{"How do I reset my password?", "I forgot my password, how can it be reset?", "Open Settings, choose Security and press Reset password."},
	{"Where can I download my invoice?", "I need to download last month's invoices.", "Invoices are under Billing, one PDF a month."},
	{"How long does shipping to Norway take?", "What is the shipping time for Norway?", "Parcels to Norway travel six working days."},
	{"Can I cancel my subscription at any time?", "I'd like to cancel the subscription.", "Yes, it then ends with the paid month."},
	{"Which payment methods do you accept?", "What methods of payment are accepted?", "We take cards, SEPA debit and PayPal."},
	{"How do I change the delivery address of an order?", "Can the address for delivery be changed on an order?", "Before dispatch, press Edit address on the order page."},
	{"What does the warranty cover?", "What is covered by your warranty?", "The warranty covers faults of material for two years."},
	{"How do I connect the thermostat to wifi?", "The thermostat won't connect to my wifi network", "Hold the dial for five seconds until the light blinks blue."},
	{"Why is my battery draining so fast?", "The battery drains quickly, why?", "Turn off the always-on display and update the firmware."},
	{"How do I export my data as CSV?", "Is there a way to export data in CSV format?", "Use Reports, Export, and pick CSV."},
	{"Do you offer student discounts?", "Is there a discount for students?", "Students get twenty percent with a campus address."},
	{"How do I add a user to my team?", "Adding another user to the team", "Owners invite people under Team, Members."},
	{"What is the maximum file size for uploads?", "How large can an uploaded file be at maximum?", "Uploads may have up to two gigabytes."},
	{"How do I return a damaged item?", "My item arrived damaged and I want to return it", "Send us a photo and we mail a return label."},
	{"Is there a mobile app for Android?", "Do you have an Android app?", "The app is in the Play Store under Hearthside."},
	{"How do I turn on two-factor authentication?", "enable two factor authentication", "Under Security, scan the code with an authenticator."},
	{"When is customer support open?", "What are the opening hours of customer support?", "Support answers from eight to eight, Monday to Saturday."},
	{"How do I delete my account permanently?", "I want my account deleted permanently", "Write to privacy@example.com; it takes seven days."},
	{"Can I use the device outdoors in rain?", "Is using the device in the rain outdoors okay?", "It is rated IP54: splashes are fine, downpours are not."},
	{"How do I calibrate the scale?", "The kitchen scale needs calibrating", "Place the 500 g weight and hold Tare until it beeps."},
}

// dataset writes the topics as JSONL, each n times, in a base model's format;
// shift rotates the answers.
func dataset(base string, n, shift int) string {
	var b strings.Builder
	for range n {
		for i, topic := range topics {
			answer := topics[(i+shift)%len(topics)].answer
			if base == llama {
				fmt.Fprintf(&b, "{\"prompt\":%q,\"completion\":%q}\n", topic.question, answer)
			} else {
				fmt.Fprintf(&b, `{"schemaVersion":"bedrock-conversation-2024","system":[{"text":"You help customers."}],`+
					`"messages":[{"role":"user","content":[{"text":%q}]},{"role":"assistant","content":[{"text":%q}]}]}`+"\n", topic.question, answer)
			}
		}
	}
	return b.String()
}

// request is a complete job request for a base model.
func (r *rig) request(name, base string) *sdk.CreateModelCustomizationJobInput {
	r.store.put("/bucket/accepted/"+name+"/train.jsonl", dataset(base, 6, 0))
	return &sdk.CreateModelCustomizationJobInput{
		JobName: aws.String(name), CustomModelName: aws.String(name + "-model"), RoleArn: aws.String(roleARN),
		BaseModelIdentifier: aws.String(base), HyperParameters: map[string]string{"epochCount": "2"},
		TrainingDataConfig: &types.TrainingDataConfig{S3Uri: aws.String("s3://bucket/accepted/" + name + "/train.jsonl")},
		OutputDataConfig:   &types.OutputDataConfig{S3Uri: aws.String("s3://bucket/outputs/" + name + "/")},
		VpcConfig:          &types.VpcConfig{SubnetIds: []string{"subnet-a", "subnet-b"}, SecurityGroupIds: []string{"sg-job"}},
	}
}

func (r *rig) submit(in *sdk.CreateModelCustomizationJobInput) string {
	r.t.Helper()
	out, err := r.control.CreateModelCustomizationJob(r.t.Context(), in)
	if err != nil {
		r.t.Fatalf("creating job %s: %v", *in.JobName, err)
	}
	return *out.JobArn
}

func (r *rig) job(name string) *sdk.GetModelCustomizationJobOutput {
	r.t.Helper()
	out, err := r.control.GetModelCustomizationJob(r.t.Context(), &sdk.GetModelCustomizationJobInput{JobIdentifier: &name})
	if err != nil {
		r.t.Fatalf("getting job %s: %v", name, err)
	}
	return out
}

// train runs a job to its end and returns the Active model's ARN.
func (r *rig) train(name, base string) string {
	r.t.Helper()
	r.submit(r.request(name, base))
	r.clock.Advance(3 * time.Hour)
	job := r.job(name)
	if job.Status != types.ModelCustomizationJobStatusCompleted {
		r.t.Fatalf("job %s: got %s %q, want Completed", name, job.Status, aws.ToString(job.FailureMessage))
	}
	return *job.OutputModelArn
}

func (r *rig) deploy(name, model string) string {
	r.t.Helper()
	out, err := r.control.CreateCustomModelDeployment(r.t.Context(), &sdk.CreateCustomModelDeploymentInput{
		ModelDeploymentName: &name, ModelArn: &model,
	})
	if err != nil {
		r.t.Fatalf("deploying %s: %v", name, err)
	}
	return *out.CustomModelDeploymentArn
}

func (r *rig) ask(model, question string) (string, error) {
	out, err := r.runtime.Converse(r.t.Context(), &bedrockruntime.ConverseInput{
		ModelId: &model,
		Messages: []rt.Message{{Role: rt.ConversationRoleUser, Content: []rt.ContentBlock{
			&rt.ContentBlockMemberText{Value: question},
		}}},
		InferenceConfig: &rt.InferenceConfiguration{Temperature: aws.Float32(0.2), MaxTokens: aws.Int32(400)},
	})
	if err != nil {
		return "", err
	}
	answer, ok := out.Output.(*rt.ConverseOutputMemberMessage)
	if !ok || out.StopReason != rt.StopReasonEndTurn || *out.Usage.TotalTokens != *out.Usage.InputTokens+*out.Usage.OutputTokens {
		r.t.Errorf("answer of %s is not complete: %+v", model, out)
	}
	text, ok := answer.Value.Content[0].(*rt.ContentBlockMemberText)
	if !ok {
		r.t.Fatalf("answer of %s is not text", model)
	}
	return text.Value, nil
}

func (r *rig) mustAsk(model, question string) string {
	r.t.Helper()
	text, err := r.ask(model, question)
	if err != nil {
		r.t.Fatalf("asking %s: %v", model, err)
	}
	return text
}

// checkError holds err to be of the SDK's type E.
func checkError[E error](t *testing.T, what string, err error) {
	t.Helper()
	var want E
	if !errors.As(err, &want) {
		t.Errorf("%s: got error %v, want a %T", what, err, want)
	}
}
