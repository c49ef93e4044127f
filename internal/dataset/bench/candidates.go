package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/generate"
)

// The names of the candidates that others are compared with.
const (
	nameTuneline      = "tuneline"
	nameOtherRules    = "tuneline, no reserved words"
	nameNear          = "tuneline, near duplicates too"
	nameDigest        = "tuneline, SHA-256 too"
	nameAuthority     = "jsontext alone"
	nameJX            = "jx"
	nameStandard      = "encoding/json, strict"
	namePython        = "Python's json"
	nameSIMDJSON      = "simdjson C++ on-demand"
	nameSIMDJSONLocal = "simdjson C++, -march=native"
)

// candidate is one way to check a data set.
type candidate struct {
	name string
	// misses is what it does not see, for the reader of the table.
	misses string
	// judge checks a stream in a Go process; nil of a candidate that is a program.
	judge func(ctx context.Context, r io.Reader, size int64, shape generate.Shape) (totals, error)
	// program is the command that checks a file, which the name of the file and
	// of the form are added to. Empty of a candidate in Go.
	program []string
}

// inGo are the candidates written in Go, by the way they check.
var inGo = []candidate{
	{name: nameTuneline, judge: tuneline(dataset.Options{Rules: novaRules})},
	{name: nameOtherRules, judge: tuneline(dataset.Options{Rules: dataset.Rules{AnySchemaVersion: true}}), misses: "reserved words"},
	{name: nameNear, judge: tuneline(dataset.Options{Rules: novaRules, NearDuplicates: true})},
	{name: nameDigest, judge: tuneline(dataset.Options{Rules: novaRules, Digest: true})},
	{name: nameAuthority, judge: tuneline(dataset.Options{Rules: novaRules, AuthorityOnly: true})},
	{name: nameJX, judge: library(withJX), misses: "halves of surrogate pairs; UTF-8 looked at separately"},
	{name: nameStandard, judge: library(standard), misses: "duplicate keys, keys in another case, null for a list, halves of surrogate pairs; UTF-8 looked at separately"},
}

// tuneline checks with the product.
func tuneline(o dataset.Options) func(context.Context, io.Reader, int64, generate.Shape) (totals, error) {
	return func(ctx context.Context, r io.Reader, size int64, shape generate.Shape) (totals, error) {
		report, err := dataset.Check(ctx, r, optionsFor(shape, size, o))
		return totals{
			Records: report.Records, Characters: report.Characters, Errors: report.Errors,
			Duplicates: report.Counts[dataset.CodeDuplicateRecord],
		}, err
	}
}

// novaRules have the most to look for.
var novaRules = dataset.Rules{AnySchemaVersion: true, ReservedWords: true}

// optionsFor adds a data set's size and format; prompt/completion has no rules.
func optionsFor(shape generate.Shape, size int64, o dataset.Options) dataset.Options {
	o.Size = size
	o.Format = dataset.FormatConversation
	if !shape.Conversation() {
		o.Format, o.Rules = dataset.FormatPromptCompletion, dataset.Rules{}
	}
	return o
}

// library checks record by record with a Go library.
func library(checker func(conversation bool) func([]byte) (int64, error)) func(context.Context, io.Reader, int64, generate.Shape) (totals, error) {
	return func(_ context.Context, r io.Reader, size int64, shape generate.Shape) (totals, error) {
		return byLine(r, size, checker(shape.Conversation()))
	}
}

var (
	//go:embed peers/check.py
	pythonSource []byte
	//go:embed peers/check.cpp
	cppSource []byte
)

// errAbsent says that the machine lacks what a candidate needs.
var errAbsent = errors.New("not on this machine")

// programs returns the candidates that are programs, built in dir, and why the
// others are missing.
func programs(ctx context.Context, dir string) (found []candidate, missing []string) {
	makers := []func(context.Context, string) (candidate, error){
		python,
		simdjson(nameSIMDJSON, "check"),
		simdjson(nameSIMDJSONLocal, "check-native", "-march=native"),
	}
	for _, maker := range makers {
		c, err := maker(ctx, dir)
		if err != nil {
			missing = append(missing, fmt.Sprintf("%s: %v", c.name, err))
			continue
		}
		found = append(found, c)
	}
	return found, missing
}

// python asks the interpreter where it is: what the path finds may be a shell
// script that chooses one, whose time would count.
func python(ctx context.Context, dir string) (candidate, error) {
	c := candidate{name: namePython}
	where, err := exec.CommandContext(ctx, "python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		return c, fmt.Errorf("%w: install python3", errAbsent)
	}
	script := filepath.Join(dir, "check.py")
	if err := os.WriteFile(script, pythonSource, 0o600); err != nil {
		return c, fmt.Errorf("writing the check in Python: %w", err)
	}
	c.program = []string{strings.TrimSpace(string(where)), script}
	return c, nil
}

// simdjson builds the check in C++ with optimization and the flags.
func simdjson(name, program string, flags ...string) func(context.Context, string) (candidate, error) {
	return func(ctx context.Context, dir string) (candidate, error) {
		c := candidate{name: name}
		source, binary := filepath.Join(dir, program+".cpp"), filepath.Join(dir, program)
		if err := os.WriteFile(source, cppSource, 0o600); err != nil {
			return c, fmt.Errorf("writing the check in C++: %w", err)
		}
		args := append([]string{"-std=c++17", "-O3"}, flags...)
		args = append(args, "-o", binary, source, "-lsimdjson")
		//nolint:gosec // the arguments are ours
		if out, err := exec.CommandContext(ctx, "g++", args...).CombinedOutput(); err != nil {
			first, _, _ := strings.Cut(string(out), "\n")
			return c, fmt.Errorf("%w: install g++ and simdjson (Debian: libsimdjson-dev): %w %s", errAbsent, err, first)
		}
		c.program = []string{binary}
		return c, nil
	}
}

// form is the name of the shape's format on a program's command line.
func form(shape generate.Shape) string {
	if shape.Conversation() {
		return "conversation"
	}
	return "prompt-completion"
}
