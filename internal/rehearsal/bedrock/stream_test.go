package bedrock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	rt "github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

func userSays(text string) []rt.Message {
	return []rt.Message{{Role: rt.ConversationRoleUser, Content: []rt.ContentBlock{&rt.ContentBlockMemberText{Value: text}}}}
}

func (r *rig) converseStream(ctx context.Context, in *bedrockruntime.ConverseStreamInput) *bedrockruntime.ConverseStreamEventStream {
	r.t.Helper()
	if in.ModelId == nil {
		in.ModelId = aws.String(novaPlan)
	}
	out, err := r.runtime.ConverseStream(ctx, in)
	if err != nil {
		r.t.Fatalf("opening a stream: %v", err)
	}
	r.t.Cleanup(func() { _ = out.GetStream().Close() }) // a broken stream says so again
	return out.GetStream()
}

func (r *rig) invokeStream(body string) *bedrockruntime.InvokeModelWithResponseStreamEventStream {
	r.t.Helper()
	out, err := r.runtime.InvokeModelWithResponseStream(r.t.Context(), &bedrockruntime.InvokeModelWithResponseStreamInput{
		ModelId: aws.String(novaPlan), Body: []byte(body), ContentType: aws.String("application/json"),
	})
	if err != nil {
		r.t.Fatalf("opening a stream of chunks: %v", err)
	}
	if aws.ToString(out.ContentType) != "application/json" {
		r.t.Errorf("content type of the chunks: got %q", aws.ToString(out.ContentType))
	}
	r.t.Cleanup(func() { _ = out.GetStream().Close() }) // a broken stream says so again
	return out.GetStream()
}

// textOf adds up the text of a stream and returns its last event.
func textOf(stream *bedrockruntime.ConverseStreamEventStream) (string, rt.ConverseStreamOutput) {
	var text strings.Builder
	var last rt.ConverseStreamOutput
	for e := range stream.Events() {
		if delta, ok := e.(*rt.ConverseStreamOutputMemberContentBlockDelta); ok {
			if piece, ok := delta.Value.Delta.(*rt.ContentBlockDeltaMemberText); ok {
				text.WriteString(piece.Value)
			}
		}
		last = e
	}
	return text.String(), last
}

const sayHello = `{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}`

// TestEventsLeaveAsTheyAreGenerated lets an event be generated only when the
// client has read the one before.
func TestEventsLeaveAsTheyAreGenerated(t *testing.T) {
	r := newRig(t, "default")
	next := make(chan struct{}, 1)
	r.double.SetStreamHook(func(ctx context.Context, _ StreamPoint) *StreamBreak {
		select {
		case <-next:
		case <-ctx.Done():
		}
		return nil
	})
	next <- struct{}{}
	var names []string
	for e := range r.converseStream(t.Context(), &bedrockruntime.ConverseStreamInput{Messages: userSays("Hello")}).Events() {
		names = append(names, fmt.Sprintf("%T", e))
		next <- struct{}{}
	}
	if len(names) < 10 || names[0] != "*types.ConverseStreamOutputMemberMessageStart" || names[len(names)-1] != "*types.ConverseStreamOutputMemberMetadata" {
		t.Errorf("ConverseStream: got %v", names)
	}
	awaitNoneOpen(t, r) // the hook is asked once more, after the last event
	chunks := 0
	next <- struct{}{}
	for range r.invokeStream(sayHello).Events() {
		chunks++
		next <- struct{}{}
	}
	if chunks != len(names) {
		t.Errorf("InvokeModelWithResponseStream: got %d chunks, want one for each of %d events", chunks, len(names))
	}
}

// TestNothingIsLockedWhileStreaming uses the double in the middle of a stream.
func TestNothingIsLockedWhileStreaming(t *testing.T) {
	r := newRig(t, "default")
	r.double.SetStreamHook(func(_ context.Context, at StreamPoint) *StreamBreak {
		if at.Sent == 1 {
			r.double.Settle(context.Background()) // takes the lock of the whole state
		}
		return nil
	})
	if text, _ := textOf(r.converseStream(t.Context(), &bedrockruntime.ConverseStreamInput{Messages: userSays("Hello")})); text == "" {
		t.Error("got no text")
	}
}

