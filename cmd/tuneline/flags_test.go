package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/datafile"
)

// TestCheckFlags: every flag that looks for more does, and nothing else does.
func TestCheckFlags(t *testing.T) {
	secret := "AKIA" + "Z7Q4XN2MWK5RJ3TB" // invented, and in parts for who scans this repository
	inDir(t, map[string]string{"a.jsonl": pairs(1) + strings.Join([]string{
		`{"prompt":"my key is ` + secret + `","completion":"b"}`,
		`{"prompt":"write to jane@example.com","completion":"c"}`,
		`{"prompt":"QUESTION 0","completion":"Answer 0"}`,
	}, "\n")})
	const near, secrets, personal = "TL1407", "TL1501", "TL1502"
	for flags, want := range map[string]string{
		"":                                      near,
		"--near-duplicates=off":                 "",
		"--near-duplicates=off --secrets":       secrets,
		"--near-duplicates=off --personal-data": personal,
		"--thorough":                            near + secrets + personal,
	} {
		_, stdout, _ := command(t, append([]string{"check", "a.jsonl"}, strings.Fields(flags)...)...)
		for _, code := range []string{near, secrets, personal} {
			if got := strings.Contains(stdout, code); got != strings.Contains(want, code) {
				t.Errorf("%q: %s is found: %t\n%s", flags, code, got, stdout)
			}
		}
	}
}

