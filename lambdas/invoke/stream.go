package main

import (
	"context"
	"errors"
	"io"
	"sync"
)

// stream is the body of a streamed answer. Lambda's client reads it and sends
// what it read as it comes, so that a frame of Bedrock's leaves as soon as it is
// there, one at a time, and a slow reader slows Bedrock down instead of filling
// memory. Nothing runs beside the reader, and nothing is left once it is closed.
//
// It never fails to be read: Lambda would then cut the answer off
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html, trailers).
// An answer that breaks off ends with an error in the caller's dialect.
type stream struct {
	h      *handler
	x      *exchange
	teller teller
	// ctx is the exchange's, and cancel ends it.
	ctx    context.Context
	cancel context.CancelFunc

	// mu is held while something is read: [stream.Close] may come meanwhile.
	mu      sync.Mutex
	source  io.Closer
	frames  *frames
	pending []byte // told and not read yet
	// stopped is set once Converse said why the answer ends: without it, a stream
	// that ends is no whole answer.
	stopped bool
	ended   bool
	closed  bool
}

func (h *handler) newStream(ctx context.Context, cancel context.CancelFunc, x *exchange, t teller, got raw) *stream {
	return &stream{h: h, x: x, teller: t, ctx: ctx, cancel: cancel, source: got.stream, frames: newFrames(got.stream)}
}

// Read reads what there is to tell, waiting for Bedrock if need be.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pending) == 0 && !s.ended && !s.closed {
		s.pending = s.next()
	}
	if len(s.pending) == 0 || s.closed {
		return 0, io.EOF
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

// next takes the next frame and returns what is told of it.
func (s *stream) next() []byte {
	f, err := s.frames.next()
	if err != nil {
		err = errors.Join(err, s.ctx.Err()) // whatever a connection calls it that its time was up
	}
	switch {
	case errors.Is(err, io.EOF) && s.complete():
		s.ended = true
		return s.teller.end()
	case errors.Is(err, context.Canceled):
		s.ended, s.x.abandoned = true, true
		return nil
	case err != nil:
		return s.fail(s.x.broken(err), frame{})
	case f.exception != "":
		return s.fail(thrown(f), f)
	}
	if s.x.usage.readFrame(f) && s.x.firstToken.IsZero() {
		s.x.firstToken = s.h.now()
	}
	s.stopped = s.stopped || f.event == "messageStop"
	told, err := s.teller.event(f)
	if err != nil {
		return s.fail(worded(err, "the event "+f.event+" could not be told"), frame{})
	}
	return told
}

// complete says whether a stream that ends here is whole. InvokeModel's has no
// event of its own for that.
func (s *stream) complete() bool { return s.stopped || s.x.operation == invokeStream }

// fail ends the stream with an error.
func (s *stream) fail(failed *failure, f frame) []byte {
	s.ended, s.x.failed = true, failed
	return s.teller.failure(failed, f)
}

// Close ends the exchange. Before the answer's end it says that nobody reads on:
// Lambda closes the body when it could not be sent. Bedrock's answer is not
// waited for then.
func (s *stream) Close() error {
	s.cancel() // wakes a Read that waits for Bedrock
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.x.abandoned = s.x.abandoned || !s.ended || len(s.pending) > 0
	err := s.source.Close()
	s.h.finish(s.x)
	return err
}
