package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset/convert"
)

const (
	chatRow      = `{"messages":[{"role":"user","content":"When does the last ferry leave?"},{"role":"assistant","content":"At 22:40."}]}` + "\n"
	chatRecord   = `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"When does the last ferry leave?"}]},{"role":"assistant","content":[{"text":"At 22:40."}]}]}` + "\n"
	namedRow     = `{"messages":[{"role":"user","name":"mira","content":"When does the last ferry leave?"},{"role":"assistant","content":"At 22:40."}]}` + "\n"
	noAnswerRow  = `{"messages":[{"role":"user","content":"When?"}]}` + "\n"
	conversation = "bedrock-conversation-2024"
)

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path) //nolint:gosec // a file that the test made
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestConvert shows the exit code and what is said for what became of the rows.
func TestConvert(t *testing.T) {
	for name, tt := range map[string]struct {
		rows  string
		exit  int
		said  []string
		wrote string
	}{
		"as it is": {chatRow, exitOK, []string{"1 row from openai-chat to " + conversation, "1 as they are", "1 record written", "rejected   0\n"}, chatRecord},
		"lost":     {namedRow, exitFindings, []string{"1 with losses", "lost       name, once: ", "(first: line 1, /messages/0/name)"}, chatRecord},
		"rejected": {chatRow + noAnswerRow, exitFindings, []string{"rejected   1; --rejects FILE keeps them", "line 2, /messages/0: no answer follows"}, chatRecord},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			in, out := writtenIn(t, dir, "chats.jsonl", tt.rows), filepath.Join(dir, "train.jsonl")
			exit, stdout, stderr := command(t, "convert", in, "-o", out, "--base-model", "amazon.nova-micro-v1:0:128k")
			if exit != tt.exit || stdout != "" || content(t, out) != tt.wrote {
				t.Errorf("exit %d, want %d; printed %q, wrote %q\n%s", exit, tt.exit, stdout, content(t, out), stderr)
			}
			next := "next: tuneline check " + out + " --base-model amazon.nova-micro-v1:0:128k\n"
			for _, want := range append(tt.said, next) {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q is not said:\n%s", want, stderr)
				}
			}
			if content(t, in) != tt.rows {
				t.Error("the input was changed")
			}
		})
	}
}

