package dataset

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// kept is a block of media in the bucket of these tests, where it should lie.
func kept(kind, format, name string) string {
	return media(kind, format, `{"uri":"s3://my-data/media/m/`+name+`"}`)
}

// keeping are options for a model whose media lie in the bucket, of these sizes.
func keeping(o Options, sizes map[string]int64) Options {
	o.Rules.Bucket, o.Rules.MediaPrefix = "my-data", "media/m/"
	o.MediaSize = sizesOf(sizes)
	return o
}

// TestMediaFiles holds what is found about files that records name.
func TestMediaFiles(t *testing.T) {
	const mib = 1 << 20
	file := "media/m/a"
	tests := []struct {
		name, block string
		o           Options
		size        int64
		want        Code
	}{
		{"an image", kept("image", "png", "a"), lite, 10 * mib, ""},
		{"a large image", kept("image", "png", "a"), lite, 10*mib + 1, CodeMediaSize},
		{"a large image for Llama", kept("image", "png", "a"), vision, 10*mib + 1, CodeMediaSize},
		{"an empty image", kept("image", "png", "a"), lite, 0, CodeMediaSize},
		{"a video", kept("video", "mp4", "a"), lite2, 50 * mib, ""},
		{"a large video", kept("video", "mp4", "a"), lite2, 50*mib + 1, CodeMediaSize},
		{"a document", kept("document", "pdf", "a"), lite, 10 * mib, ""},
		{"a large document", kept("document", "pdf", "a"), lite, 10*mib + 1, CodeMediaSize},
		{"a large document for Nova 2", kept("document", "pdf", "a"), lite2, 10*mib + 1, CodeMediaSize},
		{"an empty document", kept("document", "pdf", "a"), lite, 0, CodeMediaSize},
		{"an escaped key", media("image", "png", `{"uri":"s3:\/\/my-data\/media\/m\/\u0061"}`), lite, mib, ""},
		{"a file that is not there", kept("image", "png", "b"), lite, mib, CodeMediaMissing},
		{"a video that is not there", kept("video", "mp4", "b"), lite, mib, CodeMediaMissing},
		{"a file of which nobody can tell", kept("image", "png", "a"), lite, MediaUnknown, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := check(t, shows(test.block), keeping(test.o, map[string]int64{file: test.size}))
			if test.want == "" {
				if len(r.Findings) > 0 {
					t.Errorf("got %+v, want nothing", r.Findings)
				}
				return
			}
			if len(r.Findings) != 1 || r.Findings[0].Code != test.want || !strings.HasSuffix(r.Findings[0].Pointer, "/source/s3Location/uri") {
				t.Errorf("got %+v, want %s at the URI", r.Findings, test.want)
			}
		})
	}
}

// TestMediaIsLookedForOnce: every mention of a file in its right place is asked
// about once, whoever judges it, and missing ones are found by their lines.
func TestMediaIsLookedForOnce(t *testing.T) {
	const records, every = 20_000, 1000
	var rows strings.Builder
	for n := range records {
		name := fmt.Sprintf("%d.png", n)
		fmt.Fprintln(&rows, strings.Replace(shows(`{"text":"q"}`, kept("image", "png", name)), `"a"`, fmt.Sprintf(`"answer %d"`, n), 1))
	}
	for _, workers := range []int{1, 4} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			var mu sync.Mutex
			asked := map[string]int{}
			o := keeping(lite, nil)
			o.Workers = workers
			o.MediaSize = func(key []byte) int64 {
				mu.Lock()
				defer mu.Unlock()
				asked[string(key)]++
				if strings.HasSuffix(string(key), "999.png") {
					return MediaMissing
				}
				return 1
			}
			r := check(t, rows.String(), o)
			if len(asked) != records || asked["media/m/0.png"] != 1 || asked["media/m/19999.png"] != 1 {
				t.Errorf("asked about %d files, want each of %d once", len(asked), records)
			}
			if len(r.Findings) != records/every {
				t.Fatalf("got %d findings, want %d", len(r.Findings), records/every)
			}
			for i, f := range r.Findings {
				if want := int64((i + 1) * every); f.Code != CodeMediaMissing || f.Line != want {
					t.Errorf("got %+v, want %s on line %d", f, CodeMediaMissing, want)
				}
			}
		})
	}
}

