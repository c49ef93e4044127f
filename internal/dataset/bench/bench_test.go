package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset/generate"
)

// row is a record and who does not see what is wrong with it.
type row struct {
	name, line string
	blind      []string
}

const (
	conversationStart = `{"schemaVersion":"bedrock-conversation-2024","messages":[`
	question          = `{"role":"user","content":[{"text":"q"}]}`
	answer            = `{"role":"assistant","content":[{"text":"a"}]}`
)

var goodConversations = []row{
	{name: "plain", line: conversationStart + question + "," + answer + `]}`},
	{name: "with a system text", line: `{"schemaVersion":"x","system":[{"text":"s"}],"messages":[` + question + "," + answer + `]}`},
	{name: "in another order", line: `{"messages":[{"content":[{"text":"q"}],"role":"user"},` + answer + `],"schemaVersion":"x"}`},
	{name: "with white space", line: "{ \"messages\" : [ " + question + " ,\t" + answer + ` ] , "schemaVersion" : "x" }  ` + "\r"},
	{name: "with escapes", line: conversationStart + `{"role":"user","content":[{"text":"\u00e9\ud83d\ude00\n\"\\ é😀"}]},` + answer + `]}`},
	{name: "four turns", line: conversationStart + strings.Repeat(question+","+answer+",", 3) + question + "," + answer + `]}`},
	{name: "nearly reserved", line: conversationStart + `{"role":"user","content":[{"text":"user : <imag> a[i] x:"}]},` + answer + `]}`},
}

var badConversations = []row{
	{name: "unknown role", line: conversationStart + question + `,{"role":"asistant","content":[{"text":"a"}]}]}`},
	{name: "role in another case", line: conversationStart + question + `,{"role":"Assistant","content":[{"text":"a"}]}]}`},
	{name: "no role", line: conversationStart + question + `,{"content":[{"text":"a"}]}]}`},
	{name: "no content", line: conversationStart + question + `,{"role":"assistant"}]}`},
	{name: "empty content", line: conversationStart + question + `,{"role":"assistant","content":[]}]}`},
	{name: "empty block", line: conversationStart + question + `,{"role":"assistant","content":[{}]}]}`},
	{name: "no answer", line: conversationStart + question + `]}`},
	{name: "two questions", line: conversationStart + question + "," + question + `]}`},
	{name: "answer first", line: conversationStart + answer + "," + question + `]}`},
	{name: "no messages", line: `{"schemaVersion":"x"}`},
	{name: "empty messages", line: conversationStart + `]}`},
	{name: "no schemaVersion", line: `{"messages":[` + question + "," + answer + `]}`},
	{name: "empty system", line: `{"schemaVersion":"x","system":[],"messages":[` + question + "," + answer + `]}`},
	{name: "unknown key", line: conversationStart + question + "," + answer + `],"more":1}`},
	{name: "unknown key in a message", line: conversationStart + `{"role":"user","content":[{"text":"q"}],"id":1},` + answer + `]}`},
	{name: "key in another case", line: conversationStart + question + "," + answer + `],"System":[{"text":"s"}]}`, blind: []string{nameStandard}},
	{name: "a key twice", line: conversationStart + question + "," + answer + `],"schemaVersion":"x"}`, blind: []string{nameStandard}},
	{name: "empty text", line: conversationStart + `{"role":"user","content":[{"text":""}]},` + answer + `]}`},
	{name: "blank text", line: conversationStart + `{"role":"user","content":[{"text":" \n\u3000\u00a0"}]},` + answer + `]}`},
	{name: "a number for a text", line: conversationStart + `{"role":"user","content":[{"text":1}]},` + answer + `]}`},
	{name: "a reserved word", line: conversationStart + `{"role":"user","content":[{"text":"so uSeR: x"}]},` + answer + `]}`, blind: []string{nameOtherRules}},
	{name: "a reserved mark", line: conversationStart + `{"role":"user","content":[{"text":"[eos]"}]},` + answer + `]}`, blind: []string{nameOtherRules}},
	{name: "a list", line: `[1]`},
	{name: "cut off", line: conversationStart + question},
	{name: "something behind", line: conversationStart + question + "," + answer + `]},`},
	{name: "another record behind", line: conversationStart + question + "," + answer + `]}{}`},
	{name: "a bad escape", line: conversationStart + `{"role":"user","content":[{"text":"\q"}]},` + answer + `]}`},
	{name: "a control character", line: conversationStart + `{"role":"user","content":[{"text":"a` + "\x01" + `"}]},` + answer + `]}`},
	{name: "not UTF-8", line: conversationStart + `{"role":"user","content":[{"text":"a` + "\xE4" + `b"}]},` + answer + `]}`},
	{name: "half a surrogate pair", line: conversationStart + `{"role":"user","content":[{"text":"\ud83d"}]},` + answer + `]}`, blind: []string{nameStandard, nameJX}},
}

