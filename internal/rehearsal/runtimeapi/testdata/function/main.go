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
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// event is what to do: Do names it, Millis is how long to take before. Gate is
// an address that is asked, and waited for, in the middle of a gated stream.
type event struct {
	Do     string `json:"do"`
	Millis int    `json:"millis"`
	Gate   string `json:"gate"`
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
	case "gated":
		return io.MultiReader(strings.NewReader("one "), &gate{address: e.Gate, then: "two"}), nil
	case "gated failure":
		return io.MultiReader(strings.NewReader("one "), &gate{address: e.Gate}, failing{}), nil
	case "gated exit":
		return io.MultiReader(strings.NewReader("one "), &gate{address: e.Gate}, leaving{}), nil
	case "gated answer":
		if _, err := io.ReadAll(&gate{address: e.Gate}); err != nil {
			return nil, err
		}
	case "flood":
		return &flood{}, nil
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

// gate is a reader of then that first asks an address.
type gate struct {
	address, then string
	asked         bool
}

// Read waits for the gate once.
func (g *gate) Read(p []byte) (int, error) {
	if !g.asked {
		g.asked = true
		response, err := http.Get(g.address)
		if err != nil {
			return 0, fmt.Errorf("asking the gate: %w", err)
		}
		if err := response.Body.Close(); err != nil {
			return 0, fmt.Errorf("leaving the gate: %w", err)
		}
	}
	if g.then == "" {
		return 0, io.EOF
	}
	n := copy(p, g.then)
	g.then = g.then[n:]
	return n, nil
}

// flood is more than a stream may be; it prints a line for every MiB.
type flood struct{ bytes int }

// Read fills p.
func (f *flood) Read(p []byte) (int, error) {
	if f.bytes > 256<<20 {
		return 0, io.EOF
	}
	for range (f.bytes+len(p))>>20 - f.bytes>>20 {
		fmt.Println("MiB")
	}
	f.bytes += len(p)
	return len(p), nil
}

// leaving is a reader that ends the process.
type leaving struct{}

// Read does not return.
func (leaving) Read([]byte) (int, error) {
	os.Exit(7)
	return 0, io.EOF
}

// failing is a reader that breaks off.
type failing struct{}

// Read fails.
func (failing) Read([]byte) (int, error) { return 0, errors.New("the stream broke") }
