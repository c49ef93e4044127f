package split

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tuneline/tuneline/internal/dataset"
)

var update = flag.Bool("update", false, "write the golden file anew")

func amount(t *testing.T, text string) Amount {
	t.Helper()
	a, err := ParseAmount(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// reader opens a text again and again.
func reader(text string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

// sides splits a text.
func sides(t *testing.T, text string, o Options) (res Result, training, validation string) {
	t.Helper()
	var train, valid bytes.Buffer
	res, err := Run(context.Background(), reader(text), &train, &valid, o)
	if err != nil {
		t.Fatal(err)
	}
	return res, train.String(), valid.String()
}

// rows are n records, with questions that repeat in other spellings and with
// other answers, and now and then an exact copy.
func rows(n int, seed uint64) string {
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // the same records in every run
	spellings := []string{"What is %d?", "what  is %d?", "WHAT IS\\t%d?", " What is %d? "}
	var text strings.Builder
	for range n {
		question := fmt.Sprintf(spellings[random.IntN(len(spellings))], random.IntN(n/2+1))
		fmt.Fprintf(&text, `{"prompt": "%s", "completion": "It is %d."}`+"\n", question, random.IntN(3))
	}
	return text.String()
}

// TestNoLeakage: whatever the data set and the amount, no training record stands
// in the validation data too, exactly or normalized, and nothing gets lost.
func TestNoLeakage(t *testing.T) {
	for seed := range uint64(8) {
		text := rows(400, seed)
		for _, want := range []string{"10%", "33.3%", "50%", "1", "77", "300"} {
			for _, by := range Ways() {
				t.Run(fmt.Sprintf("%d/%s/%s", seed, want, by), func(t *testing.T) {
					res, training, validation := sides(t, text, Options{Validation: amount(t, want), Seed: int64(seed), By: by}) //nolint:gosec // a small number
					checkLeakage(t, training, validation, by)
					checkOrder(t, text, training, validation)
					if res.Training != int64(strings.Count(training, "\n")) || res.Validation != int64(strings.Count(validation, "\n")) || res.Records != 400 {
						t.Errorf("got %+v", res)
					}
				})
			}
		}
	}
}

// checkLeakage holds the sides against each other, by the check's judgement and
// by their texts.
func checkLeakage(t *testing.T, training, validation string, by By) {
	t.Helper()
	o := dataset.Options{Format: dataset.FormatPromptCompletion, Role: dataset.RoleValidation}
	v, err := dataset.Check(context.Background(), strings.NewReader(validation), o)
	if err != nil {
		t.Fatal(err)
	}
	o.Role, o.Validation = dataset.RoleTraining, &v
	r, err := dataset.Check(context.Background(), strings.NewReader(training), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Counts[dataset.CodeRecordInBoth] > 0 || !r.Accepted {
		t.Errorf("the check found %v", r.Counts)
	}
	if by == ByExact {
		return
	}
	known := map[string]bool{}
	for line := range strings.Lines(validation) {
		known[mustText(t, line, by)] = true
	}
	for line := range strings.Lines(training) {
		if known[mustText(t, line, by)] {
			t.Errorf("%s stands on both sides", line)
		}
	}
}

func mustText(t *testing.T, line string, by By) string {
	t.Helper()
	text, err := groupText([]byte(line), by)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// checkOrder: the two sides are the lines of the data set, in its order.
func checkOrder(t *testing.T, text, training, validation string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n") + "\n"
		if rest, ok := strings.CutPrefix(training, line); ok {
			training = rest
		} else if validation, ok = strings.CutPrefix(validation, line); !ok {
			t.Fatalf("%q is on no side at its turn", line)
		}
	}
	if training+validation != "" {
		t.Errorf("too much: %q, %q", training, validation)
	}
}

// TestGolden: a split is the same on every machine and in every version.
func TestGolden(t *testing.T) {
	var lines strings.Builder
	for i := range 40 {
		fmt.Fprintf(&lines, `{"prompt": "Wie heißt Nr. %d?", "completion": "%d"}`+"\n", i, i)
	}
	var got strings.Builder
	for _, tt := range []struct {
		amount string
		seed   int64
		by     By
	}{{"10%", 0, ByPrompt}, {"10%", 1, ByPrompt}, {"25%", 1, ByNormalized}, {"5", -7, ByPrompt}, {"5", 0, ByExact}} {
		_, _, validation := sides(t, lines.String(), Options{Validation: amount(t, tt.amount), Seed: tt.seed, By: tt.by})
		fmt.Fprintf(&got, "--- %s, seed %d, by %s\n%s", tt.amount, tt.seed, tt.by, validation)
	}
	golden := filepath.Join("testdata", "split.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil { //nolint:gosec // a golden file of the repository
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden) //nolint:gosec // a golden file
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s, want\n%s", got.String(), want)
	}
}

// TestAppendedRecordsStay: with a percentage, no record changes sides when others
// are added.
func TestAppendedRecordsStay(t *testing.T) {
	text, more := rows(300, 1), rows(300, 2)
	o := Options{Validation: amount(t, "20%"), Seed: 5}
	_, training, validation := sides(t, text, o)
	_, moreTraining, moreValidation := sides(t, text+more, o)
	if !strings.HasPrefix(moreTraining, training) || !strings.HasPrefix(moreValidation, validation) {
		t.Error("records changed sides")
	}
	o.Seed++
	if _, other, _ := sides(t, text, o); other == training {
		t.Error("another seed made the same split")
	}
}

// TestAmountIsReached: a number of records is reached, and overshot by less than
// the last group; a percentage is met by chance.
func TestAmountIsReached(t *testing.T) {
	text := rows(1000, 3)
	for _, n := range []int64{1, 2, 10, 100, 500} {
		res, _, _ := sides(t, text, Options{Validation: Amount{Records: n}})
		if res.Validation < n || res.Validation >= n+res.LargestGroup {
			t.Errorf("asked for %d, got %d; the largest group has %d", n, res.Validation, res.LargestGroup)
		}
	}
	var many strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&many, `{"prompt": "%d", "completion": "a"}`+"\n", i)
	}
	res, _, _ := sides(t, many.String(), Options{Validation: amount(t, "10%")})
	if res.Percent < 9 || res.Percent > 11 || res.Groups != 20000 || len(res.Warnings) > 0 {
		t.Errorf("got %+v, want about 10 %%", res)
	}
}

// TestSmallest compares the bounded choice with sorting everything.
func TestSmallest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same records in every run
	for range 300 {
		wanted := 1 + random.Int64N(30)
		s := Amount{Records: wanted}.chooser().(*smallest)
		sizes := map[byte]int64{}
		for range 60 {
			name := byte(random.IntN(25)) //nolint:gosec // below 25
			sizes[name]++
			s.see(group{name})
			if int64(len(s.heap)) > wanted || len(s.heap) != len(s.sizes) {
				t.Fatalf("%d groups are held for %d records", len(s.heap), wanted)
			}
		}
		total := int64(0)
		for name := range byte(25) {
			want := total < wanted && sizes[name] > 0
			if s.chosen(group{name}) != want {
				t.Fatalf("group %d: got %v, want %v", name, !want, want)
			}
			total += sizes[name]
		}
	}
}

