package main

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // an ETag, as S3 makes it
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// uploaded is when every object of these tests was uploaded.
var uploaded = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

// version is one version of an object.
type version struct {
	id   string
	body []byte
}

// bucket is a versioned bucket in memory. before, when set, is called with the
// name of each call and its key, and may answer it with an error.
type bucket struct {
	objects map[string][]version
	parts   map[string][]byte
	before  func(call, key string) error
	// body, when set, is what GetObject answers a data set with.
	body func(whole []byte) io.Reader
	// tuning is the same for a tuning.json.
	tuning func(whole []byte) io.Reader
	// crc32 is the checksum that HeadObject answers, if any.
	crc32 *string
	calls []string
	// copying, when set, is called with the context of each copy or part of one.
	copying func(context.Context)
	// copied are the requests of CopyObject.
	copied []*s3.CopyObjectInput
}

func newBucket(objects map[string]string) *bucket {
	b := &bucket{objects: map[string][]version{}, parts: map[string][]byte{}}
	for key, body := range objects {
		b.put(key, body)
	}
	return b
}

// put adds a version and returns its id: v1, v2 and so on of each key.
func (b *bucket) put(key, body string) string {
	id := fmt.Sprintf("v%d", len(b.objects[key])+1)
	b.objects[key] = append(b.objects[key], version{id: id, body: []byte(body)})
	return id
}

// text is the current version's body, "" when there is none.
func (b *bucket) text(key string) string {
	v, err := b.find(key, nil)
	if err != nil {
		return ""
	}
	return string(v.body)
}

func (b *bucket) find(key string, id *string) (version, error) {
	versions := b.objects[key]
	for i := len(versions) - 1; i >= 0; i-- {
		if id == nil || versions[i].id == *id {
			return versions[i], nil
		}
	}
	if id != nil {
		return version{}, &smithy.GenericAPIError{Code: "NoSuchVersion"}
	}
	return version{}, &types.NoSuchKey{}
}

func (b *bucket) enter(call, key string) error {
	b.calls = append(b.calls, call+" "+key)
	if b.before == nil {
		return nil
	}
	return b.before(call, key)
}

func etag(body []byte) *string {
	sum := md5.Sum(body) //nolint:gosec // an ETag, as S3 makes it
	return aws.String(hex.EncodeToString(sum[:]))
}

func (b *bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if err := b.enter("GetObject", *in.Key); err != nil {
		return nil, err
	}
	v, err := b.find(*in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	if in.IfMatch != nil && *in.IfMatch != *etag(v.body) {
		return nil, &smithy.GenericAPIError{Code: "PreconditionFailed"}
	}
	from := 0
	out := &s3.GetObjectOutput{VersionId: &v.id, ETag: etag(v.body)}
	if in.Range != nil {
		if _, err := fmt.Sscanf(*in.Range, "bytes=%d-", &from); err != nil {
			return nil, err
		}
		out.ContentRange = aws.String(fmt.Sprintf("bytes %d-%d/%d", from, len(v.body)-1, len(v.body)))
	}
	body := io.Reader(bytes.NewReader(v.body[from:]))
	if b.body != nil && strings.HasSuffix(*in.Key, ".jsonl") {
		body = b.body(v.body[from:])
	}
	if b.tuning != nil && strings.HasSuffix(*in.Key, "/tuning.json") {
		body = b.tuning(v.body)
	}
	out.Body = io.NopCloser(body)
	return out, nil
}

func (b *bucket) HeadObject(_ context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	if err := b.enter("HeadObject", *in.Key); err != nil {
		return nil, err
	}
	v, err := b.find(*in.Key, in.VersionId)
	if err != nil {
		return nil, &types.NotFound{}
	}
	return &s3.HeadObjectOutput{ChecksumCRC32: b.crc32, LastModified: &uploaded, VersionId: &v.id, ETag: etag(v.body), ContentLength: aws.Int64(int64(len(v.body)))}, nil
}

func (b *bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if err := b.enter("PutObject", *in.Key); err != nil {
		return nil, err
	}
	now, err := b.find(*in.Key, nil)
	if in.IfNoneMatch != nil && err == nil || in.IfMatch != nil && (err != nil || *etag(now.body) != *in.IfMatch) {
		return nil, &smithy.GenericAPIError{Code: "PreconditionFailed"}
	}
	body, err := io.ReadAll(in.Body)
	b.put(*in.Key, string(body))
	return &s3.PutObjectOutput{}, err
}

// listed is how many objects a page of a list has.
const listed = 2

// ListObjectsV2 lists current versions by their keys, URL-encoded as asked.
func (b *bucket) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	if err := b.enter("ListObjectsV2", *in.Prefix); err != nil {
		return nil, err
	}
	out := &s3.ListObjectsV2Output{EncodingType: in.EncodingType}
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if !strings.HasPrefix(key, *in.Prefix) || key <= aws.ToString(in.ContinuationToken) {
			continue
		}
		if len(out.Contents) == listed {
			out.IsTruncated = aws.Bool(true)
			break
		}
		out.NextContinuationToken = aws.String(key)
		out.Contents = append(out.Contents, types.Object{Key: aws.String(url.QueryEscape(key)), Size: aws.Int64(int64(len(b.text(key))))})
	}
	return out, nil
}

