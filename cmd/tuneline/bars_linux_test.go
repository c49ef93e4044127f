package main

import (
	"io"
	"os"
	"testing"
)

// TestBarsBeside: a bar stands in no records, and nowhere that cannot draw it.
func TestBarsBeside(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := terminal.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, test := range []struct {
		name, term string
		records, w io.Writer
		want       bool
	}{
		{"records elsewhere", "xterm", io.Discard, terminal, true},
		{"records there, too", "xterm", terminal, terminal, false},
		{"no terminal", "xterm", io.Discard, io.Discard, false},
		{"a dumb terminal", "dumb", io.Discard, terminal, false},
	} {
		t.Setenv("TERM", test.term)
		if got := barsBeside(test.records, test.w).w != nil; got != test.want {
			t.Errorf("%s: a bar is drawn: %t, want %t", test.name, got, test.want)
		}
	}
}