var goodPairs = []row{
	{name: "plain", line: `{"prompt":"p","completion":"ç"}`},
	{name: "in another order", line: ` { "completion" : "c" , "prompt" : "user: p" } `},
}

var badPairs = []row{
	{name: "no completion", line: `{"prompt":"p"}`},
	{name: "no prompt", line: `{"completion":"c"}`},
	{name: "blank", line: `{"prompt":"p","completion":"\t"}`},
	{name: "null", line: `{"prompt":null,"completion":"c"}`},
	{name: "twice", line: `{"prompt":"p","completion":"c","completion":"c"}`, blind: []string{nameStandard}},
	{name: "no JSON", line: `{'prompt':'p'}`},
}

// TestCandidates: the candidates do the same work, or the table says what one
// does not see. A comparison with less would be worth nothing.
func TestCandidates(t *testing.T) {
	found, missing := programs(t.Context(), t.TempDir())
	for _, why := range missing {
		t.Log("not tried:", why)
	}
	for _, c := range slices.Concat(inGo, found) {
		t.Run(c.name, func(t *testing.T) {
			for _, set := range []struct {
				shape generate.Shape
				rows  []row
				want  int64
			}{
				{generate.Short, goodConversations, 0},
				{generate.Short, badConversations, 1},
				{generate.ShortPC, goodPairs, 0},
				{generate.ShortPC, badPairs, 1},
			} {
				for _, row := range set.rows {
					want := set.want
					if slices.Contains(row.blind, c.name) {
						want = 0
					}
					got := judged(t, c, set.shape, row.line)
					if got.Records != 1 || min(got.Errors, 1) != want {
						t.Errorf("%s, %s: got %d records and %d errors, want 1 and %d", form(set.shape), row.name, got.Records, got.Errors, want)
					}
				}
			}
		})
	}
}

// TestCandidatesCountAlike holds all totals of generated sets and of rows that
// stand twice against tuneline's.
func TestCandidatesCountAlike(t *testing.T) {
	found, _ := programs(t.Context(), t.TempDir())
	for _, shape := range generate.Shapes() {
		data, err := io.ReadAll(generate.Reader(shape, 1_000_000))
		if err != nil {
			t.Fatal(err)
		}
		text := string(data) + strings.TrimSuffix(string(data), "\n")
		want := judged(t, inGo[0], shape, text)
		if want.Errors != 0 || want.Duplicates < want.Records/2 {
			t.Fatalf("%s: got %+v, want no errors and half of the records as duplicates", shape, want)
		}
		for _, c := range slices.Concat(inGo, found) {
			if got := judged(t, c, shape, text); got != want {
				t.Errorf("%s, %s: got %+v, want %+v", c.name, shape, got, want)
			}
		}
	}
}

