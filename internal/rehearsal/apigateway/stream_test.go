package apigateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// TestMain lets the test binary play a function: the Lambda host runs it with
// the Runtime API's address.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		lambda.Start(play)
	}
	os.Exit(m.Run())
}

// play answers as the query says: do names how, gate is an address to ask and
// wait for between the first chunk and the rest.
func play(_ context.Context, r events.APIGatewayProxyRequest) (any, error) {
	if r.QueryStringParameters["do"] == "buffered" {
		return events.APIGatewayProxyResponse{StatusCode: 200, Body: "one two"}, nil
	}
	body, write := io.Pipe()
	go func() { _ = write.CloseWithError(speak(write, r.QueryStringParameters)) }() // never fails
	return &events.APIGatewayProxyStreamingResponse{
		StatusCode: 201, Headers: map[string]string{"X-Amzn-Bedrock-Input-Token-Count": "7", "content-type": "text/plain"},
		Cookies: []string{"a=1", "b=2"}, Body: body,
	}, nil
}

// speak writes "one ", asks the gate, and goes on.
func speak(w io.Writer, how map[string]string) error {
	if _, err := io.WriteString(w, "one "); err != nil {
		return err
	}
	response, err := http.Get(how["gate"])
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	switch how["do"] {
	case "fail":
		return errors.New("the model broke")
	case "exit":
		os.Exit(7)
	case "flood":
		// Only 4-byte writes in the middle of the stream would make it slow.
		for range 1024 {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return err
			}
			fmt.Println("64 KiB")
		}
	}
	_, err = io.WriteString(w, "two")
	return err
}

// gate is where the function waits.
type gate struct {
	*httptest.Server
	arrived chan struct{}
	opened  chan struct{}
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{arrived: make(chan struct{}, 1000), opened: make(chan struct{})}
	g.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		g.arrived <- struct{}{}
		select {
		case <-g.opened:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(g.Close)
	return g
}

const streamURI = "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/" + functionARN + "/response-streaming-invocations"

func streaming(change func(*template.Method)) template.RestAPI {
	return api(resource("/model/{model}/converse-stream", method(func(m *template.Method) {
		m.Integration.TransferMode, m.Integration.URI = "STREAM", streamURI
		if change != nil {
			change(m)
		}
	})))
}

const streamPath = "/v1/model/m/converse-stream"

// counter counts the lines a function prints.
type counter struct{ lines atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.lines.Add(int64(strings.Count(string(p), "\n")))
	return len(p), nil
}

// openStream is an API whose function is a real process.
func openStream(t *testing.T, timeout time.Duration) (*cloud, *runtimeapi.Host, *counter) {
	t.Helper()
	host, err := runtimeapi.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	printed := new(counter)
	if err := host.Register(runtimeapi.Function{Name: "invoke", ARN: functionARN, Bootstrap: self, Timeout: timeout, Output: printed}); err != nil {
		t.Fatal(err)
	}
	c := open(t, streaming(nil), func(o *Options) {
		o.InvokeStream = func(ctx context.Context, _ string, event []byte) (io.ReadCloser, error) {
			return host.InvokeStream(ctx, "invoke", event)
		}
	})
	return c, host, printed
}

// unread is an answer whose body is still to come.
type unread struct {
	status   int
	header   http.Header
	body     io.Reader
	length   int64
	encoding string
	// leave closes the connection.
	leave func()
}

// ask sends a signed request and returns once the answer's head is there.
func (c *cloud) ask(path string) unread {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	r := c.sign(c.request("POST", path, "{}"), "{}").WithContext(ctx)
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		cancel()
		c.t.Fatal(err)
	}
	leave := func() {
		cancel()
		_ = response.Body.Close() // it was left
	}
	c.t.Cleanup(leave)
	return unread{
		response.StatusCode, response.Header, response.Body, response.ContentLength,
		strings.Join(response.TransferEncoding, ","), leave,
	}
}

func wantRead(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v, want %q", got, err, want)
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: has not happened", what)
		}
	}
}

