package repair

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/dataset"
)

// schemaVersion is the constant of the conversation form.
const schemaVersion = `"bedrock-conversation-2024"`

// mender is one kind of repair: it changes the row by what was found in it, and
// says whether it did.
type mender func(s *stream, r *row, found []dataset.Finding) bool

// menders are in the order in which they are tried; after one that changed
// something the row is judged again.
var menders = []mender{mendSurrogates, mendSchemaVersion, mendSystem, mendContent, mendTurns, mendKeys}

// repair changes a row by what was found in it; false when nothing can be done.
func (s *stream) repair(r *row, found []dataset.Finding) bool {
	if len(found) == 0 {
		return false
	}
	for _, mend := range menders {
		if mend(s, r, found) {
			return true
		}
	}
	return false
}

// conversation says that the rows have the conversation form, as training data
// or as prompts for distillation.
func (s *stream) conversation() bool {
	f := s.o.Dataset.Format
	return f == dataset.FormatConversation || f == dataset.FormatDistillation
}

// finds says whether one of the findings has the code, at a pointer that matches.
func finds(found []dataset.Finding, code dataset.Code, pointer *regexp.Regexp) bool {
	return slices.ContainsFunc(found, func(f dataset.Finding) bool {
		return f.Code == code && pointer.MatchString(f.Pointer)
	})
}

var (
	anywhere  = regexp.MustCompile(``)
	versionAt = regexp.MustCompile(`^/schemaVersion$`)
	// missingAt is where a missing schemaVersion is told: of the record.
	missingAt = regexp.MustCompile(`^(/schemaVersion)?$`)
	systemAt  = regexp.MustCompile(`^/system(/|$)`)
	contentAt = regexp.MustCompile(`^/messages/[0-9]+/content$`)
)

// mendSurrogates replaces halves of surrogate pairs.
func mendSurrogates(s *stream, r *row, found []dataset.Finding) bool {
	if !s.o.ReplaceInvalid || !finds(found, dataset.CodeLoneSurrogate, anywhere) {
		return false
	}
	text := replaceLoneSurrogates(r.text)
	if bytes.Equal(text, r.text) {
		return false
	}
	r.text = text
	r.act(InvalidReplaced, dataset.CodeLoneSurrogate, "halves of surrogate pairs became U+FFFD")
	return true
}

// mendSchemaVersion writes the constant of the conversation form.
func mendSchemaVersion(s *stream, r *row, found []dataset.Finding) bool {
	missing := finds(found, dataset.CodeMissingKey, missingAt)
	wrong := finds(found, dataset.CodeSchemaVersion, anywhere) || finds(found, dataset.CodeWrongType, versionAt)
	if !s.conversation() || !missing && !wrong {
		return false
	}
	members, ok := membersOf(r.text)
	if !ok {
		return false
	}
	i := indexOf(members, "schemaVersion")
	switch {
	case i < 0 && indexOf(members, "messages") >= 0:
		version := member{name: "schemaVersion", rawName: []byte(`"schemaVersion"`), value: []byte(schemaVersion)}
		members = slices.Insert(members, 0, version)
		r.act(SchemaVersionSet, dataset.CodeMissingKey, "it was missing")
	case i >= 0 && wrong:
		members[i].value = []byte(schemaVersion)
		r.act(SchemaVersionSet, dataset.CodeSchemaVersion, "it was another one")
	default:
		return false
	}
	r.text = appendObject(nil, members)
	return true
}

// mendSystem wraps a system prompt that is a plain string, and removes an empty
// one.
func mendSystem(s *stream, r *row, found []dataset.Finding) bool {
	var code dataset.Code
	for _, f := range found {
		if systemAt.MatchString(f.Pointer) && f.Severity == dataset.SeverityError {
			code = f.Code
			break
		}
	}
	if !s.conversation() || code == "" {
		return false
	}
	members, ok := membersOf(r.text)
	i := indexOf(members, "system")
	if !ok || i < 0 {
		return false
	}
	switch system := members[i].value; {
	case emptySystem(system):
		members = slices.Delete(members, i, i+1)
		r.act(EmptySystemRemoved, code, "")
	case system[0] == '"':
		members[i].value = wrapped(system)
		r.act(TextWrapped, code, "the system prompt")
	default:
		return false
	}
	r.text = appendObject(nil, members)
	return true
}

