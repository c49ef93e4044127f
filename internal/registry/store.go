// Package registry is the pipeline's memory: one JSON object a run and one a
// model, in the same encrypted, versioned bucket as everything else, so that
// the inference path needs no further service inside the VPC.
//
// Every write is conditional. A claim is a PutObject with If-None-Match "*",
// an update one with If-Match on the ETag that was read
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html):
// S3 answers 412 when another writer was first, 409 when two were at work at
// once, and 404 to an If-Match when the object has gone. Each time the record is
// read anew and the change is made again.
package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/strict"
)

// API is what the registry calls of S3.
type API interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Store reads and writes the records of one bucket.
type Store struct {
	S3     API
	Bucket string
}

// ErrNotFound is returned for a record that does not exist.
var ErrNotFound = errors.New("no such record")

// errLost is returned by a conditional write that another writer won.
var errLost = errors.New("another writer was first")

// maxAttempts bounds how often a change is made again. Writers of one record
// are a handful; losing 20 times in a row means something else is wrong.
const maxAttempts = 20

// maxRecord is the longest record that is read, in bytes: some ten thousand
// publications of one model.
const maxRecord = 16 << 20

// read decodes the record at key into v and returns its ETag. Members that are not
// known are passed over: a function may be older than the one that wrote them.
func (s Store) read(ctx context.Context, key string, v any) (etag string, err error) {
	return s.readAs(ctx, key, v, strict.DecodeKnown)
}

// readToWrite is read for whoever writes the record back, who would leave out what
// it does not know.
//
// The error is one that passes: while a stack is being deployed, functions of two
// versions are at work for some minutes.
func (s Store) readToWrite(ctx context.Context, key string, v any) (etag string, err error) {
	etag, err = s.readAs(ctx, key, v, strict.Decode)
	if errors.Is(err, strict.ErrUnknown) {
		err = finetune.Errorf(finetune.Unavailable, "%w; it was written by a newer version: deploy that for all functions", err)
	}
	return etag, err
}

func (s Store) readAs(ctx context.Context, key string, v any, decode func([]byte, int, any) error) (etag string, err error) {
	if err := finetune.CheckKey(key); err != nil {
		return "", err
	}
	out, err := s.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.Bucket, Key: &key})
	if missing := new(types.NoSuchKey); errors.As(err, &missing) {
		return "", fmt.Errorf("%s: %w", key, ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", key, err)
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	text, err := strict.Read(out.Body, maxRecord)
	if errors.Is(err, strict.ErrTooLong) {
		return "", fmt.Errorf("reading %s: %w", key, err)
	}
	if err != nil { // S3 had answered: the connection broke
		return "", finetune.Errorf(finetune.Unavailable, "reading %s: %w", key, err)
	}
	if err := decode(text, maxRecord, v); err != nil {
		return "", fmt.Errorf("decoding %s: %w", key, err)
	}
	return aws.ToString(out.ETag), nil
}

// write puts v at key: as a new object when etag is empty, else in place of
// the object with that ETag. errLost says that the condition did not hold.
func (s Store) write(ctx context.Context, key, etag string, v any) error {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", key, err)
	}
	if err := finetune.CheckKey(key); err != nil {
		return err
	}
	in := &s3.PutObjectInput{Bucket: &s.Bucket, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/json")}
	if etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &etag
	}
	_, err = s.S3.PutObject(ctx, in)
	if lost(err) {
		return fmt.Errorf("writing %s: %w", key, errLost)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", key, err)
	}
	return nil
}

// lost says whether a conditional write failed because of its condition. S3
// answers 404 to an If-Match when the object has gone.
func lost(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey":
		return true
	}
	return false
}

// update reads the record at key, lets change make of it what it will, and
// writes it back under the condition that nobody wrote in between; else it
// starts over. A record that does not exist is passed as its zero value when
// create is set. An error of change ends it, nothing written.
func update[T any](ctx context.Context, s Store, key string, create bool, change func(*T) error) (T, error) {
	for range maxAttempts {
		var record T
		etag, err := s.readToWrite(ctx, key, &record)
		if err != nil && (!create || !errors.Is(err, ErrNotFound)) {
			return record, err
		}
		if err := change(&record); err != nil {
			return record, err
		}
		if err := s.write(ctx, key, etag, &record); !errors.Is(err, errLost) {
			return record, err
		}
	}
	var none T
	return none, finetune.Errorf(finetune.Unavailable, "writing %s: lost to other writers %d times in a row", key, maxAttempts)
}
