package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/datafile"
)

// standardIO is the name of standard input and output on a command line.
const standardIO = datafile.Stdin

// outputs are the files that a command writes. They get their names together at
// the end, or none of them does, so that nobody ever reads half of one.
type outputs struct {
	force bool
	files []*outputFile
}

// outputFile is written under a name of its own beside where it belongs.
type outputFile struct {
	*bufio.Writer
	name string
	temp *os.File
	// replaces: a file of this name is to be replaced. Aside is where that waits,
	// placed says that this file has its name.
	replaces bool
	aside    string
	placed   bool
	// mode is that of the file that is replaced; a new one's is settled.
	mode fs.FileMode
}

// create makes a file that is to get this name. Input is the file that is read,
// which is never written over.
func (o *outputs) create(name, input string) (*outputFile, error) {
	if name == standardIO {
		return nil, fmt.Errorf("%s stands for standard output, where nothing but records goes: name a file", standardIO)
	}
	for _, other := range o.files {
		if filepath.Clean(other.name) == filepath.Clean(name) {
			return nil, fmt.Errorf("%s would be written twice: choose another name", name)
		}
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(name); err == nil {
			return nil, fmt.Errorf("%s is a link to nothing: choose another name", name)
		}
		return o.add(name, false, modeOf(input))
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file: choose another name", name)
	}
	if read, err := os.Stat(input); err == nil && os.SameFile(info, read) {
		return nil, fmt.Errorf("%s is the file that is read: choose another name", name)
	}
	if !o.force {
		return nil, fmt.Errorf("%s is there already: choose another name, or write over it with --force", name)
	}
	return o.add(name, true, info.Mode().Perm())
}

// modeOf is who may read what is made of a data set, as far as the user's umask
// goes: whoever may read that, or everybody if it is no file here.
func modeOf(input string) fs.FileMode {
	info, err := os.Stat(input)
	if err != nil || !info.Mode().IsRegular() {
		return 0o666
	}
	return info.Mode().Perm()&0o666 | 0o600
}

// add makes a file that gets this name whether or not there is one.
func (o *outputs) add(name string, replaces bool, mode fs.FileMode) (*outputFile, error) {
	temp, err := os.OpenFile(filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if detail := new(fs.PathError); errors.As(err, &detail) {
		return nil, fmt.Errorf("writing %s: no file can be made in its folder: choose another name: %w", name, detail.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", name, err)
	}
	f := &outputFile{Writer: bufio.NewWriter(temp), name: name, temp: temp, replaces: replaces, mode: mode}
	o.files = append(o.files, f)
	return f, nil
}

// keep gives every file its name. When one cannot get it, the others lose theirs.
func (o *outputs) keep() error {
	for _, f := range o.files {
		if err := f.finish(); err != nil {
			return fmt.Errorf("writing %s: %w", f.name, err)
		}
	}
	for _, f := range o.files {
		if err := f.place(); err != nil {
			for _, other := range o.files {
				err = errors.Join(err, other.undo())
			}
			return fmt.Errorf("writing %s: %w", f.name, err)
		}
	}
	for _, f := range o.files {
		if f.aside != "" {
			_ = os.Remove(f.aside) // what is left over is whole, and harmless
		}
	}
	return nil
}

// finish writes what is left to write.
func (f *outputFile) finish() error {
	err := f.Flush()
	if f.replaces {
		err = errors.Join(err, f.temp.Chmod(f.mode))
	}
	return errors.Join(err, f.temp.Close())
}

// place gives a file its name, and keeps what had it until then.
func (f *outputFile) place() error {
	if !f.replaces {
		if _, err := os.Lstat(f.name); err == nil {
			return errors.New("somebody else made a file of this name meanwhile: choose another name")
		}
	}
	if f.replaces {
		aside := f.temp.Name() + ".old"
		if err := os.Rename(f.name, aside); err != nil {
			return err
		}
		f.aside = aside
	}
	if err := os.Rename(f.temp.Name(), f.name); err != nil {
		return err
	}
	f.placed = true
	return nil
}

// undo is the reverse of place.
func (f *outputFile) undo() error {
	var err error
	if f.placed {
		err = os.Remove(f.name)
		f.placed = false
	}
	if f.aside != "" {
		err = errors.Join(err, os.Rename(f.aside, f.name))
		f.aside = ""
	}
	return err
}

// discard removes the files that did not get their names. It is harmless after
// keep.
func (o *outputs) discard() {
	for _, f := range o.files {
		if !f.placed {
			_ = f.temp.Close()
			_ = os.Remove(f.temp.Name())
		}
	}
}

// isStream says whether a data set can be read once only, and has no name to make
// others of: standard input, or a pipe such as a shell's <(command).
func isStream(name string) bool {
	if name == standardIO {
		return true
	}
	info, err := os.Stat(name)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// derivedName is the name of what is made from a file: beside it, or here if it
// is in S3, with another ending.
func derivedName(name, ending string) string {
	if rest, ok := strings.CutPrefix(name, "s3://"); ok {
		rest, _, _ = strings.Cut(rest, "?")
		name = path.Base(rest)
	}
	for _, suffix := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, suffix)
	}
	for _, suffix := range []string{".jsonl", ".ndjson", ".json", ".txt"} {
		if short, ok := strings.CutSuffix(name, suffix); ok {
			name = short
			break
		}
	}
	return name + ending
}

// stopped says of what ended a command that writes files that it was a person,
// where it was one.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("interrupted, no file is written: %w", context.Cause(ctx))
}

// drop takes back a file that is not to be written after all.
func (o *outputs) drop(f *outputFile) {
	o.files = slices.DeleteFunc(o.files, func(other *outputFile) bool { return other == f })
	_ = f.temp.Close()
	_ = os.Remove(f.temp.Name())
}
