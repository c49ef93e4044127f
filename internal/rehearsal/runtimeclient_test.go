package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// Ensure the Go SDK's client of Bedrock's runtime works unchanged with its
// endpoint set to the API: all four operations, whole and as they come, and
// every refusal as the error it knows.
func TestRuntimeClient(t *testing.T) {
	eachDoor(t, func(t *testing.T, d door) {
		for name, ask := range d.operations() {
			t.Run(name, func(t *testing.T) {
				d.t = t
				if got, err := ask(t.Context(), "m", question(1)); err != nil || got != fact("a", 1) {
					t.Errorf("got %q, %v; want %q", got, err, fact("a", 1))
				}
				d.refusals(t, ask)
				_, err := d.stranger.operations()[name](t.Context(), "m", question(1))
				checkRefused(t, "of a stranger", err, "AccessDeniedException", http.StatusForbidden)
			})
		}
		t.Run("as it comes", d.comesAsGenerated)
		t.Run("broken streams", d.brokenStreams)
	})
}

// operation asks a model and returns the answer's text.
type operation func(ctx context.Context, model, text string) (string, error)

// operations are Bedrock's four.
func (d door) operations() map[string]operation {
	return map[string]operation{
		"Converse": func(ctx context.Context, model, text string) (string, error) {
			out, err := d.client.Converse(ctx, &bedrockruntime.ConverseInput{ModelId: &model, Messages: says(text)})
			if err != nil {
				return "", err
			}
			message, ok := out.Output.(*types.ConverseOutputMemberMessage)
			if !ok || out.StopReason != types.StopReasonEndTurn || aws.ToInt32(out.Usage.OutputTokens) == 0 {
				return "", errors.New("the answer is not complete")
			}
			return message.Value.Content[0].(*types.ContentBlockMemberText).Value, nil
		},
		"ConverseStream": func(ctx context.Context, model, text string) (string, error) {
			out, err := d.client.ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{ModelId: &model, Messages: says(text)})
			if err != nil {
				return "", err
			}
			return readStream(out.GetStream(), nil)
		},
		"InvokeModel": func(ctx context.Context, model, text string) (string, error) {
			out, err := d.client.InvokeModel(ctx, &bedrockruntime.InvokeModelInput{ModelId: &model, Body: []byte(ask(text)), ContentType: aws.String("application/json")})
			if err != nil {
				return "", err
			}
			return textIn(pathInvoke, false, out.Body)
		},
		"InvokeModelWithResponseStream": func(ctx context.Context, model, text string) (string, error) {
			out, err := d.client.InvokeModelWithResponseStream(ctx, &bedrockruntime.InvokeModelWithResponseStreamInput{
				ModelId: &model, Body: []byte(ask(text)), ContentType: aws.String("application/json"),
			})
			if err != nil {
				return "", err
			}
			return readChunks(out.GetStream())
		},
	}
}

// says is a conversation of one turn.
func says(text string) []types.Message {
	return []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: text}}}}
}

// readStream reads a stream to its end; each is told every event. It is an
// error when no metadata come last.
func readStream(stream *bedrockruntime.ConverseStreamEventStream, each func()) (string, error) {
	var text strings.Builder
	complete := false
	for event := range stream.Events() {
		switch e := event.(type) {
		case *types.ConverseStreamOutputMemberContentBlockDelta:
			text.WriteString(e.Value.Delta.(*types.ContentBlockDeltaMemberText).Value)
		case *types.ConverseStreamOutputMemberMetadata:
			complete = aws.ToInt32(e.Value.Usage.OutputTokens) > 0
		}
		if each != nil {
			each()
		}
	}
	if err := errors.Join(stream.Err(), stream.Close()); err != nil {
		return text.String(), err
	}
	if !complete {
		return text.String(), errors.New("the stream ended without its metadata")
	}
	return text.String(), nil
}

// readChunks reads a stream of chunks to its end.
func readChunks(stream *bedrockruntime.InvokeModelWithResponseStreamEventStream) (string, error) {
	var text strings.Builder
	complete := false
	for event := range stream.Events() {
		chunk, ok := event.(*types.ResponseStreamMemberChunk)
		if !ok {
			continue
		}
		var part struct {
			ContentBlockDelta struct{ Delta struct{ Text string } }
			Metrics           *struct{} `json:"amazon-bedrock-invocationMetrics"`
		}
		if err := json.Unmarshal(chunk.Value.Bytes, &part); err != nil {
			return "", err
		}
		text.WriteString(part.ContentBlockDelta.Delta.Text)
		complete = part.Metrics != nil
	}
	if err := errors.Join(stream.Err(), stream.Close()); err != nil {
		return text.String(), err
	}
	if !complete {
		return text.String(), errors.New("the stream ended without its metrics")
	}
	return text.String(), nil
}

