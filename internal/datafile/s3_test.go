package datafile

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// bucket is an S3 that holds one object, data/a b.jsonl, and believes every
// signature: the requests are the SDK's own, what IAM says is not tested here.
type bucket struct {
	body, etag, version string
	// checksum replaces the right one.
	checksum string
	// refuse answers every request when it is set.
	refuse func(http.ResponseWriter)
	// short cuts the body, as a lost connection does.
	short bool
	// after is called once the object was asked for.
	after    func()
	requests []string
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.requests = append(b.requests, r.Method+" "+r.URL.RequestURI())
	switch {
	case b.refuse != nil:
		b.refuse(w)
	case !strings.Contains(r.Header.Get("Authorization"), "/us-east-1/s3/aws4_request"):
		answer(w, http.StatusForbidden, "AccessDenied")
	case r.URL.Path != "/bucket/data/a b.jsonl":
		answer(w, http.StatusNotFound, "NoSuchKey")
	case r.URL.Query().Has("versionId") && r.URL.Query().Get("versionId") != b.version:
		answer(w, http.StatusNotFound, "NoSuchVersion")
	case r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != b.etag:
		w.WriteHeader(http.StatusPreconditionFailed)
	default:
		b.give(w, r)
	}
}

func (b *bucket) give(w http.ResponseWriter, r *http.Request) {
	if b.after != nil {
		defer b.after()
	}
	w.Header().Set("ETag", b.etag)
	w.Header().Set("X-Amz-Version-Id", b.version)
	w.Header().Set("Content-Length", fmt.Sprint(len(b.body)))
	if r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
		w.Header().Set("X-Amz-Checksum-Crc32", b.sum())
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	body := b.body
	if b.short {
		body = body[:len(body)/2]
	}
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body) // the client sees what is missing
	}
}

func (b *bucket) sum() string {
	if b.checksum != "" {
		return b.checksum
	}
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(b.body))))
}

// answer answers with an error as S3 writes it.
func answer(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}

// serve starts the bucket and points the environment's AWS configuration at it.
func serve(t *testing.T, b *bucket) {
	t.Helper()
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	missing := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_S3": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": missing, "AWS_SHARED_CREDENTIALS_FILE": missing,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
}

const uri = "s3://bucket/data/a b.jsonl"

// newBucket holds the object as content.
func newBucket(content string) *bucket {
	return &bucket{body: content, etag: `"e1"`, version: "v1"}
}

// TestObject ensures that an object is read in one GET, unpacked where needed,
// and compared with what is there afterwards.
func TestObject(t *testing.T) {
	for name, content := range map[string]string{"plain": text, "gzip": gzipped(t, text)} {
		t.Run(name, func(t *testing.T) {
			b := newBucket(content)
			serve(t, b)
			f := opened(t, uri)
			got, err := io.ReadAll(f)
			if err != nil || string(got) != text {
				t.Fatalf("read %q, %v", got, err)
			}
			if read, of := f.Progress(); f.Bucket != "bucket" || f.Key != "data/a b.jsonl" || f.VersionID != "v1" || read != int64(len(content)) || of != read {
				t.Errorf("%s in %s, version %s, progress %d of %d, want v1 and %d of it", f.Key, f.Bucket, f.VersionID, read, of, len(content))
			}
			checkNil(t, f.Finish())
			if len(b.requests) != 2 || !strings.HasPrefix(b.requests[0], "GET ") || !strings.HasPrefix(b.requests[1], "HEAD ") {
				t.Errorf("made the requests %q, want a GET and a HEAD", b.requests)
			}
		})
	}
}

// TestObjectVersion ensures that a version is read by its id, and that whatever
// is uploaded meanwhile is no change to it.
func TestObjectVersion(t *testing.T) {
	b := newBucket(text)
	b.after = func() { b.etag = `"e2"` }
	serve(t, b)
	f := opened(t, uri+"?versionId=v1")
	if got, err := io.ReadAll(f); err != nil || string(got) != text {
		t.Errorf("read %q, %v", got, err)
	}
	checkNil(t, f.Finish())
	if _, err := Open(t.Context(), uri+"?versionId=v0"); err == nil || !strings.Contains(err.Error(), "no such version") {
		t.Errorf("opening another version: %v", err)
	}
}

// TestObjectReplaced ensures that an upload in the meantime is noticed.
func TestObjectReplaced(t *testing.T) {
	b := newBucket(text)
	b.after = func() { b.etag = `"e2"` }
	serve(t, b)
	f := opened(t, uri)
	if got, err := io.ReadAll(f); err != nil || string(got) != text {
		t.Errorf("read %q, %v", got, err)
	}
	checkError(t, f.Finish(), ErrChanged, uri, "check again")
}

