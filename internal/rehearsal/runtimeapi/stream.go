package runtimeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Stream is a function's response as it comes, the counterpart of the Lambda
// API's InvokeWithResponseStream. It is for one reader; Close may be called at
// any time, also during a Read.
type Stream struct {
	// ContentType is that of the response, RequestID the invocation's.
	ContentType string
	RequestID   string

	body *io.PipeReader
}

// Read gives what the function has written, chunk by chunk: what is not read
// holds the function up, and its timeout goes on counting meanwhile. The error
// is io.EOF after a complete response, which is only known once the process
// asks for its next event; a *FunctionError for a response that broke off or
// never began; io.ErrClosedPipe after Close.
func (s *Stream) Read(p []byte) (int, error) { return s.body.Read(p) }

// Close stops reading. The function is not told, as at AWS ("Response
// streaming for Lambda functions", Lambda Developer Guide): it runs on, and
// what it still writes is dropped.
func (s *Stream) Close() error { return s.body.Close() }

// FunctionError is how a streamed response ends that its function did not
// complete.
type FunctionError struct {
	// Result holds the error document, as Invoke gives it.
	Result Result
	// Type is the errorType of the document.
	Type string
}

// Error names the type and the request. The message is left out, since it may
// quote what was streamed; it is in the function's log.
func (e *FunctionError) Error() string {
	return fmt.Sprintf("the function's response broke off with %s; its log says more of request %s", e.Type, e.Result.RequestID)
}

func newFunctionError(result Result) *FunctionError {
	var document struct {
		Type string `json:"errorType"`
	}
	if json.Unmarshal(result.Payload, &document) != nil || document.Type == "" {
		document.Type = result.FunctionError
	}
	return &FunctionError{Result: result, Type: document.Type}
}

// InvokeStream runs the function once and returns when its response begins, or
// when it has failed; then the first Read tells how. The error is a
// *ServiceError when Lambda itself refuses, or ctx's when it ends before the
// response has begun. ctx has no say afterwards. A function that responds
// buffered is streamed too, in one piece.
func (h *Host) InvokeStream(ctx context.Context, name string, payload []byte) (*Stream, error) {
	fn, fault, err := h.admit(name, payload)
	if err != nil {
		return nil, err
	}
	inv := newInvocation(payload, fault)
	var body *io.PipeReader
	inv.stream, body = newPassage()
	if err := fn.start(inv); err != nil {
		return nil, err
	}
	select {
	case <-inv.stream.begun:
		return &Stream{ContentType: inv.stream.contentType, RequestID: inv.id, body: body}, nil
	case <-ctx.Done():
		_ = body.Close() // never fails
		return nil, fmt.Errorf("waiting for function %s: %w", name, ctx.Err())
	}
}

// passage is the way of a streamed response from its process to its reader.
type passage struct {
	to *io.PipeWriter
	// begun is closed once the response has begun or the invocation has ended;
	// contentType is set before.
	begun       chan struct{}
	contentType string
	once        sync.Once
}

func newPassage() (*passage, *io.PipeReader) {
	from, to := io.Pipe()
	return &passage{to: to, begun: make(chan struct{})}, from
}

func (p *passage) begin(contentType string) {
	p.once.Do(func() {
		p.contentType = contentType
		close(p.begun)
	})
}

// end tells the reader that the response is complete, or why it is not.
func (p *passage) end(result Result) {
	if result.FunctionError == "" {
		_ = p.to.Close() // never fails
	} else {
		_ = p.to.CloseWithError(newFunctionError(result)) // never fails
	}
	p.begin(result.ContentType)
}

// Write passes a chunk on and waits until it is read. Nothing is passed on to a
// reader that has gone, nor after the end.
func (p *passage) Write(chunk []byte) (int, error) {
	if _, err := p.to.Write(chunk); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return 0, err
	}
	return len(chunk), nil
}

// beginResponse returns the invocation that the process begins to answer, if
// its response is passed on as it comes; again tells that it has begun before.
func (e *environment) beginResponse(id string) (inv *invocation, again bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current == nil || e.current.stream == nil || e.current.id != id {
		return nil, false
	}
	again = e.current.begun
	e.current.begun = true
	return e.current, again
}

// pass takes a response chunk by chunk.
func (e *environment) pass(w http.ResponseWriter, r *http.Request, inv *invocation) {
	result := Result{ContentType: r.Header.Get("Content-Type"), Streamed: true}
	inv.stream.begin(result.ContentType)
	_, err := io.Copy(inv.stream, http.MaxBytesReader(w, r.Body, maxStream))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		e.refuseTooLarge(w, inv.id, maxStream)
		return
	}
	if err != nil {
		return // the process broke off; its end is the answer
	}
	result.addTrailer(r.Trailer)
	e.take(w, inv.id, result)
}
