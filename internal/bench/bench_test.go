package bench

import (
	"os"
	"path/filepath"
	"testing"
)

func TestQuantile(t *testing.T) {
	tests := map[string]struct {
		samples []float64
		share   float64
		want    float64
	}{
		"none":          {nil, 0.5, 0},
		"one":           {[]float64{3}, 0.99, 3},
		"odd":           {[]float64{9, 1, 5}, 0.5, 5},
		"even":          {[]float64{4, 1, 3, 2}, 0.5, 2.5},
		"the least":     {[]float64{2, 1}, 0, 1},
		"the most":      {[]float64{2, 1}, 1, 2},
		"between":       {[]float64{0, 10}, 0.25, 2.5},
		"out of twenty": {[]float64{20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, 0.9, 18},
	}
	for name, test := range tests {
		if got := Quantile(test.samples, test.share); got != test.want {
			t.Errorf("%s: got %g, want %g", name, got, test.want)
		}
	}
}

func TestSplice(t *testing.T) {
	name := filepath.Join(t.TempDir(), "doc.md")
	write := func(text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# Title\n\n<!-- it: begin -->\nold\n<!-- it: end -->\n\nThe end.\n")
	for range 2 { // the second time nothing changes
		if err := Splice(name, "it", "new\n"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name) //nolint:gosec // a file that the test made
	if want := "# Title\n\n<!-- it: begin -->\n\nnew\n\n<!-- it: end -->\n\nThe end.\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	write("no marks")
	if err := Splice(name, "it", "new\n"); err == nil {
		t.Error("a document without the marks: got no error")
	}
	if err := Splice(filepath.Join(t.TempDir(), "missing"), "it", "new\n"); err == nil {
		t.Error("no document: got no error")
	}
}

func TestThisMachine(t *testing.T) {
	m := ThisMachine()
	if m.Date.IsZero() || m.Processor == "" || len(m.Loads) != 1 || m.Loads[0] == "" {
		t.Errorf("got %+v", m)
	}
}
