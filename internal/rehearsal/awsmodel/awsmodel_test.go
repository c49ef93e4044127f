package awsmodel

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func services(t *testing.T) (*Service, *Service) {
	t.Helper()
	bedrock, runtime, err := Load()
	if err != nil {
		t.Fatalf("loading the API models: %v", err)
	}
	return bedrock, runtime
}

func TestExtractsHoldTheOperationsAndNoDocumentation(t *testing.T) {
	bedrock, runtime := services(t)
	if got := len(bedrock.Operations()); got != 23 {
		t.Errorf("bedrock operations: got %d, want 23", got)
	}
	if got := len(runtime.Operations()); got != 4 {
		t.Errorf("runtime operations: got %d, want 4", got)
	}
	for _, file := range []string{"bedrock.json", "bedrock-runtime.json"} {
		raw, err := extracts.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(`"documentation"`)) {
			t.Errorf("%s still carries documentation texts", file)
		}
	}
}

func TestRoute(t *testing.T) {
	bedrock, runtime := services(t)
	tests := []struct {
		service      *Service
		method, path string
		want, label  string
		value        string
	}{
		{bedrock, "POST", "/model-customization-jobs", "CreateModelCustomizationJob", "", ""},
		{bedrock, "GET", "/model-customization-jobs", "ListModelCustomizationJobs", "", ""},
		{bedrock, "GET", "/model-customization-jobs/my-job", "GetModelCustomizationJob", "jobIdentifier", "my-job"},
		{bedrock, "POST", "/model-customization-jobs/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Amodel-customization-job%2Fa.b%2Fc/stop",
			"StopModelCustomizationJob", "jobIdentifier", "arn:aws:bedrock:us-east-1:1:model-customization-job/a.b/c"},
		{runtime, "POST", "/model/amazon.nova-micro-v1:0/converse", "Converse", "modelId", "amazon.nova-micro-v1:0"},
		{bedrock, "PUT", "/model-customization-jobs", "", "", ""},
		{bedrock, "GET", "/model-customization-jobs/", "", "", ""},
		{bedrock, "GET", "/nothing", "", "", ""},
	}
	for _, test := range tests {
		op, labels, ok := test.service.Route(test.method, test.path)
		if !ok {
			if test.want != "" {
				t.Errorf("%s %s: got no operation, want %s", test.method, test.path, test.want)
			}
			continue
		}
		if op.Name != test.want || labels[test.label] != test.value {
			t.Errorf("%s %s: got %s %v, want %s %s=%s", test.method, test.path, op.Name, labels, test.want, test.label, test.value)
		}
	}
}

const validJob = `{"jobName":"tl-job-1","customModelName":"tl-model-1","roleArn":"arn:aws:iam::123456789012:role/r",
	"baseModelIdentifier":"amazon.nova-micro-v1:0:128k","trainingDataConfig":{"s3Uri":"s3://bucket/accepted/x/train.jsonl"},
	"outputDataConfig":{"s3Uri":"s3://bucket/outputs/x/"},"hyperParameters":{"epochCount":"2"}`

func TestParseJobRequests(t *testing.T) {
	bedrock, _ := services(t)
	tests := []struct {
		name, body string
		want       string // part of the message; empty for a valid request
	}{
		{"valid", validJob + "}", ""},
		{"valid with VPC", validJob + `,"vpcConfig":{"subnetIds":["subnet-1"],"securityGroupIds":["sg-1"]}}`, ""},
		{"underscore in the job name", strings.Replace(validJob, "tl-job-1", "tl_job", 1) + "}", "at 'jobName' failed to satisfy constraint: Member must satisfy regular expression"},
		{"dot in the model name", strings.Replace(validJob, "tl-model-1", "tl.model", 1) + "}", "'customModelName'"},
		{"long job name", strings.Replace(validJob, "tl-job-1", strings.Repeat("a", 64), 1) + "}", "less than or equal to 63"},
		{"missing role", strings.Replace(validJob, "roleArn", "roleArm", 1) + "}", "'roleArn' failed to satisfy constraint: Member must not be null"},
		{"unknown member", validJob + `,"colour":"red"}`, "'colour' failed to satisfy constraint: Member must be known"},
		{"number as hyperparameter", strings.Replace(validJob, `"2"`, `2`, 1) + "}", "'hyperParameters.epochCount' failed to satisfy constraint: Member must be a string"},
		{"unknown customization type", validJob + `,"customizationType":"MAGIC"}`, "enum value set"},
		{"key with =", strings.Replace(validJob, "accepted/x", "dt=1", 1) + "}", "'trainingDataConfig.s3Uri'"},
		{"no subnets", validJob + `,"vpcConfig":{"subnetIds":[],"securityGroupIds":["sg-1"]}}`, "greater than or equal to 1"},
		{"token with underscore", validJob + `,"clientRequestToken":"a_b"}`, "'clientRequestToken'"},
		{"not JSON", `{"jobName":`, "not a JSON object"},
		{"two values", validJob + `} {}`, "not a JSON object"},
	}
	op := bedrock.Operation("CreateModelCustomizationJob")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/model-customization-jobs", nil)
			r.Header.Set("Content-Type", "application/json")
			_, err := op.Parse(r, nil, []byte(test.body))
			checkRefusal(t, err, test.want)
		})
	}
}

