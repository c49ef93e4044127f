package convert

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Severity says how much a Loss matters.
type Severity string

const (
	// SeverityLost means that something that the row said is not said any more.
	SeverityLost Severity = "lost"
	// SeverityChanged means that everything is still there, in other words or another place.
	SeverityChanged Severity = "changed"
)

// Kind is a kind of Loss. Once given, a kind keeps its meaning.
type Kind string

// Kinds of Loss; [Kinds] has their meaning.
const (
	KindUnknownKey       Kind = "unknown-key"
	KindWeight           Kind = "weight"
	KindName             Kind = "name"
	KindReasoning        Kind = "reasoning"
	KindTools            Kind = "tools"
	KindToolSetting      Kind = "tool-setting"
	KindToolStatus       Kind = "tool-status"
	KindMedia            Kind = "media"
	KindMediaSetting     Kind = "media-setting"
	KindReferenceAnswer  Kind = "reference-answer"
	KindUntrainedAnswers Kind = "untrained-answers"
	KindTail             Kind = "tail"
	KindTemplate         Kind = "prompt-template"

	KindBlankLine       Kind = "blank-line"
	KindByteOrderMark   Kind = "byte-order-mark"
	KindSchemaVersion   Kind = "schema-version"
	KindDeveloper       Kind = "developer"
	KindMergedSystem    Kind = "merged-system"
	KindMergedTurns     Kind = "merged-turns"
	KindJoinedText      Kind = "joined-text"
	KindBlankText       Kind = "blank-text"
	KindToolDefault     Kind = "tool-default"
	KindToolID          Kind = "tool-id"
	KindLegacyFunction  Kind = "legacy-function"
	KindRefusal         Kind = "refusal"
	KindBlankResult     Kind = "blank-result"
	KindMovedResult     Kind = "moved-result"
	KindJSONAsText      Kind = "json-as-text"
	KindMediaURL        Kind = "media-url"
	KindSystemInPrompt  Kind = "system-in-prompt"
	KindTurnsInPrompt   Kind = "turns-in-prompt"
	KindSplit           Kind = "split"
	KindReferenceAsText Kind = "reference-as-text"
)

// KindInfo is what a kind means.
type KindInfo struct {
	Kind     Kind     `json:"kind"`
	Severity Severity `json:"severity"`
	// What says what happened, for a person.
	What string `json:"what"`
}

var kinds = []KindInfo{
	{KindUnknownKey, SeverityLost, "the format has no place for this key"},
	{KindWeight, SeverityLost, "weight 0 is gone: the answer may be trained on as any other"},
	{KindName, SeverityLost, "the speaker's name is gone"},
	{KindReasoning, SeverityLost, "the reasoning is gone; --keep-reasoning keeps it, for base models that take it"},
	{KindTools, SeverityLost, "the definitions of tools that no message calls are gone"},
	{KindToolSetting, SeverityLost, "a setting of tools that training data cannot hold is gone"},
	{KindToolStatus, SeverityLost, "whether the tool failed is gone"},
	{KindMedia, SeverityLost, "an image, video, sound or document is gone"},
	{KindMediaSetting, SeverityLost, "a setting of an image is gone: its detail, its format, or the owner of its bucket"},
	{KindReferenceAnswer, SeverityLost, "the reference answer is gone"},
	{KindUntrainedAnswers, SeverityLost, "earlier answers are part of the prompt only; --multi-turn split trains on each"},
	{KindTail, SeverityLost, "what follows the last answer to be trained on is gone"},
	{KindTemplate, SeverityLost, "the prompt template leaves out the system prompt or earlier messages"},

	{KindBlankLine, SeverityChanged, "the blank line was left out"},
	{KindByteOrderMark, SeverityChanged, "the byte order mark was left out"},
	{KindSchemaVersion, SeverityChanged, "the row's own schemaVersion gave way to what the format has; --schema-version writes another"},
	{KindDeveloper, SeverityChanged, "the developer message became the system prompt"},
	{KindMergedSystem, SeverityChanged, "several system prompts were joined with blank lines"},
	{KindMergedTurns, SeverityChanged, "the message was joined to the one before it, which has the same role"},
	{KindJoinedText, SeverityChanged, "several parts of text were joined with blank lines"},
	{KindBlankText, SeverityChanged, "a blank text was left out"},
	{KindToolDefault, SeverityChanged, "the tool got a description or an input schema, which the format wants"},
	{KindToolID, SeverityChanged, "the tool call got an id of its own, which the format wants"},
	{KindLegacyFunction, SeverityChanged, "the function call was written as a tool call"},
	{KindRefusal, SeverityChanged, "the refusal was written as the answer's text"},
	{KindBlankResult, SeverityChanged, "a tool's blank result was left out, or is the empty object where there was nothing else"},
	{KindMovedResult, SeverityChanged, "the tool's result was moved before the text of its message"},
	{KindJSONAsText, SeverityChanged, "the tool's result was JSON and is now the text of it"},
	{KindMediaURL, SeverityChanged, "the image is named by an s3:// URL, which OpenAI does not fetch"},
	{KindSystemInPrompt, SeverityChanged, "the system prompt became the beginning of the prompt"},
	{KindTurnsInPrompt, SeverityChanged, "earlier messages were written into the prompt"},
	{KindSplit, SeverityChanged, "the conversation became one record for each answer"},
	{KindReferenceAsText, SeverityChanged, "the reference answer was a number or a boolean and is now the text of it"},
}

