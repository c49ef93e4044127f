package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// shelf is a store with models in each state.
func shelf() *fakeStore {
	capacity := func(run finetune.RunID) *registry.Capacity {
		return &registry.Capacity{
			Kind: finetune.KindDeployment, ThroughputARN: "arn:secret", ModelARN: "arn:secret", BaseModel: "amazon.nova-micro-v1:0:128k",
			Run:         finetune.Run{ID: run, Order: finetune.UploadOrder{Key: "fine-tuning-datasets/m/train.jsonl"}},
			Dataset:     finetune.Accepted{VersionID: "v1", SHA256: "beef", URI: "s3://bucket/accepted"},
			PublishedAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		}
	}
	return &fakeStore{models: map[string]registry.Model{
		"support": {Serving: capacity("00000000000000aa")}, "legal": {Serving: capacity("00000000000000bb")},
		"fresh": {}, "gone": {Released: &registry.Released{}},
	}}
}

const shownSupport = `{"model":"support","baseModel":"amazon.nova-micro-v1:0:128k","run":"00000000000000aa","servedSince":"2026-11-23T12:00:00Z","kind":"deployment",` +
	`"dataset":{"key":"fine-tuning-datasets/m/train.jsonl","versionId":"v1","sha256":"beef"}}`

// TestShowsModel: what is served is shown with where it came from, and without
// what only operators need.
func TestShowsModel(t *testing.T) {
	h, log := served(nil, shelf())
	got := handle(t.Context(), t, h, get("/models/{model}", "support"))
	if got.status != 200 || got.body != shownSupport || got.header["Content-Type"] != "application/json" || got.header["X-Amzn-RequestId"] != "gateway-request" {
		t.Errorf("got %+v", got)
	}
	if said := line(t, log); said["model"] != "support" || said["run"] != "00000000000000aa" || said["status"] != 200.0 || said["_aws"] != nil {
		t.Errorf("the log says %v", said)
	}
	if got := handle(t.Context(), t, h, get("/model/{model}/v1/models", "support")); got.status != 200 || !strings.Contains(got.body, "support") || strings.Contains(got.body, "legal") {
		t.Errorf("OpenAI's client got %+v", got)
	}
}

// TestShowsNoModel: what is not served is not shown either, in either form.
func TestShowsNoModel(t *testing.T) {
	h, _ := served(nil, shelf())
	for name, want := range map[string]int{"fresh": 404, "gone": 404, "nobody": 404, "..": 400, "%2e%2e": 400} {
		got := handle(t.Context(), t, h, get("/models/{model}", name))
		if got.status != want || got.header["x-amzn-ErrorType"] == "" {
			t.Errorf("%s got %+v, want %d", name, got, want)
		}
		got = handle(t.Context(), t, h, get("/model/{model}/v1/models", name))
		if got.status != want || !strings.HasPrefix(got.body, `{"error":{`) {
			t.Errorf("%s got %+v, want %d in OpenAI's form", name, got, want)
		}
	}
}

// TestShowsModels: the list has what is served and what the caller may ask, by
// name.
func TestShowsModels(t *testing.T) {
	for name, test := range map[string]struct {
		authorizer map[string]any
		want       []string
	}{
		"iam":            {nil, []string{"legal", "support"}},
		"all":            {map[string]any{"models": "*", "principalId": "me"}, []string{"legal", "support"}},
		"one":            {map[string]any{"models": "support"}, []string{"support"}},
		"several":        {map[string]any{"models": "support  fresh gone nobody legal support"}, []string{"legal", "support"}},
		"tricks":         {map[string]any{"models": "../runs/x support/.. %2e * support"}, []string{"support"}},
		"none":           {map[string]any{"models": ""}, nil},
		"no word":        {map[string]any{"principalId": "me"}, nil},
		"another thing":  {map[string]any{"models": []string{"*"}}, nil},
		"part of a name": {map[string]any{"models": "sup"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := served(nil, shelf())
			in := get("/models", "")
			in.RequestContext.Authorizer = test.authorizer
			got := handle(t.Context(), t, h, in)
			var told struct{ Models []struct{ Model string } }
			if err := json.Unmarshal([]byte(got.body), &told); err != nil || got.status != 200 || told.Models == nil {
				t.Fatalf("got %+v, %v", got, err)
			}
			var names []string
			for _, m := range told.Models {
				names = append(names, m.Model)
			}
			if !slices.IsSorted(names) {
				t.Errorf("%v is not sorted", names)
			}
			if !slices.Equal(names, test.want) {
				t.Errorf("listed %v, want %v", names, test.want)
			}
		})
	}
}

// busyStore has many models, and knows how many are read at once.
type busyStore struct {
	now, most atomic.Int64
	reads     atomic.Int64
}

func (b *busyStore) Model(_ context.Context, name string) (registry.Model, error) {
	b.reads.Add(1)
	now := b.now.Add(1)
	defer b.now.Add(-1)
	for most := b.most.Load(); now > most && !b.most.CompareAndSwap(most, now); most = b.most.Load() {
	}
	time.Sleep(time.Millisecond)
	return serving("arn:" + name), nil
}

func (*busyStore) ModelNames(context.Context) ([]string, error) {
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprintf("m%03d", i)
	}
	return names, nil
}

// TestReadsAtOnce: records are read a few at once, and remembered as for any
// other request.
func TestReadsAtOnce(t *testing.T) {
	s := &busyStore{}
	h, _ := served(nil, s)
	for range 2 {
		if got := handle(t.Context(), t, h, get("/models", "")); got.status != 200 || strings.Count(got.body, `"model"`) != 100 {
			t.Errorf("got %+v", got)
		}
	}
	if most, reads := s.most.Load(), s.reads.Load(); most < 2 || most > readers || reads != 100 {
		t.Errorf("%d reads, %d at once; want 100, at most %d", reads, most, readers)
	}
}
