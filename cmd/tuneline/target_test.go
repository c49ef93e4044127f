package main

import (
	"io"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

// TestCheckable ensures that every format that is offered can be checked.
func TestCheckable(t *testing.T) {
	for _, format := range checkable {
		t.Run(format, func(t *testing.T) {
			flags := targetFlags{format: format, role: "training"}
			target, known, err := flags.target()
			if err != nil || !known || string(target.options.Format) != format {
				t.Fatalf("got the target %+v, %t, %v", target, known, err)
			}
			if _, err := dataset.Check(t.Context(), strings.NewReader("{}\n"), target.options); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFirstRecord(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	tests := map[string]struct{ text, want string }{
		"one":               {"{}", "{}"},
		"the first":         {"{1}\n{2}\n", "{1}"},
		"blank lines":       {"\n \r\n\t\n{1}\r\n{2}", "{1}\r"},
		"a byte order mark": {"\xEF\xBB\xBF{1}\n", "{1}"},
		"none":              {"\n\n", ""},
		"nothing":           {"", ""},
		"a long one":        {long + "\n{2}", long},
		"too long a one":    {strings.Repeat("x", mostPeeked+1<<20) + "\n", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			line, whole, err := firstRecord(strings.NewReader(test.text))
			if err != nil || string(line) != test.want {
				t.Fatalf("got %d bytes, %v; want %d", len(line), err, len(test.want))
			}
			if got, err := io.ReadAll(whole); err != nil || string(got) != test.text {
				t.Errorf("the whole has %d bytes, %v; want %d", len(got), err, len(test.text))
			}
		})
	}
}

func TestLooksForNearDuplicates(t *testing.T) {
	tests := []struct {
		flag string
		size int64
		want bool
	}{
		{auto, 0, false},
		{auto, 1, true},
		{auto, nearDuplicateBytes, true},
		{auto, nearDuplicateBytes + 1, false},
		{on, 0, true},
		{on, nearDuplicateBytes + 1, true},
		{off, 1, false},
	}
	for _, test := range tests {
		if got := (checkOptions{nearDuplicates: test.flag}).looksForNearDuplicates(test.size); got != test.want {
			t.Errorf("--near-duplicates=%s of %d bytes: %t, want %t", test.flag, test.size, got, test.want)
		}
	}
}