func judged(t *testing.T, c candidate, shape generate.Shape, text string) totals {
	t.Helper()
	if c.judge != nil {
		got, err := c.judge(t.Context(), strings.NewReader(text), int64(len(text)), shape)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	name := filepath.Join(t.TempDir(), "set.jsonl")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := (&runner{}).judge(t.Context(), c, set{shape: shape, file: name}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got.cpu <= 0 || got.rss <= 0 {
		t.Fatalf("%s: %f CPU-seconds and %d bytes of memory", c.name, got.cpu, got.rss)
	}
	return got.totals
}

// made is a result with simple numbers: tuneline at 1200 MB by CPU-second.
func made() *measured {
	run := func(megabytes float64) []sample {
		return []sample{{outcome: outcome{totals: totals{Records: 1000}, Allocations: 500}, cpu: 256 / megabytes, rss: 20e6}}
	}
	m := &measured{settings: settings{size: 256e6, memorySize: 4e9, reps: 5}, candidates: inGo}
	for _, shape := range generate.Shapes() {
		s := &shapeResult{
			shape: shape, bytes: 256e6, badBytes: 256e6, one: []float64{1}, two: []float64{0.6},
			runs: map[string][]sample{nameSIMDJSON: run(1000)},
			bad:  map[string][]sample{nameTuneline: run(190), nameAuthority: run(200)},
		}
		for _, c := range inGo {
			s.runs[c.name] = run(100)
		}
		s.runs[nameTuneline] = run(1200)
		s.known = sample{outcome: outcome{totals: totals{Records: 1e6}}, rss: 79e6}
		s.piped = sample{outcome: outcome{totals: totals{Records: 1e6}}, rss: 100e6}
		m.shapes = append(m.shapes, s)
	}
	m.first = [][]float64{{0.001, 0.002, 0.5}, {0.003}}
	return m
}

func TestGoals(t *testing.T) {
	m := made()
	for _, g := range m.goals() {
		if g.result() != "ok" {
			t.Errorf("%s: got %s, want ok: %v", g.text, g.result(), g.cells)
		}
	}
	tests := []struct {
		name  string
		spoil func(*measured)
		goal  int
		want  string
	}{
		{"slower than ten times encoding/json", func(m *measured) { m.shapes[3].runs[nameStandard][0].cpu = 256.0 / 121 }, 0, "**missed**"},
		{"slower than four times jsontext", func(m *measured) { m.shapes[0].runs[nameAuthority][0].cpu = 256.0 / 301 }, 1, "**missed**"},
		{"slower than simdjson on long", func(m *measured) { m.shapes[3].runs[nameSIMDJSON][0].cpu = 256.0 / 1300 }, 3, "ok"},
		{"slower than simdjson on short", func(m *measured) { m.shapes[1].runs[nameSIMDJSON][0].cpu = 256.0 / 1300 }, 3, "**missed**"},
		{"no simdjson", func(m *measured) {
			for _, s := range m.shapes {
				delete(s.runs, nameSIMDJSON)
			}
		}, 2, "not measured"},
		{"two processors no faster", func(m *measured) { m.shapes[2].two[0] = 0.7 }, 4, "**missed**"},
		{"slow on bad records", func(m *measured) { m.shapes[2].bad[nameTuneline][0].cpu = 256.0 / 160 }, 5, "**missed**"},
		{"17 bytes a record", func(m *measured) { m.shapes[0].known.rss = 81e6 }, 6, "**missed**"},
		{"41 bytes a record", func(m *measured) { m.shapes[0].piped.rss = 105e6 }, 7, "**missed**"},
		{"a late first finding", func(m *measured) { m.first[1][0] = 0.011 }, 8, "**missed**"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := made()
			tt.spoil(m)
			if got := m.goals()[tt.goal].result(); got != tt.want {
				t.Errorf("%s: got %s, want %s", m.goals()[tt.goal].text, got, tt.want)
			}
		})
	}
}

func TestAgree(t *testing.T) {
	s := made().shapes[0]
	if err := s.agree(inGo); err != nil {
		t.Errorf("got %v of equal totals, want no error", err)
	}
	s.runs[nameJX][0].Characters++
	if err := s.agree(inGo); err == nil || !strings.Contains(err.Error(), nameJX) {
		t.Errorf("got %v, want an error that names %s", err, nameJX)
	}
}

func TestRender(t *testing.T) {
	m := made()
	m.shapes[1].profile = "the profile\n"
	text := m.render()
	for _, want := range []string{
		"| ≥ 10 × `encoding/json` strict | 12.00 × | 12.00 × | 12.00 × | 12.00 × | ok |",
		"| memory ≤ 64 MB + 16 B a record, size known | 79 MB, 15.0 B |",
		"| tuneline | 1200 (1200–1200) | 1.00 × | 20 MB | 0.50 |",
		"Every record wrong: tuneline 190, `jsontext` alone 200 MB per CPU-s.",
		"| short_pc | 256 (256) | 427 (427) | 1.67 × | 1.67 × |",
		"### Where the time goes: short\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the document lacks %q:\n%s", want, text)
		}
	}
}

// TestEstimate checks the arithmetic with numbers worked out by hand.
func TestEstimate(t *testing.T) {
	r := estimate("x", receiving) // half of it is left with receiving
	got := fmt.Sprintf("%.1f %.2f %.0f %.2f %.6f", r.here/1e6, r.seconds[0], r.memory[1], r.gbSeconds[0], r.usd[0])
	if want := "570.5 5.01 496 8.65 0.000115"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestKeepAndGate(t *testing.T) {
	m := made()
	m.settings.ratios = filepath.Join(t.TempDir(), "ratios.json")
	if err := m.keep(""); err != nil {
		t.Fatal(err)
	}
	ratios, err := readRatios(m.settings.ratios)
	if err != nil || ratios[generate.Medium] != 12 {
		t.Fatalf("got %v, %v; want 12 for each shape", ratios, err)
	}
	if err := judgeRatio(io.Discard, generate.Medium, 6.1, ratios[generate.Medium]); err != nil {
		t.Errorf("got %v for a little more than half, want no error", err)
	}
	if err := judgeRatio(io.Discard, generate.Medium, 5.9, ratios[generate.Medium]); err == nil {
		t.Error("got no error for less than half")
	}
	if _, err := readRatios(filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v for a file that is not there", err)
	}
}

func TestSizeFlag(t *testing.T) {
	for text, want := range map[string]sizeFlag{"256MB": 256e6, "4GB": 4e9, "1500kB": 1500e3, "17": 17} {
		var got sizeFlag
		if err := got.Set(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: got %d, written %s, %v", text, got, &got, err)
		}
	}
	for _, text := range []string{"", "MB", "-1MB", "0", "4TB", "1.5GB", "4GBx"} {
		var got sizeFlag
		if err := got.Set(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
}

func TestMedian(t *testing.T) {
	for want, values := range map[float64][]float64{0: nil, 3: {9, 1, 3}, 2.5: {1, 2, 3, 9}} {
		if got := median(values); got != want {
			t.Errorf("%v: got %v, want %v", values, got, want)
		}
	}
}
