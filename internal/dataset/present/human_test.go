package present

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

// humanOf prints files as a command would: findings as they come, then the summary.
func humanOf(files []File, color bool) []byte {
	var out bytes.Buffer
	h := NewHuman(&out, color)
	for _, f := range files {
		for _, finding := range f.Report.Findings {
			h.Finding(f.Name, finding)
		}
		h.Summary(f)
	}
	return out.Bytes()
}

func TestHuman(t *testing.T) {
	golden(t, "report.txt", humanOf(examples(), false))
}

func TestHumanInColor(t *testing.T) {
	golden(t, "report.color.txt", humanOf(examples(), true))
}

// TestHumanLosesNothing: every line with a finding is printed or named, and
// every message is printed.
func TestHumanLosesNothing(t *testing.T) {
	got := string(humanOf([]File{{Name: "f", Report: example()}}, false))
	for _, f := range example().Findings {
		if !strings.Contains(got, f.Message) {
			t.Errorf("the message %q is not printed", f.Message)
		}
	}
	for _, want := range []string{
		"add the key content (/messages/*): 5 more, on lines 4-5, 9 and 120-121\n",
		"remove the blank line: 5 more, on lines 203-207\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not printed:\n%s", want, got)
		}
	}
}

// TestHumanFolds: files are folded by themselves, and a summary ends it.
func TestHumanFolds(t *testing.T) {
	var out bytes.Buffer
	h := NewHuman(&out, false)
	print := func(file string, findings int64) int {
		before := strings.Count(out.String(), "\n")
		for line := int64(1); line <= findings; line++ {
			h.Finding(file, dataset.Finding{Code: dataset.CodeBlankLine, Severity: dataset.SeverityError, Line: line, Column: 1, Message: "remove the blank line"})
		}
		return strings.Count(out.String(), "\n") - before
	}
	if got := print("a", 10); got != printedOfAKind {
		t.Errorf("%d of 10 findings of a kind were printed, want %d", got, printedOfAKind)
	}
	if got := print("b", 2); got != 2 {
		t.Errorf("%d of another file's 2 findings were printed", got)
	}
	h.Summary(File{Name: "a"})
	if !strings.Contains(out.String(), "7 more, on lines 4-10\n") {
		t.Errorf("the summary does not name the other lines:\n%s", &out)
	}
	if got := print("a", 2); got != 2 {
		t.Errorf("%d of 2 findings were printed after the summary", got)
	}
	for range 5 {
		h.Finding("c", dataset.Finding{Code: dataset.CodeFewRecords, Message: "8 training records"})
	}
	if got := strings.Count(out.String(), "c:  TL1405"); got != 5 {
		t.Errorf("%d of 5 findings on the whole data set were printed", got)
	}
}

// TestList: nothing is folded where no summary follows.
func TestList(t *testing.T) {
	var out bytes.Buffer
	h := NewList(&out, false)
	for line := int64(1); line <= 10; line++ {
		h.Finding("a", dataset.Finding{Code: dataset.CodeBlankLine, Severity: dataset.SeverityError, Line: line, Column: 1, Message: "remove the blank line"})
	}
	if got := strings.Count(out.String(), "\n"); got != 10 {
		t.Errorf("%d of 10 findings were printed:\n%s", got, &out)
	}
}

func TestLines(t *testing.T) {
	tests := []struct {
		add  []int64
		want string
	}{
		{[]int64{7}, "line 7"},
		{[]int64{7, 7}, "line 7"},
		{[]int64{7, 8}, "lines 7-8"},
		{[]int64{1, 3}, "lines 1 and 3"},
		{[]int64{1, 2, 3, 5, 8131}, "lines 1-3, 5 and 8131"},
		{[]int64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26}, "lines 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24 and 1 more line up to 26"},
		{[]int64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 27, 99}, "lines 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24 and 3 more lines up to 99"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.add), func(t *testing.T) {
			var l lines
			for _, line := range test.add {
				l.add(line)
			}
			if got := l.String(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if got, want := l.found, int64(len(test.add)); got != want {
				t.Errorf("found %d, want %d", got, want)
			}
		})
	}
}

func TestShape(t *testing.T) {
	for pointer, want := range map[string]string{
		"":                            "",
		"/messages/0/content/12/text": "/messages/*/content/*/text",
		"/messages/1x":                "/messages/1x",
	} {
		if got := shape(pointer); got != want {
			t.Errorf("shape(%q) = %q, want %q", pointer, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		count(0, "error", "errors"): "0 errors",
		count(1, "error", "errors"): "1 error",
		size(1):                     "1 byte",
		size(9_999):                 "9999 bytes",
		size(10_000):                "10 kB",
		size(10_000_000):            "10 MB",
		OneLine("a\nb\x1b[2J ü"):    "a b [2J ü",
		printable("a b.jsonl"):      "a b.jsonl",
		printable("ü.jsonl"):        "ü.jsonl",
		printable("a\x1b[2J"):       `"a\x1b[2J"`,
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
