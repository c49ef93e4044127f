package repair

import (
	"fmt"
	"io"

	"github.com/tuneline/tuneline/internal/dataset"
)

// Options say how to repair. Only Dataset.Format has no default.
type Options struct {
	// Dataset are the options the copy is checked with; its rules judge every row.
	Dataset dataset.Options
	// Rejects takes the rows that cannot be repaired, one after the other as they
	// stood in the input, each with a line break. Nil: they are only counted.
	Rejects io.Writer
	// FromEncoding is the encoding of rows that are not UTF-8, one of Encodings;
	// "" leaves them as they are, for no encoding is ever guessed.
	FromEncoding string
	// KeepDuplicates leaves exact copies of an earlier record in.
	KeepDuplicates bool
	// MergeTurns joins neighbouring messages of one role.
	MergeTurns bool
	// DropUnknownKeys removes keys that are not part of the format.
	DropUnknownKeys bool
	// ReplaceInvalid writes U+FFFD for halves of surrogate pairs and for bytes
	// that are not UTF-8.
	ReplaceInvalid bool
	// MaxActions is how many actions of a kind with the same code are kept, so that
	// no reason goes untold; Counts has them all.
	// 0 means DefaultMaxActions.
	MaxActions int
	// Progress is called now and then with the bytes read and the records seen.
	Progress func(bytes, records int64)
}

// DefaultMaxActions is how many actions of a kind with the same code are kept.
const DefaultMaxActions = 100

// What an action was. The words are stable: scripts may look for them.
const (
	ByteOrderMarkRemoved  = "byte-order-mark-removed"
	UTF16Decoded          = "utf-16-decoded"
	EncodingDecoded       = "encoding-decoded"
	BlankLineRemoved      = "blank-line-removed"
	WhiteSpaceTrimmed     = "white-space-trimmed"
	CarriageReturnRemoved = "carriage-return-removed"
	LineSeparatorRemoved  = "line-separator-removed"
	NULRemoved            = "nul-removed"
	CommaRemoved          = "comma-removed"
	ArrayUnwrapped        = "array-unwrapped"
	ArrayEndMissing       = "array-end-missing"
	LinesJoined           = "lines-joined"
	RecordsSplit          = "records-split"
	ControlEscaped        = "control-character-escaped"
	LineBreakAdded        = "last-line-break-added"
	InvalidReplaced       = "invalid-replaced"
	SchemaVersionSet      = "schema-version-set"
	TextWrapped           = "text-wrapped"
	EmptySystemRemoved    = "empty-system-removed"
	TurnsMerged           = "turns-merged"
	KeyRemoved            = "key-removed"
	DuplicateRemoved      = "duplicate-removed"
	// Rejected: the row went to the rejects verbatim; Code says why.
	Rejected = "rejected"
	// RejectedTooLong: as Rejected, for a row longer than one is held in memory.
	RejectedTooLong = "rejected-too-long"
)

// Action is one thing that was done. It holds nothing of the data.
type Action struct {
	// Line is the 1-based line of the input, counted by line feeds.
	Line int64 `json:"line"`
	// What is one of this package's words, such as BlankLineRemoved.
	What string `json:"what"`
	// Code is the finding that the action settles or, for a rejected row, the
	// first one that stays. "" where the check finds nothing wrong.
	Code dataset.Code `json:"code,omitempty"`
	// Detail says more, in words and numbers.
	Detail string `json:"detail,omitempty"`
}

// Result is what Stream did.
type Result struct {
	// Bytes and Lines are what was read, after decoding to UTF-8.
	Bytes int64 `json:"bytes"`
	Lines int64 `json:"lines"`
	// Records were found in the input; each was written, rejected or a duplicate.
	Records    int64 `json:"records"`
	Written    int64 `json:"written"`
	Rejected   int64 `json:"rejected"`
	Duplicates int64 `json:"duplicates"`
	// Repaired is how many of the written records are not as they stood in the
	// input, white space around them aside.
	Repaired int64 `json:"repaired"`
	// DuplicatesUnchecked is how many records came when no more could be
	// remembered, and were not compared with later ones.
	DuplicatesUnchecked int64 `json:"duplicatesUnchecked,omitempty"`
	// Counts is the full number of actions by their word.
	Counts map[string]int64 `json:"counts"`
	// Actions are in the order of the lines; of each kind and code no more than
	// Options.MaxActions.
	Actions []Action `json:"actions"`
	// Report is the check of the copy, with the lines of the copy.
	Report dataset.Report `json:"report"`
}

// complete fills in the defaults and refuses what makes no sense.
func (o Options) complete() (Options, error) {
	if o.MaxActions <= 0 {
		o.MaxActions = DefaultMaxActions
	}
	if o.Dataset.MaxLineBytes <= 0 {
		o.Dataset.MaxLineBytes = dataset.DefaultMaxLineBytes
	}
	if _, err := charmapNamed(o.FromEncoding); err != nil {
		return o, fmt.Errorf("repairing a data set: %w", err)
	}
	return o, nil
}

// journal keeps the actions, of each kind and code the first ones.
type journal struct {
	max     int
	counts  map[string]int64
	kept    map[reason]int
	actions []Action
}

// reason is what was done, and what for.
type reason struct {
	what string
	code dataset.Code
}

func newJournal(limit int) *journal {
	return &journal{max: limit, counts: map[string]int64{}, kept: map[reason]int{}, actions: []Action{}}
}

func (j *journal) add(a Action) {
	j.counts[a.What]++
	if why := (reason{a.What, a.Code}); j.kept[why] < j.max {
		j.kept[why]++
		j.actions = append(j.actions, a)
	}
}

// run files the action for n lines, one after the other.
func (j *journal) run(a Action, n int64) {
	for why := (reason{a.What, a.Code}); n > 0 && j.kept[why] < j.max; n-- {
		j.add(a)
		a.Line++
	}
	if n > 0 {
		j.counts[a.What] += n
	}
}