func checkRefusal(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("got %v, want a valid request", err)
		}
		return
	}
	var refused *Error
	if !errors.As(err, &refused) || !strings.Contains(refused.Message, want) {
		t.Errorf("got %v, want a refusal with %q", err, want)
	}
}

func TestParseQuery(t *testing.T) {
	bedrock, _ := services(t)
	op := bedrock.Operation("ListModelCustomizationJobs")
	tests := []struct{ query, want string }{
		{"", ""},
		{"?statusEquals=InProgress&maxResults=5&creationTimeAfter=2026-11-23T00%3A00%3A00Z", ""},
		{"?statusEquals=Running", "enum value set"},
		{"?maxResults=0", "greater than or equal to 1"},
		{"?maxResults=many", "be an integer"},
		{"?creationTimeAfter=yesterday", "ISO 8601"},
		{"?colour=red", "query parameter known"},
	}
	for _, test := range tests {
		_, err := op.Parse(httptest.NewRequest(http.MethodGet, "/model-customization-jobs"+test.query, nil), nil, nil)
		checkRefusal(t, err, test.want)
	}
}

func TestParseConverse(t *testing.T) {
	_, runtime := services(t)
	op := runtime.Operation("Converse")
	const deployment = "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abcdefghij12"
	const hello = `{"messages":[{"role":"user","content":[{"text":"hello"}]}]`
	tests := []struct{ name, model, body, want string }{
		{"deployment", deployment, hello + "}", ""},
		{"inference config", deployment, hello + `,"inferenceConfig":{"temperature":0.5,"maxTokens":100}}`, ""},
		{"document", deployment, hello + `,"additionalModelRequestFields":{"inferenceConfig":{"topK":5}}}`, ""},
		{"temperature", deployment, hello + `,"inferenceConfig":{"temperature":1.5}}`, "less than or equal to 1"},
		{"role", deployment, strings.Replace(hello, `"user"`, `"system"`, 1) + "}", "enum value set"},
		{"union", deployment, strings.Replace(hello, `"text":"hello"`, "", 1) + "}", "exactly one member"},
		{"model id", "a b", hello + "}", "'modelId'"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/model/x/converse", nil)
			r.Header.Set("Content-Type", "application/json")
			_, err := op.Parse(r, map[string]string{"modelId": test.model}, []byte(test.body))
			checkRefusal(t, err, test.want)
		})
	}
}

func TestCheckOutput(t *testing.T) {
	bedrock, runtime := services(t)
	const arn = `"arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-micro-v1:0:128k/abcdefghij12"`
	tests := []struct {
		op   *Operation
		body string
		ok   bool
	}{
		{bedrock.Operation("CreateModelCustomizationJob"), `{"jobArn":` + arn + `}`, true},
		{bedrock.Operation("CreateModelCustomizationJob"), `{"jobArn":"x"}`, false},
		{bedrock.Operation("CreateModelCustomizationJob"), `{}`, false},
		{bedrock.Operation("StopModelCustomizationJob"), `{}`, true},
		{runtime.Operation("InvokeModel"), `[1]`, true},
	}
	for _, test := range tests {
		if err := test.op.CheckOutput([]byte(test.body)); (err == nil) != test.ok {
			t.Errorf("%s %s: got %v, want ok=%v", test.op.Name, test.body, err, test.ok)
		}
	}
	stream := runtime.Operation("ConverseStream")
	if err := stream.CheckEvent("messageStop", []byte(`{"stopReason":"end_turn"}`)); err != nil {
		t.Errorf("valid event: got %v", err)
	}
	if err := stream.CheckEvent("messageStop", []byte(`{"stopReason":"bored"}`)); err == nil {
		t.Error("invalid event: got no error")
	}
}

func TestErrorStatus(t *testing.T) {
	bedrock, runtime := services(t)
	if status, ok := bedrock.Operation("CreateModelCustomizationJob").ErrorStatus("ConflictException"); !ok || status != 400 {
		t.Errorf("ConflictException: got %d %v, want 400", status, ok)
	}
	if status, ok := runtime.Operation("Converse").ErrorStatus("ModelNotReadyException"); !ok || status != 429 {
		t.Errorf("ModelNotReadyException: got %d %v, want 429", status, ok)
	}
	if _, ok := bedrock.Operation("GetCustomModel").ErrorStatus("ConflictException"); ok {
		t.Error("GetCustomModel lists no ConflictException")
	}
}