// TestConvertFiles ensures that rejected rows, the report and the JSON document
// tell the same, and that nothing else is left behind.
func TestConvertFiles(t *testing.T) {
	dir := t.TempDir()
	in := writtenIn(t, dir, "chats.jsonl", namedRow+noAnswerRow)
	out, rejects, report := filepath.Join(dir, "train.jsonl"), filepath.Join(dir, "rejects.jsonl"), filepath.Join(dir, "report.jsonl")
	exit, stdout, stderr := command(t, "convert", in, "-o", out, "--rejects", rejects, "--report", report, "--to", conversation, "--json")
	if exit != exitFindings || content(t, out) != chatRecord || content(t, rejects) != noAnswerRow {
		t.Fatalf("exit %d, wrote %q, rejected %q\n%s", exit, content(t, out), content(t, rejects), stderr)
	}
	var result convert.Result
	if err := json.Unmarshal([]byte(stdout), &result); err != nil {
		t.Fatal(err)
	}
	if result.Converted != 1 || result.Lossy != 1 || result.Rejected != 1 || result.Counts[convert.KindName] != 1 {
		t.Errorf("the document says %+v", result)
	}
	lines := strings.Split(strings.TrimSpace(content(t, report)), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"severity":"lost"`) || !strings.Contains(lines[1], `"reason":`) {
		t.Errorf("the report says %q", lines)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 4 {
		t.Errorf("%d files are left, want 4: %v, %v", len(left), left, err)
	}
}

// TestConvertRefuses ensures that the command line is refused with what to do,
// before a file is touched.
func TestConvertRefuses(t *testing.T) {
	dir := t.TempDir()
	in, there := writtenIn(t, dir, "chats.jsonl", chatRow), writtenIn(t, dir, "there.jsonl", "precious\n")
	for want, args := range map[string][]string{
		"name one data set":           {"--to", conversation},
		"name the format with --to":   {in},
		`no format "yaml"`:            {in, "--to", "yaml"},
		"leave --to out":              {in, "--to", "prompt-completion", "--base-model", "amazon.nova-micro-v1:0:128k"},
		"--base-model: ":              {in, "--base-model", "nobody.knows-v1:0"},
		"write over it with --force":  {in, "--to", conversation, "-o", there},
		"is the file that is read":    {in, "--to", conversation, "-o", in, "--force"},
		"would be written twice":      {in, "--to", conversation, "-o", filepath.Join(dir, "new"), "--rejects", filepath.Join(dir, "x", "..", "new")},
		"--rejects: - stands for":     {in, "--to", conversation, "--rejects", "-"},
		"--report: - stands for":      {in, "--to", conversation, "--report", "-"},
		"name a file with -o":         {in, "--to", conversation, "--json"},
		"no way \"first\"":            {in, "--to", "prompt-completion", "--multi-turn", "first"},
		"--prompt-template: ":         {in, "--to", "prompt-completion", "--prompt-template", filepath.Join(dir, "none")},
		"no such file or directory":   {filepath.Join(dir, "none"), "--to", conversation},
		"is empty: write a template":  {in, "--to", "prompt-completion", "--prompt-template", writtenIn(t, t.TempDir(), "empty.tmpl", "\n")},
		"reading the prompt template": {in, "--to", "prompt-completion", "--prompt-template", writtenIn(t, t.TempDir(), "bad.tmpl", "{{")},
	} {
		exit, _, stderr := command(t, append([]string{"convert"}, args...)...)
		if exit != exitError || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d, said %q; want %q", args, exit, stderr, want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 || content(t, there) != "precious\n" || content(t, in) != chatRow {
		t.Errorf("a refused command touched files: %v, %v", left, err)
	}
	if exit, _, stderr := command(t, "convert", in, "--to", conversation, "-o", there, "--force"); exit != exitOK || content(t, there) != chatRecord {
		t.Errorf("--force: exit %d, wrote %q\n%s", exit, content(t, there), stderr)
	}
}

// TestConvertNext ensures that the command to go on with names the base model, and
// a file as a shell takes it.
func TestConvertNext(t *testing.T) {
	const model = "amazon.nova-micro-v1:0:128k"
	path := written(t, "a.jsonl", chatRow)
	t.Chdir(filepath.Dir(path))
	for want, flags := range map[string][]string{
		"'b c.jsonl' --base-model " + model:                                    {"-o", "b c.jsonl", "--base-model", model},
		"d.jsonl --format distillation-prompts":                                {"-o", "d.jsonl", "--to", "distillation-prompts"},
		"e.jsonl --base-model " + model + " --customization-type DISTILLATION": {"-o", "e.jsonl", "--base-model", model, "--customization-type", "DISTILLATION"},
	} {
		exit, _, stderr := command(t, append([]string{"convert", "a.jsonl"}, flags...)...)
		if exit != exitOK || !strings.HasSuffix(stderr, "\nnext: tuneline check "+want+"\n") {
			t.Errorf("exit %d, said %q; want %s", exit, stderr, want)
		}
	}
}

// TestConvertStreams ensures that "-" reads standard input, and that records go
// to standard output without anything else between them.
func TestConvertStreams(t *testing.T) {
	useStdin(t, chatRow)
	exit, stdout, stderr := command(t, "convert", "-", "--to", conversation)
	if exit != exitOK || stdout != chatRecord || !strings.Contains(stderr, "converted  1: ") {
		t.Errorf("exit %d, printed %q and said %q", exit, stdout, stderr)
	}
}
