package present

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/tuneline/tuneline/internal/dataset"
)

// printedOfAKind is how many findings that differ in nothing but their line are
// printed as they come. The summary names the lines of the others.
const printedOfAKind = 3

// Human prints findings and summaries for a person. Finding and Summary are to
// name a file in the same words. They are not for several goroutines at once.
// That something cannot be written is for the writer to remember.
type Human struct {
	w     io.Writer
	paint painter
	// each: every finding is printed.
	each bool
	// folds are the kinds of findings seen since the last summary of their file.
	folds map[kind]*fold
	order []kind
}

// NewHuman returns a Human that prints to w, with colours if the terminal behind
// it shows them.
func NewHuman(w io.Writer, color bool) *Human {
	return &Human{w: w, paint: newPainter(w, color), folds: map[kind]*fold{}}
}

// NewList returns a Human that prints every finding, for where no summary names
// the lines of those that are folded.
func NewList(w io.Writer, color bool) *Human {
	h := NewHuman(w, color)
	h.each = true
	return h
}

// kind is what findings have in common that differ in nothing but their line.
type kind struct {
	file    string
	code    dataset.Code
	pointer string
	message string
}

// fold are the findings of a kind.
type fold struct {
	severity dataset.Severity
	printed  int
	// lines are those that were not printed.
	lines lines
}

// Finding prints a finding on one line, as file:line:column: error TL1101
// message (/pointer). After the third of a kind, the others are only counted,
// until the file's summary. A finding on the whole data set has no line, and is
// always printed.
func (h *Human) Finding(file string, f dataset.Finding) {
	if f.Line > 0 && !h.each && h.fold(file, f) {
		return
	}
	place := printable(file)
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", place, f.Line, f.Column)
	}
	fmt.Fprintf(h.w, "%s: %s %s %s\n", h.paint.bold(place), h.paint.severity(f.Severity, string(f.Severity)), f.Code, text(f))
}

// fold counts a finding in its kind, and says whether it is not to be printed.
func (h *Human) fold(file string, f dataset.Finding) bool {
	k := kind{file, f.Code, shape(f.Pointer), f.Message}
	known, ok := h.folds[k]
	if !ok {
		known = &fold{severity: f.Severity}
		h.folds[k] = known
		h.order = append(h.order, k)
	}
	if known.printed < printedOfAKind {
		known.printed++
		return false
	}
	known.lines.add(f.Line)
	return true
}

// shape is a pointer with a star for every index of an array.
func shape(pointer string) string {
	parts := strings.Split(pointer, "/")
	for i, part := range parts {
		if part != "" && strings.Trim(part, "0123456789") == "" {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}

// painter gives words the colours of their meaning.
type painter struct{ strong, faint, good, bad, wary, note lipgloss.Style }

func newPainter(w io.Writer, color bool) painter {
	renderer := lipgloss.NewRenderer(w)
	renderer.SetColorProfile(termenv.Ascii)
	if color {
		renderer.SetColorProfile(termenv.ANSI)
	}
	style := renderer.NewStyle()
	return painter{
		strong: style.Bold(true),
		faint:  style.Faint(true),
		good:   style.Bold(true).Foreground(lipgloss.Color("2")),
		bad:    style.Bold(true).Foreground(lipgloss.Color("1")),
		wary:   style.Foreground(lipgloss.Color("3")),
		note:   style.Foreground(lipgloss.Color("6")),
	}
}

func (p painter) bold(s string) string { return p.strong.Render(s) }

// severity paints a word as a severity is painted.
func (p painter) severity(s dataset.Severity, word string) string {
	switch s {
	case dataset.SeverityError:
		return p.bad.Render(word)
	case dataset.SeverityWarning:
		return p.wary.Render(word)
	}
	return p.note.Render(word)
}
