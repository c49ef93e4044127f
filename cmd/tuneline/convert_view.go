package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/convert"
)

// shownRejections is how many rejected rows the summary names.
const shownRejections = 10

// summary tells a person what became of the rows.
func (c *conversion) summary(r convert.Result) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s from %s to %s\n", numbered(r.Rows, "row"), sources(r), r.To)
	same := r.Converted - r.Changed - r.Lossy
	fmt.Fprintf(&text, "  converted  %d: %d as they are, %d changed, %d with losses; %s written\n",
		r.Converted, same, r.Changed, r.Lossy, numbered(r.Written, "record"))
	fmt.Fprintf(&text, "  rejected   %d%s\n", r.Rejected, c.rejectsNote(r))
	c.losses(&text, r)
	c.rejections(&text, r)
	c.next(&text, r)
	_, err := fmt.Fprint(c.stderr, text.String())
	return err
}

// sources are the formats that were read, with their rows where there are several.
func sources(r convert.Result) string {
	var all []string
	for _, format := range slices.Sorted(maps.Keys(r.From)) {
		name := string(format)
		if len(r.From) > 1 {
			name += fmt.Sprintf(" (%d)", r.From[format])
		}
		all = append(all, name)
	}
	if len(all) == 0 {
		return "an unknown format"
	}
	return strings.Join(all, ", ")
}

// rejectsNote says where the rejected rows are.
func (c *conversion) rejectsNote(r convert.Result) string {
	switch {
	case r.Rejected == 0:
		return ""
	case c.o.rejects == "":
		return "; --rejects FILE keeps them"
	}
	return ": see " + c.o.rejects
}

// losses tells every kind of loss with its number, and where the first one is.
func (c *conversion) losses(text *strings.Builder, r convert.Result) {
	for _, kind := range convert.Kinds() {
		n := r.Counts[kind.Kind]
		if n == 0 {
			continue
		}
		first := r.Losses[slices.IndexFunc(r.Losses, func(l convert.Loss) bool { return l.Kind == kind.Kind })]
		fmt.Fprintf(text, "  %-9s  %s, %s: %s (first: line %d%s)\n",
			kind.Severity, kind.Kind, times(n), kind.What, first.Line, place(first.Pointer))
	}
}

// rejections tells the first rows that were not converted, and why.
func (c *conversion) rejections(text *strings.Builder, r convert.Result) {
	shown := min(len(r.Rejections), shownRejections)
	for _, one := range r.Rejections[:shown] {
		fmt.Fprintf(text, "  line %d%s: %s\n", one.Line, place(one.Pointer), one.Reason)
	}
	more := r.Rejected - int64(shown)
	if more == 0 {
		return
	}
	where := "--report FILE tells them all"
	if c.o.report != "" {
		where = c.o.report + " tells them all"
	}
	fmt.Fprintf(text, "  and %d more; %s\n", more, where)
}

// next says what to do with the result.
func (c *conversion) next(text *strings.Builder, r convert.Result) {
	if r.Written == 0 || c.o.output == standardIO {
		return
	}
	switch r.To {
	case dataset.FormatOpenAIChat, dataset.FormatAnthropic:
		// No base model that can be tuned today takes these.
		return
	case dataset.FormatDistillation, dataset.FormatReinforcement:
		if c.o.baseModel != "" {
			break
		}
		fmt.Fprintf(text, "next: tuneline check %s --format %s\n", quoted(c.o.output), r.To)
		return
	}
	if model := c.model(r.To); model != "" {
		fmt.Fprintf(text, "next: tuneline check %s%s\n", quoted(c.o.output), modelFlags(model, c.o.customizationType))
	}
}

// model is the base model to check for: the one that was named, or the first
// that takes the format.
func (c *conversion) model(format dataset.Format) string {
	if c.o.baseModel != "" {
		return c.o.baseModel
	}
	models, err := catalog.Load()
	if err != nil {
		return ""
	}
	for _, model := range models.All() {
		if model.Format == string(format) {
			return model.ID
		}
	}
	return ""
}

// place is a JSON pointer after a line's number, "" for the row as a whole.
func place(pointer string) string {
	if pointer == "" {
		return ""
	}
	return ", " + pointer
}
