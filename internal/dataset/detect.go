package dataset

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Detect returns the format that a record looks like; ok is false when it looks
// like none. The line may be broken or cut off: what stands before the break is
// what counts. A conversation of strings that could be OpenAI's or Anthropic's
// is taken for OpenAI's, a conversation without an answer for distillation prompts.
func Detect(line []byte) (f Format, ok bool) {
	return lookAt(line).format()
}

// look is what tells one format from another, from a record's outermost keys
// and its messages.
type look struct {
	prompt, completion      bool
	schemaVersion, messages bool
	referenceAnswer         bool
	imageRef, caption       bool
	// system: a key of its own, as a text or as a list of blocks.
	systemString, system        bool
	stringContent, blockContent bool
	// openAI and anthropic: something that only this form has, such as a message
	// of the system or a tool_use. Texts with a type are both's.
	openAI, anthropic, typedText bool
	// lastRole is the last message's; whole says that the messages were read to their end.
	lastRole string
	whole    bool
}

func lookAt(line []byte) *look {
	l := &look{}
	r := &scanner{dec: jsontext.NewDecoder(bytes.NewReader(line), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	r.object(func(key string, kind jsontext.Kind) bool {
		switch key {
		case "prompt":
			l.prompt = true
		case "completion":
			l.completion = true
		case "schemaVersion":
			l.schemaVersion = true
		case "reference_answer":
			l.referenceAnswer = true
		case "image-ref":
			l.imageRef = true
		case "caption":
			l.caption = true
		case "system":
			l.systemString = kind == '"'
			l.system = kind == '"' || kind == '['
		case "preferred_output":
			l.openAI = true
		case "tools":
			r.list(func() { l.tool(r) })
			return true
		case "messages":
			l.messages = true
			r.list(func() { l.message(r) })
			l.whole = r.err == nil
			return true
		}
		return false
	})
	return l
}

// message looks at one message.
func (l *look) message(r *scanner) {
	r.object(func(key string, kind jsontext.Kind) bool {
		switch {
		case key == "role" && kind == '"':
			l.lastRole = r.str()
			l.openAI = l.openAI || l.lastRole == roleSystem || l.lastRole == "tool" || l.lastRole == "developer"
			return true
		case key == "content" && kind == '"':
			l.stringContent = true
		case key == "content" && kind == '[':
			r.list(func() { l.block(r) })
			return true
		case key == "tool_calls" || key == "tool_call_id":
			l.openAI = true
		}
		return false
	})
}

// tool looks at one tool.
func (l *look) tool(r *scanner) {
	r.object(func(key string, _ jsontext.Kind) bool {
		l.anthropic = l.anthropic || key == "input_schema"
		return false
	})
}

// block looks at one content block.
func (l *look) block(r *scanner) {
	typed := false
	r.object(func(key string, kind jsontext.Kind) bool {
		if key != "type" {
			return false
		}
		typed = true
		if kind != '"' {
			return false
		}
		switch r.str() {
		case "tool_use", "tool_result", "thinking", "redacted_thinking", "image", "document":
			l.anthropic = true
		case "text":
			l.typedText = true
		default:
			l.openAI = true
		}
		return true
	})
	if !typed {
		l.blockContent = true
	}
}

// format is the most likely format.
func (l *look) format() (Format, bool) {
	switch {
	case l.imageRef:
		return FormatImageCaption, true
	case l.referenceAnswer && l.messages:
		return FormatReinforcement, true
	case l.schemaVersion || l.blocks():
		if l.whole && l.lastRole == roleUser {
			return FormatDistillation, true
		}
		return FormatConversation, true
	case !l.messages && (l.prompt || l.completion):
		return FormatPromptCompletion, true
	case l.anthropic, l.messages && l.system && !l.openAI:
		return FormatAnthropic, true
	case l.openAI, l.stringContent, l.typedText:
		return FormatOpenAIChat, true
	}
	return "", false
}

// typed says whether content blocks have a type, or something else is no part of
// Bedrock's forms.
func (l *look) typed() bool { return l.openAI || l.anthropic || l.typedText }

// blocks says whether the messages have content blocks of the conversation form.
func (l *look) blocks() bool { return l.blockContent && !l.typed() }

// plausible says of each format whether a record may be a faulty one of it.
var plausible = map[Format]func(*look) bool{
	FormatPromptCompletion: func(l *look) bool { return l.prompt || l.completion },
	FormatConversation:     func(l *look) bool { return l.schemaVersion || l.blocks() },
	FormatDistillation:     func(l *look) bool { return l.schemaVersion || l.blocks() },
	FormatAnthropic: func(l *look) bool {
		return l.stringContent && !l.typed() && !l.schemaVersion && !l.referenceAnswer
	},
	FormatReinforcement: func(l *look) bool {
		return l.referenceAnswer || l.stringContent && !l.systemString && !l.schemaVersion
	},
	FormatImageCaption: func(l *look) bool { return l.imageRef || l.caption },
}

// scanner reads JSON as far as it goes. After the first error every method does
// nothing.
type scanner struct {
	dec *jsontext.Decoder
	err error
}

// object calls member at the value of every key; member says whether it read it.
func (r *scanner) object(member func(key string, kind jsontext.Kind) bool) {
	if !r.open('{') {
		return
	}
	for r.err == nil && r.dec.PeekKind() == '"' {
		key := r.str()
		if r.err == nil && !member(key, r.dec.PeekKind()) {
			r.skip()
		}
	}
	r.token()
}

// list calls element at every element, which reads it.
func (r *scanner) list(element func()) {
	if !r.open('[') {
		return
	}
	for r.err == nil {
		if kind := r.dec.PeekKind(); kind == ']' || kind == 0 {
			break
		}
		element()
	}
	r.token()
}

// open enters the next value if it begins with this; if not, it is passed over.
func (r *scanner) open(kind jsontext.Kind) bool {
	if r.err != nil {
		return false
	}
	if r.dec.PeekKind() != kind {
		r.skip()
		return false
	}
	r.token()
	return r.err == nil
}

func (r *scanner) str() string {
	if r.err != nil {
		return ""
	}
	token, err := r.dec.ReadToken()
	if r.err = err; err != nil {
		return ""
	}
	return token.String()
}

func (r *scanner) skip() {
	if r.err == nil {
		r.err = r.dec.SkipValue()
	}
}

func (r *scanner) token() {
	if r.err == nil {
		_, r.err = r.dec.ReadToken()
	}
}

// ownKeys are keys, as they stand in the line, that a record of the format has
// and of another format has not all of: with them no look at it is needed.
var ownKeys = map[Format][][]byte{
	FormatPromptCompletion: {[]byte(`"prompt"`), []byte(`"completion"`)},
	FormatConversation:     {[]byte(`"schemaVersion"`), []byte(`"messages"`)},
	FormatDistillation:     {[]byte(`"schemaVersion"`), []byte(`"messages"`)},
	FormatReinforcement:    {[]byte(`"reference_answer"`), []byte(`"messages"`)},
	FormatImageCaption:     {[]byte(`"image-ref"`), []byte(`"caption"`)},
}

// hasOwnKeys says whether the line has all the keys of the form it should have.
func (c *cursor) hasOwnKeys() bool {
	for _, key := range ownKeys[c.wanted] {
		if !bytes.Contains(c.line, key) {
			return false
		}
	}
	return len(ownKeys[c.wanted]) > 0
}

// otherFormat says whether the record is written in another format than the one
// wanted, and files that. It looks once a record.
func (c *cursor) otherFormat() bool {
	c.looked = true
	if c.hasOwnKeys() {
		return false
	}
	l := lookAt(c.line)
	found, ok := l.format()
	if !ok || found == c.wanted || plausible[c.wanted](l) {
		return false
	}
	start := len(c.line) - len(bytes.TrimLeft(c.line, " \t\r")) + 1
	c.addAt(CodeOtherFormat, start, "", "the record is written as "+string(found)+", "+c.rules.model()+" takes "+string(c.wanted)+": "+c.conversion())
	return true
}

// conversion says how to get to the wanted format.
func (c *cursor) conversion() string {
	if convertible[c.wanted] {
		return "convert the data set with tuneline convert --to " + string(c.wanted)
	}
	return "write the data set anew, tuneline convert does not make this format"
}
