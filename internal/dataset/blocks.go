package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"io"
)

const (
	// blockBytes is how much is read before a block is judged, when there is as
	// much; larger blocks measured no faster.
	blockBytes = 256 << 10
	// firstBytes is how much is read at first: what is wrong there is soon told.
	firstBytes = 32 << 10
	// leastBytes is how much a block has at least, but for the first and the last.
	leastBytes = 64 << 10
	// emptyReads is how often a reader may return nothing before it counts as stuck.
	emptyReads = 100
)

// block is a stretch of whole lines.
type block struct {
	// number is the block's, from 0.
	number int
	// buf holds the lines, and padding for the fast tier.
	buf []byte
	// size is how many bytes of buf are the lines'.
	size int
	// cut: the last line is longer than any line may be; this is its beginning.
	cut bool
	// read is how many bytes of the data set were read when the block was full.
	read int64
}

// blockReader cuts a data set into blocks, in memory bounded by the longest
// line allowed.
type blockReader struct {
	// ctx lives as long as one Check.
	ctx    context.Context
	r      io.Reader
	digest hash.Hash
	// longest is the longest line allowed.
	longest int
	// tail is the beginning of a line whose end was not read yet.
	tail  []byte
	bytes int64
	count int
	eof   bool
	err   error
}

func newBlockReader(ctx context.Context, r io.Reader, o Options) *blockReader {
	reader := &blockReader{ctx: ctx, r: r, longest: o.MaxLineBytes}
	if o.Digest {
		reader.digest = sha256.New()
	}
	return reader
}

// next fills the block; false at the end of the data set or at an error.
func (r *blockReader) next(b *block) bool {
	if r.eof || r.err != nil {
		return false
	}
	*b = block{number: r.count, buf: b.buf}
	b.size = r.take(b, r.tail)
	r.tail = r.tail[:0]
	end := lastBreak(b.buf[:b.size]) + 1
	for !r.enough(b, end) {
		if b.size > r.longest+1 && end == 0 {
			return r.long(b)
		}
		n, err := r.read(r.room(b))
		if i := lastBreak(b.buf[b.size : b.size+n]); i >= 0 {
			end = b.size + i + 1
		}
		b.size += n
		if isEnd(err) {
			r.eof = true
			return r.give(b, b.size)
		}
		if err != nil {
			r.err = err
			return r.give(b, end) && end > 0
		}
	}
	return r.give(b, end)
}

// enough says that the lines up to end make a block.
func (r *blockReader) enough(b *block, end int) bool {
	return end > 0 && (b.size >= leastBytes || r.count == 0)
}

// take begins a block with what was left of the one before.
func (r *blockReader) take(b *block, tail []byte) int {
	if want := max(blockBytes, 2*len(tail)) + window; len(b.buf) < want {
		b.buf = make([]byte, want)
	}
	return copy(b.buf, tail)
}

// room is the space to read into.
func (r *blockReader) room(b *block) []byte {
	if b.size >= len(b.buf)-window {
		bigger := make([]byte, 2*len(b.buf))
		copy(bigger, b.buf[:b.size])
		b.buf = bigger
	}
	if r.bytes == 0 {
		return b.buf[:firstBytes]
	}
	return b.buf[b.size : len(b.buf)-window]
}

// give ends the block at end and keeps the rest for the next.
func (r *blockReader) give(b *block, end int) bool {
	r.tail = append(r.tail[:0], b.buf[end:b.size]...)
	b.size, b.read = end, r.bytes
	clear(b.buf[end : end+window])
	r.count++
	return b.size > 0
}

// long ends a block with the beginning of a line that is too long, and passes
// over the rest of it.
func (r *blockReader) long(b *block) bool {
	b.cut = true
	clear(b.buf[b.size : b.size+window])
	found, err := r.passOver()
	switch {
	case isEnd(err):
		r.eof = len(r.tail) == 0
	case err != nil:
		r.err = err
		if !found {
			return false
		}
	}
	b.read = r.bytes
	r.count++
	return true
}

// passOver reads to the next line break and keeps what follows it as the tail;
// found is false when an error, or the end, comes before one.
func (r *blockReader) passOver() (found bool, err error) {
	scratch := make([]byte, blockBytes)
	for {
		n, err := r.read(scratch)
		if i := bytes.IndexByte(scratch[:n], '\n'); i >= 0 {
			r.tail = append(r.tail, scratch[i+1:n]...)
			return true, err
		}
		if err != nil {
			return false, err
		}
	}
}

// isEnd says that a reader has come to its end: io.EOF itself. An error that
// wraps it is none, such as that of a connection which broke.
func isEnd(err error) bool { return err == io.EOF } //nolint:errorlint // see above

// read reads once, at least a byte, and keeps count.
func (r *blockReader) read(p []byte) (int, error) {
	for range emptyReads {
		if err := r.ctx.Err(); err != nil {
			return 0, err
		}
		n, err := r.r.Read(p)
		if r.digest != nil {
			r.digest.Write(p[:n]) // a hash's Write returns no error
		}
		r.bytes += int64(n)
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// lastBreak is the place of the last line break, -1 when there is none. It
// looks in stretches: forwards is much faster than backwards.
func lastBreak(b []byte) int {
	const stretch = 1 << 10
	for end := len(b); end > 0; end -= stretch {
		from := max(end-stretch, 0)
		if bytes.IndexByte(b[from:end], '\n') >= 0 {
			return from + bytes.LastIndexByte(b[from:end], '\n')
		}
	}
	return -1
}
