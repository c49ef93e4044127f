package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/tuneline/tuneline/internal/datafile"
	"github.com/tuneline/tuneline/internal/dataset"
)

const (
	nova  = "amazon.nova-micro-v1:0:128k"
	llama = "meta.llama3-1-8b-instruct-v1:0:128k"
)

// pairs are n good prompt/completion records.
func pairs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"prompt\":\"question %d\",\"completion\":\"answer %d\"}\n", i, i)
	}
	return b.String()
}

// conversations are n good records of the conversation form.
func conversations(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"question %d"}]},{"role":"assistant","content":[{"text":"answer %d"}]}]}`+"\n", i, i)
	}
	return b.String()
}

// inDir makes files in a folder that the command then runs in.
func inDir(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range files {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func gzipped(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, content)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstandard(t *testing.T, content string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(content), nil))
}

// useStdin makes the text standard input for the rest of the test.
func useStdin(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "stdin")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(file) //nolint:gosec // a file that the test made
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = in
	t.Cleanup(func() {
		os.Stdin = before
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestCheck ensures that a person sees what was found, what was checked, and an
// exit code that says which of the two.
func TestCheck(t *testing.T) {
	const incomplete = `{"prompt":"a"}` + "\n"
	tests := map[string]struct {
		files map[string]string
		stdin string
		args  []string
		exit  int
		want  []string
	}{
		"accepted": {
			files: map[string]string{"a.jsonl": pairs(200)}, args: []string{"a.jsonl"},
			exit: exitOK, want: []string{"a.jsonl: accepted", "prompt-completion, as the first record is written", "the limits of your base model (--base-model)", "--secrets", "--validation"},
		},
		"default base model": {
			files: map[string]string{"a.jsonl": conversations(200)}, args: []string{"a.jsonl"},
			exit: exitOK, want: []string{"bedrock-conversation-2024 for FINE_TUNING of " + nova, "the base model is the default"},
		},
		"by line": {
			files: map[string]string{"a.jsonl": pairs(2) + incomplete}, args: []string{"a.jsonl"},
			exit: exitFindings, want: []string{"a.jsonl:3:1: error TL1101 ", "a.jsonl: not accepted, 1 error"},
		},
		"the rest of a code": {
			files: map[string]string{"a.jsonl": pairs(1) + strings.Repeat(incomplete, 9)}, args: []string{"a.jsonl", "--max-findings", "2"},
			exit: exitFindings, want: []string{"a.jsonl:2:1: ", "a.jsonl:3:1: ", "7 not listed"},
		},
		"another format than the base model's": {
			files: map[string]string{"a.jsonl": conversations(200)}, args: []string{"a.jsonl", "--base-model", llama},
			exit: exitFindings, want: []string{"a.jsonl:1:1: error TL1106 ", "for FINE_TUNING of " + llama},
		},
		"the base model's limits": {
			files: map[string]string{"a.jsonl": pairs(20)}, args: []string{"a.jsonl", "--base-model", llama},
			exit: exitFindings, want: []string{"a.jsonl: error TL1401 20 training records"},
		},
		"the format asked for": {
			files: map[string]string{"a.jsonl": pairs(20)}, args: []string{"a.jsonl", "--format", "bedrock-conversation-2024"},
			exit: exitFindings, want: []string{"TL1106", "as --format says"},
		},
		"OpenAI's chat": {
			files: map[string]string{"a.jsonl": `{"messages":[{"role":"system","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"c"}]}`},
			args:  []string{"a.jsonl"}, exit: exitFindings, want: []string{"written as openai-chat, which Bedrock does not take"},
		},
		"no format": {
			files: map[string]string{"a.jsonl": "prompt,completion\n"}, args: []string{"a.jsonl"},
			exit: exitFindings, want: []string{"a.jsonl:1:1: error TL1001", "does not tell its format"},
		},
		"no answer in the first record": {
			files: map[string]string{"a.jsonl": strings.Replace(conversations(1), `,{"role":"assistant","content":[{"text":"answer 0"}]}`, "", 1) + conversations(200)},
			args:  []string{"a.jsonl"}, exit: exitFindings, want: []string{"a.jsonl:1:", "bedrock-conversation-2024 for FINE_TUNING", "--format distillation-prompts"},
		},
		"empty": {
			files: map[string]string{"a.jsonl": ""}, args: []string{"a.jsonl"},
			exit: exitFindings, want: []string{"TL1401"},
		},
		"standard input": {
			stdin: pairs(3) + incomplete, args: []string{"-"},
			exit: exitFindings, want: []string{"stdin:4:1: error TL1101"},
		},
		"gzip": {
			files: map[string]string{"a.jsonl.gz": gzipped(t, pairs(3)+incomplete)}, args: []string{"a.jsonl.gz"},
			exit: exitFindings, want: []string{"a.jsonl.gz:4:1: error TL1101", "through gzip, Bedrock takes it unpacked only", "--near-duplicates=on"},
		},
		"zstd by its first bytes": {
			files: map[string]string{"a": zstandard(t, pairs(200))}, args: []string{"a"},
			exit: exitOK, want: []string{"a: accepted", "through zstd"},
		},
		"a pattern": {
			files: map[string]string{"a.jsonl": pairs(200), "b.jsonl": incomplete, "c.txt": ""}, args: []string{"*.jsonl"},
			exit: exitFindings, want: []string{"a.jsonl: accepted", "b.jsonl:1:1: error TL1101", "2 files: 1 accepted, 1 with errors, 0 not checked", "checked on its own"},
		},
		"one of three missing": {
			files: map[string]string{"a.jsonl": pairs(200), "c.jsonl": incomplete}, args: []string{"a.jsonl", "b.jsonl", "c.jsonl"},
			exit: exitError, want: []string{"b.jsonl: not checked: b.jsonl does not exist", "c.jsonl:1:1: error", "3 files: 1 accepted, 1 with errors, 1 not checked"},
		},
		"validation data": {
			files: map[string]string{"a.jsonl": pairs(200), "v.jsonl": pairs(2)}, args: []string{"a.jsonl", "--validation", "v.jsonl", "--base-model", llama},
			exit: exitOK, want: []string{"v.jsonl: accepted", "a.jsonl:1:1: warning TL1404", "a.jsonl:2:1: warning TL1404"},
		},
		"validation data of another format": {
			files: map[string]string{"a.jsonl": pairs(200), "v.jsonl": conversations(200)}, args: []string{"a.jsonl", "--validation", "v.jsonl"},
			exit: exitFindings, want: []string{"v.jsonl: accepted", "a.jsonl:1:1: error TL1106", "the same as the validation data"},
		},
		"validation data missing": {
			files: map[string]string{"a.jsonl": pairs(200)}, args: []string{"a.jsonl", "--validation", "v.jsonl"},
			exit: exitError, want: []string{"v.jsonl: not checked", "a.jsonl: not checked: the validation data could not be checked"},
		},
		"only validation data": {
			files: map[string]string{"v.jsonl": pairs(2)}, args: []string{"v.jsonl", "--role", "validation", "--base-model", llama},
			exit: exitOK, want: []string{"v.jsonl: accepted"},
		},
		"cut off": {
			files: map[string]string{"a.jsonl.gz": gzipped(t, pairs(200))[:300]}, args: []string{"a.jsonl.gz"},
			exit: exitError, want: []string{"a.jsonl.gz: not checked: ", "cut off"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inDir(t, test.files)
			useStdin(t, test.stdin)
			exit, stdout, stderr := command(t, append([]string{"check"}, test.args...)...)
			if exit != test.exit {
				t.Errorf("exit %d, want %d", exit, test.exit)
			}
			for _, want := range test.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("the output lacks %q", want)
				}
			}
			if told := strings.Contains(stderr, "could not be checked"); told != (exit == exitError) {
				t.Errorf("standard error has %q", stderr)
			}
			if t.Failed() {
				t.Log(stdout)
			}
		})
	}
}

