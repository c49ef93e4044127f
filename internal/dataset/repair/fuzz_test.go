package repair

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

// FuzzStream: no input makes Stream panic; every byte of it is in a record or
// is a separator; every record is written, rejected verbatim or a named
// duplicate; every written row passes the check alone; and a second run finds
// nothing to do.
func FuzzStream(f *testing.F) {
	for _, tests := range [][]fixTest{fileTests, arrayTests, textTests, conversationTests} {
		for _, tt := range tests {
			f.Add([]byte(tt.in), tt.o.Dataset.Format == dataset.FormatConversation, byte(0xFF))
			f.Add([]byte(tt.in), tt.o.Dataset.Format == dataset.FormatConversation, byte(0))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, conversation bool, choices byte) {
		o := fuzzOptions(conversation, choices)
		res, out, rejects := fix(t, string(data), o, false)
		accounted(t, res)
		if out != string(data) && len(res.Actions) == 0 {
			t.Errorf("%q became %q without a word", data, out)
		}
		checkSpans(t, data, o)
		if res.Counts[UTF16Decoded] == 0 {
			checkRejects(t, data, rejects, res)
		}
		again, same, none := fix(t, out, o, false)
		if same != out || none != "" || len(again.Actions) > 0 {
			t.Fatalf("a second run made\n%q of\n%q, rejects %q, actions %v", same, out, none, again.Actions)
		}
		checkRows(t, out, o)
	})
}

func fuzzOptions(conversation bool, choices byte) Options {
	o := pc
	if conversation {
		o = nova
	}
	if choices&1 > 0 {
		o.FromEncoding = "windows-1252"
	}
	o.KeepDuplicates = choices&2 > 0
	o.MergeTurns = choices&4 > 0
	o.DropUnknownKeys = choices&8 > 0
	o.ReplaceInvalid = choices&16 > 0
	o.Dataset.MaxLineBytes = 256
	if choices&32 > 0 {
		o.Dataset.MaxLineBytes = 1 << 16
	}
	return o
}

// checkSpans passes the input through the framer alone: what it passes over is
// the whole input, and what is in no record is nothing but separators.
func checkSpans(t *testing.T, data []byte, o Options) {
	t.Helper()
	var all []byte
	j := newJournal(1)
	w := newWindow(context.Background(), bytes.NewReader(data))
	w.trace = func(how string, passed []byte) {
		all = append(all, passed...)
		if extra := strings.Trim(string(passed), " \t\r\n,\x00[]\uFEFF\u2028\u2029\u0085"); how != "record" && extra != "" {
			t.Errorf("passed over %q as %s", passed, how)
		}
	}
	f := framer{w: w, journal: j, max: o.Dataset.MaxLineBytes}
	for {
		found, ok := f.next()
		if !ok {
			break
		}
		if !found.tooLong {
			continue
		}
		if _, err := f.drain(&bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(all, data) {
		t.Errorf("passed over %q, not %q", all, data)
	}
}

// checkRejects: every rejected row stands in the input, in that order.
func checkRejects(t *testing.T, data []byte, rejects string, res Result) {
	t.Helper()
	rest := string(data)
	for line := range strings.SplitSeq(strings.TrimSuffix(rejects, "\n"), "\n") {
		_, after, ok := strings.Cut(rest, line)
		if !ok {
			t.Fatalf("rejected %q, which does not stand in the rest of the input, %q", line, rest)
		}
		rest = after
	}
	if res.Rejected > 0 && rejects == "" {
		t.Errorf("%d rejected, and nothing written", res.Rejected)
	}
}

// checkRows checks every row of the copy as a file of its own.
func checkRows(t *testing.T, out string, o Options) {
	t.Helper()
	for line := range strings.Lines(out) {
		if strings.TrimSpace(line) != strings.TrimSuffix(line, "\n") {
			t.Errorf("white space around %q", line)
		}
		r, err := dataset.Check(context.Background(), strings.NewReader(line), o.Dataset)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Accepted || r.Records != 1 {
			t.Errorf("the row %q is not good: %v", line, r.Findings)
		}
	}
}

// FuzzNothingLost: without a flag, a record that is written has every key and
// every text of the one that was read, and no other but what a repair is for.
func FuzzNothingLost(f *testing.F) {
	for _, tests := range [][]fixTest{textTests, conversationTests} {
		for _, tt := range tests {
			for line := range strings.Lines(tt.in) {
				f.Add(line)
			}
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		var read, written any
		if json.Unmarshal([]byte(line), &read) != nil {
			return
		}
		for _, o := range []Options{pc, nova, llama} {
			_, out, _ := fix(t, line, o, false)
			if out == "" {
				continue
			}
			if err := json.Unmarshal([]byte(out), &written); err != nil {
				t.Fatalf("%q became %q: %v", line, out, err)
			}
			if got, want := said("", written), said("", read); !slices.Equal(got, want) {
				t.Errorf("%q says %q, and became %q, which says %q", line, want, out, got)
			}
		}
	})
}

// said are the keys and values of a JSON value, sorted, but for the schemaVersion
// of a record, blank texts, and how a text is wrapped.
func said(key string, value any) []string {
	var all []string
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			if name != "text" {
				all = append(all, "key "+name)
			}
			all = append(all, said(name, inner)...)
		}
	case []any:
		for _, inner := range value {
			all = append(all, said(key, inner)...)
		}
	default:
		all = append(all, strings.TrimSpace(fmt.Sprint(value)))
	}
	all = slices.DeleteFunc(all, func(one string) bool {
		return slices.Contains([]string{"", "<nil>", "key system", "key schemaVersion"}, one)
	})
	if key == "schemaVersion" {
		return nil
	}
	slices.Sort(all)
	return all
}
