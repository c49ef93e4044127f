package s3object

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	testVersion = "v/1+a"
	testETag    = `"0123456789abcdef"`
)

// server is S3 with one object, over HTTP, to the real SDK.
type server struct {
	t    *testing.T
	body []byte
	// head are headers of HeadObject's answer, such as a checksum.
	head map[string]string
	// missing: there is no such object.
	missing bool
	// answer, when set, may answer the n-th GetObject, counted from 0, itself.
	answer func(n int, w http.ResponseWriter, r *http.Request, from, to int) bool

	mu     sync.Mutex
	ranges []string
}

// client starts the server and returns an SDK client of it.
func (s *server) client() *s3.Client {
	listening := httptest.NewServer(s)
	s.t.Cleanup(listening.Close)
	return s3.New(s3.Options{
		BaseEndpoint: &listening.URL, UsePathStyle: true, Region: "us-east-1",
		Credentials:                credentials.NewStaticCredentialsProvider("id", "secret", ""),
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported, // what a client of a loaded configuration does
	})
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if got := r.URL.Query().Get("versionId"); got != testVersion {
		s.t.Errorf("%s %s asks for version %q, want %q", r.Method, r.Header.Get("Range"), got, testVersion)
	}
	w.Header().Set("ETag", testETag)
	w.Header().Set("x-amz-version-id", testVersion)
	w.Header().Set("Content-Length", strconv.Itoa(len(s.body)))
	if s.missing {
		refuse(w, http.StatusNotFound, "")
		return
	}
	if r.Method == http.MethodHead {
		for name, value := range s.head {
			if r.Header.Get("x-amz-checksum-mode") == "ENABLED" { // S3 tells checksums only then
				w.Header().Set(name, value)
			}
		}
		return
	}
	if got := r.Header.Get("If-Match"); got != testETag {
		s.t.Errorf("a request for %q has If-Match %q, want %s", r.Header.Get("Range"), got, testETag)
	}
	if mode := r.Header.Get("x-amz-checksum-mode"); mode != "" {
		s.t.Errorf("a request for %q has the checksum mode %q, so the SDK hashes what this package hashes", r.Header.Get("Range"), mode)
	}
	s.get(w, r)
}

// get answers a GetObject of everything or of one range.
func (s *server) get(w http.ResponseWriter, r *http.Request) {
	from, to := 0, len(s.body)
	if span := r.Header.Get("Range"); span != "" {
		if _, err := fmt.Sscanf(span, "bytes=%d-%d", &from, &to); err != nil {
			s.t.Errorf("range %q: %v", span, err)
		}
		to++
	}
	s.mu.Lock()
	n := len(s.ranges)
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	s.mu.Unlock()
	if s.answer != nil && s.answer(n, w, r, from, to) {
		return
	}
	s.send(w, from, to, to)
}

// send answers the bytes [from, to), and stops at the byte upTo.
func (s *server) send(w http.ResponseWriter, from, to, upTo int) {
	w.Header().Set("Content-Length", strconv.Itoa(to-from))
	status := http.StatusOK
	if from != 0 || to != len(s.body) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(s.body)))
		status = http.StatusPartialContent
	}
	w.WriteHeader(status)
	_, _ = w.Write(s.body[from:upTo]) // the client may be gone, as some tests want it
	_ = http.NewResponseController(w).Flush()
}

// refuse answers as S3 does when it refuses.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Del("Content-Length")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}

// hangUp closes the connection in the middle of an answer.
func hangUp() { panic(http.ErrAbortHandler) }

// asked returns the ranges asked for, "" for everything.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.ranges...)
}

// bytesOf are n bytes of which no two neighbouring parts are alike.
func bytesOf(n int) []byte {
	body := make([]byte, n)
	for i := range body {
		body[i] = byte(i*7 + i/251)
	}
	return body
}

// small reads in parts of 1000 bytes, three at once, from 2000 bytes on.
var small = Options{ParallelFrom: 2000, PartBytes: 1000, Parts: 3, Breaks: 2, Stall: time.Minute}

// single never reads in parts.
var single = Options{Breaks: 2, Stall: time.Minute}

// object looks at the server's object.
func (s *server) object(client *s3.Client) Object {
	s.t.Helper()
	object, err := Head(s.t.Context(), client, "bucket", "a b/é+.jsonl", testVersion)
	if err != nil {
		s.t.Fatal(err)
	}
	if object.Size != int64(len(s.body)) || object.VersionID != testVersion || object.ETag != testETag {
		s.t.Errorf("got %+v, want %d bytes of version %s", object, len(s.body), testVersion)
	}
	return object
}

var _ API = (*s3.Client)(nil)