// emptySystem says that there is no text in a system prompt, in whatever way.
func emptySystem(value []byte) bool {
	if noText(value) {
		return true
	}
	items, ok := elementsOf(value)
	return ok && !slices.ContainsFunc(items, func(item element) bool {
		if noText(item.raw) {
			return false
		}
		members, ok := membersOf(item.raw)
		return !ok || slices.ContainsFunc(members, func(m member) bool { return m.name != "text" || !noText(m.value) })
	})
}

// noText says that a value is null, or a string of nothing but white space.
func noText(value []byte) bool {
	var text string
	return json.Unmarshal(value, &text) == nil && strings.TrimSpace(text) == ""
}

// wrapped is a JSON string as a list of one text block.
func wrapped(text []byte) []byte {
	return slices.Concat([]byte(`[{"text":`), text, []byte(`}]`))
}

// mendContent wraps contents that are plain strings.
func mendContent(s *stream, r *row, found []dataset.Finding) bool {
	if !s.conversation() || !finds(found, dataset.CodeWrongType, contentAt) {
		return false
	}
	n := 0
	ok := editMessages(r, func(messages []element) ([]element, bool) {
		for i, message := range messages {
			members, ok := membersOf(message.raw)
			at := indexOf(members, "content")
			if !ok || at < 0 || members[at].value[0] != '"' {
				continue
			}
			members[at].value = wrapped(members[at].value)
			messages[i].raw = appendObject(nil, members)
			n++
		}
		return messages, n > 0
	})
	if ok {
		r.act(TextWrapped, dataset.CodeWrongType, counted(n, "message"))
	}
	return ok
}

// mendTurns joins neighbouring messages of one role.
func mendTurns(s *stream, r *row, found []dataset.Finding) bool {
	if !s.o.MergeTurns || !s.conversation() || !finds(found, dataset.CodeRoleOrder, anywhere) {
		return false
	}
	n := 0
	ok := editMessages(r, func(messages []element) ([]element, bool) {
		var merged []element
		for _, message := range messages {
			if last := len(merged) - 1; last >= 0 {
				if both, ok := mergeTurns(merged[last].raw, message.raw); ok {
					merged[last].raw = both
					n++
					continue
				}
			}
			merged = append(merged, message)
		}
		return merged, n > 0
	})
	if ok {
		r.act(TurnsMerged, dataset.CodeRoleOrder, counted(n, "message")+" joined to the one before")
	}
	return ok
}

// mergeTurns makes one message of two of the same role, with the blocks of both.
func mergeTurns(first, second []byte) ([]byte, bool) {
	role, blocks, ok := turn(first)
	nextRole, more, nextOK := turn(second)
	if !ok || !nextOK || role != nextRole {
		return nil, false
	}
	members, _ := membersOf(first)
	members[indexOf(members, "content")].value = appendArray(nil, append(blocks, more...))
	return appendObject(nil, members), true
}

// turn takes a message with nothing but a role and a list of blocks apart.
func turn(message []byte) (role string, blocks []element, ok bool) {
	members, ok := membersOf(message)
	r, c := indexOf(members, "role"), indexOf(members, "content")
	if !ok || len(members) != 2 || r < 0 || c < 0 || json.Unmarshal(members[r].value, &role) != nil {
		return "", nil, false
	}
	blocks, ok = elementsOf(members[c].value)
	return role, blocks, ok
}

// editMessages changes the list of messages of a row.
func editMessages(r *row, edit func([]element) ([]element, bool)) bool {
	members, ok := membersOf(r.text)
	i := indexOf(members, "messages")
	if !ok || i < 0 {
		return false
	}
	messages, ok := elementsOf(members[i].value)
	if !ok {
		return false
	}
	messages, changed := edit(messages)
	if !changed {
		return false
	}
	members[i].value = appendArray(nil, messages)
	r.text = appendObject(nil, members)
	return true
}

// mendKeys removes the keys that were found not to be part of the format. A
// finding's column is where its key begins.
func mendKeys(s *stream, r *row, found []dataset.Finding) bool {
	if !s.o.DropUnknownKeys {
		return false
	}
	var offsets []int
	var code dataset.Code
	for _, f := range found {
		if f.Code == dataset.CodeUnknownKey || f.Code == dataset.CodeExtraKey {
			offsets = append(offsets, int(f.Column)-1)
			code = f.Code
		}
	}
	slices.Sort(offsets)
	p := pruner{drop: offsets}
	text := p.value(nil, r.text, 0)
	if p.dropped == 0 {
		return false
	}
	r.text = text
	r.act(KeyRemoved, code, counted(p.dropped, "key"))
	return true
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
