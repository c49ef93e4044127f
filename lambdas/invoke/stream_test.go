package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"go.uber.org/goleak"
)

// open asks for a streamed answer and leaves reading it to the test.
func open(ctx context.Context, t *testing.T, h *handler, r events.APIGatewayProxyRequest) *events.APIGatewayProxyStreamingResponse {
	t.Helper()
	got, err := h.Handle(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	return got.(*events.APIGatewayProxyStreamingResponse)
}

// endings are the ways in which a stream ends, each with its last frame as a
// reader of it sees it.
var endings = map[string]struct {
	operation string
	answer    scripted
	// whole is how many frames of the script arrive; last the type of the
	// exception after them, "" for none.
	whole int
	last  string
	// failed is the error type in the log.
	failed string
}{
	"whole":                 {"converse-stream", streaming(conversation, ""), 7, "", ""},
	"cut between":           {"converse-stream", streaming(conversation[:3], "cut"), 3, streamError, "ModelStreamErrorException"},
	"cut after the stop":    {"converse-stream", streaming(conversation[:6], "cut"), 6, streamError, "ModelStreamErrorException"},
	"cut in a frame":        {"converse-stream", streaming([][]byte{conversation[0], conversation[1][:len(conversation[1])-1]}, "cut"), 1, streamError, "ModelStreamErrorException"},
	"cut in a length":       {"converse-stream", streaming([][]byte{conversation[0], conversation[1][:3]}, "cut"), 1, streamError, "ModelStreamErrorException"},
	"cut at the start":      {"converse-stream", streaming(nil, "cut"), 0, streamError, "ModelStreamErrorException"},
	"ends early":            {"converse-stream", streaming(conversation[:5], ""), 5, streamError, "ModelStreamErrorException"},
	"ends in a frame":       {"converse-stream", streaming([][]byte{conversation[0], conversation[1][:20]}, ""), 1, streamError, "ModelStreamErrorException"},
	"ends after the length": {"converse-stream", streaming([][]byte{conversation[0], conversation[1][:4]}, ""), 1, streamError, "ModelStreamErrorException"},
	"empty":                 {"converse-stream", streaming(nil, ""), 0, streamError, "ModelStreamErrorException"},
	"not a frame":           {"converse-stream", streaming([][]byte{conversation[0], []byte("HTTP/1.1 502 Bad Gateway, and more than sixteen bytes")}, ""), 1, streamError, "ModelStreamErrorException"},
	"wrong checksum":        {"converse-stream", streaming([][]byte{conversation[0], append(conversation[1][:len(conversation[1])-1:len(conversation[1])-1], '!'), conversation[2]}, ""), 1, streamError, "ModelStreamErrorException"},
	"exception":             {"converse-stream", streaming([][]byte{conversation[0], message("exception", ":exception-type", "throttlingException", `{"message":"slow down"}`), conversation[1]}, ""), 2, "", "ThrottlingException"},
	"error":                 {"converse-stream", streaming([][]byte{message("error", ":error-code", "novelError", "no JSON")}, ""), 1, "", "NovelError"},
	"chunks":                {"invoke-with-response-stream", streaming([][]byte{chunk("{}"), chunk("{}")}, ""), 2, "", ""},
	"no chunks":             {"invoke-with-response-stream", streaming(nil, ""), 0, "", ""},
	"chunks cut":            {"invoke-with-response-stream", streaming([][]byte{chunk("{}"), chunk("{}")[:30]}, "cut"), 1, streamError, "ModelStreamErrorException"},
	"chunks and exception":  {"invoke-with-response-stream", streaming([][]byte{chunk("{}"), message("exception", ":exception-type", "modelTimeoutException", `{"message":"late"}`)}, ""), 2, "", "ModelTimeoutException"},
}

// TestStreamEnds: whole frames pass, half ones do not, and what is no end of
// Bedrock's own becomes an exception that a client can read.
func TestStreamEnds(t *testing.T) {
	for name, test := range endings {
		t.Run(name, func(t *testing.T) {
			b := newBedrock(t, map[string][]scripted{"arn:a": {test.answer}})
			h, log := served(b.client(), supports())
			got := handle(t.Context(), t, h, request(test.operation, "support", "{}"))
			want := strings.Join(toStrings(test.answer.frames[:test.whole]), "")
			rest, ok := strings.CutPrefix(got.body, want)
			if got.status != 200 || !ok {
				t.Fatalf("got %+v, want it to begin with %q", got, want)
			}
			f, err := newFrames(strings.NewReader(rest)).next()
			if test.last == "" && !errors.Is(err, io.EOF) || test.last != "" && (err != nil || f.exception != test.last || !strings.Contains(string(f.payload), "ask again")) {
				t.Errorf("it ends with %q: %+v, %v", rest, f, err)
			}
			said := line(t, log)
			if got, _ := said["errorType"].(string); got != test.failed || said["abandoned"] != nil {
				t.Errorf("the log says %v, want %q", said, test.failed)
			}
		})
	}
}

// TestLeavesAsItComes: each frame can be read before the next one is there, by
// a reader that takes a byte at a time.
func TestLeavesAsItComes(t *testing.T) {
	source, bedrock := io.Pipe()
	h, _ := served(nil, supports())
	ctx, cancel := context.WithCancel(t.Context())
	s := h.newStream(ctx, cancel, &exchange{operation: converseStream}, native{converseStream}, raw{stream: source})
	reader := iotest.OneByteReader(s)
	for _, f := range conversation {
		sent := make(chan error)
		go func() {
			_, err := bedrock.Write(f)
			sent <- err
		}()
		got := make([]byte, len(f))
		if _, err := io.ReadFull(reader, got); err != nil || string(got) != string(f) {
			t.Fatalf("read %q, %v; want %q", got, err, f)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
	if err := bedrock.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(reader); err != nil || len(rest) > 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestDeadline: when the function's own time is nearly up, a caller is told so,
// in the middle of a stream too.
func TestDeadline(t *testing.T) {
	for name, test := range map[string]struct {
		operation string
		answer    scripted
		status    int
		exception string
	}{
		"whole":            {"converse", scripted{status: 200, then: "hang"}, 504, ""},
		"before a stream":  {"invoke", scripted{status: 200, then: "hang"}, 504, ""},
		"stream":           {"converse-stream", streaming(conversation[:2], "hang"), 200, streamError},
		"stream in frame":  {"converse-stream", streaming([][]byte{conversation[0], conversation[1][:9]}, "hang"), 200, streamError},
		"stream of chunks": {"invoke-with-response-stream", streaming([][]byte{chunk("{}")}, "hang"), 200, timeout},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBedrock(t, map[string][]scripted{"arn:a": {test.answer}})
			h, log := served(b.client(), supports())
			ctx, cancel := context.WithTimeout(t.Context(), reserve+50*time.Millisecond)
			defer cancel()
			got := handle(ctx, t, h, request(test.operation, "support", "{}"))
			if got.status != test.status || ctx.Err() != nil || !strings.Contains(got.body, "maxTokens") {
				t.Errorf("got %+v; the function's own time is up: %v", got, ctx.Err())
			}
			if !strings.Contains(got.body, test.exception) {
				t.Errorf("it ends with %q, want %s", got.body, test.exception)
			}
			if said := line(t, log); said["errorType"] != timedOut {
				t.Errorf("the log says %v", said)
			}
			<-b.gone
		})
	}
}

// TestAbandoned: an answer that nobody takes any more ends Bedrock's work, at
// once and also while the next frame is waited for, and nothing is left of it.
func TestAbandoned(t *testing.T) {
	b := newBedrock(t, map[string][]scripted{"arn:a": {streaming(conversation[:2], "hang")}})
	client := b.client()
	before := goleak.IgnoreCurrent()
	for name, read := range map[string]int{"unread": 0, "half a frame": 10, "waiting": len(conversation[0]) + len(conversation[1]) + 1} {
		t.Run(name, func(t *testing.T) {
			h, log := served(client, supports())
			got := open(t.Context(), t, h, request("converse-stream", "support", "{}"))
			done := make(chan error, 1)
			if name == "waiting" {
				go func() {
					_, err := io.ReadAll(got.Body)
					done <- err
				}()
				time.Sleep(20 * time.Millisecond) // until it waits, or not: it must end either way
			} else {
				_, err := io.ReadFull(got.Body, make([]byte, read))
				done <- err
			}
			for range 2 { // a second time changes nothing
				if err := got.Close(); err != nil {
					t.Error(err)
				}
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			<-b.gone
			if said := line(t, log); said["abandoned"] != true || said["errorType"] != nil {
				t.Errorf("the log says %v", said)
			}
			if n, err := got.Body.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("after the end: %d, %v", n, err)
			}
		})
	}
	b.Client().CloseIdleConnections()
	b.CloseClientConnections()
	goleak.VerifyNone(t, before)
}

// TestLeavesNothing: after answers of all kinds no goroutine is left, and no
// connection is in use.
func TestLeavesNothing(t *testing.T) {
	b := newBedrock(t, nil)
	client := b.client()
	before := goleak.IgnoreCurrent()
	for _, test := range endings {
		for range 8 {
			b.answers = map[string][]scripted{"arn:a": {test.answer}}
			h, _ := served(client, supports())
			handle(t.Context(), t, h, request(test.operation, "support", "{}"))
		}
	}
	for _, refused := range []scripted{{status: 400, code: "ValidationException", body: `{"message":"no"}`}, {status: 500, body: "no JSON"}} {
		b.answers = map[string][]scripted{"arn:a": {refused}}
		for _, operation := range []string{"converse", "converse-stream", "invoke", "invoke-with-response-stream", "v1/chat/completions"} {
			h, _ := served(client, supports())
			handle(t.Context(), t, h, request(operation, "support", "{}"))
		}
	}
	b.Client().CloseIdleConnections()
	b.Close()
	goleak.VerifyNone(t, before)
}

// TestSlowReader: a reader that takes its time gets everything, and the frames
// wait at Bedrock's and not in memory.
func TestSlowReader(t *testing.T) {
	source, bedrock := io.Pipe()
	h, log := served(nil, supports())
	ctx, cancel := context.WithCancel(t.Context())
	s := h.newStream(ctx, cancel, &exchange{operation: invokeStream}, native{invokeStream}, raw{stream: source})
	const frames = 50
	written := make(chan int, frames)
	go func() {
		for i := range frames {
			if _, err := bedrock.Write(chunk("{}")); err != nil {
				t.Error(err)
			}
			written <- i
		}
		if err := bedrock.Close(); err != nil {
			t.Error(err)
		}
	}()
	size := len(chunk("{}"))
	for i := range frames {
		if _, err := io.ReadFull(s, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if ahead := len(written) - i - 1; ahead > 1 {
			t.Fatalf("%d frames were taken from Bedrock ahead of the reader", ahead)
		}
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if err := s.Close(); err != nil || line(t, log)["abandoned"] != nil {
		t.Errorf("%v, %s", err, log)
	}
}