// source finds what a copy source names, decoding it as S3 does.
func (b *bucket) source(copySource string) (version, error) {
	path, id, ok := strings.Cut(copySource, "?versionId=")
	decoded, err := url.QueryUnescape(path)
	if err != nil || !ok {
		return version{}, &smithy.GenericAPIError{Code: "InvalidArgument"}
	}
	_, key, _ := strings.Cut(decoded, "/")
	return b.find(key, &id)
}

func (b *bucket) CopyObject(ctx context.Context, in *s3.CopyObjectInput, _ ...func(*s3.Options)) (*s3.CopyObjectOutput, error) {
	if b.copying != nil {
		b.copying(ctx)
	}
	if err := b.enter("CopyObject", *in.Key); err != nil {
		return nil, err
	}
	b.copied = append(b.copied, in)
	v, err := b.source(*in.CopySource)
	if err == nil {
		b.put(*in.Key, string(v.body))
	}
	return &s3.CopyObjectOutput{}, err
}

func (b *bucket) CreateMultipartUpload(_ context.Context, in *s3.CreateMultipartUploadInput, _ ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	b.parts[*in.Key] = nil
	return &s3.CreateMultipartUploadOutput{UploadId: aws.String("upload")}, b.enter("CreateMultipartUpload", *in.Key)
}

func (b *bucket) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput, _ ...func(*s3.Options)) (*s3.UploadPartCopyOutput, error) {
	if b.copying != nil {
		b.copying(ctx)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := b.enter(fmt.Sprintf("UploadPartCopy %d %s", *in.PartNumber, *in.CopySourceRange), *in.Key); err != nil {
		return nil, err
	}
	v, err := b.source(*in.CopySource)
	if err != nil {
		return nil, err
	}
	var from, to int
	if _, err := fmt.Sscanf(*in.CopySourceRange, "bytes=%d-%d", &from, &to); err != nil || to >= len(v.body) {
		return nil, &smithy.GenericAPIError{Code: "InvalidArgument"}
	}
	b.parts[*in.Key] = append(b.parts[*in.Key], v.body[from:to+1]...)
	return &s3.UploadPartCopyOutput{CopyPartResult: &types.CopyPartResult{ETag: etag(v.body[from : to+1])}}, nil
}

func (b *bucket) CompleteMultipartUpload(_ context.Context, in *s3.CompleteMultipartUploadInput, _ ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	if err := b.enter(fmt.Sprintf("CompleteMultipartUpload %d", len(in.MultipartUpload.Parts)), *in.Key); err != nil {
		return nil, err
	}
	b.put(*in.Key, string(b.parts[*in.Key]))
	return &s3.CompleteMultipartUploadOutput{}, nil
}

func (b *bucket) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, _ ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	delete(b.parts, *in.Key)
	return &s3.AbortMultipartUploadOutput{}, b.enter("AbortMultipartUpload", *in.Key)
}

// called counts the calls that begin with a prefix.
func (b *bucket) called(t *testing.T, prefix string) int {
	t.Helper()
	n := 0
	for _, call := range b.calls {
		if strings.HasPrefix(call, prefix) {
			n++
		}
	}
	return n
}