// object serves one object of S3 for the rest of the test, whatever its key. By
// the end it is another one if it is to be replaced.
func object(t *testing.T, text string, replaced bool) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"e1"`)
		if r.Method == http.MethodHead && replaced {
			w.Header().Set("ETag", `"e2"`)
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
	}))
	t.Cleanup(server.Close)
	useS3(t, server.URL)
}

// TestCheckObjectRules: an object has a key and a bucket, which count as much as
// what is in it.
func TestCheckObjectRules(t *testing.T) {
	image := strings.ReplaceAll(conversations(200), `"role":"user","content":[`, `"role":"user","content":[{"image":{"format":"png","source":{"s3Location":{"uri":"s3://other/cat.png"}}}},`)
	for name, test := range map[string]struct {
		text, uri, model, want, not string
		exit                        int
	}{
		"a good one":            {text: conversations(200), uri: "s3://bucket/a.jsonl", model: nova, not: "TL16", exit: exitOK},
		"a key Nova warns of":   {text: conversations(200), uri: "s3://bucket/a!.jsonl", model: nova, want: "findings       1 warning\n", exit: exitOK},
		"which is Nova's alone": {text: pairs(200), uri: "s3://bucket/a!.jsonl", model: llama, not: "findings", exit: exitOK},
		"a bad key":             {text: pairs(200), uri: "s3://bucket/a b.jsonl", model: llama, want: "findings       1 error\n", exit: exitFindings},
		"another bucket":        {text: image, uri: "s3://bucket/a.jsonl", model: "amazon.nova-lite-v1:0:300k", want: "the file must lie in the data set's own bucket", exit: exitFindings},
		"its own bucket":        {text: image, uri: "s3://other/a.jsonl", model: "amazon.nova-lite-v1:0:300k", not: "own bucket", exit: exitOK},
	} {
		t.Run(name, func(t *testing.T) {
			object(t, test.text, false)
			exit, stdout, _ := command(t, "check", test.uri, "--base-model", test.model)
			if exit != test.exit || !strings.Contains(stdout, test.want) || test.not != "" && strings.Contains(stdout, test.not) {
				t.Errorf("exit %d, want %d with %q and without %q:\n%s", exit, test.exit, test.want, test.not, stdout)
			}
		})
	}
}

// TestChangedMakesNothing: of a data set that changes while it is read, no
// command makes a file.
func TestChangedMakesNothing(t *testing.T) {
	for name, args := range map[string][]string{
		"convert": {"convert", "s3://bucket/a.jsonl", "-o", "a", "--rejects", "b", "--report", "c", "--to", conversation},
		"fix":     {"fix", "s3://bucket/a.jsonl"},
		"split":   {"split", "s3://bucket/a.jsonl", "--validation", "20"},
	} {
		t.Run(name, func(t *testing.T) {
			inDir(t, nil)
			object(t, pairs(200), true)
			if exit, _, stderr := command(t, args...); exit != exitError || !strings.Contains(stderr, datafile.ErrChanged.Error()) {
				t.Errorf("exit %d, %s", exit, stderr)
			}
			if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
				t.Errorf("got %v, %v; want no file", left, err)
			}
		})
	}
}

// TestFixFlags: what changes the data happens when its flag asks for it.
func TestFixFlags(t *testing.T) {
	for flag, test := range map[string]struct{ in, want string }{
		"--drop-unknown-keys":                {`{"prompt": "a", "completion": "b", "id": 7}`, `{"prompt": "a", "completion": "b"}`},
		"--replace-invalid":                  {`{"prompt": "a` + "\xff" + `", "completion": "b"}`, `{"prompt": "a` + "\uFFFD" + `", "completion": "b"}`},
		"--from-encoding=windows-1252":       {`{"prompt": "a` + "\x80" + `", "completion": "b"}`, `{"prompt": "a€", "completion": "b"}`},
		"--format=reinforcement-fine-tuning": {`{"prompt": "a", "completion": "b"}`, ""},
		"--merge-turns": {
			`{"schemaVersion": "bedrock-conversation-2024", "messages": [{"role": "user", "content": [{"text": "a"}]}, {"role": "user", "content": [{"text": "b"}]}, {"role": "assistant", "content": [{"text": "c"}]}]}`,
			`{"schemaVersion": "bedrock-conversation-2024", "messages": [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}, {"role": "assistant", "content": [{"text": "c"}]}]}`,
		},
	} {
		t.Run(flag, func(t *testing.T) {
			path := written(t, "a.jsonl", test.in+"\n")
			rejects := filepath.Join(filepath.Dir(path), "r")
			_, plain, _ := command(t, "fix", path, "-o", "-", "--rejects", rejects, "--force")
			_, stdout, stderr := command(t, "fix", path, "-o", "-", "--rejects", rejects, "--force", flag)
			if plain == stdout || strings.TrimSpace(stdout) != test.want {
				t.Errorf("without it %q, with it %q; want %q\n%s", plain, stdout, test.want, stderr)
			}
		})
	}
}

// TestFixTells: so many actions of a kind as are asked for, and the number of the others.
func TestFixTells(t *testing.T) {
	path := written(t, "a.jsonl", pairs(1)+strings.Repeat("\n", 9)+pairs(1))
	_, _, stderr := command(t, "fix", path, "--dry-run", "--max-actions", "2")
	if n := strings.Count(stderr, "  blank-line-removed (TL1007)"); n != 2 || !strings.Contains(stderr, "and 7 more  blank-line-removed") {
		t.Errorf("%d are told, want 2:\n%s", n, stderr)
	}
}

// TestFixOtherFormat: what is written in another format is not to be mended by hand.
func TestFixOtherFormat(t *testing.T) {
	path := written(t, "a.jsonl", chatRow)
	t.Chdir(filepath.Dir(path))
	exit, _, stderr := command(t, "fix", "a.jsonl")
	if want := "\nnext: tuneline convert a.fixed.rejects.jsonl --to bedrock-conversation-2024, "; exit != exitFindings || !strings.Contains(stderr, want) {
		t.Errorf("exit %d, said %q; want %q", exit, stderr, want)
	}
	_, stdout, _ := command(t, "check", "a.jsonl")
	if !strings.Contains(stdout, "another format converted, as their findings say") {
		t.Errorf("the check said %q", stdout)
	}
}

// TestFixRole: validation data is held to the limits of validation data.
func TestFixRole(t *testing.T) {
	path := written(t, "v.jsonl", pairs(2))
	for role, want := range map[string]int{"validation": exitOK, "training": exitFindings} {
		if exit, _, stderr := command(t, "fix", path, "--dry-run", "--base-model", llama, "--role", role); exit != want {
			t.Errorf("%s: exit %d, want %d\n%s", role, exit, want, stderr)
		}
	}
}

// TestFixOldRejects: rejects of an earlier run do not outlive one without any.
func TestFixOldRejects(t *testing.T) {
	path := written(t, "a.jsonl", fixGood)
	writtenIn(t, filepath.Dir(path), "a.fixed.rejects.jsonl", fixTorn)
	if exit, _, stderr := command(t, "fix", path, "--force"); exit != exitOK {
		t.Fatal(stderr)
	}
	wantFiles(t, path, map[string]string{"a.jsonl": fixGood, "a.fixed.jsonl": fixGood, "a.fixed.rejects.jsonl": ""})
}

// TestFixInPlace: what is replaced is the file that a link leads to, which stays as
// private as it was; what is packed is not replaced.
func TestFixInPlace(t *testing.T) {
	path := written(t, "a.jsonl", "\n"+fixGood)
	t.Chdir(filepath.Dir(path))
	if err := errors.Join(os.Chmod(path, 0o660), os.Symlink("a.jsonl", "link")); err != nil { //nolint:gosec // the mode is what is tested
		t.Fatal(err)
	}
	if exit, _, stderr := command(t, "fix", "--in-place", "link"); exit != exitOK {
		t.Fatal(stderr)
	}
	wantFiles(t, path, map[string]string{"a.jsonl": fixGood, "a.jsonl.bak": "\n" + fixGood, "link": fixGood})
	if target, err := os.Readlink("link"); err != nil || target != "a.jsonl" {
		t.Errorf("the link is %q, %v", target, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("got %v, %v; want the mode to stay", info.Mode(), err)
	}
	writtenIn(t, ".", "b.jsonl.gz", gzipped(t, fixGood))
	if exit, _, stderr := command(t, "fix", "--in-place", "b.jsonl.gz"); exit != exitError || !strings.Contains(stderr, "is no plain file") {
		t.Errorf("exit %d, %s", exit, stderr)
	}
}

// TestFixInPlaceFails: a repair in place that cannot be finished leaves no backup,
// which would stand in the way of the next.
func TestFixInPlaceFails(t *testing.T) {
	path := written(t, "a.jsonl", fixGood+fixTorn)
	f := fixing{o: fixOptions{inPlace: true, maxActions: 1}, input: path}
	if err := errors.Join(f.names(), f.create()); err != nil {
		t.Fatal(err)
	}
	f.res.Rejected = 1
	if err := os.Remove(f.bad.temp.Name()); err != nil {
		t.Fatal(err)
	}
	if err := f.keep(); err == nil {
		t.Error("got no error")
	}
	f.files.discard()
	wantFiles(t, path, map[string]string{"a.jsonl": fixGood + fixTorn})
}

// TestConvertFlags: each flag changes what comes of a row.
func TestConvertFlags(t *testing.T) {
	const (
		answer    = `{"role":"assistant","content":"At 22:40."}`
		two       = `{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"},` + answer + "]}\n"
		image     = `{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]},` + answer + "]}\n"
		reasoned  = `{"messages":[{"role":"user","content":"a"},{"role":"assistant","reasoning":"because","content":"b"}]}` + "\n"
		turns     = `{"messages":[{"role":"user","content":"a"},` + answer + `,{"role":"user","content":"b"},` + answer + "]}\n"
		converted = "converted  1: "
		rejected  = "rejected   1"
	)
	template := written(t, "prompt.tmpl", "Q: {{(index .Turns 0).Text}} A:\r\n")
	for flag, test := range map[string]struct{ to, in, without, with string }{
		"--lossless":                    {conversation, namedRow, converted, rejected},
		"--merge-turns=false":           {conversation, two, converted, rejected},
		"--drop-media":                  {conversation, image, rejected, "lost       media, once"},
		"--keep-reasoning":              {conversation, reasoned, "lost       reasoning, once", "0 with losses"},
		"--schema-version=x":            {conversation, chatRow, `"schemaVersion":"bedrock-conversation-2024"`, `"schemaVersion":"x"`},
		"--from=prompt-completion":      {conversation, chatRow, converted, rejected},
		"--multi-turn=last":             {"prompt-completion", turns, "2 records written", "1 record written"},
		"--prompt-template=" + template: {"prompt-completion", chatRow, `"prompt":"When`, ` A:","completion"`},
	} {
		t.Run(flag, func(t *testing.T) {
			path := written(t, "a.jsonl", test.in)
			for want, flags := range map[string][]string{test.without: nil, test.with: {flag}} {
				_, stdout, stderr := command(t, append([]string{"convert", path, "--to", test.to}, flags...)...)
				if !strings.Contains(stdout+stderr, want) {
					t.Errorf("with %v, got\n%s%swant %q", flags, stdout, stderr, want)
				}
			}
		})
	}
}

// TestSplitSeed: a seed makes a split, and another one another.
func TestSplitSeed(t *testing.T) {
	path := written(t, "a.jsonl", splitRows(200))
	splits := map[string]string{}
	for i, seed := range []string{"0", "0", "7"} {
		out := filepath.Join(filepath.Dir(path), fmt.Sprint(i))
		if exit, _, stderr := command(t, "split", path, "--validation", "10%", "--seed", seed, "--train-out", out+"t", "--validation-out", out+"v"); exit != exitOK {
			t.Fatal(stderr)
		}
		got := content(t, out+"v")
		if before, ok := splits[seed]; ok && before != got {
			t.Errorf("seed %s made two splits", seed)
		}
		splits[seed] = got
	}
	if splits["0"] == splits["7"] {
		t.Error("two seeds made one split")
	}
}
