package dataset_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/generate"
)

// mutated is how many records TestTiersAgree spoils, for each shape.
func mutated(t *testing.T) int {
	t.Helper()
	text, ok := os.LookupEnv("TUNELINE_MUTATED")
	if !ok {
		return 20_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("TUNELINE_MUTATED must be a number of records: %v", err)
	}
	return n
}

// TestTiersAgree: with and without the fast tier the report on spoilt records is
// the same, with every count, finding and percentile.
func TestTiersAgree(t *testing.T) {
	for n, shape := range []generate.Shape{generate.ShortPC, generate.Short, generate.Medium} {
		t.Run(string(shape), func(t *testing.T) {
			data, err := io.ReadAll(generate.Reader(shape, 1_000_000))
			if err != nil {
				t.Fatal(err)
			}
			records := bytes.SplitAfter(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
			m := mutator{r: rand.New(rand.NewPCG(3, uint64(n))), records: records, answered: answered(shape, records)} //nolint:gosec // the same rows in every run
			var accepted, done, imbalanced, near, batches int64
			for range mutated(t) / 200 {
				var spoilt []byte
				m.share = m.r.Float64()
				for range 200 {
					spoilt = append(spoilt, m.next()...)
				}
				o := optionsOf(shape, batches)
				fast := check(t, spoilt, o)
				o.AuthorityOnly = true
				slow := check(t, spoilt, o)
				if said(fast) != said(slow) {
					t.Fatalf("with the fast tier: %s\nwithout: %s\nwith %+v, in:\n%q", said(fast), said(slow), o, spoilt)
				}
				done += slow.Records
				accepted += slow.Records - min(slow.Records, slow.Errors)
				imbalanced += slow.Counts[dataset.CodeImbalance]
				near += slow.Counts[dataset.CodeNearDuplicate]
				batches++
			}
			if batches >= 100 && (imbalanced == 0 || imbalanced == batches) {
				t.Errorf("%d of %d data sets have one answer in most records: want some", imbalanced, batches)
			}
			if batches >= 100 && near == 0 {
				t.Error("no record says the same as another: want some")
			}
			t.Logf("%d records, of which %d have no error, and %d say the same as another", done, accepted, near)
			if done > 0 && (accepted < done/10 || accepted > done*9/10) {
				t.Errorf("%d of %d records have no error: the rows try one verdict only", accepted, done)
			}
		})
	}
}

// optionsOf are the options of a batch. What the fast tier has to mind differs
// from one to the next: near duplicates, limits on records and lines, and the
// rules of Nova and of Llama.
func optionsOf(shape generate.Shape, batch int64) dataset.Options {
	o := dataset.Options{Format: dataset.FormatPromptCompletion, MaxFindings: 1000}
	if shape.Conversation() {
		o.Format, o.Rules = dataset.FormatConversation, dataset.Rules{AnySchemaVersion: true, ReservedWords: true}
	}
	switch batch % 5 {
	case 1:
		o.NearDuplicates = true
	case 2: // about the half of the records
		o.Limits.TokensPerRecord, o.Limits.CharactersPerToken = map[generate.Shape]int64{generate.ShortPC: 275, generate.Short: 155, generate.Medium: 1450}[shape], 1
	case 3:
		o.MaxLineBytes = map[generate.Shape]int{generate.ShortPC: 310, generate.Short: 326, generate.Medium: 2100}[shape]
	case 4:
		o.Rules.AnySchemaVersion, o.Rules.ReservedWords, o.Rules.SystemItems, o.NearDuplicates = false, false, 1, true
	}
	return o
}

func check(t *testing.T, data []byte, o dataset.Options) dataset.Report {
	t.Helper()
	r, err := dataset.Check(t.Context(), bytes.NewReader(data), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// mutator spoils records.
type mutator struct {
	r       *rand.Rand
	records [][]byte
	// answered are the records with one answer in all; share is how many of these
	// there are to be, from 0 to 1.
	answered [][]byte
	share    float64
}

// answered are the records with the same short answer at the end of each.
func answered(shape generate.Shape, records [][]byte) [][]byte {
	before, after := `"completion":`, "}\n"
	if shape.Conversation() {
		before, after = `"text":`, "}]}]}\n"
	}
	out := make([][]byte, len(records))
	for i, record := range records {
		end := bytes.LastIndex(record, []byte(before)) + len(before)
		out[i] = append(bytes.Clone(record[:end]), `"It is so."`+after...)
	}
	return out
}

// pieces are put into records: what JSON, UTF-8 and the rules are about.
var pieces = []string{
	`"`, `\`, `\\`, `\"`, `\u`, `\ud83d`, `\ude00`, `\ud83d\ude00`, `\u0041`, `\u0022`, `\u0000`, `\u0020`, `\n`, `\q`,
	`{`, `}`, `[`, `]`, `,`, `:`, ` `, "\t", "\r", "\x00", "\x1f", "\x7f", "\n", `null`, `true`, `1`, `""`, `" "`, `{}`, `[]`,
	"\x80", "\xC0\xAF", "\xC3", "é", "\xE0\x80\x80", "\xED\xA0\x80", "€", "\xEF\xBB\xBF", "\uFEFF", "\u2028", "\u3000",
	"😀", "\xF4\x90\x80\x80", "\xF5", `"text"`, `"role"`, `"content"`, `"user"`, `"assistant"`, `"system"`, `"messages"`,
	`"prompt"`, `"completion"`, `"schemaVersion"`, `"Text"`, `User:`, `BOT:`, `aſſistant:`, `<image>`, `<VIDEO>`, `[eos]`, `Thought:`,
}

// next returns one record, mostly with one to three changes.
func (m *mutator) next() []byte {
	from, most := m.records, 3
	if m.r.Float64() < m.share {
		from, most = m.answered, 2 // enough of them must keep their answers
	}
	if m.r.IntN(4) == 0 {
		from = from[:20] // so that some come again, and some of these in another case
	}
	record := bytes.Clone(from[m.r.IntN(len(from))])
	for range m.r.IntN(most + 1) {
		at := m.r.IntN(len(record))
		switch m.r.IntN(5) {
		case 0: // another byte
			record[at] ^= 1 << m.r.IntN(8)
		case 1: // bytes less
			record = append(record[:at], record[min(len(record), at+1+m.r.IntN(4)):]...)
		case 2, 3: // a piece more, or in the place of as many bytes
			piece := pieces[m.r.IntN(len(pieces))]
			rest := bytes.Clone(record[at:])
			if m.r.IntN(2) == 0 {
				rest = rest[min(len(rest), len(piece)):]
			}
			record = append(append(record[:at], piece...), rest...)
		case 4: // a part of it twice
			part := bytes.Clone(record[at:min(len(record), at+1+m.r.IntN(40))])
			record = append(record[:at], append(part, record[at:]...)...)
		}
		if len(record) == 0 {
			return []byte("\n")
		}
	}
	return record
}
