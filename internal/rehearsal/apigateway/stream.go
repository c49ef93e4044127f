package apigateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// The two response transfer modes of an integration.
const (
	transferBuffered = "BUFFERED"
	transferStream   = "STREAM"
)

// Limits of a streamed response ("Stream the integration response for your
// proxy integrations in API Gateway"). That it is slowed down to 2 MBps after
// its first 10 MB is not modelled.
const (
	// maxHead is within how many bytes metadata and delimiter must end.
	maxHead = 16384
	// maxStreamTimeout is the longest integration timeout.
	maxStreamTimeout = 15 * time.Minute
)

// idleLimit is how long a stream may be silent.
func idleLimit(endpointType string) time.Duration {
	if endpointType == "EDGE" {
		return 30 * time.Second
	}
	return 5 * time.Minute
}

// checkTransfer refuses an integration whose URI is not that of its transfer
// mode: API Gateway would call the wrong operation of Lambda.
func checkTransfer(i template.Integration) error {
	streaming := strings.Contains(i.URI, ":lambda:path/2021-11-15/") && strings.HasSuffix(i.URI, "/response-streaming-invocations")
	switch {
	case i.TransferMode == transferStream && !streaming:
		return errors.New("response transfer mode STREAM needs the URI ...:lambda:path/2021-11-15/functions/<ARN>/response-streaming-invocations")
	case i.TransferMode == transferStream && i.Timeout > maxStreamTimeout:
		return fmt.Errorf("integration timeout %v is above the most of a stream, %v", i.Timeout, maxStreamTimeout)
	case i.TransferMode == transferBuffered && strings.HasSuffix(i.URI, "/response-streaming-invocations"):
		return errors.New("the integration's URI is that of a stream, its response transfer mode is BUFFERED")
	case i.TransferMode != transferStream && i.TransferMode != transferBuffered:
		return fmt.Errorf("response transfer mode %s is not modelled", i.TransferMode)
	}
	return nil
}

// stream invokes a function and answers as soon as its metadata is there. Its
// output in another form is a 500; that an error before the metadata is the 502
// it is when buffered is unverified.
func (h *handler) stream(ctx context.Context, rt *route, input []byte) answer {
	began := time.Now()
	// The function is not told that a client has gone.
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(rt.Integration.Timeout, h.idle))
	defer cancel()
	response, err := h.o.InvokeStream(waiting, rt.Integration.FunctionARN, input)
	if errors.Is(err, context.DeadlineExceeded) {
		return timedOut
	}
	if err != nil {
		return serverError
	}
	body := watch(response, rt.Integration.Timeout-time.Since(began), h.idle)
	a, err := readAnswer(body)
	if err == nil {
		return a
	}
	_ = body.Close() // its error would say no more
	switch {
	case errors.Is(err, errTimeout):
		return timedOut
	case errors.Is(err, errHead):
		return serverError
	}
	return badGateway
}

// streamHead is the metadata before the delimiter.
type streamHead struct {
	StatusCode        *statusCode              `json:"statusCode"`
	Headers           map[string]headerValue   `json:"headers"`
	MultiValueHeaders map[string][]headerValue `json:"multiValueHeaders"`
	Cookies           []string                 `json:"cookies"`
}

// errHead: the output does not begin as a streamed response must.
var errHead = errors.New("the function's output does not begin with metadata and delimiter")

// readAnswer reads metadata and delimiter; the rest of body is the answer's.
func readAnswer(body io.ReadCloser) (answer, error) {
	metadata, begun, err := readHead(body)
	if err != nil {
		return answer{}, err
	}
	dec := json.NewDecoder(bytes.NewReader(metadata))
	dec.DisallowUnknownFields()
	var head streamHead
	if err := dec.Decode(&head); err != nil || head.StatusCode == nil {
		return answer{}, errHead
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return answer{}, errHead
	}
	a := answer{status: int(*head.StatusCode), header: mergeHeaders(head.Headers, head.MultiValueHeaders)}
	for _, cookie := range head.Cookies {
		a.header.Add("Set-Cookie", cookie)
	}
	a.stream = &resumed{Reader: io.MultiReader(bytes.NewReader(begun), body), Closer: body}
	return a, nil
}

// resumed is a stream of which a part was read before.
type resumed struct {
	io.Reader
	io.Closer
}

// delimiter ends the metadata.
var delimiter = make([]byte, 8)

// readHead reads up to the delimiter; begun is what came together with it.
func readHead(r io.Reader) (metadata, begun []byte, err error) {
	var read []byte
	chunk := make([]byte, 4096)
	for len(read) < maxHead {
		n, err := r.Read(chunk)
		read = append(read, chunk[:n]...)
		if end := bytes.Index(read, delimiter); end >= 0 {
			if end+len(delimiter) > maxHead {
				break
			}
			return read[:end], read[end+len(delimiter):], nil
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading the function's metadata: %w", err)
		}
	}
	return nil, nil, errHead
}

// watched is a response that is given up when it takes too long, as a whole or
// between two chunks.
type watched struct {
	response    io.ReadCloser
	silence     time.Duration
	whole, idle *time.Timer
	late        atomic.Bool
}

func watch(response io.ReadCloser, whole, silence time.Duration) *watched {
	w := &watched{response: response, silence: silence}
	expire := func() {
		w.late.Store(true)
		_ = w.response.Close() // ends the Read; the function is not told
	}
	w.whole = time.AfterFunc(whole, expire)
	w.idle = time.AfterFunc(silence, expire)
	w.idle.Stop()
	return w
}

// Read reads on; errTimeout tells that the time is over.
func (w *watched) Read(p []byte) (int, error) {
	w.idle.Reset(w.silence)
	n, err := w.response.Read(p)
	w.idle.Stop()
	if err != nil && !errors.Is(err, io.EOF) && w.late.Load() {
		err = errTimeout
	}
	return n, err
}

// Close gives the response up.
func (w *watched) Close() error {
	w.whole.Stop()
	w.idle.Stop()
	return w.response.Close()
}

// discard gives up what is still to come of an answer.
func (a answer) discard() {
	if a.stream != nil {
		_ = a.stream.Close() // nothing was read, nothing can be lost
	}
}

// writeStream sends each chunk on as it comes. A client that does not read
// holds the function up; one that has gone does not, and is not told to it. A
// response that breaks off closes the connection without the end that a complete
// one has.
func (a answer) writeStream(client context.Context, w http.ResponseWriter) {
	defer a.discard()
	defer context.AfterFunc(client, a.discard)()
	w.WriteHeader(a.status)
	flush := http.NewResponseController(w).Flush
	if err := flush(); err != nil {
		return // the client is gone, nobody is left to tell
	}
	chunk := make([]byte, 32<<10)
	for {
		n, err := a.stream.Read(chunk)
		if n > 0 {
			if _, err := w.Write(chunk[:n]); err != nil {
				return // as above
			}
			if err := flush(); err != nil {
				return // as above
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // net/http closes the connection
		}
	}
}
