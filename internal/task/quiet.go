package task

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/tuneline/tuneline/internal/finetune"
)

// QuietClients are aws.Config's APIOptions of a function: every error of a client
// speaks in plain words, from the client on. A service may quote what it was given,
// and an error's text goes into logs, causes, records and notices.
func QuietClients() []func(*middleware.Stack) error {
	quiet := middleware.InitializeMiddlewareFunc("TunelineQuiet", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		return out, metadata, Quiet(err)
	})
	return []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(quiet, middleware.Before)
	}}
}

// Quiet is an error whose text has a service's message in [finetune.PlainWords].
// What errors.As finds in it is the service's own error as it came, for code that
// has to know which of its errors it is.
func Quiet(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	said, text := api.ErrorMessage(), err.Error()
	at := strings.LastIndex(text, said)
	if said == "" || at < 0 {
		return err
	}
	return &quietError{err: err, text: text[:at] + finetune.PlainWords(said) + text[at+len(said):]}
}

// quietError has another text than the error it is.
type quietError struct {
	err  error
	text string
}

func (e *quietError) Error() string { return e.text }

func (e *quietError) Unwrap() error { return e.err }