// Ensure status, headers and the first chunk are with the client while the
// function is still at work.
func TestStreamArrivesAsItIsWritten(t *testing.T) {
	c, host, _ := openStream(t, time.Minute)
	g := newGate(t)
	response := c.ask(streamPath + "?gate=" + g.URL)
	wantRead(t, response.body, "one ")
	<-g.arrived
	equal(t, "the function is at work", host.Busy(), true)
	equal(t, "status", response.status, 201)
	equal(t, "type", response.header.Get("Content-Type"), "text/plain")
	equal(t, "tokens", response.header.Get("X-Amzn-Bedrock-Input-Token-Count"), "7")
	equal(t, "cookies", strings.Join(response.header.Values("Set-Cookie"), ";"), "a=1;b=2")
	equal(t, "length", response.length, -1)
	equal(t, "encoding", response.encoding, "chunked")
	equal(t, "request id", len(response.header.Get("x-amzn-RequestId")), 36)
	call := c.log.All()[0]
	equal(t, "recorded status", call.Status, 201)
	equal(t, "recorded principal", call.Principal, caller)
	close(g.opened)
	rest, err := io.ReadAll(response.body)
	if err != nil || string(rest) != "two" {
		t.Errorf("read %q, %v, want the rest", rest, err)
	}
}

// Ensure a stream that breaks off closes the connection without a proper end.
func TestStreamBreaksOff(t *testing.T) {
	for name, tc := range map[string]struct {
		do      string
		timeout time.Duration
		kill    bool
	}{
		"function fails":     {"fail", time.Minute, false},
		"process ends":       {"exit", time.Minute, false},
		"process is killed":  {"", time.Minute, true},
		"function times out": {"", 2 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, host, _ := openStream(t, tc.timeout)
			g := newGate(t)
			response := c.ask(streamPath + "?do=" + tc.do + "&gate=" + g.URL)
			wantRead(t, response.body, "one ")
			<-g.arrived
			if tc.kill {
				host.Kill("invoke")
			} else if tc.do != "" {
				close(g.opened)
			}
			rest, err := io.ReadAll(response.body)
			if !errors.Is(err, io.ErrUnexpectedEOF) || len(rest) > 0 {
				t.Errorf("read %q, %v, want an unexpected end", rest, err)
			}
		})
	}
}

// Ensure a function that does not stream is a 500 here.
func TestStreamOfABufferedAnswer(t *testing.T) {
	c, _, _ := openStream(t, time.Minute)
	wantReply(t, c.call("POST", streamPath+"?do=buffered", "{}"), 500, "InternalServerErrorException", `{"message":"Internal server error"}`)
}

// Ensure clients that leave in the middle are not noticed by the function, and
// that nothing of them stays.
func TestStreamClientsLeave(t *testing.T) {
	c, host, printed := openStream(t, time.Minute)
	g := newGate(t)
	before := runtime.NumGoroutine()
	const clients = 20
	left := make(chan struct{})
	for range clients {
		go func() {
			defer func() { left <- struct{}{} }()
			response := c.ask(streamPath + "?do=flood&gate=" + g.URL)
			if first, err := bufio.NewReader(response.body).ReadString(' '); err != nil {
				t.Errorf("read %q, %v", first, err)
			}
			response.leave()
		}()
	}
	for range clients {
		<-left
	}
	for range clients {
		<-g.arrived
	}
	close(g.opened)
	until(t, "every function has written everything", func() bool { return printed.lines.Load() == 1024*clients })
	until(t, "every invocation is over", func() bool { return !host.Busy() })
	if err := host.Close(); err != nil {
		t.Error(err)
	}
	g.CloseClientConnections()
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

// Ensure a client that leaves while the function is silent is not waited for
// until the function says something.
func TestStreamClientLeavesInSilence(t *testing.T) {
	body, to := io.Pipe()
	closed := make(chan struct{})
	c := open(t, streaming(nil), func(o *Options) {
		o.InvokeStream = func(context.Context, string, []byte) (io.ReadCloser, error) {
			go func() { _, _ = io.WriteString(to, `{"statusCode":200}`+string(delimiter)+"one ") }() // it ends when it is read
			closer := closer(sync.OnceFunc(func() {
				_ = body.Close() // never fails
				close(closed)
			}))
			return &resumed{Reader: body, Closer: closer}, nil
		}
	})
	asked := c.ask(streamPath)
	wantRead(t, asked.body, "one ")
	asked.leave()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the gateway still waits for the function")
		_ = to.Close() // never fails
	}
}

// Ensure a client that does not read holds the function up.
func TestStreamSlowClient(t *testing.T) {
	t.Parallel()
	c, host, printed := openStream(t, 2*time.Second)
	g := newGate(t)
	close(g.opened)
	response := c.ask(streamPath + "?do=flood&gate=" + g.URL)
	until(t, "the function's time is over", func() bool { return !host.Busy() })
	if chunks := printed.lines.Load(); chunks > 512 {
		t.Errorf("the function wrote %d KiB to a client that did not read", chunks*64)
	}
	if _, err := io.Copy(io.Discard, response.body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want an unexpected end", err)
	}
}
