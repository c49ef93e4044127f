package datafile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Packing is how a file's bytes are packed.
type Packing string

// The packings that are unpacked.
const (
	Gzip Packing = "gzip"
	Zstd Packing = "zstd"
)

// A file that unpacks to more than BombBytes, and to more than BombRatio times
// what is stored, is a zip bomb: text shrinks to a tenth, gzip cannot do better
// than 1032:1, and only a long run of one byte comes near that.
const (
	BombBytes = 1 << 30
	BombRatio = 1000
)

// ErrBomb says that a file unpacks to so much that it cannot be a data set.
var ErrBomb = errors.New("unpacks to over a thousand times its size")

const (
	// bufferBytes are read at once from a pipe and from what is packed.
	bufferBytes = 64 << 10
	// zstdWindow bounds the memory for zstd: it is what the zstd tool, too, takes
	// without being told otherwise.
	zstdWindow = 128 << 20
)

// bombLimits are BombBytes and BombRatio, smaller in tests.
type bombLimits struct{ Bytes, Ratio int64 }

// marks are the bytes that packed files begin with: RFC 1952 for gzip, RFC 8878
// for zstd, whose skippable frames have 16 marks.
var marks = []struct {
	packing Packing
	mark    string
}{
	{Gzip, "\x1F\x8B"},
	{Zstd, "\x28\xB5\x2F\xFD"},
	{"zip", "PK\x03\x04"},
	{"bzip2", "BZh"},
	{"xz", "\xFD7zXZ\x00"},
	{"Parquet", "PAR1"},
}

const longestMark = 6

// packingOf tells a packing by a file's first bytes; "" for a file as it is.
func packingOf(head []byte) Packing {
	for _, m := range marks {
		if bytes.HasPrefix(head, []byte(m.mark)) {
			return m.packing
		}
	}
	if len(head) >= 4 && head[0]&0xF0 == 0x50 && string(head[1:4]) == "\x2A\x4D\x18" {
		return Zstd
	}
	return ""
}

// unpackWith puts the unpacking, if there is any to do, before the stored bytes.
func (f *File) unpackWith(limits bombLimits) error {
	stored := bufio.NewReaderSize(f.stored, bufferBytes)
	head, err := stored.Peek(longestMark)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading %s: %w", f.Name, err)
	}
	packing := packingOf(head)
	if packing == "" {
		f.Reader, f.Size = stored, f.source.size
		return f.checkSuffix()
	}
	unpacked, err := unpacker(packing, stored)
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", f.Name, err)
	}
	f.Packing, f.unpack = packing, unpacked
	f.Reader = &unpacking{name: f.Name, packing: packing, r: unpacked, stored: f.stored, buffer: stored, limits: limits}
	return nil
}

// checkSuffix finds a name that promises a packing that the bytes do not have.
func (f *File) checkSuffix() error {
	for _, suffix := range []string{".gz", ".zst"} {
		if strings.HasSuffix(f.Name, suffix) {
			return fmt.Errorf("%s is not packed as its name says: take %s off the name, or pack it", f.Name, suffix)
		}
	}
	return nil
}

func unpacker(packing Packing, r io.Reader) (io.ReadCloser, error) {
	switch packing {
	case Gzip:
		return gzip.NewReader(r)
	case Zstd:
		// One goroutine and no more than a window: memory stays flat.
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return nil, fmt.Errorf("%s is not read: write the data set as JSON Lines, as it is or packed with gzip or zstd", packing)
}

// unpacking reads unpacked bytes and stops at a zip bomb.
type unpacking struct {
	name     string
	packing  Packing
	r        io.Reader
	stored   *counter
	buffer   *bufio.Reader
	limits   bombLimits
	unpacked int64
}

// Read implements io.Reader.
func (u *unpacking) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.unpacked += int64(n)
	if consumed := u.stored.read.Load() - int64(u.buffer.Buffered()); u.unpacked > u.limits.Bytes && u.unpacked/u.limits.Ratio > consumed {
		return 0, fmt.Errorf("%s %w and looks like a zip bomb (%d bytes came out of %d): check what is in it, then unpack it yourself", u.name, ErrBomb, u.unpacked, consumed)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = u.explain(err)
	}
	return n, err
}

// explain says what to do about what cannot be unpacked. A failure to read the
// stored bytes is told as it is.
func (u *unpacking) explain(err error) error {
	switch {
	case u.stored.err != nil:
		return u.stored.err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s ends in the middle of its %s data: it was cut off, copy or pack it again: %w", u.name, u.packing, err)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("%s needs more than %d MiB of memory to unpack: pack it without --long and --ultra: %w", u.name, zstdWindow>>20, err)
	}
	return fmt.Errorf("%s is damaged: its %s data cannot be unpacked; copy or pack it again: %w", u.name, u.packing, err)
}

// counter counts the bytes read, for any goroutine to see, and keeps the error.
type counter struct {
	r    io.Reader
	read atomic.Int64
	// err is what ended the reading, nil for the end of the file.
	err error
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read.Add(int64(n))
	if err != nil && err != io.EOF { // itself: an error that wraps it is no end
		c.err = err
	}
	return n, err
}
