package main

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// TestAskStream: the pieces are printed, and the first one's time is told.
func TestAskStream(t *testing.T) {
	newAskedAPI(t)
	exit, stdout, stderr := command(t, "ask", "support", "How?", "--stream")
	if exit != exitOK || stdout != "Hold the key.\n" || !strings.Contains(stderr, "5 tokens in, 2 out, ") || !strings.Contains(stderr, "the first token after ") || !strings.Contains(stderr, "max_tokens") {
		t.Errorf("exit %d, %q, %q", exit, stdout, stderr)
	}
}

// TestAskStreamJSON: the document has the whole answer, and when it began.
func TestAskStreamJSON(t *testing.T) {
	newAskedAPI(t)
	exit, stdout, stderr := command(t, "ask", "support", "How?", "--stream", "--json")
	var got told
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	if exit != exitOK || stderr != "" || got.Answer != "Hold the key." || got.FirstTokenSeconds <= 0 || got.Seconds < got.FirstTokenSeconds {
		t.Errorf("exit %d, %+v, %q", exit, got, stderr)
	}
}

// TestAskStreamFails: a piece of an answer is never taken for the whole.
func TestAskStreamFails(t *testing.T) {
	newAskedAPI(t)
	for question, want := range map[string]string{"broken": "broke off before its end", "fault": "ThrottlingException: slow down"} {
		if exit, stdout, stderr := command(t, "ask", "support", question, "--stream"); exit != exitError || stdout != "Hold \n" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %q, %q", question, exit, stdout, stderr)
		}
	}
}

// TestAskInterrupted: who is stopped in the middle of an answer says that, and no
// more; what came of the answer is printed.
func TestAskInterrupted(t *testing.T) {
	newAskedAPI(t)
	root := commands()
	ctx, stop := context.WithCancel(t.Context())
	stdout := &stopping{stop: stop}
	root.SetArgs([]string{"ask", "support", "stall", "--stream"})
	root.SetOut(stdout)
	root.SetErr(io.Discard)
	if err := root.ExecuteContext(ctx); err == nil || err.Error() != "interrupted before the answer's end" || stdout.String() != "Hold \n" {
		t.Errorf("printed %q, then %v", stdout, err)
	}
}

// stopping is an output at whose first piece somebody presses Ctrl-C.
type stopping struct {
	strings.Builder
	stop func()
}

func (s *stopping) Write(p []byte) (int, error) {
	s.stop()
	return s.Builder.Write(p)
}

// TestAskOverdue: a question whose time was up is asked once, however often what
// may pass is tried.
func TestAskOverdue(t *testing.T) {
	a := newAskedAPI(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	for _, test := range []struct {
		refusal refusalOf
		asked   int
	}{
		{refusalOf{504, "ModelTimeoutException", "too long"}, 1},
		{refusalOf{503, "ModelNotReadyException", "loading"}, 2},
	} {
		const path = "/live/model/support/converse"
		a.times[path], a.refusals[path] = 0, test.refusal
		if exit, _, stderr := command(t, "ask", "support", "How?"); exit != exitError || a.times[path] != test.asked {
			t.Errorf("%v: exit %d after %d requests, want %d: %s", test.refusal, exit, a.times[path], test.asked, stderr)
		}
	}
}
