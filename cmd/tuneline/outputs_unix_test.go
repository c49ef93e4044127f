//go:build unix

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestOutputsMode: what is made of a data set is read by nobody who may not read
// that, and no less private than the user's other files.
func TestOutputsMode(t *testing.T) {
	before := syscall.Umask(0o027)
	t.Cleanup(func() { syscall.Umask(before) })
	for mode, want := range map[fs.FileMode]fs.FileMode{0o600: 0o600, 0o644: 0o640, 0o444: 0o640, 0o755: 0o640} {
		input := written(t, "a", "")
		if err := os.Chmod(input, mode); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(filepath.Dir(input), "b")
		var files outputs
		_, err := files.create(name, input)
		if err := errors.Join(err, files.keep()); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("of a file with %v came %v, %v; want %v", mode, info.Mode(), err, want)
		}
	}
}

// TestOutputsNowhere: a folder that takes no file is told, by the name that was asked for.
func TestOutputsNowhere(t *testing.T) {
	var files outputs
	_, err := files.create(filepath.Join(t.TempDir(), "none", "a"), "")
	if err == nil || !strings.HasSuffix(err.Error(), "choose another name: no such file or directory") {
		t.Errorf("got %v", err)
	}
}

// TestOutputsLink: a link to nothing is told at once, not when the work is done.
func TestOutputsLink(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	if err := os.Symlink("nowhere", name); err != nil {
		t.Fatal(err)
	}
	var files outputs
	if _, err := files.create(name, ""); err == nil || !strings.HasSuffix(err.Error(), "is a link to nothing: choose another name") {
		t.Errorf("got %v", err)
	}
}
