package datafile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	s3Scheme      = "s3://"
	versionMarker = "?versionId="
)

// object is what an S3 URI names.
type object struct {
	uri, bucket, key string
	// version is "" for the current one.
	version string
}

// parseObject takes s3://bucket/key and s3://bucket/key?versionId=id. Keys are
// written as they are, not URL-encoded.
func parseObject(uri string) (object, error) {
	rest, version := strings.TrimPrefix(uri, s3Scheme), ""
	if i := strings.LastIndex(rest, versionMarker); i >= 0 {
		rest, version = rest[:i], rest[i+len(versionMarker):]
		if version == "" {
			return object{}, fmt.Errorf("%s names no version: write it after %s, or leave that out", uri, versionMarker)
		}
	}
	bucket, key, _ := strings.Cut(rest, "/")
	switch {
	case bucket == "" || key == "":
		return object{}, fmt.Errorf("%s names no object: write s3://bucket/key", uri)
	case strings.HasSuffix(key, "/"):
		return object{}, fmt.Errorf("%s is a prefix: name one object; \"aws s3 ls %s\" lists them", uri, uri)
	}
	return object{uri: uri, bucket: bucket, key: key, version: version}, nil
}

// objects is the part of S3 that is used.
type objects interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
}

// connect makes a client out of the caller's AWS configuration. It finds missing
// credentials here, since a request would bury that in an error of its own.
func connect(ctx context.Context) (objects, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("loading the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("no AWS Region is set: set AWS_REGION to the bucket's")
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("there are no AWS credentials: sign in (\"aws sso login\", \"aws configure\") or set AWS_PROFILE: %w", err)
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		// An endpoint of one's own (AWS_ENDPOINT_URL_S3) rarely answers to bucket names as hosts.
		o.UsePathStyle = o.BaseEndpoint != nil
		// An object without a checksum is no news for a terminal.
		o.DisableLogOutputChecksumValidationSkipped = true
	}), nil
}

// openObject begins one GET. Its answer is one version of the object to the end,
// whatever is uploaded meanwhile, and the SDK verifies the object's checksum.
func openObject(ctx context.Context, uri string, connect func(context.Context) (objects, error)) (source, error) {
	o, err := parseObject(uri)
	if err != nil {
		return source{}, err
	}
	client, err := connect(ctx)
	if err != nil {
		return source{}, fmt.Errorf("opening %s: %w", uri, err)
	}
	out, err := client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &o.bucket, Key: &o.key, VersionId: o.versionID(), ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return source{}, o.explain(err)
	}
	read := o
	read.version = aws.ToString(out.VersionId)
	return source{
		name: uri, r: objectReader{o, out.Body}, size: aws.ToInt64(out.ContentLength), object: read,
		unchanged: func() error { return o.unchanged(ctx, client, aws.ToString(out.ETag)) },
		close:     out.Body.Close,
	}, nil
}

func (o object) versionID() *string {
	if o.version == "" {
		return nil
	}
	return &o.version
}

// unchanged asks whether the object is still the one that was read, by its ETag.
// A version never changes.
func (o object) unchanged(ctx context.Context, client objects, etag string) error {
	if o.version != "" {
		return nil
	}
	_, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.bucket, Key: &o.key, IfMatch: &etag})
	switch status := statusOf(err); {
	case err == nil:
		return nil
	case status == http.StatusPreconditionFailed, status == http.StatusNotFound:
		return fmt.Errorf("%s %w: another version was uploaded, or it was deleted; check again", o.uri, ErrChanged)
	}
	return o.explain(err)
}

// objectReader names the object in what goes wrong while its body is read.
type objectReader struct {
	object
	body io.Reader
}

// Read implements io.Reader.
func (r objectReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	switch {
	case err == nil || err == io.EOF: // itself: an error that wraps it is no end
		return n, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, fmt.Errorf("reading %s: the connection ended early: try again: %w", r.uri, err)
	}
	return n, fmt.Errorf("reading %s: %w", r.uri, err)
}

// statusOf returns the HTTP status of an answer that is an error, 0 without one.
func statusOf(err error) int {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) {
		return 0
	}
	return response.HTTPStatusCode()
}

// bucketRegion is the Region S3 sends a caller to who asked in another, "" when
// that is not what is wrong.
func bucketRegion(err error) string {
	var response *smithyhttp.ResponseError
	status := statusOf(err)
	if !errors.As(err, &response) || status != http.StatusMovedPermanently && status != http.StatusTemporaryRedirect && status != http.StatusBadRequest {
		return ""
	}
	return response.Response.Header.Get("X-Amz-Bucket-Region")
}

// advice is what to do about the error codes of S3.
var advice = map[string]string{
	"NoSuchBucket":          "there is no such bucket: check its name",
	"NoSuchKey":             "there is no such object: check the key, which is case-sensitive and not URL-encoded",
	"NoSuchVersion":         "there is no such version: list them with \"aws s3api list-object-versions\"",
	"MethodNotAllowed":      "the version is a delete marker: name an older one",
	"InvalidObjectState":    "the object is archived: restore it first",
	"AccessDenied":          "access is denied: s3:GetObject is needed (s3:GetObjectVersion for a version), and kms:Decrypt if the bucket is encrypted with a KMS key; without s3:ListBucket a missing object looks like this, too",
	"InvalidAccessKeyId":    "the AWS access key is not known: sign in again, or choose another AWS_PROFILE",
	"SignatureDoesNotMatch": "the AWS secret key does not fit its access key: correct the credentials",
	"ExpiredToken":          "the AWS session is over: sign in again",
	"InvalidToken":          "the AWS session token is not valid: sign in again",
}

// explain says what to do about an answer of S3 that is an error. A HEAD has no
// body, and so no code but its status.
func (o object) explain(err error) error {
	if region := bucketRegion(err); region != "" {
		return fmt.Errorf("opening %s: the bucket is in Region %s: set AWS_REGION=%s: %w", o.uri, region, region, err)
	}
	var api smithy.APIError
	errors.As(err, &api)
	switch status := statusOf(err); {
	case api != nil && advice[api.ErrorCode()] != "":
		return fmt.Errorf("opening %s: %s: %w", o.uri, advice[api.ErrorCode()], err)
	case status == http.StatusForbidden:
		return fmt.Errorf("opening %s: %s: %w", o.uri, advice["AccessDenied"], err)
	case status == http.StatusMovedPermanently:
		return fmt.Errorf("opening %s: the bucket is in another Region: set AWS_REGION to it: %w", o.uri, err)
	}
	return fmt.Errorf("opening %s: %w", o.uri, err)
}
