package s3

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Ensure aws-chunked bodies, signed and not, arrive without their framing and
// with their trailing checksum checked.
func TestServer_AwsChunked(t *testing.T) {
	w := newWorld(t)
	crc := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte("text"))))
	for _, tc := range []struct{ name, mode, body, want string }{
		{"unsigned trailer", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "4\r\ntext\r\n0\r\nx-amz-checksum-crc32:" + crc + "\r\n\r\n", ""},
		{"wrong checksum", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "4\r\ntext\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "BadDigest"},
		{"cut", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "4\r\nte", "IncompleteBody"},
		{"short", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "2\r\nte\r\n0\r\n\r\n", "IncompleteBody"},
		{"signed chunks", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "4;chunk-signature=<>\r\ntext\r\n0;chunk-signature=<>\r\n\r\n", ""},
		{"forged chunk", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "4;chunk-signature=00\r\ntext\r\n0;chunk-signature=00\r\n\r\n", "SignatureDoesNotMatch"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.client = s3.New(w.client.Options(), func(o *s3.Options) {
				o.HTTPClient = &resign{t: t, w: w, mode: tc.mode, body: tc.body}
			})
			key := aws.String(tc.name)
			_, err := w.client.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: key, Body: strings.NewReader("x")})
			if got := code(err); got != tc.want {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
		})
	}
	w.client = w.clientWith(w.creds)
	if got, _ := w.get(t, &s3.GetObjectInput{Key: aws.String("unsigned trailer")}); got != "text" {
		t.Errorf("got %q, want \"text\"", got)
	}
	if got, _ := w.get(t, &s3.GetObjectInput{Key: aws.String("signed chunks")}); got != "text" {
		t.Errorf("got %q, want \"text\"", got)
	}
	w.created(t, 2)
}

// resign sends another body than the SDK meant to, signed as mode; "<>" in it
// stands for the signature of the chunk it belongs to.
type resign struct {
	t          *testing.T
	w          *world
	mode, body string
}

func (s *resign) Do(from *http.Request) (*http.Response, error) {
	unsigned := strings.ReplaceAll(s.body, "<>", strings.Repeat("0", 64))
	r, err := http.NewRequestWithContext(from.Context(), from.Method, from.URL.String(), strings.NewReader(unsigned)) //nolint:gosec // the test's own server
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	at := time.Now().UTC()
	r.Header.Set("X-Amz-Content-Sha256", s.mode)
	r.Header.Set("X-Amz-Decoded-Content-Length", "4")
	r.Header.Set("Content-Encoding", "aws-chunked")
	r.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32")
	c := aws.Credentials{AccessKeyID: s.w.creds.AccessKeyID, SecretAccessKey: s.w.creds.SecretAccessKey, SessionToken: s.w.creds.SessionToken}
	if err := s.w.gateway.signer.SignHTTP(r.Context(), c, r, s.mode, "s3", "us-west-2", at); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	body := s.body
	for _, chunk := range []string{"text", ""} {
		signature = chunkSignature(c.SecretAccessKey, at, signature, chunk)
		body = strings.Replace(body, "<>", signature, 1)
	}
	r.Body = io.NopCloser(strings.NewReader(body))
	return http.DefaultClient.Do(r) //nolint:gosec // the test's own server
}

// chunkSignature signs one chunk as the S3 API Reference says.
func chunkSignature(secret string, at time.Time, previous, chunk string) string {
	sum := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	day := at.Format("20060102")
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, "us-west-2", "s3", "aws4_request"} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, strings.Join([]string{"AWS4-HMAC-SHA256-PAYLOAD", at.Format("20060102T150405Z"),
		day + "/us-west-2/s3/aws4_request", previous, sum(""), sum(chunk)}, "\n")))
}
