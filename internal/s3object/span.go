package s3object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ErrBroken says that connections to S3 broke more often than is put up with.
// Trying again later helps.
var ErrBroken = errors.New("the connection to S3 broke too often")

// errStalled ends a request that brings nothing.
var errStalled = errors.New("the connection brought nothing for too long")

// span reads the bytes [next, end) of an object, in as many requests as it
// takes.
type span struct {
	ctx       context.Context
	api       API
	object    Object
	next, end int64
	// breaks is how often a connection may still break.
	breaks int
	stall  time.Duration
	// now is the request under way, nil between two.
	now    *request
	closed bool
}

// request is one GetObject and its answer.
type request struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	// watch ends the request when it stalls.
	watch *time.Timer
	// body is nil until S3 has answered.
	body io.ReadCloser
}

func newSpan(ctx context.Context, api API, o Object, options Options, from, end int64) *span {
	return &span{ctx: ctx, api: api, object: o, next: from, end: end, breaks: options.Breaks, stall: options.Stall}
}

// Read implements io.Reader. What a connection brought before it broke is
// handed out first.
func (s *span) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if s.closed {
		return 0, os.ErrClosed
	}
	for s.next < s.end {
		n, err := s.read(p)
		s.next += int64(n)
		if err != nil {
			err = s.broke(err)
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.EOF
}

// read reads from the request under way, or from a new one. After an error the
// request is of no more use.
func (s *span) read(p []byte) (int, error) {
	if s.now == nil {
		s.now = s.begin()
	}
	s.now.watch.Reset(s.stall) // the time the caller takes between two reads does not count
	defer s.now.watch.Stop()
	if s.now.body == nil {
		if err := s.ask(); err != nil {
			return 0, err
		}
	}
	n, err := s.now.body.Read(p[:min(int64(len(p)), s.end-s.next)])
	if errors.Is(err, io.EOF) && s.next+int64(n) == s.end {
		return n, nil
	}
	if err != nil {
		return n, brokenError{err}
	}
	return n, nil
}

// brokenError is the failure of a connection after S3 began to answer.
type brokenError struct{ error }

func (e brokenError) Unwrap() error { return e.error }

func (s *span) begin() *request {
	r := &request{}
	r.ctx, r.cancel = context.WithCancelCause(s.ctx)
	r.watch = time.AfterFunc(s.stall, func() { r.cancel(errStalled) })
	return r
}

// ask asks for the rest of the span. The version, or in its place the ETag,
// makes sure that the bytes are those of before.
func (s *span) ask() error {
	o := s.object
	in := &s3.GetObjectInput{Bucket: &o.Bucket, Key: &o.Key}
	if o.VersionID != "" {
		in.VersionId = &o.VersionID
	}
	if o.ETag != "" {
		in.IfMatch = &o.ETag
	}
	whole := s.next == 0 && s.end == o.Size
	if !whole {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", s.next, s.end-1))
	}
	out, err := s.api.GetObject(s.now.ctx, in, unchecked)
	if err != nil {
		return err
	}
	s.now.body = out.Body
	if got, want := aws.ToString(out.ContentRange), fmt.Sprintf("bytes %d-", s.next); !whole && !strings.HasPrefix(got, want) {
		return fmt.Errorf("reading %s: S3 was asked for the bytes from %d on and answered with %q", o.Key, s.next, got)
	}
	return nil
}

// unchecked leaves the checksum to this package: the SDK compares it only when
// the object comes in one piece.
func unchecked(o *s3.Options) {
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
}

// broke ends the request that failed. It returns nil when another one is worth
// it: what S3 refuses, the SDK has tried again already.
func (s *span) broke(err error) error {
	var broken brokenError
	again := errors.As(err, &broken) || errors.Is(context.Cause(s.now.ctx), errStalled)
	s.drop()
	switch {
	case s.ctx.Err() != nil:
		return fmt.Errorf("reading %s: %w", s.object.Key, context.Cause(s.ctx))
	case !again:
		return notEndError{err}
	case s.breaks == 0:
		return notEndError{fmt.Errorf("reading %s from byte %d of %d on: %w: %w", s.object.Key, s.next, s.object.Size, ErrBroken, err)}
	}
	s.breaks--
	return nil
}

// notEndError is an error that is not io.EOF, whatever it wraps. A connection that
// S3 closes before it answers is io.EOF to net/http, and so is a body that ends
// with fewer bytes than the object has: a caller that asks errors.Is would take
// the bytes it has for the whole object.
type notEndError struct{ err error }

func (e notEndError) Error() string        { return e.err.Error() }
func (e notEndError) As(target any) bool   { return errors.As(e.err, target) }
func (e notEndError) Is(target error) bool { return target != io.EOF && errors.Is(e.err, target) }

// drop ends the request under way, if any. What closing its body says is of no
// interest: whatever was read of it is known to be right, or was not handed out.
func (s *span) drop() {
	if s.now == nil {
		return
	}
	s.now.watch.Stop()
	s.now.cancel(nil)
	if s.now.body != nil {
		_ = s.now.body.Close() // as above
	}
	s.now = nil
}

// Close implements io.Closer.
func (s *span) Close() error {
	s.closed = true
	s.drop()
	return nil
}
