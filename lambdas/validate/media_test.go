package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
)

// novaLite has a model tuned that takes images.
const novaLite = `{"baseModel":"amazon.nova-lite-v1:0:300k"}`

// pictures makes n records, each of which shows the image with its number.
func pictures(n int, about string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"What %s is this, number %d?"},{"image":{"format":"png","source":{"s3Location":{"uri":"s3://%s/media/support/%d.png"}}}}]},{"role":"assistant","content":[{"text":"It is number %d."}]}]}`+"\n", about, i, bucketName, i, i)
	}
	return b.String()
}

// album is a bucket with a data set of 100 images, all of which are there.
func album() *bucket {
	b := newBucket(map[string]string{
		dataKey:                           pictures(100, "cat"),
		finetune.TuningKey("support"):     novaLite,
		finetune.ValidationKey("support"): pictures(8, "dog"),
		"media/support/not named.png":     "another data set's",
		"media/support2/0.png":            "another model's",
		"media/support/deeper/folder/":    "",
	})
	for i := range 100 {
		b.put(fmt.Sprintf("media/support/%d.png", i), "an image")
	}
	return b
}

// Ensure a data set whose media files are all there is accepted, after one
// listing for training and validation data together.
func TestMediaIsThere(t *testing.T) {
	b := album()
	if _, err := newTestHandler(t, b).Handle(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	pages := (102 + listed - 1) / listed
	if got := b.called(t, "ListObjectsV2 media/support/"); got != pages || b.called(t, "ListObjectsV2") != pages {
		t.Errorf("made %d calls to list, %d below the model's prefix; want %d, a page of %d each", b.called(t, "ListObjectsV2"), got, pages, listed)
	}
}

// Ensure nothing is listed where no record names media.
func TestNoMediaNoListing(t *testing.T) {
	b := newBucket(map[string]string{dataKey: records(120, "router"), finetune.TuningKey("support"): novaLite})
	if _, err := newTestHandler(t, b).Handle(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	if n := b.called(t, "ListObjectsV2"); n != 0 {
		t.Errorf("%d calls to list, want none", n)
	}
}

// Ensure a data set is rejected by line for media that is missing, too large or
// out of place, in training and in validation data.
func TestBadMediaIsRejected(t *testing.T) {
	rename := func(from, to string) func(*bucket) {
		return func(b *bucket) { b.put(dataKey, strings.Replace(b.text(dataKey), from, to, 1)) }
	}
	tests := map[string]struct {
		change func(*bucket)
		want   []string
	}{
		"missing":               {func(b *bucket) { delete(b.objects, "media/support/41.png") }, []string{"line 42: TL1228"}},
		"missing in both":       {func(b *bucket) { delete(b.objects, "media/support/7.png") }, []string{"training data", "line 8: TL1228", "validation data"}},
		"too large":             {func(b *bucket) { b.put("media/support/41.png", strings.Repeat("x", 10<<20+1)) }, []string{"line 42: TL1229"}},
		"empty":                 {func(b *bucket) { b.put("media/support/41.png", "") }, []string{"line 42: TL1229"}},
		"beside the prefix":     {rename("media/support/41.png", "images/41.png"), []string{"line 42: TL1227"}},
		"another model's":       {rename("media/support/0.png", "media/support2/0.png"), []string{"line 1: TL1227"}},
		"another bucket's":      {rename(bucketName+"/media/support/41.png", "elsewhere/media/support/41.png"), []string{"line 42: TL1218"}},
		"none was uploaded yet": {func(b *bucket) { removeMedia(b) }, []string{"lines 1-100: TL1228", "lines 1-8: TL1228"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := album()
			test.change(b)
			in := input
			in.Dataset.VersionID = b.objects[dataKey][len(b.objects[dataKey])-1].id
			_, err := newTestHandler(t, b).Handle(t.Context(), in)
			for _, want := range test.want {
				checkError(t, err, finetune.DatasetRejected, want)
			}
			if b.called(t, "CopyObject") != 0 {
				t.Error("it was copied all the same")
			}
			report := b.text(finetune.DatasetReportKey(in.Dataset.RunID()))
			if name == "beside the prefix" && !strings.Contains(report, "s3://"+bucketName+"/media/support/") {
				t.Errorf("the report does not say where media belong:\n%s", report)
			}
		})
	}
}

func removeMedia(b *bucket) {
	for key := range b.objects {
		if strings.HasPrefix(key, finetune.PrefixMedia) {
			delete(b.objects, key)
		}
	}
}

// Ensure keys that XML cannot hold, or that look like something else when they
// are encoded, are matched as they are.
func TestMediaWithOddNames(t *testing.T) {
	b := newBucket(nil)
	for _, key := range []string{"media/m/a b+c%20é.png", "media/m/\x01.png"} {
		b.put(key, "12345")
	}
	media := newTestHandler(t, b).mediaOf(t.Context(), "m")
	for key, want := range map[string]int64{
		"media/m/a b+c%20é.png": 5, "media/m/\x01.png": 5, "media/m/a+b+c%20é.png": dataset.MediaMissing, "media/m/": dataset.MediaMissing,
	} {
		if got := media.size([]byte(key)); got != want {
			t.Errorf("%q: got size %d, want %d", key, got, want)
		}
	}
}

// Ensure more objects than can be looked through are told, once, and reject
// nothing.
func TestTooManyMediaFiles(t *testing.T) {
	b := album()
	delete(b.objects, "media/support/41.png")
	h := newTestHandler(t, b)
	h.maxMedia = 100
	if _, err := h.Handle(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	report := b.text(finetune.DatasetReportKey(runID))
	if n := strings.Count(report, `"severity": "warning"`); n != 1 || !strings.Contains(report, "more than 100 objects lie below media/support/") {
		t.Errorf("%d warnings, want the one on media that were not looked for:\n%s", n, report)
	}
}

// Ensure a listing that fails is an error of ours, and no rejection.
func TestMediaCannotBeListed(t *testing.T) {
	tests := map[string]struct {
		err  error
		kind finetune.Kind
	}{
		"throttled": {&smithy.GenericAPIError{Code: "SlowDown"}, finetune.Throttled},
		"denied":    {&smithy.GenericAPIError{Code: "AccessDenied"}, finetune.AccessDenied},
		"unclear":   {errors.New("no idea"), finetune.Internal},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := album()
			b.before = func(call, _ string) error {
				if call == "ListObjectsV2" {
					return test.err
				}
				return nil
			}
			_, err := newTestHandler(t, b).Handle(t.Context(), input)
			checkError(t, err, test.kind, "listing media/support/")
			if b.called(t, "CopyObject") != 0 || b.text(finetune.DatasetReportKey(runID)) != "" {
				t.Error("it was reported or copied all the same")
			}
		})
	}
}
