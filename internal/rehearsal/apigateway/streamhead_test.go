package apigateway

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// respond makes the function's output one that is given in pieces.
func respond(end error, pieces ...string) func(*Options) {
	return func(o *Options) {
		o.InvokeStream = func(context.Context, string, []byte) (io.ReadCloser, error) {
			body, to := io.Pipe()
			go func() {
				for _, piece := range pieces {
					if _, err := io.WriteString(to, piece); err != nil {
						return
					}
				}
				_ = to.CloseWithError(end) // never fails
			}()
			return body, nil
		}
	}
}

// Ensure only metadata in the documented form is taken, however it is cut.
func TestStreamHeads(t *testing.T) {
	const broken = `{"message":"Internal server error"}`
	nul := string(delimiter)
	filled := func(bytes int) string { // metadata of so many bytes
		return `{"statusCode":200,"headers":{"x":"` + strings.Repeat("x", bytes-37) + `"}}`
	}
	tests := map[string]struct {
		end    error
		pieces []string
		status int
		body   string
	}{
		"one piece":          {nil, []string{`{"statusCode":200}` + nul + "body"}, 200, "body"},
		"cut in the middle":  {nil, []string{`{"status`, `Code":200}` + nul[:3], nul[3:], "bo", "dy"}, 200, "body"},
		"nulls in the body":  {nil, []string{`{"statusCode":200}` + nul + "\x00a" + nul}, 200, "\x00a" + nul},
		"no body":            {nil, []string{`{"statusCode":200}` + nul}, 200, ""},
		"no content":         {nil, []string{`{"statusCode":204}` + nul}, 204, ""},
		"an error's status":  {nil, []string{`{"statusCode":"429"}` + nul + "no"}, 429, "no"},
		"just fits":          {nil, []string{filled(maxHead-8) + nul + "body"}, 200, "body"},
		"one too many":       {nil, []string{filled(maxHead-7) + nul + "body"}, 500, broken},
		"too long":           {nil, []string{filled(maxHead * 2)}, 500, broken},
		"seven nulls":        {nil, []string{`{"statusCode":200}` + nul[1:] + "body"}, 500, broken},
		"no delimiter":       {nil, []string{`{"statusCode":200,"body":"b"}`}, 500, broken},
		"nothing":            {nil, nil, 500, broken},
		"unknown key":        {nil, []string{`{"statusCode":200,"body":""}` + nul}, 500, broken},
		"no status":          {nil, []string{`{"headers":{}}` + nul}, 500, broken},
		"no JSON":            {nil, []string{`hello` + nul}, 500, broken},
		"more than JSON":     {nil, []string{`{"statusCode":200} {}` + nul}, 500, broken},
		"fails before":       {errors.New("x"), nil, 502, broken},
		"fails in metadata":  {errors.New("x"), []string{`{"statusCode"`}, 502, broken},
		"header is remapped": {nil, []string{`{"statusCode":200,"headers":{"Content-Length":"9","Connection":"close","Transfer-Encoding":"x"}}` + nul + "b"}, 200, "b"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := open(t, streaming(nil), respond(tc.end, tc.pieces...))
			got := c.call("POST", streamPath, "{}")
			equal(t, "status", got.status, tc.status)
			equal(t, "body", got.body, tc.body)
			if name == "header is remapped" {
				equal(t, "length", got.header.Get("X-Amzn-Remapped-Content-Length"), "9")
				equal(t, "connection", got.header.Get("X-Amzn-Remapped-Connection"), "close")
			}
		})
	}
}

// silent is a response of which no more than its first piece ever comes.
func silent(first string) func(*Options) {
	return func(o *Options) {
		o.InvokeStream = func(context.Context, string, []byte) (io.ReadCloser, error) {
			body, to := io.Pipe()
			go func() { _, _ = io.WriteString(to, first) }() // it ends when the reader does
			return body, nil
		}
	}
}

// Ensure a stream that takes too long is given up: with a 504 as long as nothing
// was sent, and with a broken connection after that.
func TestStreamTimeouts(t *testing.T) {
	never := func(o *Options) {
		o.InvokeStream = func(ctx context.Context, _ string, _ []byte) (io.ReadCloser, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	}
	head := `{"statusCode":200}` + string(delimiter) + "one"
	for name, tc := range map[string]struct {
		timeout, idle time.Duration
		function      func(*Options)
		status        int
	}{
		"no response in the timeout": {60 * time.Millisecond, time.Minute, never, 504},
		"no response while idle":     {time.Minute, 60 * time.Millisecond, never, 504},
		"no metadata in the timeout": {60 * time.Millisecond, time.Minute, silent(`{"st`), 504},
		"no metadata while idle":     {time.Minute, 60 * time.Millisecond, silent(`{"st`), 504},
		"no end in the timeout":      {60 * time.Millisecond, time.Minute, silent(head), 200},
		"no next chunk while idle":   {time.Minute, 60 * time.Millisecond, silent(head), 200},
		"Lambda refuses, at any times": {time.Minute, time.Minute, func(o *Options) {
			o.InvokeStream = func(context.Context, string, []byte) (io.ReadCloser, error) { return nil, errors.New("throttled") }
		}, 500},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, streaming(func(m *template.Method) { m.Integration.Timeout = tc.timeout }), tc.function)
			c.handler.idle = tc.idle
			response := c.ask(streamPath)
			equal(t, "status", response.status, tc.status)
			body, err := io.ReadAll(response.body)
			if tc.status == 200 && (!errors.Is(err, io.ErrUnexpectedEOF) || string(body) != "one") {
				t.Errorf("read %q, %v, want an unexpected end", body, err)
			}
		})
	}
}

// Ensure the limits follow the endpoint's type.
func TestStreamIdleLimits(t *testing.T) {
	equal(t, "regional", idleLimit("REGIONAL"), 5*time.Minute)
	equal(t, "private", idleLimit("PRIVATE"), 5*time.Minute)
	equal(t, "edge", idleLimit("EDGE"), 30*time.Second)
}

// Ensure what lets an answer be lost also gives its stream up.
func TestStreamFaultAfter(t *testing.T) {
	closed := make(chan struct{})
	c := open(t, streaming(nil), func(o *Options) {
		o.InvokeStream = func(context.Context, string, []byte) (io.ReadCloser, error) {
			head := strings.NewReader(`{"statusCode":200}` + string(delimiter))
			return &resumed{Reader: head, Closer: closer(func() { close(closed) })}, nil
		}
	})
	c.log.SetHook(lostAnswer)
	equal(t, "status", c.call("POST", streamPath, "{}").status, 500)
	<-closed
}

type closer func()

func (c closer) Close() error { c(); return nil }

// FuzzReadHead: whatever a function writes, the head is metadata and exactly
// what follows the first delimiter, or nothing.
func FuzzReadHead(f *testing.F) {
	f.Add([]byte("{}\x00\x00\x00\x00\x00\x00\x00\x00body"), 3)
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00"), 1)
	f.Fuzz(func(t *testing.T, output []byte, cut int) {
		metadata, begun, err := readHead(&cutter{output, max(1, cut)})
		if err != nil {
			return
		}
		rest := slices.Concat(metadata, delimiter, begun)
		if string(rest) != string(output[:len(rest)]) || strings.Contains(string(metadata), string(delimiter)) {
			t.Errorf("%q was read as %q and %q", output, metadata, begun)
		}
	})
}

// cutter gives its bytes in pieces of at most n.
type cutter struct {
	left []byte
	n    int
}

func (c *cutter) Read(p []byte) (int, error) {
	if len(c.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.n)], c.left)
	c.left = c.left[n:]
	return n, nil
}
