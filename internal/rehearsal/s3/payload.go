package s3

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// memoryLimit is how much of a body is kept in memory before it goes to disk.
const memoryLimit = 1 << 20

// payload is a request body, received whole before anything takes effect: its
// signed hash is known to be right, its aws-chunked framing is gone, and the
// store can commit it in one short step.
type payload struct {
	memory  bytes.Buffer
	file    *os.File
	dir     string
	size    int64
	trailer http.Header
}

// receive reads r's body.
func (x *exchange) receive() (*payload, error) {
	p := &payload{dir: x.spoolDir, trailer: http.Header{}}
	mode := x.r.Header.Get("X-Amz-Content-Sha256")
	var err error
	switch {
	case !strings.HasPrefix(mode, "STREAMING-"):
		_, err = io.Copy(p, x.r.Body)
	case mode == "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
		err = (&chunkReader{r: bufio.NewReader(x.r.Body), to: p}).read()
	case strings.HasPrefix(mode, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
		var signer *calls.ChunkSigner
		if signer, err = x.options.Keyring.ChunkSigner(x.r); err == nil {
			err = (&chunkReader{r: bufio.NewReader(x.r.Body), to: p, signer: signer}).read()
		}
	default:
		err = &causeError{notImplemented("the rehearsal's S3 does not take a body sent as " + mode)}
	}
	short := strings.HasPrefix(mode, "STREAMING-") && x.r.Header.Get("X-Amz-Decoded-Content-Length") != strconv.FormatInt(p.size, 10)
	if err == nil && short || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = &causeError{&apiError{http.StatusBadRequest, "IncompleteBody", "You did not provide the number of bytes that the request said"}}
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("receiving the body: %w", err)
	}
	return p, nil
}

// Write keeps b in memory, or on disk from memoryLimit on.
func (p *payload) Write(b []byte) (int, error) {
	if p.file == nil && p.memory.Len()+len(b) > memoryLimit {
		file, err := os.CreateTemp(p.dir, "body-*")
		if err != nil {
			return 0, fmt.Errorf("spooling a body: %w", err)
		}
		p.file = file
		if _, err := p.memory.WriteTo(file); err != nil {
			return 0, fmt.Errorf("spooling a body: %w", err)
		}
	}
	p.size += int64(len(b))
	if p.file != nil {
		return p.file.Write(b)
	}
	return p.memory.Write(b)
}

// open returns the body from its start.
func (p *payload) open() (io.Reader, error) {
	if p.file == nil {
		return bytes.NewReader(p.memory.Bytes()), nil
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("rereading a spooled body: %w", err)
	}
	return io.NopCloser(p.file), nil
}

// close forgets the body.
func (p *payload) close() {
	if p.file != nil {
		_ = p.file.Close()           // only read from now on
		_ = os.Remove(p.file.Name()) // inside the rehearsal's own folder, which goes as a whole
	}
}

// chunkReader takes an aws-chunked body apart ("Signature Calculations for the
// Authorization Header: Transferring Payload in Multiple Chunks", and
// "... Including Trailing Headers", S3 API Reference).
type chunkReader struct {
	r      *bufio.Reader
	to     *payload
	signer *calls.ChunkSigner // nil when chunks are not signed
}

func (c *chunkReader) read() error {
	for {
		size, signature, err := c.head()
		if err != nil {
			return err
		}
		sum := sha256.New()
		if _, err := io.CopyN(io.MultiWriter(c.to, sum), c.r, size); err != nil {
			return fmt.Errorf("reading a chunk: %w", err)
		}
		if c.signer != nil {
			if err := c.signer.Chunk(hex.EncodeToString(sum.Sum(nil)), signature); err != nil {
				return err
			}
		}
		if size == 0 {
			return c.trailer()
		}
		if rest, err := c.line(); err != nil || rest != "" {
			return badChunk("a chunk does not end with a line break")
		}
	}
}

// head reads "<hex size>[;chunk-signature=<signature>]".
func (c *chunkReader) head() (size int64, signature string, err error) {
	line, err := c.line()
	if err != nil {
		return 0, "", err
	}
	digits, extension, _ := strings.Cut(line, ";")
	if size, err = strconv.ParseInt(digits, 16, 64); err != nil || size < 0 {
		return 0, "", badChunk("a chunk has no valid size")
	}
	return size, strings.TrimPrefix(extension, "chunk-signature="), nil
}

// trailer reads the headers behind the last chunk and their signature.
func (c *chunkReader) trailer() error {
	var lines, signature string
	for {
		line, err := c.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		if name == "x-amz-trailer-signature" {
			signature = value
			continue
		}
		lines += line + "\n"
		c.to.trailer.Set(name, value)
	}
	if c.signer != nil && lines != "" {
		return c.signer.Trailer(lines, signature)
	}
	return nil
}

func (c *chunkReader) line() (string, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("reading a chunk header: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func badChunk(message string) error {
	return &causeError{&apiError{http.StatusBadRequest, "InvalidRequest", message}}
}

// withoutChunked takes the framing out of a Content-Encoding.
func withoutChunked(encoding string) string {
	var kept []string
	for part := range strings.SplitSeq(encoding, ",") {
		if part = strings.TrimSpace(part); part != "" && part != "aws-chunked" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ",")
}