// TestCheckNotLookedFor ensures that what is told as left out was left out.
func TestCheckNotLookedFor(t *testing.T) {
	inDir(t, map[string]string{"a.jsonl": pairs(200), "v.jsonl": pairs(2)})
	for _, test := range []struct {
		args []string
		want bool
	}{
		{[]string{"a.jsonl"}, true},
		{[]string{"a.jsonl", "--role", "validation"}, false},
		{[]string{"a.jsonl", "--validation", "v.jsonl"}, false},
	} {
		_, stdout, _ := command(t, append([]string{"check"}, test.args...)...)
		if told := strings.Contains(stdout, "stand in the validation data too (--validation)"); told != test.want {
			t.Errorf("%v: told %t, want %t\n%s", test.args, told, test.want, stdout)
		}
	}
}

// TestCheckMistakes ensures that a wrong command line is told as such, and that
// nothing is read then.
func TestCheckMistakes(t *testing.T) {
	inDir(t, map[string]string{"a.jsonl": pairs(200), "v1.jsonl": "", "v2.jsonl": ""})
	tests := map[string]struct {
		args []string
		want string
	}{
		"no file":               {nil, "- for standard input"},
		"no match":              {[]string{"*.json"}, "no file matches"},
		"a prefix":              {[]string{"s3://bucket/data/"}, "name one object"},
		"no such base model":    {[]string{"a.jsonl", "--base-model", "nova"}, "not in the catalogue"},
		"no such customization": {[]string{"a.jsonl", "--base-model", nova, "--customization-type", "REINFORCEMENT_FINE_TUNING"}, "FINE_TUNING or DISTILLATION"},
		"customization of what": {[]string{"a.jsonl", "--customization-type", "DISTILLATION"}, "--base-model"},
		"no such format":        {[]string{"a.jsonl", "--format", "csv"}, "csv"},
		"two formats":           {[]string{"a.jsonl", "--format", "prompt-completion", "--base-model", nova}, "takes bedrock-conversation-2024"},
		"no such output":        {[]string{"a.jsonl", "--output", "xml"}, "human, json, sarif, github"},
		"two outputs":           {[]string{"a.jsonl", "--output", "sarif", "--json"}, "contradict"},
		"no such role":          {[]string{"a.jsonl", "--role", "test"}, "training, validation"},
		"near duplicates":       {[]string{"a.jsonl", "--near-duplicates", "yes"}, "auto, on, off"},
		"thorough but":          {[]string{"a.jsonl", "--near-duplicates", "off", "--thorough"}, "--near-duplicates=off"},
		"no findings":           {[]string{"a.jsonl", "--max-findings", "0"}, "1 or more"},
		"fewer than none":       {[]string{"a.jsonl", "--workers", "-1"}, "1 or more"},
		"validation of it":      {[]string{"a.jsonl", "--role", "validation", "--validation", "v1.jsonl"}, "belongs to training data"},
		"two validation files":  {[]string{"a.jsonl", "--validation", "v?.jsonl"}, "2 files"},
		"standard input twice":  {[]string{"-", "--validation", "-"}, "once only"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			exit, stdout, stderr := command(t, append([]string{"check"}, test.args...)...)
			if exit != exitError || stdout != "" || !strings.Contains(stderr, test.want) {
				t.Errorf("exit %d, %q, %q; want %d and %q", exit, stdout, stderr, exitError, test.want)
			}
		})
	}
}

