package present

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

func TestGitHub(t *testing.T) {
	var got bytes.Buffer
	if err := GitHub(&got, examples()); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.github.txt", got.Bytes())
	for name, most := range map[string]int{"error": 10, "warning": 10, "notice": 10} {
		if n := strings.Count(got.String(), "::"+name+" "); n > most {
			t.Errorf("%d annotations of %s; GitHub drops those after %d", n, name, most)
		}
	}
	for line := range strings.Lines(got.String()) {
		if !strings.HasPrefix(line, "::") && !strings.HasPrefix(line, "tuneline: ") {
			t.Errorf("a file name began a line of its own: %q", line)
		}
	}
}

func TestAnnotationEscapes(t *testing.T) {
	a := annotation{"a,b:c%\r\n.jsonl", dataset.Finding{
		Code: dataset.CodeMissingKey, Line: 3, Column: 14, Pointer: "/a", Message: "100 %, first: line\r\nsecond",
	}}
	got := a.command("error")
	want := "::error file=a%2Cb%3Ac%25%0D%0A.jsonl,line=3,col=14,title=TL1101::100 %25, first: line%0D%0Asecond (/a)\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestChoose: what happens once is annotated, however much comes before it.
func TestChoose(t *testing.T) {
	var list []annotation
	for line := int64(1); line <= 30; line++ {
		list = append(list, annotation{"a", dataset.Finding{Code: dataset.CodeMissingKey, Line: line}})
	}
	list = append(list, annotation{"a", dataset.Finding{Code: dataset.CodeRecordTooLong, Line: 31}})
	tests := map[string]struct {
		list  []annotation
		total int64
		want  []int64
	}{
		"none":            {nil, 0, nil},
		"all fit":         {list[:10], 10, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		"some not listed": {list[:10], 11, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"the last is new": {list, 31, []int64{1, 2, 3, 4, 5, 6, 7, 8, 31}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := choose(test.list, test.total)
			if len(got) != len(test.want) {
				t.Fatalf("%d annotations, want %d", len(got), len(test.want))
			}
			for i, a := range got {
				if a.finding.Line != test.want[i] {
					t.Errorf("annotation %d is of line %d, want %d", i, a.finding.Line, test.want[i])
				}
			}
		})
	}
}