func TestLastLineAndCarriageReturns(t *testing.T) {
	text := "{\"prompt\": \"a\"}\r\n {\"prompt\": \"b\"}\n{\"prompt\": \"c\"}"
	_, training, validation := sides(t, text, Options{Validation: Amount{Records: 1}})
	checkOrder(t, text, training, validation)
}

func TestGroups(t *testing.T) {
	const user = `{"messages": [{"role": "user", "content": [{"text": "Hi"}, {"image": {"format": "png"}}]}, {"role": "assistant", "content": "%s"}, {"role": "user", "content": "Bye"}]}`
	tests := []struct {
		name, a, b string
		by         By
		same       bool
	}{
		{"another answer", `{"prompt": "a", "completion": "b"}`, `{"completion": "c", "prompt": " A "}`, ByPrompt, true},
		{"another answer, all texts", `{"prompt": "a", "completion": "b"}`, `{"prompt": "a", "completion": "c"}`, ByNormalized, false},
		{"another spelling, all texts", `{"prompt": "a", "completion": "b"}`, `{"id": 1, "completion": "B", "prompt": "\u0061"}`, ByNormalized, true},
		{"another spelling, exact", `{"prompt": "a", "completion": "b"}`, `{"prompt": "a", "completion": "B"}`, ByExact, false},
		{"white space around, exact", `{"prompt": "a", "completion": "b"}`, " {\"prompt\": \"a\", \"completion\": \"b\"}\r\n", ByExact, true},
		{"another prompt", `{"prompt": "a", "completion": "b"}`, `{"prompt": "b", "completion": "b"}`, ByPrompt, false},
		{"the same user", fmt.Sprintf(user, "x"), strings.ReplaceAll(fmt.Sprintf(user, "y"), "Hi", "hi"), ByPrompt, true},
		{"another image", fmt.Sprintf(user, "x"), strings.ReplaceAll(fmt.Sprintf(user, "x"), "png", "gif"), ByPrompt, false},
		{"another system prompt", `{"system": [{"text": "s"}], "messages": [{"role": "user", "content": "q"}]}`, `{"messages": [{"role": "user", "content": [{"text": "Q"}]}]}`, ByPrompt, true},
		{"another system prompt, all texts", `{"system": [{"text": "s"}], "messages": [{"role": "user", "content": "q"}]}`, `{"messages": [{"role": "user", "content": [{"text": "Q"}]}]}`, ByNormalized, false},
		{"a text moved to the answer", `{"prompt": "a b", "completion": "c"}`, `{"prompt": "a", "completion": "b c"}`, ByNormalized, false},
		{"another caption", `{"image-ref": "s3://b/k", "caption": "x"}`, `{"image-ref": "s3://b/k", "caption": "y"}`, ByPrompt, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := mustText(t, tt.a, tt.by), mustText(t, tt.b, tt.by)
			if (a == b) != tt.same {
				t.Errorf("got %q and %q, want the same: %v", a, b, tt.same)
			}
		})
	}
}

