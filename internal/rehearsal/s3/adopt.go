package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// adopt makes the gateway's answer the bucket's: encryption headers, virtual
// time, and the books kept.
func (x *exchange) adopt(ctx context.Context, resp *http.Response) (answer, error) {
	a := answer{status: resp.StatusCode, header: resp.Header, body: resp.Body}
	for _, name := range []string{"Date", "Server", "Connection", "X-Amz-Request-Id", "X-Amz-Id-2"} {
		a.header.Del(name)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return adoptError(a)
	}
	var err error
	switch x.op.name {
	case "GetObject", "HeadObject":
		x.setLastModified(a.header)
	case "PutObject", "CopyObject", "CompleteMultipartUpload":
		a, err = x.adoptCreated(ctx, a)
	case "DeleteObject":
		x.adoptDeleted(a.header)
	case "ListObjects", "ListObjectsV2", "ListObjectVersions":
		a, err = x.rewriteList(a)
	}
	if x.encrypts() && a.status < http.StatusMultipleChoices {
		a.header.Set("X-Amz-Server-Side-Encryption", "aws:kms")
		a.header.Set("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", x.options.KeyARN)
		a.header.Set("X-Amz-Server-Side-Encryption-Bucket-Key-Enabled", "true")
	}
	return a, err
}

// encrypts tells whether S3 names the encryption in the operation's answer.
func (x *exchange) encrypts() bool {
	switch x.op.name {
	case "GetObject", "HeadObject", "PutObject", "CopyObject",
		"CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload":
		return true
	}
	return false
}

// adoptError reads the code out of an error document, for the recording.
func adoptError(a answer) (answer, error) {
	body, err := drain(a.body)
	if err != nil {
		return a, err
	}
	var document struct{ Code string }
	if xml.Unmarshal(body, &document) == nil {
		a.code = document.Code
	}
	if a.code == "" { // a HEAD answers no document
		a.code = strings.ReplaceAll(http.StatusText(a.status), " ", "")
	}
	a.body = io.NopCloser(bytes.NewReader(body))
	return a, nil
}

// setLastModified replaces the store's time with the version's own.
func (x *exchange) setLastModified(header http.Header) {
	version := header.Get("X-Amz-Version-Id")
	if s, ok := x.versions.find(x.op.bucket, x.op.key, version); ok {
		header.Set("Last-Modified", s.at.Format(http.TimeFormat))
	}
}

// adoptCreated enters the new version into the books and prepares its event.
// S3 keeps times to the second.
func (x *exchange) adoptCreated(ctx context.Context, a answer) (answer, error) {
	version := a.header.Get("X-Amz-Version-Id")
	size, etag, err := x.head(ctx, version)
	if err != nil {
		return a, err
	}
	at := x.options.Clock.Now().Truncate(time.Second)
	x.versions.add(x.op.bucket, x.op.key, stored{version: version, etag: etag, at: at})
	reason, _ := x.op.creates()
	x.created = x.newEvent(created{reason: reason, version: version, size: size, etag: etag})
	if x.op.name != "CopyObject" {
		return a, nil
	}
	body, err := drain(a.body)
	if err != nil {
		return a, err
	}
	return withBody(a, lastModified.ReplaceAll(body, []byte("<LastModified>"+at.Format(listTime)+"</LastModified>"))), nil
}

const listTime = "2006-01-02T15:04:05.000Z"

var lastModified = regexp.MustCompile(`<LastModified>[^<]*</LastModified>`)

// head asks the gateway what was stored.
func (x *exchange) head(ctx context.Context, version string) (size int64, etag string, err error) {
	query := map[string][]string{}
	if version != "" {
		query["versionId"] = []string{version}
	}
	resp, err := x.gateway.do(ctx, gatewayRequest{method: http.MethodHead, bucket: x.op.bucket, key: x.op.key, query: query})
	if err != nil {
		return 0, "", err
	}
	if err := resp.Body.Close(); err != nil {
		return 0, "", fmt.Errorf("closing a HEAD answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return 0, "", fmt.Errorf("the gateway answers %d for the object just stored", resp.StatusCode)
	}
	return resp.ContentLength, resp.Header.Get("Etag"), nil
}

// adoptDeleted enters a delete marker, or forgets a deleted version.
func (x *exchange) adoptDeleted(header http.Header) {
	if x.op.version != "" {
		x.versions.remove(x.op.bucket, x.op.key, x.op.version)
		return
	}
	x.versions.add(x.op.bucket, x.op.key, stored{
		version: header.Get("X-Amz-Version-Id"), at: x.options.Clock.Now().Truncate(time.Second), marker: true,
	})
}

func withBody(a answer, body []byte) answer {
	a.body = io.NopCloser(bytes.NewReader(body))
	a.header.Set("Content-Length", strconv.Itoa(len(body)))
	return a
}
