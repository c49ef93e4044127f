package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// BenchmarkCheck measures Check and, in the same run and on the same bytes, what
// a plain encoding/json decode of the format costs: x-encoding/json is how many
// times faster Check is, which does more. MB/s is of Check alone.
func BenchmarkCheck(b *testing.B) {
	sets := []struct {
		name string
		data []byte
		o    Options
		std  func([]byte) error
	}{
		{"prompt-completion", generate(func(r *rand.Rand, i int) string {
			return fmt.Sprintf(`{"prompt":%s,"completion":%s}`, prose(r, i, 40), prose(r, i, 15))
		}), Options{Format: FormatPromptCompletion}, strictly[pcRecord]},
		{"conversation", generate(func(r *rand.Rand, i int) string {
			return fmt.Sprintf(`{"schemaVersion":"bedrock-conversation-2024","system":[{"text":%s}],"messages":[{"role":"user","content":[{"text":%s}]},{"role":"assistant","content":[{"text":%s}]}]}`,
				prose(r, 0, 12), prose(r, i, 60), prose(r, i, 200))
		}), Options{Format: FormatConversation, Rules: nova}, strictly[convRecord]},
	}
	for _, set := range sets {
		b.Run(set.name, func(b *testing.B) {
			b.SetBytes(int64(len(set.data)))
			b.ReportAllocs()
			var std time.Duration
			for b.Loop() {
				r, err := Check(context.Background(), bytes.NewReader(set.data), set.o)
				if err != nil || !r.Accepted {
					b.Fatal(err, brief(r))
				}
				b.StopTimer()
				start := time.Now()
				for line := range bytes.Lines(set.data) {
					if err := set.std(line); err != nil {
						b.Fatal(err)
					}
				}
				std += time.Since(start)
				b.StartTimer()
			}
			b.ReportMetric(float64(std)/float64(b.Elapsed()), "x-encoding/json")
		})
	}
}

// strictly decodes with encoding/json as Check would have to: no unknown keys,
// UTF-8 looked at separately, since encoding/json replaces what is not.
func strictly[T any](line []byte) error {
	if !utf8.Valid(line) {
		return fmt.Errorf("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	var record T
	return dec.Decode(&record)
}

// generate makes 8 MB of records.
func generate(record func(r *rand.Rand, i int) string) []byte {
	r := rand.New(rand.NewPCG(2026, 2)) //nolint:gosec // the same data in every run
	var out bytes.Buffer
	for i := 0; out.Len() < 8_000_000; i++ {
		out.WriteString(record(r, i))
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// prose is a JSON string of about as many words, some accented, some quoted.
func prose(r *rand.Rand, i, words int) string {
	vocabulary := []string{"the", "model", "answers", "déjà", "vu", "customer", "\"unit\"", "invoice", "Zürich", "refund", "within", "days", "naïve", "order", "line\n"}
	text := []string{fmt.Sprint("case ", i)}
	for range words {
		text = append(text, vocabulary[r.IntN(len(vocabulary))])
	}
	quoted, err := json.Marshal(strings.Join(text, " "))
	if err != nil {
		panic(err)
	}
	return string(quoted)
}