// refusals holds each refusal to be the error that the SDK has for it, with the
// status that the API gives it.
func (d door) refusals(t *testing.T, ask operation) {
	t.Helper()
	tests := map[string]struct {
		model  string
		text   string
		fault  *calls.Fault
		code   string
		status int
	}{
		"unknown model":     {"nobody", "?", nil, "ResourceNotFoundException", http.StatusNotFound},
		"blank question":    {"m", " ", nil, "ValidationException", http.StatusBadRequest},
		"throttled":         {"m", "?", &throttled, "ThrottlingException", http.StatusTooManyRequests},
		"not ready":         {"m", "?", &notReady, "ModelNotReadyException", http.StatusServiceUnavailable},
		"timed out":         {"m", "?", &calls.Fault{Status: 408, Code: "ModelTimeoutException", Message: "too slow"}, "ModelTimeoutException", http.StatusGatewayTimeout},
		"failed":            {"m", "?", &calls.Fault{Status: 424, Code: "ModelErrorException", Message: "broken"}, "ModelErrorException", http.StatusBadGateway},
		"rights of its own": {"m", "?", &calls.Fault{Status: 403, Code: "AccessDeniedException", Message: "role/secret"}, "InternalServerException", http.StatusInternalServerError},
	}
	for name, test := range tests {
		d.faulty(test.fault)
		_, err := ask(t.Context(), test.model, test.text)
		checkRefused(t, name, err, test.code, test.status)
	}
	d.faulty(nil)
}

// checkRefused holds an error to be the one that the SDK has for a refusal, with
// no word of what is none of the caller's business, and to say when to come again
// where that helps.
func checkRefused(t *testing.T, name string, err error, code string, status int) {
	t.Helper()
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &response) {
		t.Errorf("%s: got %v, want an error of the API", name, err)
		return
	}
	if api.ErrorCode() != code || response.HTTPStatusCode() != status || strings.Contains(api.ErrorMessage(), "secret") {
		t.Errorf("%s: got %d %s, want %d %s", name, response.HTTPStatusCode(), api, status, code)
	}
	wait := response.Response.Header.Get("Retry-After") != ""
	if want := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable; wait != want {
		t.Errorf("%s: Retry-After is there: %t, want %t", name, wait, want)
	}
}

// comesAsGenerated lets Bedrock generate an event only when the client has
// read the one before: nothing on the way keeps any back.
func (d door) comesAsGenerated(t *testing.T) {
	next := make(chan struct{}, 1)
	d.Bedrock.SetStreamHook(func(ctx context.Context, _ bedrock.StreamPoint) *bedrock.StreamBreak {
		select {
		case <-next:
		case <-ctx.Done():
		}
		return nil
	})
	defer d.Bedrock.SetStreamHook(nil)
	out, err := d.client.ConverseStream(t.Context(), &bedrockruntime.ConverseStreamInput{ModelId: aws.String("m"), Messages: says(question(2))}, func(*bedrockruntime.Options) {
		next <- struct{}{} // the first event comes with the answer's head
	})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := readStream(out.GetStream(), func() { next <- struct{}{} }); err != nil || text != fact("a", 2) {
		t.Errorf("got %q, %v; want %q", text, err, fact("a", 2))
	}
}

// brokenStreams ends answers in every way that Bedrock may end them early; the
// client always gets what came, and an error after it.
func (d door) brokenStreams(t *testing.T) {
	asked := d.operations()
	for name, test := range map[string]struct {
		end  bedrock.StreamBreak
		code string // "" for any
	}{
		"throttled":    {bedrock.StreamBreak{Exception: "throttlingException", Message: "slow down"}, "ThrottlingException"},
		"model failed": {bedrock.StreamBreak{Exception: "modelStreamErrorException", Message: "broken"}, "ModelStreamErrorException"},
		"invalid":      {bedrock.StreamBreak{Exception: "validationException", Message: "too long"}, "ValidationException"},
		"unavailable":  {bedrock.StreamBreak{Exception: "serviceUnavailableException"}, "ServiceUnavailableException"},
		"failed":       {bedrock.StreamBreak{Exception: "internalServerException"}, "InternalServerException"},
		"reset":        {bedrock.StreamBreak{How: bedrock.BreakReset}, ""},
		"cut":          {bedrock.StreamBreak{How: bedrock.BreakCut}, ""},
	} {
		mend := d.breaking(3, test.end)
		for _, operation := range []string{"ConverseStream", "InvokeModelWithResponseStream"} {
			text, err := asked[operation](t.Context(), "m", question(2))
			var api smithy.APIError
			if !errors.As(err, &api) || (test.code != "" && api.ErrorCode() != test.code) || !strings.HasPrefix(fact("a", 2), text) || text == "" {
				t.Errorf("%s, %s: got %q, %v; want the beginning of the answer and %s", name, operation, text, err, test.code)
			}
		}
		mend()
	}
}