func TestPaceServiceTimeAndLength(t *testing.T) {
	r := newRig(t, "default")
	begin := time.Now()
	r.double.SetInference(Inference{ServiceTime: Duration(30 * time.Millisecond), Pace: Duration(time.Millisecond), AnswerTokens: 500})
	stream := r.converseStream(t.Context(), &bedrockruntime.ConverseStreamInput{Messages: userSays("Hello")})
	text, last := textOf(stream)
	meta, ok := last.(*rt.ConverseStreamOutputMemberMetadata)
	if !ok || stream.Err() != nil {
		t.Fatalf("stream: got %T %v", last, stream.Err())
	}
	if got := *meta.Value.Usage.OutputTokens; got < 500 || got > 600 || tokens(text) != int(got) {
		t.Errorf("length: got %d tokens, %d in the text", got, tokens(text))
	}
	events := len(strings.Fields(text)) + 4
	if least := 30*time.Millisecond + time.Duration(events-1)*time.Millisecond; time.Since(begin) < least {
		t.Errorf("%d events took %v, want %v at least", events, time.Since(begin), least)
	}
	awaitNoneOpen(t, r)
	if got := r.double.Inferences(); got.First < 30*time.Millisecond || got.Took < got.First+time.Duration(events-1)*time.Millisecond {
		t.Errorf("the double's own time: got %+v", got)
	}
	r.double.Reset()
	if answer := r.mustAsk(novaPlan, "Hello"); tokens(answer) >= 500 {
		t.Errorf("after Reset: got %d tokens", tokens(answer))
	}
}

