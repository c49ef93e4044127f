package task

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
)

// answering is a service that answers every request alike.
type answering struct {
	status int
	header http.Header
	body   string
}

func (a answering) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: a.header, Request: r, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

// Ensure what a service quotes is in no error of a client, whatever is wrapped around
// it, and that code finds the service's own error and message all the same.
func TestQuietClients(t *testing.T) {
	const message = `Malformed input: {"prompt":"zanzibar"} in the request`
	service := answering{http.StatusBadRequest, http.Header{"X-Amzn-Errortype": {"ValidationException"}}, `{"message":"Malformed input: {\"prompt\":\"zanzibar\"} in the request"}`}
	signed := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
	})
	client := bedrock.NewFromConfig(aws.Config{Region: "us-east-1", Credentials: signed, HTTPClient: service, APIOptions: QuietClients()})
	_, err := client.GetCustomModel(t.Context(), &bedrock.GetCustomModelInput{ModelIdentifier: aws.String("m")})
	var invalid *types.ValidationException
	if !errors.As(err, &invalid) || invalid.ErrorMessage() != message {
		t.Fatalf("got %v, want the service's error", err)
	}
	for _, err := range []error{err, fmt.Errorf("looking: %w", err), finetune.Errorf(finetune.Busy, "looking: %w", err), errors.Join(errors.New("before"), err)} {
		if text := err.Error(); strings.Contains(text, "zanzibar") || !strings.Contains(text, "ValidationException: Malformed input: … in the request") {
			t.Errorf("it says %s", text)
		}
	}
}

// Ensure errors that no service made stay as they are.
func TestQuietLeavesOthers(t *testing.T) {
	for _, err := range []error{nil, io.EOF, fmt.Errorf("reading: %w", io.EOF), &types.ValidationException{}} {
		if got := Quiet(err); got != err { //nolint:errorlint // the very same
			t.Errorf("%v became %v", err, got)
		}
	}
	if Kind(Quiet(&types.ThrottlingException{Message: aws.String("zanzibar")})) != finetune.Throttled {
		t.Error("the kind of an error is lost")
	}
}
