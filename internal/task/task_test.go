package task

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Ensure a step is called with an input that it knows whole and that Step Functions may
// send, of 256 KiB at most, and with no other.
func TestHandler(t *testing.T) {
	const longest = 256 << 10
	type input struct {
		Model string `json:"model"`
	}
	ofLength := func(n int) string {
		const frame = `{"model":""}`
		return `{"model":"` + strings.Repeat("m", n-len(frame)) + `"}`
	}
	for name, test := range map[string]struct {
		input string
		// refused is in the error; "" for an input that is taken.
		refused string
	}{
		"known":                {`{"model":"support"}`, ""},
		"as long as it may be": {ofLength(longest), ""},
		"longer":               {ofLength(longest + 1), "too long"},
		"of another source":    {`{"model":"support","version":2}`, "version"},
		"a name twice":         {`{"model":"a","model":"b"}`, "twice"},
		"more after it":        {`{"model":"a"} {}`, "no JSON"},
		"nothing":              {``, "no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			called := false
			step := Handler(slog.New(slog.DiscardHandler), func(_ context.Context, in input) (string, error) {
				called = true
				return in.Model, nil
			})
			model, err := step(t.Context(), json.RawMessage(test.input))
			if test.refused == "" {
				if err != nil || model == "" {
					t.Errorf("got %d bytes and %v, want the step's answer", len(model), err)
				}
				return
			}
			var told messages.InvokeResponse_Error
			if !errors.As(err, &told) || told.Type != string(finetune.Internal) || !strings.Contains(told.Message, test.refused) || called {
				t.Errorf("got %v, and the step was called: %t; want %s and no call", err, called, test.refused)
			}
		})
	}
}