// TestObjectDamaged ensures that a body that is not what was stored is refused.
func TestObjectDamaged(t *testing.T) {
	wrong := newBucket(text)
	wrong.checksum = "AAAAAA=="
	serve(t, wrong)
	_, err := io.ReadAll(opened(t, uri))
	checkError(t, err, nil, uri, "checksum")

	short := newBucket(strings.Repeat(text, 1<<14))
	short.short = true
	serve(t, short)
	_, err = io.ReadAll(opened(t, uri))
	checkError(t, err, io.ErrUnexpectedEOF, uri, "the connection ended early")

	// It is the connection, too, where what is packed ends in its middle.
	packed := newBucket(gzipped(t, strings.Repeat(text, 1<<14)))
	packed.short = true
	serve(t, packed)
	_, err = io.ReadAll(opened(t, uri))
	checkError(t, err, io.ErrUnexpectedEOF, uri, "the connection ended early")
}

// TestObjectRefused ensures that what S3 refuses says what to do.
func TestObjectRefused(t *testing.T) {
	refused := func(status int, code string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { answer(w, status, code) }
	}
	elsewhere := func(w http.ResponseWriter) {
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
		answer(w, http.StatusMovedPermanently, "PermanentRedirect")
	}
	tests := map[string]struct {
		refuse func(http.ResponseWriter)
		want   string
	}{
		"no such key":    {refused(http.StatusNotFound, "NoSuchKey"), "check the key"},
		"no such bucket": {refused(http.StatusNotFound, "NoSuchBucket"), "no such bucket"},
		"denied":         {refused(http.StatusForbidden, "AccessDenied"), "s3:GetObject"},
		"unknown 403":    {refused(http.StatusForbidden, "AllAccessDisabled"), "s3:GetObject"},
		"signed out":     {refused(http.StatusBadRequest, "ExpiredToken"), "sign in again"},
		"archived":       {refused(http.StatusForbidden, "InvalidObjectState"), "restore it"},
		"other Region":   {elsewhere, "AWS_REGION=eu-west-1"},
		"some Region":    {refused(http.StatusMovedPermanently, "PermanentRedirect"), "another Region"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			serve(t, &bucket{refuse: test.refuse})
			_, err := Open(t.Context(), uri)
			checkError(t, err, nil, uri, test.want)
		})
	}
}

// TestNotConnected ensures that a missing configuration is told before a request.
func TestNotConnected(t *testing.T) {
	for unset, want := range map[string]string{"AWS_REGION": "set AWS_REGION", "AWS_ACCESS_KEY_ID": "there are no AWS credentials"} {
		t.Run(unset, func(t *testing.T) {
			b := newBucket(text)
			serve(t, b)
			t.Setenv(unset, "")
			t.Setenv("AWS_DEFAULT_REGION", "")
			_, err := Open(t.Context(), uri)
			checkError(t, err, nil, uri, want)
			if len(b.requests) != 0 {
				t.Errorf("made the requests %q, want none", b.requests)
			}
		})
	}
}

func TestParseObject(t *testing.T) {
	tests := map[string]object{
		"s3://b/k":                {bucket: "b", key: "k"},
		"s3://b/a/k.jsonl":        {bucket: "b", key: "a/k.jsonl"},
		"s3://b/k?versionId=3/L":  {bucket: "b", key: "k", version: "3/L"},
		"s3://b/k?v=1":            {bucket: "b", key: "k?v=1"},
		"s3://b/%20":              {bucket: "b", key: "%20"},
		"s3://b//k":               {bucket: "b", key: "/k"},
		"s3://b/k?versionId=a?=b": {bucket: "b", key: "k", version: "a?=b"},
	}
	for name, want := range tests {
		want.uri = name
		if got, err := parseObject(name); err != nil || got != want {
			t.Errorf("parseObject(%s) = %+v, %v; want %+v", name, got, err, want)
		}
	}
}

func FuzzParseObject(f *testing.F) {
	f.Add("s3://bucket/key?versionId=1")
	f.Add("s3://bucket/")
	f.Fuzz(func(t *testing.T, name string) {
		o, err := parseObject(s3Scheme + name)
		if err == nil && (o.bucket == "" || o.key == "" || strings.HasSuffix(o.key, "/")) {
			t.Errorf("parseObject(%q) = %+v", name, o)
		}
	})
}
