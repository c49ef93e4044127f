package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tuneline/tuneline/internal/finetune"
)

// maxDepth is how deep objects and lists may lie in each other, in levels: far
// more than a tool's schema needs.
const maxDepth = 1000

// guardrailIsOurs is why a caller's own guardrail is refused, also where none is
// set: the function's role may apply the configured one, and no other.
const guardrailIsOurs = "which guardrail is applied is set where the API is configured (api.guardrail)"

// ours are the members at the top of a body that are not the caller's to set, in
// lower case, and why. InvokeModel's would narrow the guardrail to marked parts:
// https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-tagging.html.
var ours = map[string]string{
	"modelid":                        "the path names the model",
	"guardrailconfig":                guardrailIsOurs,
	"amazon-bedrock-guardrailconfig": guardrailIsOurs,
}

// inspect holds a body against what can be said of it without knowing the model:
// it is one JSON object in UTF-8, has each name once in its object, and leaves
// alone what is not the caller's to set. What else is in it is Bedrock's to judge.
// guarded says that it is Converse's and that a guardrail is applied.
func inspect(body []byte, guarded bool) *failure {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	if d.PeekKind() != '{' {
		return notObject(d, nil)
	}
	for top := ""; ; {
		token, err := d.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return notObject(d, err)
		}
		depth := d.StackDepth()
		switch {
		case depth == 0 && len(bytes.TrimSpace(body[d.InputOffset():])) > 0:
			return refuse(http.StatusBadRequest, serialization, fmt.Sprintf("the body must be one JSON object; there is more after it, at byte %d", d.InputOffset()))
		case depth > maxDepth:
			return refuse(http.StatusBadRequest, validation, fmt.Sprintf("objects and lists may lie %d deep in each other, and they lie deeper at byte %d", maxDepth, d.InputOffset()))
		case token.Kind() != '"' || !isName(d, depth):
			continue
		case depth == 1:
			top = strings.ToLower(token.String())
			if why := ours[top]; why != "" {
				return refuse(http.StatusBadRequest, validation, token.String()+" has no place in the body: "+why)
			}
		case guarded && depth == blocks[top] && strings.EqualFold(token.String(), "guardContent"):
			return refuse(http.StatusBadRequest, validation, "guardContent has no place in the body: the API's guardrail looks at all of it, and not at marked parts")
		}
	}
}

// blocks is the depth of the content blocks in the members that hold them, in
// lower case: {"messages":[{"content":[{…}]}]} and {"system":[{…}]}. A guardrail
// sees nothing but the blocks named guardContent where there are any
// (https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-converse-api.html).
var blocks = map[string]int{"messages": 5, "system": 3}

// isName says whether the string that was just read is the name of a member.
func isName(d *jsontext.Decoder, depth int) bool {
	kind, read := d.StackIndex(depth)
	return kind == '{' && read%2 == 1
}

// notObject says where a body is not what it must be, and quotes nothing of it.
func notObject(d *jsontext.Decoder, err error) *failure {
	says := "the body must be one JSON object"
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		says = fmt.Sprintf("an object names a member twice, at byte %d: which of them counts cannot be known", d.InputOffset())
	case errors.As(err, &syntax):
		says = fmt.Sprintf("the body must be one JSON object in UTF-8, and is not any more at byte %d", syntax.ByteOffset)
	}
	return refuse(http.StatusBadRequest, serialization, says)
}

// guard is the configured guardrail, as both kinds of operations take it; the
// zero value is none.
type guard struct {
	set bool
	// header is InvokeModel's.
	header http.Header
	// member and streamMember are Converse's and ConverseStream's, without braces.
	// A stream is held back until it was looked at, in place of being shown first.
	member, streamMember string
}

// newGuard prepares a guardrail; one without an id is none.
func newGuard(g finetune.Guardrail) (guard, error) {
	if g.ID == "" {
		return guard{}, nil
	}
	config, err := json.Marshal(map[string]string{"guardrailIdentifier": g.ID, "guardrailVersion": g.Version})
	if err != nil {
		return guard{}, fmt.Errorf("encoding the guardrail: %w", err)
	}
	member := `"guardrailConfig":` + string(config)
	return guard{
		set:          true,
		header:       http.Header{"X-Amzn-Bedrock-Guardrailidentifier": {g.ID}, "X-Amzn-Bedrock-Guardrailversion": {g.Version}},
		member:       member,
		streamMember: strings.TrimSuffix(member, "}") + `,"streamProcessingMode":"sync"}`,
	}, nil
}

// protect puts the guardrail into a question whose body was inspected or made
// here. The rest of the body stays as it is, byte by byte.
func (g guard) protect(q question) question {
	if !g.set {
		return q
	}
	if !q.operation.converse {
		for name, values := range g.header {
			q.header[name] = values
		}
		return q
	}
	member := g.member
	if q.operation.streams {
		member = g.streamMember
	}
	start := bytes.IndexByte(q.body, '{') + 1
	rest := q.body[start:]
	if bytes.TrimLeft(rest, " \t\r\n")[0] != '}' {
		member += ","
	}
	body := make([]byte, 0, len(q.body)+len(member))
	body = append(append(body, q.body[:start]...), member...)
	q.body = append(body, rest...)
	return q
}
