package registry

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tuneline/tuneline/internal/finetune"
)

// TestSweepRemembers: what was told is remembered once, by kind, thing and what
// made it new, with the first time; and forgotten once it cannot matter.
func TestSweepRemembers(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	told := func(kind, thing string, since, at int) finetune.Told {
		return finetune.Told{Kind: kind, Thing: thing, Since: noon.Add(time.Duration(since) * time.Hour), At: noon.Add(time.Duration(at) * time.Hour)}
	}
	var s Sweep
	s.Remember(told("idle", "a", 0, 1), told("idle", "a", 0, 5), told("idle", "a", 1, 5), told("orphan", "a", 0, 5), told("idle", "b", 0, 5))
	if len(s.Told) != 4 {
		t.Errorf("remembered %v, want 4", s.Told)
	}
	if got, known := s.Find(told("idle", "a", 0, 99)); !known || !got.At.Equal(noon.Add(time.Hour)) {
		t.Errorf("found %v, %v; want what was told first", got, known)
	}
	if _, known := s.Find(told("idle", "a", 2, 1)); known {
		t.Error("what came since then counts as told")
	}
	s.Remember(told("idle", "c", 0, 24*401))
	if len(s.Told) != 1 {
		t.Errorf("after 401 days %v is remembered, want the last one", s.Told)
	}
}

// TestSweepOwes: what was done is owed once, until it was told.
func TestSweepOwes(t *testing.T) {
	told := finetune.Told{Kind: "orphan-released", Thing: "a", At: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	another := finetune.Told{Kind: "orphan-released", Thing: "b", At: told.At}
	var s Sweep
	for range 2 {
		s.Owe(Untold{Told: told, Text: "a was deleted"})
	}
	s.Owe(Untold{Told: another, Text: "b was deleted"})
	if len(s.Untold) != 2 || s.Untold[0].Text != "a was deleted" {
		t.Errorf("owes %+v, want a and b", s.Untold)
	}
	s.Remember(told)
	s.Owe(Untold{Told: told, Text: "a was deleted"})
	if len(s.Untold) != 1 || s.Untold[0].Thing != "b" {
		t.Errorf("owes %+v, want b", s.Untold)
	}
}

// TestRelease: what serves is taken out of service only as long as it is the same,
// and goes on the list of what is to be deleted; the history stays.
func TestRelease(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	serving := Capacity{ThroughputARN: "arn:a", Run: finetune.Run{ID: "r"}, PublishedAt: noon}
	released := Released{At: noon.Add(time.Hour), Run: "r", ThroughputARN: "arn:a"}
	for name, other := range map[string]Capacity{
		"another throughput":  {ThroughputARN: "arn:b", Run: serving.Run, PublishedAt: noon},
		"another run":         {ThroughputARN: "arn:a", Run: finetune.Run{ID: "s"}, PublishedAt: noon},
		"another publication": {ThroughputARN: "arn:a", Run: serving.Run, PublishedAt: noon.Add(time.Minute)},
	} {
		m := Model{Serving: &serving}
		if m.Release(other, released) || m.Serving == nil || m.Released != nil {
			t.Errorf("%s was released: %+v", name, m)
		}
	}
	m := Model{Serving: &serving, History: []Capacity{serving}}
	if !m.Release(serving, released) || m.Serving != nil || *m.Released != released || len(m.Retired) != 1 || len(m.History) != 1 {
		t.Errorf("released: %+v", m)
	}
	if m.Release(serving, released) {
		t.Error("released twice")
	}
}

// pages lists keys two at a time.
type pages []string

func (p pages) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	if *in.Bucket != "bucket" || *in.Prefix != "registry/" || *in.Delimiter != "/" {
		return nil, fmt.Errorf("asked for %s %s", *in.Bucket, *in.Prefix)
	}
	start := 0
	if in.ContinuationToken != nil {
		start = slices.Index(p, *in.ContinuationToken)
	}
	end := min(start+2, len(p))
	out := &s3.ListObjectsV2Output{IsTruncated: aws.Bool(end < len(p))}
	for _, key := range p[start:end] {
		out.Contents = append(out.Contents, types.Object{Key: aws.String(key)})
	}
	if end < len(p) {
		out.NextContinuationToken = aws.String(p[end])
	}
	return out, nil
}

// TestModelNames: every page is read, and what is no record is no model.
func TestModelNames(t *testing.T) {
	names, err := Store{Bucket: "bucket"}.ModelNames(t.Context(), pages{"registry/", "registry/a.json", "registry/b.txt", "registry/c.json", "registry/d.json"})
	if want := []string{"a", "c", "d"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("listed %v, %v; want %v", names, err, want)
	}
	if _, err := (Store{Bucket: "other"}).ModelNames(t.Context(), pages{}); err == nil {
		t.Error("a list that failed looks empty")
	}
}
