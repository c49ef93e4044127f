package dataset

import (
	"slices"
	"strings"
	"testing"
)

func TestCheckObjectKey(t *testing.T) {
	tests := []struct {
		name, key string
		want      []Code
	}{
		{"plain", "fine-tuning-datasets/support/data_1.jsonl", nil},
		{"no folder", "data.jsonl", nil},
		{"what only the API takes", "a/b!_*'().jsonl", []Code{CodeObjectKeyOnNova}},
		{"space", "a/my data.jsonl", []Code{CodeObjectKey}},
		{"partition of Hive", "dt=2026-11-23/data.jsonl", []Code{CodeObjectKey}},
		{"plus", "a+b.jsonl", []Code{CodeObjectKey}},
		{"at", "a@b.jsonl", []Code{CodeObjectKey}},
		{"percent", "a%20b.jsonl", []Code{CodeObjectKey}},
		{"accent", "données.jsonl", []Code{CodeObjectKey}},
		{"empty part", "a//data.jsonl", []Code{CodeObjectKey}},
		{"slash first", "/data.jsonl", []Code{CodeObjectKey}},
		{"empty", "", []Code{CodeObjectKey, CodeFileExtension}},
		{"folder", "a/", []Code{CodeObjectKey, CodeFileExtension}},
		{"other ending", "a/data.json", []Code{CodeFileExtension}},
		{"ending in capitals", "a/data.JSONL", []Code{CodeFileExtension}},
		{"compressed", "a/data.jsonl.gz", []Code{CodeFileExtension}},
		{"line break at the end", "a/data.jsonl\n", []Code{CodeObjectKey, CodeFileExtension}},
		{"as long as it may be", strings.Repeat("a", 1024-len("s3://bucket/.jsonl")) + ".jsonl", nil},
		{"too long", strings.Repeat("a", 1025-len("s3://bucket/.jsonl")) + ".jsonl", []Code{CodeObjectKey}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []Code
			for _, f := range CheckObjectKey("bucket", tt.key) {
				got = append(got, f.Code)
				if info, _ := f.Code.Info(); f.Severity != info.Severity || f.Message == "" || f.Line != 0 {
					t.Errorf("got %+v, want the code's severity, a message and no line", f)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCheckFileName(t *testing.T) {
	for name, want := range map[string]bool{
		"a.jsonl": false, "data/a b.jsonl": false, "a.jsonl.gz": false, "a.jsonl.zst": false, ".jsonl": false,
		"a.json": true, "a": true, "a.gz": true, "a.jsonl.txt": true, "jsonl": true, "a.JSONL": true,
	} {
		got := CheckFileName(name)
		if len(got) > 0 != want {
			t.Errorf("%s: got %v, want a finding: %v", name, got, want)
		}
		if want && (len(got) != 1 || got[0].Code != CodeFileName || got[0].Severity != SeverityNote || got[0].Message == "") {
			t.Errorf("%s: got %v, want a note of %s", name, got, CodeFileName)
		}
	}
}
