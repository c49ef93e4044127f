package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
)

// broken is a connection that breaks in the middle of what it brings.
func broken(whole []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), failing{errors.New("connection reset by peer")})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Ensure the report says what a check of the file says: records and characters
// counted, the digest taken, duplicates found.
func TestReportIsTheChecks(t *testing.T) {
	text := records(120, "router")
	first, _, _ := strings.Cut(text, "\n")
	b := newBucket(map[string]string{dataKey: text + first + "\n" + strings.Replace(first, "How do I", "how do  I", 1) + "\n"})
	h := newTestHandler(t, b)
	if _, err := h.Handle(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	known, err := h.catalog.Find(h.defaults.BaseModel)
	if err != nil {
		t.Fatal(err)
	}
	options, err := h.optionsFor(settled{settings: h.defaults, model: known})
	if err != nil {
		t.Fatal(err)
	}
	options.Size, options.Digest, options.NearDuplicates = int64(len(b.text(dataKey))), true, true
	want, err := dataset.Check(t.Context(), strings.NewReader(b.text(dataKey)), options)
	if err != nil {
		t.Fatal(err)
	}
	noteKey(&want, "bucket", dataKey)
	var got struct{ Training json.RawMessage }
	if err := json.Unmarshal([]byte(b.text(finetune.DatasetReportKey(runID))), &got); err != nil {
		t.Fatal(err)
	}
	golden := compact(t, checked{Key: dataKey, VersionID: "v1", Report: want})
	if got := compact(t, got.Training); got != golden {
		t.Errorf("got\n%s\nwant\n%s", got, golden)
	}
	if want.Counts[dataset.CodeDuplicateRecord] != 1 || want.Counts[dataset.CodeNearDuplicate] != 1 || want.SHA256 == "" {
		t.Errorf("the check itself found %v and digest %q", want.Counts, want.SHA256)
	}
}

func compact(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Ensure connections that break are resumed, and what cannot be read in the end
// gets the kind of error that the state machine knows what to do about.
func TestReadingFails(t *testing.T) {
	t.Run("a connection breaks now and then", func(t *testing.T) {
		b := newBucket(map[string]string{dataKey: records(120, "router")})
		tries := 0
		b.body = func(rest []byte) io.Reader {
			if tries++; tries <= 3 {
				return broken(rest)
			}
			return bytes.NewReader(rest)
		}
		report, err := newTestHandler(t, b).Handle(t.Context(), input)
		if err != nil || report.Training.Records != 120 || tries != 4 {
			t.Errorf("got %d records with %d requests, %v; want 120 with 4", report.Training.Records, tries, err)
		}
	})
	t.Run("a connection breaks whenever there is one", func(t *testing.T) {
		b := newBucket(map[string]string{dataKey: records(120, "router")})
		b.body = broken
		_, err := newTestHandler(t, b).Handle(t.Context(), input)
		checkError(t, err, finetune.Unavailable, "broke too often")
		if n := b.called(t, "CopyObject"); n != 0 {
			t.Errorf("%d copies were made, want none", n)
		}
	})
	t.Run("bodies that end early", func(t *testing.T) {
		b := newBucket(map[string]string{dataKey: records(120, "router")})
		b.body = func(rest []byte) io.Reader { return bytes.NewReader(rest[:len(rest)/2]) }
		_, err := newTestHandler(t, b).Handle(t.Context(), input)
		checkError(t, err, finetune.Unavailable, "broke too often")
		if b.text(finetune.DatasetReportKey(runID)) != "" || b.called(t, "CopyObject") != 0 {
			t.Errorf("made the calls %v, want no report on a part of the data set and no copy", b.calls)
		}
	})
	t.Run("other bytes than S3 has the checksum of", func(t *testing.T) {
		b := newBucket(map[string]string{dataKey: records(120, "router")})
		b.crc32 = aws.String("AAAAAA==")
		_, err := newTestHandler(t, b).Handle(t.Context(), input)
		checkError(t, err, finetune.Unavailable, "CRC32")
	})
	for code, want := range map[string]finetune.Kind{"PreconditionFailed": finetune.Unavailable, "NoSuchVersion": finetune.DatasetRejected, "SlowDown": ""} {
		t.Run(code+" after a break", func(t *testing.T) {
			b := newBucket(map[string]string{dataKey: records(120, "router")})
			b.body = broken
			asked := 0
			b.before = func(call, key string) error {
				if call == "GetObject" && key == dataKey {
					if asked++; asked == 2 {
						return &smithy.GenericAPIError{Code: code}
					}
				}
				return nil
			}
			_, err := newTestHandler(t, b).Handle(t.Context(), input)
			if want == "" {
				want = finetune.Throttled
			}
			checkError(t, err, want, dataKey)
		})
	}
	t.Run("the connection breaks in tuning.json", func(t *testing.T) {
		b := newBucket(map[string]string{dataKey: records(120, "router"), finetune.TuningKey("support"): `{"hyperparameters":{}}`})
		b.tuning = func(whole []byte) io.Reader {
			return io.MultiReader(bytes.NewReader(whole[:3]), failing{io.ErrUnexpectedEOF})
		}
		_, err := newTestHandler(t, b).Handle(t.Context(), input)
		checkError(t, err, finetune.Unavailable, finetune.TuningKey("support"))
	})
	t.Run("a HEAD is forbidden, without a word", func(t *testing.T) {
		b := newBucket(map[string]string{dataKey: records(120, "router")})
		b.before = func(call, key string) error {
			if call == "HeadObject" && key == dataKey {
				return &smithy.GenericAPIError{Code: "Forbidden"}
			}
			return nil
		}
		_, err := newTestHandler(t, b).Handle(t.Context(), input)
		checkError(t, err, finetune.AccessDenied, dataKey)
	})
	t.Run("the time is up", func(t *testing.T) {
		b := newBucket(map[string]string{dataKey: records(120, "router")})
		ctx, cancel := context.WithTimeout(t.Context(), spare-time.Second)
		defer cancel()
		_, err := newTestHandler(t, b).Handle(ctx, input)
		checkError(t, err, finetune.Unavailable, "given up 30s before the function's time-out")
	})
}

// Ensure data that there would not be the time to read is refused by its size,
// unread, with a report that says so.
func TestTooLarge(t *testing.T) {
	training, validation := records(120, "router"), records(10, "camera")
	size := int64(len(training) + len(validation))
	for name, test := range map[string]struct {
		most int64
		kind finetune.Kind
	}{
		"just fits":     {size, ""},
		"one byte more": {size - 1, finetune.DatasetRejected},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBucket(map[string]string{dataKey: training, finetune.ValidationKey("support"): validation})
			h := newTestHandler(t, b)
			h.maxBytes = test.most
			_, err := h.Handle(t.Context(), input)
			if test.kind == "" {
				if err != nil {
					t.Errorf("got %v, want it accepted", err)
				}
				return
			}
			checkError(t, err, test.kind, fmt.Sprintf("TL1406 (training and validation data have %d bytes, %d can be checked", size, test.most))
			if b.called(t, "GetObject "+dataKey)+b.called(t, "CopyObject") != 0 {
				t.Errorf("made the calls %v, want nothing read or copied", b.calls)
			}
			golden(t, "toolarge.json", json.RawMessage(b.text(finetune.DatasetReportKey(runID))))
		})
	}
}