// TestMediaElsewhereIsNotLookedFor: what is in error already is not asked about.
func TestMediaElsewhereIsNotLookedFor(t *testing.T) {
	micro := with(lite, func(o *Options) { o.Rules.TextOnly = true })
	for name, test := range map[string]struct {
		block string
		o     Options
		want  Code
	}{
		"another bucket":          {media("image", "png", `{"uri":"s3://elsewhere/media/m/a.png"}`), lite, CodeMediaBucket},
		"another prefix":          {png, lite, CodeMediaPrefix},
		"a key Nova's guide bars": {kept("image", "png", "a b.png"), lite, CodeMediaLocation},
		"a text model":            {kept("image", "png", "a.png"), micro, CodeMediaBlock},
	} {
		t.Run(name, func(t *testing.T) {
			o := keeping(test.o, nil)
			o.MediaSize = func([]byte) int64 {
				t.Error("asked about the file")
				return 1
			}
			r := check(t, shows(test.block), o)
			if len(r.Findings) != 1 || r.Findings[0].Code != test.want {
				t.Errorf("got %+v, want %s alone", r.Findings, test.want)
			}
		})
	}
}

// Ensure no spelling of a URI leads out of the model's own media, in the stack's own
// bucket: whatever reads it, reads what was looked for.
func TestMediaLeadNowhereElse(t *testing.T) {
	for _, uri := range []string{
		"s3://other/media/m/a", "s3://my-data.s3.amazonaws.com/media/m/a", "s3://my-data@other/media/m/a", "s3://other@my-data/media/m/a", "s3://my-data:443/media/m/a",
		"s3://my-data./media/m/a", "s3://MY-DATA/media/m/a", "s3://my-d\u0430ta/media/m/a", "s3://my-data%2f/media/m/a", "s3://my-data#/media/m/a", "s3://my-data?x/media/m/a",
		"s3://my-data-s3alias/media/m/a", "s3://arn:aws:s3:us-east-1:111122223333:accesspoint/x/media/m/a", "s3://arn:aws-cn:s3:::my-data/media/m/a", "arn:aws:s3:::my-data/media/m/a",
		"S3://my-data/media/m/a", "s3:my-data/media/m/a", "s3:///my-data/media/m/a", "s3a://my-data/media/m/a", "https://my-data.s3.amazonaws.com/media/m/a", "file:///media/m/a", "//my-data/media/m/a",
		"s3://my-data//media/m/a", "s3://my-data/./media/m/a", "s3://my-data/media/m", "s3://my-data/media/m/", "s3://my-data/media/m2/a", "s3://my-data/media/n/a", "s3://my-data/MEDIA/m/a",
		"s3://my-data/media/m/../n/a", "s3://my-data/media/m/../../accepted/a", "s3://my-data/media/m/./a", "s3://my-data/media/m//a", "s3://my-data/media/m/..",
		"s3://my-data/media/m/%2e%2e/n/a", "s3://my-data/media/m/%2E./n/a", "s3://my-data/media/m/..%2fn/a", "s3://my-data/media/m/%252e%252e%252fn/a", "s3://my-data/media/m/..%5cn%5ca",
		"s3://my-data/media/m/..\\\\n\\\\a", "s3://my-data/media%2fm/a", "s3://my-data/accepted/0123456789abcdef/train.jsonl",
	} {
		asked := ""
		for _, o := range []Options{lite, vision} {
			o = keeping(o, nil)
			o.MediaSize = func(key []byte) int64 { asked = string(key); return 1 }
			r := check(t, shows(media("image", "png", `{"uri":"`+uri+`"}`)), o)
			if r.Errors == 0 || asked != "" {
				t.Errorf("%s: %d errors, looked for %q", uri, r.Errors, asked)
			}
		}
	}
}
