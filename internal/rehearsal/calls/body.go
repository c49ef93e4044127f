package calls

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
)

const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	emptySum        = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// payloadHash is the last line of the canonical request. S3 takes the word of
// x-amz-content-sha256, a presigned URL signs no body, and every other service
// hashes the body it got.
func payloadHash(r *http.Request, sig signature, service string) (string, error) {
	claimed := r.Header.Get("X-Amz-Content-Sha256")
	switch {
	case service != "s3":
		return readBody(r, claimed)
	case claimed != "":
		return claimed, nil
	case sig.presigned:
		return unsignedPayload, nil
	default:
		return "", refuse(ErrMalformed, "missing required header for this request: x-amz-content-sha256")
	}
}

// readBody reads and puts back r's body and returns its hash; a hash the
// client claims as well must be the same.
func readBody(r *http.Request, claimed string) (string, error) {
	sum := emptySum
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return "", fmt.Errorf("reading the signed body: %w", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		sum = hexSum(string(body))
	}
	if claimed != "" && claimed != sum {
		return "", refuse(ErrBodyHash, "the x-amz-content-sha256 header does not match the body")
	}
	return sum, nil
}

// checkBody makes an S3 body with a signed digest check itself while read.
func checkBody(r *http.Request, service, payload string) error {
	if service != "s3" || payload == unsignedPayload || strings.HasPrefix(payload, "STREAMING-") {
		return nil
	}
	if len(payload) != sha256.Size*2 {
		return refuse(ErrMalformed, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-... or a valid sha256 value")
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	r.Body = &checkedBody{body: r.Body, sum: sha256.New(), want: payload}
	return nil
}

// checkedBody hashes what is read and turns the end of a body with another
// hash than the signed one into ErrBodyHash.
type checkedBody struct {
	body io.ReadCloser
	sum  hash.Hash
	want string
}

// Read reads on, hashing.
func (b *checkedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(b.sum.Sum(nil)) != b.want {
		return n, refuse(ErrBodyHash, "the provided 'x-amz-content-sha256' header does not match what was computed")
	}
	return n, err
}

// Close closes the request's body.
func (b *checkedBody) Close() error { return b.body.Close() }

// ChunkSigner verifies the signatures of an aws-chunked body, one chunk after
// the other ("Signature calculations for the Authorization header: transferring
// payload in multiple chunks", S3 API Reference).
type ChunkSigner struct {
	key      []byte
	time     string
	scope    string
	previous string
}

// ChunkSigner returns the verifier for r's chunks, which Verify must have
// accepted. It is for bodies whose hash is STREAMING-AWS4-HMAC-SHA256-PAYLOAD,
// with or without -TRAILER.
func (k *Keyring) ChunkSigner(r *http.Request) (*ChunkSigner, error) {
	sig, err := parseSignature(r)
	if err != nil {
		return nil, err
	}
	key, err := k.find(sig)
	if err != nil {
		return nil, err
	}
	return &ChunkSigner{
		key:      sig.signingKey(key.credentials.SecretAccessKey),
		time:     sig.time.UTC().Format(isoBasic),
		scope:    sig.scope(),
		previous: sig.value,
	}, nil
}

// Chunk checks the signature of the next chunk, whose SHA-256 is given in hex.
func (c *ChunkSigner) Chunk(sum, signature string) error {
	return c.check(signature, algorithm+"-PAYLOAD", c.time, c.scope, c.previous, emptySum, sum)
}

// Trailer checks the signature of the trailing headers: lower-case
// "name:value" lines, each ended by a line feed.
func (c *ChunkSigner) Trailer(lines, signature string) error {
	return c.check(signature, algorithm+"-TRAILER", c.time, c.scope, c.previous, hexSum(lines))
}

func (c *ChunkSigner) check(signature string, toSign ...string) error {
	want := hex.EncodeToString(hmacSum(c.key, strings.Join(toSign, "\n")))
	if !equal(want, signature) {
		return refuse(ErrSignature, "a chunk signature does not match")
	}
	c.previous = signature
	return nil
}
