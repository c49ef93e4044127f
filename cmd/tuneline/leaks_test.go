package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/rehearsal/canary"
)

// marked is a data set with a canary in each record, good ones and bad.
func marked(t *testing.T, cage *canary.Cage) string {
	t.Helper()
	text := func(where string) string {
		quoted, err := json.Marshal(cage.Put(where).Text())
		if err != nil {
			t.Fatal(err)
		}
		return string(quoted)
	}
	pair := func(question, answer string) string {
		return `{"prompt":` + question + `,"completion":` + answer + `}` + "\n"
	}
	return pairs(120) +
		pair(text("a prompt"), text("a completion")) +
		pair(text("a prompt"), text("a completion")) + // twice
		`{"prompt":` + text("an unknown member's record") + `,"completion":"b",` + text("an unknown member") + ":1}\n" +
		`{"prompt":` + text("a member without another") + "}\n" +
		`{"prompt":[` + text("a list") + `],"completion":"b"}` + "\n" +
		`{"prompt":` + text("a torn line")[:40] + "\n" +
		cage.Put("no JSON").Words() + "\n" +
		`{"prompt":"` + "\xff" + cage.Put("bad UTF-8").Words() + `","completion":"b"}` + "\n" +
		pair(`"Mail `+cage.Put("an address").Word()+`@example.com, card 4111 1111 1111 1111"`, `"b"`)
}

// Ensure what the data commands print, for people, scripts and the annotations and
// uploads of a CI, holds nothing of the data; only the files that they write do.
func TestCommandsTellNothingOfTheData(t *testing.T) {
	cage := canary.NewCage(t.Name())
	data := marked(t, cage)
	if len(cage.Find(data)) < 8 {
		t.Fatalf("the data has the canaries %q", cage.Find(data))
	}
	for _, args := range [][]string{
		{"check", "in.jsonl", "--base-model", llama},
		{"check", "in.jsonl", "--base-model", llama, "--output", "json"},
		{"check", "in.jsonl", "--base-model", llama, "--output", "sarif"},
		{"check", "in.jsonl", "--base-model", llama, "--output", "github"},
		{"fix", "in.jsonl", "--base-model", llama},
		{"convert", "in.jsonl", "--base-model", nova, "--output", "out.jsonl"},
		{"split", "in.jsonl", "--validation", "10%"},
		{"estimate", "in.jsonl", "--base-model", llama},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			inDir(t, map[string]string{"in.jsonl": data})
			_, stdout, stderr := command(t, args...)
			if found := cage.Find(stdout + "\n" + stderr); found != nil || len(stdout+stderr) < 40 || strings.Contains(stderr, "unknown flag") || strings.Contains(stdout+stderr, "4111") {
				t.Errorf("tells %q:\n%s%s", found, stdout, stderr)
			}
		})
	}
}
