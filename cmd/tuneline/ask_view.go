package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/charmbracelet/lipgloss"
	"golang.org/x/term"
)

// narrow is the width below which two answers are put below each other, in
// columns of the terminal.
const narrow = 72

// askView shows answers: on a terminal side by side and with what they took,
// elsewhere the answers alone, or one JSON document.
type askView struct {
	out    *remembering
	notes  io.Writer
	asJSON bool
	// width is the terminal's, 0 for none.
	width int
	// pieces says that a part of an answer has been printed.
	pieces bool
}

func newAskView(out, notes io.Writer, asJSON bool) *askView {
	view := &askView{out: &remembering{Writer: out}, notes: notes, asJSON: asJSON}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			view.width = width
		}
	}
	return view
}

// piece prints a piece of an answer as it comes.
func (v *askView) piece(text string) {
	if !v.asJSON {
		v.pieces = true
		fmt.Fprint(v.out, v.harmless(text))
	}
}

// endPieces ends the line of an answer that was printed in pieces.
func (v *askView) endPieces() {
	if v.pieces {
		fmt.Fprintln(v.out)
	}
}

// one shows an answer, or what it took if it is printed already.
func (v *askView) one(t told, printed bool) error {
	if v.asJSON {
		return v.encode(t)
	}
	if !printed {
		fmt.Fprintln(v.out, v.harmless(t.Answer))
	}
	fmt.Fprintln(v.notes, faint.Render(t.Model+": "+t.took()))
	return v.out.err
}

// took says what an answer took.
func (t told) took() string {
	first := ""
	if t.FirstTokenSeconds > 0 {
		first = fmt.Sprintf(", the first token after %.2f s", t.FirstTokenSeconds)
	}
	return fmt.Sprintf("%s in, %d out, %.2f s%s, %s", numbered(int64(t.InputTokens), "token"), t.OutputTokens, t.Seconds, first, t.StopReason)
}

// both shows two answers.
func (v *askView) both(c comparison) error {
	if v.asJSON {
		return v.encode(c)
	}
	base, tuned := v.side("base", c.Base), v.side("tuned", c.Tuned)
	if v.width < narrow {
		fmt.Fprintf(v.out, "%s\n\n%s\n", base, tuned)
		return v.out.err
	}
	const gap = 3
	column := lipgloss.NewStyle().Width((v.width - gap) / 2)
	fmt.Fprintln(v.out, lipgloss.JoinHorizontal(lipgloss.Top, column.Render(base), strings.Repeat(" ", gap), column.Render(tuned)))
	return v.out.err
}

// side is one model's answer under its heading.
func (v *askView) side(which string, t told) string {
	if t.Error != "" {
		return bold.Render(which) + " " + t.Model + "\n" + bad.Render("no answer") + " " + v.harmless(t.Error)
	}
	return bold.Render(which) + " " + t.Model + "\n" + faint.Render(t.took()) + "\n" + v.harmless(t.Answer)
}

// harmless is a model's text without what would command the terminal. Elsewhere
// it is printed as it is.
func (v *askView) harmless(text string) string {
	if v.width == 0 {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// encode prints a JSON document.
func (v *askView) encode(document any) error {
	encoder := json.NewEncoder(v.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("printing the answer: %w", err)
	}
	return nil
}