// Kinds returns every kind with its meaning, what is lost first.
func Kinds() []KindInfo { return slices.Clone(kinds) }

// Info returns what the kind means; ok is false for a kind that is not in [Kinds].
func (k Kind) Info() (info KindInfo, ok bool) {
	i := slices.IndexFunc(kinds, func(info KindInfo) bool { return info.Kind == k })
	if i < 0 {
		return KindInfo{}, false
	}
	return kinds[i], true
}

// Loss is one thing that a row said and the result does not, or says
// differently. It never holds a value of the data set.
type Loss struct {
	// Line is 1-based.
	Line int64 `json:"line"`
	// Pointer is the JSON pointer (RFC 6901) in the row that was read. It stops
	// short of a key that is no plain name.
	Pointer  string   `json:"pointer,omitempty"`
	Kind     Kind     `json:"kind"`
	Severity Severity `json:"severity"`
	// What says what happened.
	What string `json:"what"`
}

// Rejection is one row that was not converted.
type Rejection struct {
	// Line is 1-based.
	Line int64 `json:"line"`
	// Pointer is where the reason stands, as in Loss.
	Pointer string `json:"pointer,omitempty"`
	// Reason says why, and what to do.
	Reason string `json:"reason"`
}

// refusal is the error of a reader or writer that gives a row up.
type refusal struct {
	at     jsontext.Pointer
	reason string
}

func (r *refusal) Error() string { return r.reason }

func refuse(at jsontext.Pointer, format string, args ...any) error {
	return &refusal{at: at, reason: fmt.Sprintf(format, args...)}
}

// refusalOf turns what reading a row's JSON ended with into words that hold
// nothing of the row.
func refusalOf(err error) *refusal {
	var given *refusal
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &given):
		return given
	case errors.Is(err, jsontext.ErrDuplicateName):
		errors.As(err, &syntax)
		return &refusal{at: syntax.JSONPointer, reason: "an object has the same key twice: keep one of the two"}
	case errors.As(err, &syntax):
		return &refusal{at: syntax.JSONPointer, reason: "this is not JSON in UTF-8: tuneline check says where it breaks"}
	}
	return typeRefusal(err)
}

// ledger collects what one row loses.
type ledger struct {
	line   int64
	losses []Loss
}

// lose notes a loss.
func (l *ledger) lose(kind Kind, at jsontext.Pointer) {
	info, ok := kind.Info()
	if !ok {
		panic("convert: kind " + string(kind) + " is not in the table of kinds")
	}
	l.losses = append(l.losses, Loss{
		Line: l.line, Pointer: plainPointer(at), Kind: kind, Severity: info.Severity, What: info.What,
	})
}

// unknown notes the keys that a reader does not know. A null says nothing, so
// nothing is lost with it.
func (l *ledger) unknown(at jsontext.Pointer, rest jsontext.Value) {
	for name, value := range members(rest) {
		if value.Kind() != 'n' {
			l.lose(KindUnknownKey, at.AppendToken(name))
		}
	}
}

// key says whether a key is there that a reader knows.
type key struct {
	name  string
	there bool
}

// strays notes the keys that are there and mean nothing, unless they are among
// the object's own.
func (l *ledger) strays(at jsontext.Pointer, keys []key, own ...string) {
	for _, k := range keys {
		if k.there && !slices.Contains(own, k.name) {
			l.lose(KindUnknownKey, at.AppendToken(k.name))
		}
	}
}

// lost says whether anything is gone, rather than changed.
func (l *ledger) lost() (first Loss, lost bool) {
	i := slices.IndexFunc(l.losses, func(loss Loss) bool { return loss.Severity == SeverityLost })
	if i < 0 {
		return Loss{}, false
	}
	return l.losses[i], true
}
