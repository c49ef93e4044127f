package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Sweep is what sweeps remember from one to the next, at runs/sweep.json.
type Sweep struct {
	// Told is what people were told, so that they are told once, and so that
	// nothing is released that they were not told of before.
	Told []finetune.Told `json:"told,omitempty"`
	// Untold is what sweeps have done and people are still to be told, since it
	// left nothing behind that another sweep could find.
	Untold []Untold `json:"untold,omitempty"`
	// SeenUntil is the last change of the run records that were read. A run whose
	// record was last changed before it has its end, but for those in Open.
	SeenUntil time.Time        `json:"seenUntil"`
	Open      []finetune.RunID `json:"open,omitempty"`
}

// Untold is what people are still to be told, with the words.
type Untold struct {
	finetune.Told
	Text string `json:"text"`
}

// Owe adds what people are still to be told, unless they were.
func (s *Sweep) Owe(u Untold) {
	_, known := s.Find(u.Told)
	if !known && !slices.ContainsFunc(s.Untold, func(other Untold) bool { return same(other.Told, u.Told) }) {
		s.Untold = append(s.Untold, u)
	}
}

// toldFor is how long it is remembered what people were told: longer than any
// commitment.
const toldFor = 400 * 24 * time.Hour

// Find returns what people were told of a thing since a time.
func (s *Sweep) Find(t finetune.Told) (finetune.Told, bool) {
	i := slices.IndexFunc(s.Told, func(other finetune.Told) bool { return same(other, t) })
	if i < 0 {
		return finetune.Told{}, false
	}
	return s.Told[i], true
}

func same(a, b finetune.Told) bool {
	return a.Kind == b.Kind && a.Thing == b.Thing && a.Since.Equal(b.Since)
}

// Remember adds what people were told, and drops what is too old to matter. Of
// the same thing told twice, the first time stays.
func (s *Sweep) Remember(told ...finetune.Told) {
	for _, t := range told {
		s.Untold = slices.DeleteFunc(s.Untold, func(u Untold) bool { return same(u.Told, t) })
		s.Told = slices.DeleteFunc(s.Told, func(other finetune.Told) bool { return other.At.Before(t.At.Add(-toldFor)) })
		if _, known := s.Find(t); !known {
			s.Told = append(s.Told, t)
		}
	}
}

// ReadSweep reads what sweeps remember; nothing before the first.
func (s Store) ReadSweep(ctx context.Context) (Sweep, error) {
	var sweep Sweep
	_, err := s.read(ctx, finetune.SweepKey, &sweep)
	if errors.Is(err, ErrNotFound) {
		return Sweep{}, nil
	}
	return sweep, err
}

// UpdateSweep changes what sweeps remember.
func (s Store) UpdateSweep(ctx context.Context, change func(*Sweep)) error {
	_, err := update(ctx, s, finetune.SweepKey, true, func(sweep *Sweep) error {
		change(sweep)
		return nil
	})
	return err
}

// Lister is what listing the records calls of S3.
type Lister interface {
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// ListedRun is a run by its record's key.
type ListedRun struct {
	ID finetune.RunID
	// Changed is the record's Last-Modified.
	Changed time.Time
}

// ListRuns lists the records of runs.
func (s Store) ListRuns(ctx context.Context, l Lister) ([]ListedRun, error) {
	var runs []ListedRun
	err := s.list(ctx, l, finetune.PrefixRuns, func(name string, changed time.Time) {
		if key := finetune.PrefixRuns + name + ".json"; key != finetune.SweepKey {
			runs = append(runs, ListedRun{ID: finetune.RunID(name), Changed: changed})
		}
	})
	return runs, err
}

// ModelNames lists the names of all models that have a record, in S3's order.
func (s Store) ModelNames(ctx context.Context, l Lister) ([]string, error) {
	var names []string
	err := s.list(ctx, l, finetune.PrefixRegistry, func(name string, _ time.Time) { names = append(names, name) })
	return names, err
}

// Models reads the records of all models.
func (s Store) Models(ctx context.Context, l Lister) ([]Model, error) {
	names, err := s.ModelNames(ctx, l)
	if err != nil {
		return nil, err
	}
	models := make([]Model, 0, len(names))
	for _, name := range names {
		m, err := s.Model(ctx, name)
		if err != nil {
			return nil, err
		}
		models = append(models, m)
	}
	return models, nil
}

// list calls visit with the name of every record directly under a prefix. The
// delimiter keeps what lies deeper out, such as the data sets of executions.
func (s Store) list(ctx context.Context, l Lister, prefix string, visit func(name string, changed time.Time)) error {
	pages := s3.NewListObjectsV2Paginator(l, &s3.ListObjectsV2Input{Bucket: &s.Bucket, Prefix: &prefix, Delimiter: aws.String("/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("listing %s: %w", prefix, err)
		}
		for _, object := range page.Contents {
			if name, ok := strings.CutSuffix(strings.TrimPrefix(aws.ToString(object.Key), prefix), ".json"); ok {
				visit(name, aws.ToTime(object.LastModified))
			}
		}
	}
	return nil
}