// TestCutOff: where the reading fails in the middle of a line, that is told, not that
// the line is no record.
func TestCutOff(t *testing.T) {
	broken := errors.New("broken")
	open := func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(`{"prompt": "a"}`+"\n"+`{"prompt": "b`), iotest.ErrReader(broken))), nil
	}
	_, err := Run(context.Background(), open, io.Discard, io.Discard, Options{Validation: Amount{Records: 1}})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
}

func TestErrors(t *testing.T) {
	const good = `{"prompt": "a", "completion": "b"}` + "\n" + `{"prompt": "c", "completion": "d"}` + "\n"
	one := Options{Validation: Amount{Records: 1}}
	limited := func(l dataset.Limits) Options { return Options{Validation: Amount{Records: 1}, Limits: l} }
	tests := []struct {
		name, in string
		o        Options
		want     string
	}{
		{"empty", "", one, "no record"},
		{"blank line", good + "\n" + good, one, "line 3: this is no record"},
		{"byte order mark", "\xEF\xBB\xBF" + good, Options{Validation: Amount{Records: 1}, By: ByExact}, "line 1: this is no record"},
		{"not JSON", good + "{x}\n", one, "line 3: this is no record"},
		{"not UTF-8", "{\"prompt\": \"\xFF\"}\n", one, "line 1: this is no record"},
		{"no user", `{"completion": "a"}`, one, "line 1: this is no record"},
		{"too long", good + `{"prompt": "` + strings.Repeat("a", 400000) + `"}`, Options{Validation: Amount{Records: 1}, MaxLineBytes: 300000}, "line 3: the line is longer than 300000 bytes"},
		{"one record", `{"prompt": "a"}`, one, "the data set has one record"},
		{"one group", `{"prompt": "a", "completion": "b"}` + "\n" + `{"prompt": "A", "completion": "c"}`, one, "all 2 records are the same by prompt"},
		{"more than there are", good, Options{Validation: Amount{Records: 5}}, "all 2 records are for validation: ask for less than 2, or"},
		{"all for validation", good, Options{Validation: Amount{Records: 2}}, "all 2 records are for validation"},
		{"none for validation", good, Options{Validation: amount(t, "0.0001%")}, "no record is for validation"},
		{"too few", good, limited(dataset.Limits{MinRecords: 8}), "2 records in all, the base model takes 8 at least"},
		{"too many", good, limited(dataset.Limits{MaxRecords: 1}), "2 records in all, the base model takes 1 at most"},
		{"too many for validation", good + `{"prompt": "e"}`, Options{Validation: Amount{Records: 2}, Limits: dataset.Limits{MaxValidationRecords: 1}}, "2 records would be for validation, the base model takes 1 at most"},
		{"by nothing", good, Options{Validation: Amount{Records: 1}, By: "x"}, `splitting by "x"`},
		{"no amount", good, Options{}, "say how much"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Run(context.Background(), reader(tt.in), io.Discard, io.Discard, tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestReadingAndWritingErrors(t *testing.T) {
	const good = `{"prompt": "a"}` + "\n" + `{"prompt": "b"}` + "\n"
	one := Options{Validation: Amount{Records: 1}}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	calls := 0
	tests := []struct {
		name string
		ctx  context.Context
		open func() (io.ReadCloser, error)
		out  io.Writer
		want string
	}{
		{"opening", context.Background(), func() (io.ReadCloser, error) { return nil, fs.ErrPermission }, io.Discard, fs.ErrPermission.Error()},
		{"reading", context.Background(), func() (io.ReadCloser, error) { return io.NopCloser(iotest.ErrReader(fs.ErrClosed)), nil }, io.Discard, fs.ErrClosed.Error()},
		{"changing", context.Background(), func() (io.ReadCloser, error) {
			calls++
			return reader(good + fmt.Sprintf(`{"prompt": "%d"}`, calls))()
		}, io.Discard, "changed while"},
		{"interrupted", cancelled, reader(good), io.Discard, context.Canceled.Error()},
		{"writing", context.Background(), reader(good), failing{}, errFull.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Run(tt.ctx, tt.open, tt.out, tt.out, one)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

var errFull = errors.New("the disk is full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestWarnings(t *testing.T) {
	var text strings.Builder
	for i := range 100 {
		question := "the same"
		if i%2 == 0 {
			question = fmt.Sprint(i)
		}
		fmt.Fprintf(&text, `{"prompt": "%s", "completion": "%d"}`+"\n", question, i)
	}
	warned := map[bool]int{}
	for seed := range int64(50) {
		res, _, _ := sides(t, text.String(), Options{Validation: amount(t, "20%"), Seed: seed, Limits: dataset.Limits{AdvisedRecords: 1000, DoubtfulValidationRecords: 20}})
		large := strings.Contains(strings.Join(res.Warnings, "\n"), "the largest group has 50 records")
		warned[res.Validation >= 50]++
		if large != (res.Validation >= 50 || res.Validation < 16) {
			t.Errorf("%d records for validation, warnings %q", res.Validation, res.Warnings)
		}
		if doubted := strings.Contains(strings.Join(res.Warnings, "\n"), "AWS's sample validator takes 20"); doubted != (res.Validation > 20) {
			t.Errorf("%d records for validation, warnings %q", res.Validation, res.Warnings)
		}
		if !strings.Contains(strings.Join(res.Warnings, "\n"), "AWS advises 1000") {
			t.Errorf("got warnings %q", res.Warnings)
		}
	}
	if warned[true] == 0 || warned[false] == 0 {
		t.Errorf("the large group was never, or always, for validation: %v", warned)
	}
}

func TestParseAmount(t *testing.T) {
	for _, good := range []string{"10%", "12.5%", "0.01%", "99.9%", "1", "200"} {
		if a := amount(t, good); a.String() != good {
			t.Errorf("%s became %s", good, a)
		}
	}
	for _, bad := range []string{"", "%", "0", "0%", "-1", "-1%", "100%", "101%", "1/3%", "1e1%", "0x10%", "1p3%", "1_0%", "+5%", "10 %", "ten", "1.5"} {
		if a, err := ParseAmount(bad); err == nil {
			t.Errorf("%q became %s", bad, a)
		}
	}
}

// TestRealData splits public data sets, which are not part of this repository.
func TestRealData(t *testing.T) {
	tests := []struct {
		file    string
		records int64
	}{
		{"prompt_completion/abmc_training-data.jsonl", 1000},
		{"prompt_completion/sfwc_train-data-small.jsonl", 500},
		{"converse_nova/nova_tooluse_train.jsonl", 560},
		{"openai_chat/openai_sft_test_data.jsonl", 10},
		{"rft/rft_train_data.jsonl", 0},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", filepath.FromSlash(tt.file)))
			if errors.Is(err, fs.ErrNotExist) {
				t.Log("not split: the public data sets are not beside this repository")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			res, training, validation := sides(t, string(data), Options{Validation: Amount{Records: 3}})
			checkOrder(t, string(data), training, validation)
			if tt.records > 0 && res.Records != tt.records || res.Validation < 3 {
				t.Errorf("got %+v", res)
			}
			t.Logf("%+v", res)
		})
	}
}
