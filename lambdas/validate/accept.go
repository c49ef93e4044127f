package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/finetune"
)

// contentType of the accepted copies.
const contentType = "application/jsonl"

// copyLimits are S3's, in bytes.
type copyLimits struct {
	// single is the largest object CopyObject takes; larger ones go in parts.
	single int64
	// part is the size of one part.
	part int64
}

// s3CopyLimits: CopyObject takes 5 GB, an upload 10,000 parts of up to 5 GB
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
var s3CopyLimits = copyLimits{single: 5 << 30, part: 1 << 30}

// accept copies what was checked to where only Bedrock's service role reads
// it. Bedrock takes no version in an S3 URI: without the copy, whatever was
// uploaded in the meantime would be trained on.
func (h handler) accept(ctx context.Context, r datasetReport, uri string) (finetune.Report, error) {
	training, err := h.copy(ctx, r.Training, finetune.AcceptedTrainingKey(r.Run.ID))
	if err != nil {
		return finetune.Report{}, err
	}
	report := finetune.Report{
		Outcome: finetune.OutcomeAccepted, Run: r.Run, Settings: r.Settings, Training: training, ReportURI: uri,
	}
	if r.Validation != nil {
		validation, err := h.copy(ctx, r.Validation, finetune.AcceptedValidationKey(r.Run.ID, r.Validation.VersionID))
		if err != nil {
			return finetune.Report{}, err
		}
		report.Validation = &validation
	}
	return report, nil
}

// copy copies the version that was checked: its id in the copy's source binds
// the copy to the bytes whose digest is in the report.
func (h handler) copy(ctx context.Context, file *checked, to string) (finetune.Accepted, error) {
	source := copySource(h.bucket, file.Key, file.VersionID)
	var err error
	if file.Bytes > h.limits.single {
		err = h.copyParts(ctx, source, to, file.Bytes)
	} else {
		_, err = h.s3.CopyObject(ctx, &s3.CopyObjectInput{
			Bucket: &h.bucket, Key: &to, CopySource: &source, ContentType: aws.String(contentType),
			MetadataDirective: types.MetadataDirectiveReplace, TaggingDirective: types.TaggingDirectiveReplace,
		})
	}
	if err != nil {
		return finetune.Accepted{}, unread(ctx, file.Key, file.VersionID, file.Bytes, err)
	}
	return finetune.Accepted{
		URI: finetune.S3URI(h.bucket, to), VersionID: file.VersionID,
		SHA256: file.SHA256, Bytes: file.Bytes, Records: file.Records, Tokens: file.EstimatedTokens,
	}, nil
}

// copySource is x-amz-copy-source, URL-encoded but for the slashes. Spaces are
// %20 and pluses %2B, since S3 reads a bare plus as a space.
func copySource(bucket, key, versionID string) string {
	escaped := strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(key))
	return bucket + "/" + escaped + "?versionId=" + url.QueryEscape(versionID)
}

// copyParts copies an object of size bytes in parts, and leaves none behind
// when one fails.
func (h handler) copyParts(ctx context.Context, source, to string, size int64) error {
	upload, err := h.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &h.bucket, Key: &to, ContentType: aws.String(contentType)})
	if err != nil {
		return fmt.Errorf("beginning the copy %s: %w", to, err)
	}
	if err := h.copyRanges(ctx, upload.UploadId, source, to, size); err != nil {
		aborting, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortIn) // what failed may be ctx itself
		defer cancel()
		_, abortErr := h.s3.AbortMultipartUpload(aborting, &s3.AbortMultipartUploadInput{Bucket: &h.bucket, Key: &to, UploadId: upload.UploadId})
		return errors.Join(err, abortErr)
	}
	return nil
}

// copyRanges copies range after range and puts them together.
func (h handler) copyRanges(ctx context.Context, upload *string, source, to string, size int64) error {
	var parts []types.CompletedPart
	for start := int64(0); start < size; start += h.limits.part {
		number := aws.Int32(int32(len(parts)) + 1) //nolint:gosec // at most 10,000 parts
		span := fmt.Sprintf("bytes=%d-%d", start, min(start+h.limits.part, size)-1)
		out, err := h.s3.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
			Bucket: &h.bucket, Key: &to, UploadId: upload, PartNumber: number, CopySource: &source, CopySourceRange: &span,
		})
		if err != nil {
			return fmt.Errorf("copying part %d of %s: %w", *number, to, err)
		}
		if out.CopyPartResult == nil {
			return finetune.Errorf(finetune.Unavailable, "copying part %d of %s: S3 answered without a result", *number, to)
		}
		parts = append(parts, types.CompletedPart{PartNumber: number, ETag: out.CopyPartResult.ETag})
	}
	_, err := h.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &h.bucket, Key: &to, UploadId: upload, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err != nil {
		return fmt.Errorf("completing the copy %s: %w", to, err)
	}
	return nil
}

// missing are S3's words for an object or version that is not there. A HEAD is
// answered without a body, so that its word is the status; 405 means that the
// version is a delete marker.
var missing = []string{"NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed"}

// gone says whether S3 has no such object or version.
func gone(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(missing, api.ErrorCode())
}

// reading explains a failure to read or copy one version.
func reading(key, versionID string, err error) error {
	if gone(err) {
		return finetune.Errorf(finetune.DatasetRejected, "version %s of %s does not exist any more: it was deleted before it was checked and copied; upload it again: %w", versionID, key, err)
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "PreconditionFailed" { // bytes of a version never change: somebody's gateway is not S3
		return finetune.Errorf(finetune.Unavailable, "reading version %s of %s: it changed while it was read: %w", versionID, key, err)
	}
	return fmt.Errorf("reading version %s of %s: %w", versionID, key, err)
}
