package repair

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// blockBytes is how much is read at once.
const blockBytes = 256 << 10

// window is the part of the input that is looked at: everything from the place
// the repair has come to, as far ahead as somebody wanted to see.
type window struct {
	// ctx lives as long as one Stream.
	ctx context.Context
	r   io.Reader
	buf []byte
	// at is where the unread part of buf begins.
	at int
	// line is the 1-based line at which the unread part begins.
	line int64
	// taken counts the bytes before the unread part.
	taken int64
	// clear is how many bytes of the unread part are known to hold no line feed.
	clear int
	// open: the last byte passed was no line feed.
	open bool
	err  error
	// trace, in a test, sees every byte that is passed, and how.
	trace func(how string, passed []byte)
}

func newWindow(ctx context.Context, r io.Reader) *window {
	return &window{ctx: ctx, r: r, line: 1, buf: make([]byte, 0, blockBytes)}
}

// peek returns the unread part, with at least n bytes unless the input ends.
// It is valid until the next call.
func (w *window) peek(n int) []byte {
	for len(w.buf)-w.at < n && w.err == nil {
		w.fill()
	}
	return w.buf[w.at:]
}

// fill reads once more.
func (w *window) fill() {
	if w.err = w.ctx.Err(); w.err != nil {
		return
	}
	if cap(w.buf)-len(w.buf) < blockBytes/2 {
		room := w.buf[:0]
		if unread := len(w.buf) - w.at; unread+blockBytes > cap(w.buf) {
			room = make([]byte, 0, 2*unread+blockBytes)
		}
		w.buf = append(room, w.buf[w.at:]...)
		w.at = 0
	}
	var n int
	n, w.err = w.r.Read(w.buf[len(w.buf):cap(w.buf)])
	w.buf = w.buf[:len(w.buf)+n]
}

// failed is what ended the reading, nil at the end of the input.
func (w *window) failed() error {
	if w.err == nil || w.err == io.EOF { //nolint:errorlint // an error that wraps io.EOF is no end
		return nil
	}
	return fmt.Errorf("reading the data set at line %d: %w", w.line, w.err)
}

// pass moves over n bytes of the unread part.
func (w *window) pass(how string, n int) {
	passed := w.buf[w.at : w.at+n]
	if w.trace != nil {
		w.trace(how, passed)
	}
	w.line += int64(bytes.Count(passed, []byte("\n")))
	if n > 0 {
		w.open = passed[n-1] != '\n'
	}
	w.taken += int64(n)
	w.at += n
	w.clear = max(0, w.clear-n)
}

// rest returns the rest of the line, without its line feed. Whole is false when
// it is longer than limit; then it is the first limit bytes.
func (w *window) rest(limit int) (text []byte, whole bool) {
	for {
		unread := w.buf[w.at:]
		if i := bytes.IndexByte(unread[w.clear:], '\n'); i >= 0 {
			end := w.clear + i
			w.clear = end
			return unread[:min(end, limit)], end <= limit
		}
		w.clear = len(unread)
		if w.clear > limit {
			return unread[:limit], false
		}
		if w.err != nil {
			return unread, true
		}
		w.fill()
	}
}
