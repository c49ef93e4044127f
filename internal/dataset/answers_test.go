package dataset

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestAnswersAreNotOvercounted: whatever comes in whatever order, no answer is
// counted more often than it occurred, nor less often than is said.
func TestAnswersAreNotOvercounted(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(4, seed)) //nolint:gosec // the same answers in every run
		different := 1 + r.IntN(4*countedAnswers)
		share := r.Float64()
		var a answers
		occurred := map[uint64]int64{}
		total := int64(0)
		for range r.IntN(5000) {
			mark := uint64(1)
			if r.Float64() > share {
				mark = 1 + r.Uint64N(uint64(different)) //nolint:gosec // positive
			}
			a.add(mark)
			occurred[mark]++
			total++
		}
		lost := int64(0)
		if len(occurred) > countedAnswers {
			lost = total / (countedAnswers + 1)
		}
		var most int64
		for i, mark := range a.marks {
			if got, want := a.counts[i], occurred[mark]; got > want || got < want-lost {
				t.Errorf("seed %d: an answer of %d different ones is counted %d times, want %d or up to %d less", seed, len(occurred), got, want, lost)
			}
		}
		for _, n := range occurred {
			most = max(most, n)
		}
		if got := a.most(); got > most || got < most-lost || len(a.marks) > countedAnswers {
			t.Errorf("seed %d: the most frequent answer is counted %d times with %d others, want %d or up to %d less", seed, got, len(a.marks)-1, most, lost)
		}
	}
}

// TestAnswerOfARecord: it is the completion or the last text of the assistant's
// last message, as it is written; the fast tier, where it knows the record,
// comes to the same.
func TestAnswerOfARecord(t *testing.T) {
	const q, a = `{"role":"user","content":[{"text":"q"}]}`, `{"role":"assistant","content":[{"text":"a"}]}`
	longest := strings.Repeat("é", longestAnswer/2)
	tests := []struct {
		name, line string
		o          Options
		want       string
		fast       bool
	}{
		{"completion", goodPC, pc, "b", true},
		{"completion before the prompt", `{"completion" : "b" , "prompt":"a"}`, pc, "b", true},
		{"escapes", `{"prompt":"a","completion":"\u00e9\"\n"}`, pc, `\u00e9\"\n`, true},
		{"escaped key", `{"prompt":"a","complet\u0069on":"b"}`, pc, "b", false},
		{"longest that is compared", `{"prompt":"a","completion":"` + longest + `"}`, pc, longest, true},
		{"longer", `{"prompt":"a","completion":"` + longest + `."}`, pc, "", true},
		{"no completion", `{"prompt":"a"}`, pc, "", false},
		{"blank completion", `{"prompt":"a","completion":" "}`, pc, "", false},
		{"completion that is no text", `{"prompt":"a","completion":1}`, pc, "", false},
		{"conversation", goodConv, cv, "a", true},
		{"content before the role", conv(`{"content":[{"text":"q"}],"role":"user"},{"content":[{"text":"b"}],"role":"assistant"}`), cv, "b", true},
		{"two answers", conv(q + "," + a + "," + q + "," + strings.Replace(a, `"a"`, `"b"`, 1)), cv, "b", true},
		{"answer in two texts", turns(answer, `[{"text":"b"},{"text":"c"}]`), cv, "c", true},
		{"system at the end", `{"schemaVersion":"bedrock-conversation-2024","messages":[` + q + `,` + a + `],"system":[{"text":"s"}]}`, cv, "a", true},
		{"the user's message last", conv(q + "," + a + "," + q), cv, "", false},
		{"reasoning", turns(answer, `[{"text":"b"},{"reasoningContent":{"reasoningText":{"text":"hm"}}}]`), lite2, "b", false},
		{"a tool instead of an answer", conv(q + "," + a + "," + q + `,{"role":"assistant","content":[` + useF + `]}`), withTools, "", false},
		{"Anthropic's form", claudeRow(`"system":"s",`, `"q"`), claude, "a", false},
		{"a caption", `{"image-ref":"s3://my-data/a.png","caption":"a cat"}`, captioned, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := uint64(0)
			if tt.want != "" {
				want = answerMark([]byte(tt.want))
			}
			if got := walk(tt.line, tt.o).tally.answer; got != want {
				t.Errorf("the authority came to %x, want the %x of %q", got, want, tt.want)
			}
			known := false
			if j := newJudge(tt.o, &told{}); j.accept != nil {
				j.fast.b = append([]byte(tt.line), make([]byte, window)...)
				known = j.accept(&j.fast, 0) > 0
				if got := j.fast.tally.answer; known && got != want {
					t.Errorf("the fast tier came to %x, want the %x of %q", got, want, tt.want)
				}
			}
			if known != tt.fast {
				t.Errorf("the fast tier knows the record: %v, want %v", known, tt.fast)
			}
		})
	}
}

// TestImbalance: one answer in more than half of the records, of which there are
// enough, is worth a note; what is not certain is not.
func TestImbalance(t *testing.T) {
	same := func(int) string { return "yes" }
	first := func(n int, answer string) func(int) string {
		return func(i int) string {
			if i < n {
				return answer
			}
			return fmt.Sprint("no ", i)
		}
	}
	spelt := func(i int) string { return []string{"yes", `y\u0065s`}[i%2] }
	others := func(i int) string {
		if i%10 < 6 {
			return "yes"
		}
		return fmt.Sprint("no ", i)
	}
	tests := []struct {
		name    string
		o       Options
		records int
		answer  func(i int) string
		// want is the finding's message up to the share.
		want string
	}{
		{"one answer", pc, 50, same, "one answer stands in at least 50 of 50 records (100 %)"},
		{"one answer of few records", pc, 49, same, ""},
		{"half of the records", pc, 50, first(25, "yes"), ""},
		{"more than half", pc, 50, first(26, "yes"), "one answer stands in at least 26 of 50 records (52 %)"},
		{"two spellings", pc, 100, spelt, ""},
		{"a long answer", pc, 100, first(100, strings.Repeat("x", longestAnswer+1)), ""},
		{"six of ten, among thousands of others", pc, 10_000, others, "one answer stands in at least 5875 of 10000 records (58 %)"},
		{"validation data", with(pc, func(o *Options) { o.Role = RoleValidation }), 50, same, ""},
		{"conversation", cv, 50, same, "one answer stands in at least 50 of 50 records (100 %)"},
		{"distillation", Options{Format: FormatDistillation}, 50, same, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := answeredRows(tt.o.Format, tt.records, tt.answer)
			for _, workers := range []int{1, 3} {
				for _, authority := range []bool{false, true} {
					r := check(t, data, with(tt.o, func(o *Options) { o.Workers, o.AuthorityOnly = workers, authority }))
					got := ""
					for _, f := range r.Findings {
						if f.Code != CodeImbalance {
							t.Fatalf("got %v, want nothing else", f)
						}
						got, _, _ = strings.Cut(f.Message, ":")
					}
					if got != tt.want || !r.Accepted {
						t.Errorf("%d workers, the authority only: %v: got %q, want %q", workers, authority, got, tt.want)
					}
				}
			}
		})
	}
}

// answeredRows are as many different records with these answers.
func answeredRows(format Format, records int, answer func(i int) string) string {
	row := `{"prompt":"What is %d?","completion":"%s"}`
	if format != FormatPromptCompletion {
		row = conv(`{"role":"user","content":[{"text":"What is %d?"}]},{"role":"assistant","content":[{"text":"%s"}]}`)
	}
	var rows strings.Builder
	for i := range records {
		fmt.Fprintf(&rows, row+"\n", i, answer(i))
	}
	return rows.String()
}
