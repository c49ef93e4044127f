package s3object

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// cut ends every body early, as if the object ended there: what a gateway does
// that answers with a Content-Length of its own.
type cut struct {
	API
	after int64
}

func (c cut) GetObject(ctx context.Context, in *s3.GetObjectInput, o ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := c.API.GetObject(ctx, in, o...)
	if err == nil {
		out.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(out.Body, c.after), out.Body}
	}
	return out, err
}

// Ensure no failure is taken for the end of the object, which io.EOF means to
// whoever asks errors.Is: neither bodies that are too short nor connections that
// are closed before they are answered, at once or after some bytes.
func TestFailureIsNotTheEnd(t *testing.T) {
	unanswered := func(from int) func(int, http.ResponseWriter, *http.Request, int, int) bool {
		return func(n int, w http.ResponseWriter, _ *http.Request, start, to int) bool {
			if n < from {
				s := &server{body: bytesOf(5500)}
				s.send(w, start, to, start+(to-start)/2)
			}
			hangUp()
			return true
		}
	}
	for way, o := range map[string]Options{"stream": single, "parts": small} {
		for name, test := range map[string]struct {
			answer func(int, http.ResponseWriter, *http.Request, int, int) bool
			after  int64
			broken bool // too often, which is this package's word
		}{
			"bodies too short":         {nil, 100, true},
			"never answered":           {unanswered(0), 1 << 20, false},
			"not answered any more":    {unanswered(1), 1 << 20, false},
			"nothing but empty bodies": {nil, 0, true},
		} {
			t.Run(way+", "+name, func(t *testing.T) {
				s := &server{t: t, body: bytesOf(5500), answer: test.answer}
				client := s.client()
				r := s.object(client).Open(t.Context(), cut{client, test.after}, o)
				defer closing(t, r)
				got, err := io.ReadAll(r)
				if err == nil || errors.Is(err, io.EOF) || len(got) == len(s.body) {
					t.Errorf("read %d bytes of %d, %v (io.EOF: %v); want an error that is not io.EOF", len(got), len(s.body), err, errors.Is(err, io.EOF))
				}
				var send *smithyhttp.RequestSendError
				if errors.Is(err, ErrBroken) != test.broken || errors.As(err, &send) == test.broken {
					t.Errorf("got %v, want its cause to be found in it", err)
				}
			})
		}
	}
}

// Ensure nothing is asked of S3 before the first Read, nor kept after Close in
// the middle: neither a goroutine nor a request.
func TestOpenAndClose(t *testing.T) {
	for name, o := range map[string]Options{"stream": single, "parts": small} {
		t.Run(name, func(t *testing.T) {
			s := &server{t: t, body: bytesOf(9000)}
			client := s.client()
			object := s.object(client)
			unread := object.Open(t.Context(), client, o)
			closing(t, object.Open(t.Context(), client, o))
			read := object.Open(t.Context(), client, o)
			if _, err := io.ReadFull(read, make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
			closing(t, read)
			asked := len(s.asked())
			if asked == 0 || asked > max(o.Parts, 1) {
				t.Errorf("asked %d times, want only what was read", asked)
			}
			closing(t, unread)
			if n := goroutinesHere(); n != 0 {
				t.Errorf("%d goroutines of this package are left, want none", n)
			}
		})
	}
}

// goroutinesHere counts the goroutines that run this package's own code, other
// than the test and its server.
func goroutinesHere() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte("s3object.(*parts)")) + bytes.Count(stacks, []byte("s3object.(*span)"))
}

// Ensure the end of the caller's context ends the reading, with its cause, and
// that closing ends what is under way.
func TestEnds(t *testing.T) {
	why := errors.New("the time is up")
	for name, o := range map[string]Options{"stream": single, "parts": small} {
		t.Run(name, func(t *testing.T) {
			s := &server{t: t, body: bytesOf(9000)}
			s.answer = func(_ int, w http.ResponseWriter, r *http.Request, from, to int) bool {
				s.send(w, from, to, from+1)
				<-r.Context().Done()
				return true
			}
			client := s.client()
			object := s.object(client)
			ctx, cancel := context.WithCancelCause(t.Context())
			r := object.Open(ctx, client, o)
			time.AfterFunc(10*time.Millisecond, func() { cancel(why) })
			if _, err := io.ReadAll(r); !errors.Is(err, why) {
				t.Errorf("got %v, want the context's cause", err)
			}
			closing(t, r)

			r = object.Open(t.Context(), client, o)
			closing(t, r)
			if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, io.EOF) {
				t.Errorf("read %d bytes, %v after Close; want an error", n, err)
			}
		})
	}
}