// onFirstWrite calls a function once something was printed.
type onFirstWrite struct {
	bytes.Buffer
	once sync.Once
	call func()
}

func (w *onFirstWrite) Write(p []byte) (int, error) {
	w.once.Do(w.call)
	return w.Buffer.Write(p)
}

// TestCheckChanged ensures that a file somebody writes to is no checked file.
func TestCheckChanged(t *testing.T) {
	inDir(t, map[string]string{"a.jsonl": `{"prompt":"a"}` + "\n" + pairs(200)})
	out := &onFirstWrite{call: func() {
		if err := os.WriteFile("a.jsonl", []byte(pairs(3)), 0o600); err != nil {
			t.Error(err)
		}
	}}
	if exit := run([]string{"check", "a.jsonl"}, out, io.Discard); exit != exitError || !strings.Contains(out.String(), datafile.ErrChanged.Error()) {
		t.Errorf("exit %d, %s", exit, out)
	}
}

// TestCheckReplaced ensures that nothing is told of an object that is another one
// by the end, but that it is.
func TestCheckReplaced(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"e1"`)
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		fmt.Fprint(w, `{"prompt":"a"}`)
	}))
	t.Cleanup(server.Close)
	useS3(t, server.URL)
	for _, output := range []string{outputJSON, outputSARIF, outputGitHub} {
		exit, stdout, _ := command(t, "check", "s3://bucket/a b.txt", "--output", output)
		if told := strings.Contains(stdout, "is missing: add it"); exit != exitError || told || !strings.Contains(stdout, datafile.ErrChanged.Error()) {
			t.Errorf("%s: exit %d, want %d; a finding is told: %t\n%s", output, exit, exitError, told, stdout)
		}
	}
}

// TestCheckInterrupted ensures that a person who has seen enough is told how far
// the check came, though nobody ever closes the pipe.
func TestCheckInterrupted(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := write.Close(); err != nil {
			t.Error(err)
		}
	})
	before := os.Stdin
	os.Stdin = read
	t.Cleanup(func() { os.Stdin = before })
	if _, err := write.WriteString(`{"prompt":"a"}` + "\n" + pairs(200)); err != nil {
		t.Fatal(err)
	}
	// The time ends a test that would otherwise wait for ever for a finding.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := &onFirstWrite{call: cancel}
	err = check(ctx, checkOptions{target: targetFlags{format: auto, role: "training"}, output: outputHuman, nearDuplicates: auto, maxFindings: 1}, []string{"-", "b.jsonl"}, out, io.Discard)
	var told toldError
	if !errors.As(err, &told) || told.exit != exitError {
		t.Errorf("got %v, want exit code %d", err, exitError)
	}
	for _, want := range []string{"stdin:1:1: error TL1101", "stdin: not checked: interrupted after ", "b.jsonl: not checked: interrupted before its turn"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
}

// TestCheckBomb ensures that a zip bomb ends the check.
func TestCheckBomb(t *testing.T) {
	t.Chdir(t.TempDir())
	file, err := os.Create("bomb.jsonl.zst")
	if err != nil {
		t.Fatal(err)
	}
	w, err := zstd.NewWriter(file, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.CopyN(w, zeros{}, datafile.BombBytes+1<<20)
	if err := errors.Join(err, w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	exit, stdout, _ := command(t, "check", "bomb.jsonl.zst")
	if exit != exitError || !strings.Contains(stdout, "zip bomb") {
		t.Errorf("exit %d, %s", exit, stdout)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// useS3 makes the server S3 for the rest of the test.
func useS3(t *testing.T, url string) {
	t.Helper()
	missing := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_S3": url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": missing, "AWS_SHARED_CREDENTIALS_FILE": missing,
	} {
		t.Setenv(name, value)
	}
}

// TestCheckObject ensures that an object of S3 is checked like a file.
func TestCheckObject(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/bucket/a.jsonl" && r.URL.Path != "/bucket/a b.txt" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
			return
		}
		w.Header().Set("ETag", `"e1"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(pairs(3)+`{"prompt":"a"}`))
	}))
	t.Cleanup(server.Close)
	useS3(t, server.URL)
	exit, stdout, stderr := command(t, "check", "s3://bucket/a.jsonl")
	if exit != exitFindings || !strings.Contains(stdout, "s3://bucket/a.jsonl:4:1: error TL1101") {
		t.Errorf("exit %d, %s%s", exit, stdout, stderr)
	}
	exit, stdout, stderr = command(t, "check", "s3://bucket/a b.txt", "--quiet")
	if exit != exitFindings || !strings.Contains(stdout, "s3://bucket/a b.txt: error "+string(dataset.CodeObjectKey)) || !strings.Contains(stdout, string(dataset.CodeFileExtension)) {
		t.Errorf("exit %d, %s%s", exit, stdout, stderr)
	}
	exit, stdout, stderr = command(t, "check", "s3://bucket/b.jsonl")
	if exit != exitError || !strings.Contains(stdout, "check the key") {
		t.Errorf("exit %d, %s%s", exit, stdout, stderr)
	}
}

// TestCheckFileName: a file that is to be uploaded under another name is no
// reason to refuse what is in it, and what comes through a pipe has no name.
func TestCheckFileName(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, want := range map[string]bool{"a.json": true, "a.jsonl": false} {
		if err := os.WriteFile(name, []byte(pairs(3)), 0o600); err != nil {
			t.Fatal(err)
		}
		exit, stdout, stderr := command(t, "check", name)
		noted := strings.Contains(stdout, name+": note "+string(dataset.CodeFileName))
		if exit != exitOK || noted != want {
			t.Errorf("%s: exit %d, %s%s; want a note: %v", name, exit, stdout, stderr, want)
		}
	}
	useStdin(t, pairs(3))
	exit, stdout, stderr := command(t, "check", "-")
	if exit != exitOK || strings.Contains(stdout, string(dataset.CodeFileName)) {
		t.Errorf("exit %d, %s%s", exit, stdout, stderr)
	}
}
