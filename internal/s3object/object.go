// Package s3object reads one version of an S3 object from its beginning to its
// end: as one stream, or, where one connection is too slow for the reader, in
// parts that are fetched several at once and handed out in order. A connection
// that breaks is resumed from the byte reached, and the checksum S3 keeps of
// the object is compared with the bytes as they were read, in however many
// requests they came. Memory is bounded by what [Options] say, never by the
// object's size.
//
// The SDK's feature/s3/transfermanager was looked at first. Its reader of parts
// fails for good when one body breaks off, waits in a busy loop for its caller,
// which costs the processor that the check needs, and compares no checksum of
// the whole object.
package s3object

import (
	"context"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// API is what is called of S3: HeadObject, which s3:GetObject allows too, and
// GetObject.
type API interface {
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// Options say how an object is read. The zero value of a field is its default.
type Options struct {
	// ParallelFrom is the size in bytes from which an object is read in parts,
	// several at once; 0 means never. Parts pay where the network of one
	// connection is the limit: S3 gives 85 to 90 MB/s to each
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-design-patterns.html).
	ParallelFrom int64
	// PartBytes is the size of a part, 8 MiB by default, and Parts how many are
	// in memory, being fetched or being read, 4 by default.
	PartBytes int64
	Parts     int
	// Breaks is how often a stream, or each part, is resumed after its
	// connection broke, 5 by default.
	Breaks int
	// Stall is how long a connection may bring nothing before it counts as
	// broken, 30 seconds by default.
	Stall time.Duration
}

func (o Options) complete() Options {
	if o.PartBytes <= 0 {
		o.PartBytes = 8 << 20
	}
	if o.Parts <= 0 {
		o.Parts = 4
	}
	if o.Breaks <= 0 {
		o.Breaks = 5
	}
	if o.Stall <= 0 {
		o.Stall = 30 * time.Second
	}
	return o
}

// Object is one version of an object, as HeadObject shows it.
type Object struct {
	Bucket, Key string
	// VersionID is "" in a bucket that never was versioned, and "null" for
	// bytes that can be overwritten in place.
	VersionID    string
	ETag         string
	Size         int64
	LastModified time.Time

	checksum checksum
}

// Head looks at a version of an object, at the current one if versionID is "".
// The object it returns is pinned: reading it reads these bytes or fails.
func Head(ctx context.Context, api API, bucket, key, versionID string) (Object, error) {
	in := &s3.HeadObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled}
	if versionID != "" {
		in.VersionId = &versionID
	}
	out, err := api.HeadObject(ctx, in)
	if err != nil {
		return Object{}, err
	}
	if versionID == "" {
		versionID = aws.ToString(out.VersionId)
	}
	return Object{
		Bucket: bucket, Key: key, VersionID: versionID, ETag: aws.ToString(out.ETag),
		Size: aws.ToInt64(out.ContentLength), LastModified: aws.ToTime(out.LastModified).UTC(),
		checksum: checksumOf(out),
	}, nil
}

// Checksum names the checksum that reading the object verifies, "" when S3
// keeps none that can be: none at all, or, after some uploads in parts, one of
// the parts' checksums only.
func (o Object) Checksum() string { return o.checksum.algorithm }

// Open returns the object's bytes. Nothing is asked of S3 before the first
// Read; ctx lives as long as the reader. Errors of Read are S3's own, or
// [ErrBroken] or [ErrChecksum]; the last comes in place of io.EOF.
func (o Object) Open(ctx context.Context, api API, options Options) io.ReadCloser {
	options = options.complete()
	r := io.ReadCloser(newSpan(ctx, api, o, options, 0, o.Size))
	if options.ParallelFrom > 0 && o.Size >= options.ParallelFrom {
		r = newParts(ctx, api, o, options)
	}
	return o.checksum.verify(r)
}
