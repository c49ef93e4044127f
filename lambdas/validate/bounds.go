package main

import (
	"context"
	"errors"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/s3object"
)

// streaming is how data sets are read. One stream by default: it is done with
// 1 GiB in 12 seconds, of a pipeline that takes hours. Above that, one stream
// is what is waited for: S3 gives 85 to 90 MB/s to a connection, and the
// function's one vCPU takes in, hashes and checks an estimated 140 to 220. Four
// parts of 8 MiB, of which one is being checked, ask for three times a
// connection's rate and hold 32 MiB, whatever the size.
var streaming = s3object.Options{ParallelFrom: 1 << 30, PartBytes: 8 << 20, Parts: 4}

// nearDuplicatesTo is the size in bytes up to which records are compared without
// regard to case and white space too. It takes a second look at every text.
const nearDuplicatesTo = 256 << 20

// lookTo is the size in bytes, of training and validation data together, up to
// which texts are looked through for secrets and personal data. In plain prose
// that is some 60 MB a second, done within 20 seconds; in texts that speak of keys
// and passwords all the time it is about 2 MB a second, and the largest are given
// up with the function's time.
const lookTo = 1 << 30

// maxBytes is how many bytes of training and validation data together are
// checked. It is more than Bedrock documents for any base model, 10 GB of
// training and 1 GB of validation data
// (https://docs.aws.amazon.com/bedrock/latest/userguide/quotas.html), and what
// can be done in the function's 900 seconds when everything is at its slowest:
// 390 seconds to read 12 GiB at 33 MB/s, the lowest rate reported for a function
// among many; on one vCPU, a file whose every record is in error is checked at
// an estimated 60 MB/s. The rest is for the copy, which S3 makes.
const maxBytes = 12 << 30

// spare is how long before the function's time-out checking and copying are
// given up, so that there is time to say so; abortIn is how much of it may be
// spent on taking back a copy that was begun.
const (
	spare   = 30 * time.Second
	abortIn = 10 * time.Second
)

// errTimeUp is the cause of a context that ended with a check's time.
var errTimeUp = errors.New("the time for the check is up")

// inTime bounds checking and copying by the function's time-out less what is
// spare. Without it, Lambda would end the function in the middle, without a word
// of what it did.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadlineCause(ctx, deadline.Add(-spare), errTimeUp)
}

// unread explains why a file could not be read or copied to its end.
func unread(ctx context.Context, key, versionID string, size int64, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), errTimeUp):
		return finetune.Errorf(finetune.Unavailable, "checking and copying %s (%d bytes) was given up %s before the function's time-out, since S3 was far slower than it should be, or the texts are such that secrets are looked for slowly: %w", key, size, spare, err)
	case errors.Is(err, s3object.ErrBroken), errors.Is(err, s3object.ErrChecksum):
		return finetune.Errorf(finetune.Unavailable, "checking version %s of %s: %w", versionID, key, err)
	}
	return reading(key, versionID, err)
}
