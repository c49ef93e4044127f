package present

import (
	"fmt"
	"strings"
)

// spansNamed is how many spans of lines are written out.
const spansNamed = 12

// span is one line or several that follow each other, both ends included.
type span struct{ first, last int64 }

// lines remembers on which lines something was found, and how often.
type lines struct {
	spans []span
	found int64
}

// add takes the next finding; lines come in rising order.
func (l *lines) add(line int64) {
	l.found++
	if n := len(l.spans); n > 0 && line <= l.spans[n-1].last+1 {
		l.spans[n-1].last = max(l.spans[n-1].last, line)
		return
	}
	l.spans = append(l.spans, span{line, line})
}

// String names the lines, as "lines 4-97, 120 and 8131".
func (l *lines) String() string {
	named := l.spans[:min(spansNamed, len(l.spans))]
	words := make([]string, len(named))
	for i, s := range named {
		words[i] = s.String()
	}
	if rest := l.spans[len(named):]; len(rest) > 0 {
		more := int64(0)
		for _, s := range rest {
			more += s.last - s.first + 1
		}
		words = append(words, count(more, "more line", "more lines")+" up to "+rest[len(rest)-1].end())
	}
	if len(l.spans) == 1 && l.spans[0].first == l.spans[0].last {
		return "line " + words[0]
	}
	return "lines " + enumerate(words)
}

func (s span) String() string {
	if s.first == s.last {
		return s.end()
	}
	return fmt.Sprintf("%d-%d", s.first, s.last)
}

func (s span) end() string { return fmt.Sprint(s.last) }

// enumerate joins words with commas, and the last with "and".
func enumerate(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