func TestChunksOfBothFamilies(t *testing.T) {
	r := newRig(t, "article")
	arn, err := r.provision("pt", r.train("pt-chunks", llama), "")
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(time.Hour)
	out, err := r.runtime.InvokeModelWithResponseStream(t.Context(), &bedrockruntime.InvokeModelWithResponseStreamInput{
		ModelId: &arn, Body: []byte(fmt.Sprintf(`{"prompt":%q,"max_gen_len":64}`, topics[1].question)), ContentType: aws.String("application/json"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var generation strings.Builder
	last := readChunks(t, out.GetStream(), func(part map[string]any) { generation.WriteString(part["generation"].(string)) })
	if generation.String() != topics[1].answer || last["stop_reason"] != "stop" {
		t.Errorf("Llama: got %q, last chunk %v", generation.String(), last)
	}
	checkMetrics(t, last)

	r = newRig(t, "default")
	var text strings.Builder
	last = readChunks(t, r.invokeStream(sayHello), func(part map[string]any) {
		if delta, ok := part["contentBlockDelta"].(map[string]any); ok {
			text.WriteString(delta["delta"].(map[string]any)["text"].(string))
		}
	})
	if text.String() != baseAnswer("Hello") || last["metadata"] == nil {
		t.Errorf("Nova: got %q, last chunk %v", text.String(), last)
	}
	checkMetrics(t, last)
}

func readChunks(t *testing.T, stream *bedrockruntime.InvokeModelWithResponseStreamEventStream, each func(map[string]any)) map[string]any {
	t.Helper()
	var last map[string]any
	for e := range stream.Events() {
		part, ok := e.(*rt.ResponseStreamMemberChunk)
		if !ok {
			t.Fatalf("got %T, want a chunk", e)
		}
		last = nil
		if err := json.Unmarshal(part.Value.Bytes, &last); err != nil {
			t.Fatal(err)
		}
		each(last)
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return last
}

func checkMetrics(t *testing.T, last map[string]any) {
	t.Helper()
	metrics, _ := last["amazon-bedrock-invocationMetrics"].(map[string]any)
	for _, name := range []string{"inputTokenCount", "outputTokenCount", "invocationLatency", "firstByteLatency"} {
		if n, ok := metrics[name].(float64); !ok || n <= 0 {
			t.Errorf("%s: got %v", name, metrics[name])
		}
	}
}

func TestStreamFaultsOfAScenario(t *testing.T) {
	tests := []struct {
		fault StreamFault
		err   func(t *testing.T, err error)
		sent  int
	}{
		{StreamFault{StreamBreak: StreamBreak{Exception: "modelStreamErrorException"}, AfterEvents: 1}, isA[*rt.ModelStreamErrorException], 1},
		{StreamFault{StreamBreak: StreamBreak{Exception: "throttlingException", Message: "slow down"}}, isA[*rt.ThrottlingException], 0},
		{StreamFault{StreamBreak: StreamBreak{Exception: "internalServerException"}, AfterEvents: 4}, isA[*rt.InternalServerException], 4},
		{StreamFault{StreamBreak: StreamBreak{Exception: "validationException"}, AfterEvents: 1}, isA[*rt.ValidationException], 1},
		{StreamFault{StreamBreak: StreamBreak{Exception: "serviceUnavailableException"}, AfterEvents: 1}, isA[*rt.ServiceUnavailableException], 1},
	}
	for _, test := range tests {
		t.Run(test.fault.How+test.fault.Exception, func(t *testing.T) {
			r := newRig(t, "default", func(s *Scenario) { s.StreamFaults = []StreamFault{test.fault} })
			stream := r.converseStream(t.Context(), &bedrockruntime.ConverseStreamInput{Messages: userSays("Hello")})
			sent := 0
			for range stream.Events() {
				sent++
			}
			if sent != test.sent {
				t.Errorf("got %d events, want %d", sent, test.sent)
			}
			test.err(t, stream.Err())
			stream = r.converseStream(t.Context(), &bedrockruntime.ConverseStreamInput{Messages: userSays("Hello")})
			if text, _ := textOf(stream); text == "" || stream.Err() != nil {
				t.Errorf("the second stream: got %q %v", text, stream.Err())
			}
			awaitNoneOpen(t, r)
			if got := r.double.Inferences(); got.Broken != 1 {
				t.Errorf("counts: got %+v", got)
			}
		})
	}
}

// TestBrokenConnections reads what arrives without the SDK, which takes the
// end of a connection for the end of a stream.
func TestBrokenConnections(t *testing.T) {
	for how, sent := range map[string]int{BreakReset: 3, BreakCut: 2} {
		r := newRig(t, "default", func(s *Scenario) {
			s.StreamFaults = []StreamFault{{StreamBreak: StreamBreak{How: how}, AfterEvents: sent}}
		})
		raw, err := r.post("/model/"+novaPlan+"/converse-stream", sayHello)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got error %v, want a broken connection", how, err)
		}
		whole, rest := frames(raw)
		if whole != sent || (rest > 0) != (how == BreakCut) {
			t.Errorf("%s: got %d whole events and %d bytes more, want %d events", how, whole, rest, sent)
		}
		if raw, err = r.post("/model/"+novaPlan+"/converse-stream", sayHello); err != nil {
			t.Errorf("%s, the second stream: %v", how, err)
		}
		if whole, rest = frames(raw); whole < 10 || rest > 0 {
			t.Errorf("%s, the second stream: got %d events and %d bytes", how, whole, rest)
		}
		awaitNoneOpen(t, r)
		if got := r.double.Inferences(); got.Broken != 1 || got.Answered != 1 {
			t.Errorf("%s: counts: got %+v", how, got)
		}
	}
}

// post sends a request as the tests' caller and reads the answer to its end.
func (r *rig) post(path, body string) ([]byte, error) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Authorization", "AKIDTEST")
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // what was read is what counts
	return io.ReadAll(response.Body)
}

// frames counts the whole frames in raw, and the bytes after the last of them.
func frames(raw []byte) (whole, rest int) {
	reader := bytes.NewReader(raw)
	for {
		rest = reader.Len()
		if _, err := eventstream.NewDecoder().Decode(reader, nil); err != nil {
			return whole, rest
		}
		whole++
	}
}

func TestModelTimeoutIsOfChunksOnly(t *testing.T) {
	late := StreamFault{StreamBreak: StreamBreak{Exception: "modelTimeoutException"}, Operation: "InvokeModelWithResponseStream", AfterEvents: 2}
	r := newRig(t, "default", func(s *Scenario) { s.StreamFaults = []StreamFault{late} })
	stream := r.invokeStream(sayHello)
	for range stream.Events() {
	}
	isA[*rt.ModelTimeoutException](t, stream.Err())
	for name, fault := range map[string]StreamFault{
		"an exception ConverseStream lacks": {StreamBreak: StreamBreak{Exception: "modelTimeoutException"}, Operation: "ConverseStream"},
		"another operation":                 {StreamBreak: StreamBreak{How: BreakReset}, Operation: "Converse"},
		"nothing":                           {},
		"two ways":                          {StreamBreak: StreamBreak{How: BreakReset, Exception: "throttlingException"}},
		"an unknown way":                    {StreamBreak: StreamBreak{How: "sulk"}},
	} {
		o := r.double.o
		o.Scenario.StreamFaults = []StreamFault{fault}
		if _, err := New(o); err == nil {
			t.Errorf("%s: got a double", name)
		}
	}
}

func isA[E error](t *testing.T, err error) {
	t.Helper()
	checkError[E](t, "end of the stream", err)
}

// TestStallEndsWithTheClient waits for a stream that says nothing more, and
// for the double to stop working when its client gives up.
func TestStallEndsWithTheClient(t *testing.T) {
	r := newRig(t, "default")
	stalled := make(chan struct{})
	r.double.SetStreamHook(func(_ context.Context, at StreamPoint) *StreamBreak {
		if at.Sent < 2 {
			return nil
		}
		close(stalled)
		return &StreamBreak{How: BreakStall}
	})
	ctx, hangUp := context.WithCancel(t.Context())
	stream := r.converseStream(ctx, &bedrockruntime.ConverseStreamInput{Messages: userSays("Hello")})
	<-stalled
	if got := r.double.Inferences(); got.Open != 1 {
		t.Errorf("while stalled: got %+v", got)
	}
	hangUp()
	for range stream.Events() {
	}
	if stream.Err() == nil {
		t.Error("got no error for a stream that stalled")
	}
	awaitNoneOpen(t, r)
	if got := r.double.Inferences(); got.Abandoned != 1 {
		t.Errorf("after the hang-up: got %+v", got)
	}
}

// TestHangUpEndsTheWork closes the connection while the double paces events.
func TestHangUpEndsTheWork(t *testing.T) {
	r := newRig(t, "default", func(s *Scenario) { s.Inference = Inference{Pace: Duration(time.Hour)} })
	ctx, hangUp := context.WithCancel(t.Context())
	stream := r.converseStream(ctx, &bedrockruntime.ConverseStreamInput{Messages: userSays("Hello")})
	<-stream.Events()
	hangUp()
	awaitNoneOpen(t, r)

	r.double.SetInference(Inference{ServiceTime: Duration(time.Hour)})
	ctx, hangUp = context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := r.runtime.Converse(ctx, &bedrockruntime.ConverseInput{ModelId: aws.String(novaPlan), Messages: userSays("Hello")})
		done <- err
	}()
	for r.double.Inferences().Open == 0 {
		time.Sleep(time.Millisecond)
	}
	hangUp()
	if err := <-done; err == nil {
		t.Error("got an answer before its service time")
	}
	awaitNoneOpen(t, r)
	if got := r.double.Inferences(); got.Abandoned != 2 || got.Answered != 0 {
		t.Errorf("got %+v", got)
	}
}

// awaitNoneOpen waits until the double works on no answer.
func awaitNoneOpen(t *testing.T, r *rig) {
	t.Helper()
	for begin := time.Now(); r.double.Inferences().Open > 0; time.Sleep(time.Millisecond) {
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("still open: %+v", r.double.Inferences())
		}
	}
}

func TestStreamsAreRecordedAsIAMSeesThem(t *testing.T) {
	r := newRig(t, "default")
	arn := r.deploy("dep", r.train("dep-iam", nova))
	r.clock.Advance(time.Hour)
	textOf(r.converseStream(t.Context(), &bedrockruntime.ConverseStreamInput{ModelId: &arn, Messages: userSays("Hello")}))
	for range r.invokeStream(sayHello).Events() {
	}
	got := r.log.Find("bedrock:InvokeModelWithResponseStream")
	if len(got) != 2 || got[0].Resource != arn || !strings.HasSuffix(got[1].Resource, "foundation-model/"+novaPlan) || got[0].Status != 200 {
		t.Errorf("got %+v", got)
	}
}