// Ensure the largest data set can be read, at the slowest, in the function's time.
func TestMaxBytesFitTheTime(t *testing.T) {
	const bytesPerSecond, copying = 33_000_000, 300 * time.Second
	const reading = maxBytes / bytesPerSecond * time.Second
	if all := reading + copying + spare; all > 900*time.Second {
		t.Errorf("reading %d bytes takes %s, and with copy and report %s; the function has 15 minutes", int64(maxBytes), reading, all)
	}
}

// Ensure a key that Bedrock would refuse is noted and no error: the job never
// sees it.
func TestKeyIsNoted(t *testing.T) {
	for key, want := range map[string]int64{"fine-tuning-datasets/support/plain.jsonl": 0, dataKey: 1, "fine-tuning-datasets/support/dt=2026-11-23.jsonl": 1} {
		r := dataset.Report{Accepted: true, Counts: map[dataset.Code]int64{}}
		noteKey(&r, "bucket", key)
		if r.Notes != want || r.Errors != 0 || !r.Accepted || int64(len(r.Findings)) != want {
			t.Errorf("%s: got %+v, want %d notes", key, r, want)
		}
		for _, f := range r.Findings {
			if f.Severity != dataset.SeverityNote || r.Counts[f.Code] != 1 || strings.Contains(f.Message, key) {
				t.Errorf("%s: got %+v, want a note that does not quote the key", key, f)
			}
		}
	}
}

// Ensure findings are told once a code, with their lines, and numbers with the
// right noun.
func TestSummary(t *testing.T) {
	report := func(lines map[dataset.Code][]int64, all map[dataset.Code]int64) *checked {
		r := dataset.Report{Role: dataset.RoleTraining, Records: 900, Counts: map[dataset.Code]int64{}}
		for _, info := range dataset.Codes() {
			for _, line := range lines[info.Code] {
				r.Findings = append(r.Findings, dataset.Finding{Code: info.Code, Severity: dataset.SeverityError, Line: line, Message: "counts only"})
				r.Counts[info.Code]++
				r.Errors++
			}
		}
		for code, n := range all {
			r.Errors += n - r.Counts[code]
			r.Counts[code] = n
		}
		return &checked{Key: "k.jsonl", VersionID: "v1", Report: r}
	}
	syntax, format := dataset.CodeSyntax, dataset.CodeOtherFormat
	tests := map[string]struct {
		file *checked
		want string
	}{
		"one":              {report(map[dataset.Code][]int64{syntax: {7}}, nil), "has 1 error in 900 records: line 7: TL1001 (The line is not valid JSON)"},
		"two of one line":  {report(map[dataset.Code][]int64{syntax: {7, 7}}, nil), "has 2 errors in 900 records: line 7, 2 times: TL1001 ("},
		"one behind other": {report(map[dataset.Code][]int64{format: {3, 4, 5, 5, 6}}, nil), ": lines 3-6: TL1106 ("},
		"with gaps":        {report(map[dataset.Code][]int64{format: {3, 5}}, nil), ": from line 3 on, 2 times: TL1106 ("},
		"more than kept":   {report(map[dataset.Code][]int64{format: {3, 4}}, map[dataset.Code]int64{format: 558}), "has 558 errors in 900 records: from line 3 on, 558 times: TL1106 ("},
		"two kinds":        {report(map[dataset.Code][]int64{syntax: {9}, format: {3}}, nil), "line 9: TL1001 (The line is not valid JSON); line 3: TL1106 ("},
		"of the whole":     {report(map[dataset.Code][]int64{dataset.CodeTooFewRecords: {0}}, nil), ": TL1401 (counts only)"},
		"six kinds": {report(map[dataset.Code][]int64{
			syntax: {1}, format: {1}, dataset.CodeByteOrderMark: {1}, dataset.CodeBlankLine: {2}, dataset.CodeMissingKey: {3}, dataset.CodeWrongType: {4},
		}, nil), "; 1 more kind of error"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := summary(test.file); !strings.Contains(got, test.want) || !strings.HasPrefix(got, "training data k.jsonl (version v1) has ") {
				t.Errorf("got %q, want it to say %q", got, test.want)
			}
		})
	}
}
