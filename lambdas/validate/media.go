package main

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/url"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
)

// maxMedia is how many objects below a model's media prefix are looked through:
// five times what 20,000 records, the most of any base model, can name with ten
// images each. It is a thousand calls and, at an estimated 0.1 seconds each, 100
// of the function's 900 seconds; the table of sizes takes some 40 MB then.
const maxMedia = 1_000_000

// mediaFiles are the objects below a model's media prefix. They are listed when
// a record first names one, and only then.
type mediaFiles struct {
	list   func(each func(key string, bytes int64) error) error
	prefix string
	most   int

	once sync.Once
	// sizes are in bytes, by the hash of the key, which bounds the memory whatever
	// the keys are. The seed is this process's own: nobody can make two keys meet.
	sizes map[uint64]int64
	seed  maphash.Seed
	// err is why there is no list, tooMany that it was given up.
	err     error
	tooMany bool
}

// mediaOf are the media files of a model, listed under this context.
func (h handler) mediaOf(ctx context.Context, model string) *mediaFiles {
	prefix := finetune.MediaPrefix(model)
	return &mediaFiles{
		list:   func(each func(string, int64) error) error { return h.listMedia(ctx, prefix, each) },
		prefix: prefix, most: h.maxMedia, sizes: map[uint64]int64{}, seed: maphash.MakeSeed(),
	}
}

// listMedia tells of each object below a prefix. Keys come URL-encoded, since XML
// cannot hold every character a key may have
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).
func (h handler) listMedia(ctx context.Context, prefix string, each func(key string, bytes int64) error) error {
	pages := s3.NewListObjectsV2Paginator(h.s3, &s3.ListObjectsV2Input{
		Bucket: &h.bucket, Prefix: &prefix, EncodingType: types.EncodingTypeUrl,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("listing %s: %w", prefix, err)
		}
		for _, object := range page.Contents {
			key := aws.ToString(object.Key)
			if page.EncodingType == types.EncodingTypeUrl {
				if key, err = url.QueryUnescape(key); err != nil {
					return fmt.Errorf("listing %s: decoding a key: %w", prefix, err)
				}
			}
			if err := each(key, aws.ToInt64(object.Size)); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookIn has the rules want media below the prefix, and every file looked for.
func (m *mediaFiles) lookIn(o *dataset.Options) {
	o.Rules.MediaPrefix = m.prefix
	o.MediaSize = m.size
}

// size is dataset.Options.MediaSize. Workers that come during the listing wait
// for it.
func (m *mediaFiles) size(key []byte) int64 {
	m.once.Do(m.load)
	if m.err != nil || m.tooMany {
		return dataset.MediaUnknown
	}
	if bytes, ok := m.sizes[maphash.Bytes(m.seed, key)]; ok {
		return bytes
	}
	return dataset.MediaMissing
}

// errTooMany ends a listing.
var errTooMany = errors.New("more objects than are looked through")

func (m *mediaFiles) load() {
	err := m.list(func(key string, bytes int64) error {
		if len(m.sizes) == m.most {
			return errTooMany
		}
		m.sizes[maphash.String(m.seed, key)] = bytes
		return nil
	})
	switch {
	case errors.Is(err, errTooMany):
		m.tooMany, m.sizes = true, nil
	case err != nil:
		m.err = err
	default:
		slog.Info("media listed", "prefix", m.prefix, "objects", len(m.sizes))
	}
}

// outcome is the error of a listing that failed, once the check is over. Files
// that were not looked for, because there were too many, are a warning.
func (m *mediaFiles) outcome(r *dataset.Report) error {
	if m.tooMany {
		r.Warnings++
		r.Counts[dataset.CodeMediaUnchecked]++
		r.Findings = append(r.Findings, dataset.Finding{
			Code: dataset.CodeMediaUnchecked, Severity: dataset.SeverityWarning,
			Message: fmt.Sprintf("more than %d objects lie below %s, and the files that records name were not looked for: make sure that they are there and not too large, or use a model name of their own", m.most, m.prefix),
		})
	}
	return m.err
}
