// Command function is the Lambda function the host's tests run: its event says
// what it shall do.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// event is what to do: Do names it, Millis is how long to take before.
type event struct {
	Do     string `json:"do"`
	Millis int    `json:"millis"`
}

var invocations int

func main() {
	if os.Getenv("FAIL_INIT") != "" {
		fmt.Fprintln(os.Stderr, "will not start")
		os.Exit(3)
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, e event) (any, error) {
	invocations++
	fmt.Printf("out %s\n", e.Do)
	fmt.Fprintf(os.Stderr, "err %s\n", e.Do)
	time.Sleep(time.Duration(e.Millis) * time.Millisecond)
	switch e.Do {
	case "fail":
		return nil, fmt.Errorf("reading the thing: %w", errors.New("no such thing"))
	case "typed":
		return nil, messages.InvokeResponse_Error{Type: "DataSetRejected", Message: `{"line":7}`}
	case "panic":
		panic("out of cheese")
	case "exit":
		os.Exit(7)
	case "leave":
		os.Exit(0)
	case "stream":
		return io.MultiReader(strings.NewReader("one "), strings.NewReader("two")), nil
	case "broken stream":
		return io.MultiReader(strings.NewReader("one "), failing{}), nil
	case "large":
		return json.RawMessage(`"` + strings.Repeat("x", 6<<20) + `"`), nil
	case "bytes":
		return bytes.NewReader([]byte("raw")), nil
	}
	return describe(ctx)
}

// describe tells what the function sees.
func describe(ctx context.Context) (any, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the folder: %w", err)
	}
	return map[string]any{
		"pid": os.Getpid(), "invocations": invocations, "requestId": lc.AwsRequestID, "arn": lc.InvokedFunctionArn,
		"remainingMillis": time.Until(deadline).Milliseconds(), "environment": os.Environ(), "dir": dir,
		"function": lambdacontext.FunctionName, "memory": lambdacontext.MemoryLimitInMB,
	}, nil
}

// failing is a reader that breaks off.
type failing struct{}

// Read fails.
func (failing) Read([]byte) (int, error) { return 0, errors.New("the stream broke") }
