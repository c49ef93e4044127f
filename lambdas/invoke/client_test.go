package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"
)

// gateway is as much of API Gateway as an SDK needs.
func gateway(t *testing.T, h *handler) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		model, operation, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/live/model/"), "/")
		in := request(operation, model, string(body))
		in.MultiValueHeaders = r.Header
		got, err := h.Handle(r.Context(), in)
		if err != nil {
			t.Error(err)
		}
		answer := got.(*events.APIGatewayProxyStreamingResponse)
		for name, value := range answer.Headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(answer.StatusCode)
		if _, err := io.Copy(w, answer.Body); err != nil {
			t.Error(err)
		}
		if err := answer.Close(); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// plain sends bodies that can only be read, see [rewindable]: a client on the
// same machine meets what that is about as well.
type plain struct{ inner http.RoundTripper }

func (p plain) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return p.inner.RoundTrip(r)
}

// caller is an SDK client whose endpoint is the gateway.
func caller(t *testing.T, b *fakeBedrock) *bedrockruntime.Client {
	h, _ := served(b.client(), supports())
	server := gateway(t, h)
	return bedrockruntime.New(bedrockruntime.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL + "/live"), HTTPClient: &http.Client{Transport: plain{server.Client().Transport}},
		RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})
}

// TestSDKReads: the SDK's own client reads every answer as if it were Bedrock's.
func TestSDKReads(t *testing.T) {
	model, prompt := aws.String("support"), []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: "hi"}}}}

	c := caller(t, newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, body: converseAnswer}}}))
	whole, err := c.Converse(t.Context(), &bedrockruntime.ConverseInput{ModelId: model, Messages: prompt})
	if err != nil || whole.StopReason != types.StopReasonEndTurn || *whole.Usage.OutputTokens != 2 {
		t.Errorf("Converse: %+v, %v", whole, err)
	}

	c = caller(t, newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, header: map[string]string{"Content-Type": "application/json", "X-Amzn-Bedrock-PerformanceConfig-Latency": "optimized"}, body: `{"generation":"Hello"}`}}}))
	raw, err := c.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{ModelId: model, Body: []byte(`{"prompt":"hi"}`)})
	if err != nil || string(raw.Body) != `{"generation":"Hello"}` || *raw.ContentType != "application/json" || raw.PerformanceConfigLatency != "optimized" {
		t.Errorf("InvokeModel: %+v, %v", raw, err)
	}

	c = caller(t, newBedrock(t, map[string][]scripted{"arn:a": {streaming(conversation, "")}}))
	text, err := readConversation(t.Context(), c)
	if err != nil || text != "Hello" {
		t.Errorf("ConverseStream: %q, %v", text, err)
	}

	c = caller(t, newBedrock(t, map[string][]scripted{"arn:a": {streaming([][]byte{chunk("Hel"), chunk("lo")}, "")}}))
	text, err = readChunks(t.Context(), c)
	if err != nil || text != "Hello" {
		t.Errorf("InvokeModelWithResponseStream: %q, %v", text, err)
	}
}

func readConversation(ctx context.Context, c *bedrockruntime.Client) (text string, err error) {
	out, err := c.ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{ModelId: aws.String("support")})
	if err != nil {
		return "", err
	}
	for e := range out.GetStream().Events() {
		if delta, ok := e.(*types.ConverseStreamOutputMemberContentBlockDelta); ok {
			text += delta.Value.Delta.(*types.ContentBlockDeltaMemberText).Value
		}
	}
	err = out.GetStream().Err()
	return text, errors.Join(err, out.GetStream().Close())
}

func readChunks(ctx context.Context, c *bedrockruntime.Client) (text string, err error) {
	out, err := c.InvokeModelWithResponseStream(ctx, &bedrockruntime.InvokeModelWithResponseStreamInput{ModelId: aws.String("support"), Body: []byte(`{"prompt":"hi"}`)})
	if err != nil {
		return "", err
	}
	for e := range out.GetStream().Events() {
		if chunk, ok := e.(*types.ResponseStreamMemberChunk); ok {
			text += string(chunk.Value.Bytes)
		}
	}
	err = out.GetStream().Err()
	return text, errors.Join(err, out.GetStream().Close())
}

// TestSDKReadsErrors: the SDK's own client knows each error by its type and
// reads what it says, before a stream and in the middle of it.
func TestSDKReadsErrors(t *testing.T) {
	// Of a connection that breaks between two frames the SDK itself would see
	// nothing, and take half an answer for a whole one.
	for name, test := range map[string]struct {
		answer scripted
		read   func(context.Context, *bedrockruntime.Client) (string, error)
		code   string
		text   string
		says   string
	}{
		"throttled":      {refusing(429, "ThrottlingException"), readConversation, "ThrottlingException", "", "Bedrock's words"},
		"not ready":      {refusing(429, "ModelNotReadyException"), readChunks, "ModelNotReadyException", "", "Bedrock's words"},
		"invalid":        {refusing(400, "ValidationException"), readConversation, "ValidationException", "", "Bedrock's words"},
		"timed out":      {refusing(408, "ModelTimeoutException"), readChunks, "ModelTimeoutException", "", "Bedrock's words"},
		"failed":         {refusing(424, "ModelErrorException"), readConversation, "ModelErrorException", "", "Bedrock's words"},
		"gone":           {refusing(404, "ResourceNotFoundException"), readConversation, "ResourceNotFoundException", "", "publish it again"},
		"cut":            {streaming(conversation[:2], "cut"), readConversation, "ModelStreamErrorException", "Hel", "ask again"},
		"cut in a frame": {streaming([][]byte{conversation[1], conversation[3][:9]}, "cut"), readConversation, "ModelStreamErrorException", "Hel", "ask again"},
		"ends early":     {streaming(conversation[:2], ""), readConversation, "ModelStreamErrorException", "Hel", "ask again"},
		"chunks cut":     {streaming([][]byte{chunk("Hel")}, "cut"), readChunks, "ModelStreamErrorException", "Hel", "ask again"},
		"exception":      {streaming([][]byte{conversation[1], message("exception", ":exception-type", "serviceUnavailableException", `{"message":"later"}`)}, ""), readConversation, "ServiceUnavailableException", "Hel", "later"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := test.read(t.Context(), caller(t, newBedrock(t, map[string][]scripted{"arn:a": {test.answer}})))
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != test.code || !strings.Contains(api.ErrorMessage(), test.says) || text != test.text {
				t.Errorf("read %q, then %v", text, err)
			}
		})
	}
}
