package chat

import (
	"encoding/base64"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// part is one part of a message's content.
type part struct {
	Type     string    `json:"type"`
	Text     string    `json:"text"`
	Refusal  string    `json:"refusal"`
	ImageURL *imageURL `json:"image_url"`
	// CacheBreakpoint is a hint for OpenAI's cache.
	CacheBreakpoint jsontext.Value `json:"prompt_cache_breakpoint"`
	Rest            jsontext.Value `json:",embed"`
}

type imageURL struct {
	URL    string         `json:"url"`
	Detail string         `json:"detail"`
	Rest   jsontext.Value `json:",embed"`
}

// contentBlocks reads a message's content. Converse refuses a text that is blank:
// such a one is left out, and it is the caller who knows whether nothing at all
// will do.
func contentBlocks(m message, at string) ([]block, *Error) {
	var blocks []block
	switch m.Content.Kind() {
	case '"':
		var text string
		if e := decode(m.Content, &text, at+".content"); e != nil {
			return nil, e
		}
		blocks = spoken(blocks, text)
	case '[':
		var parts []part
		if e := decode(m.Content, &parts, at+".content"); e != nil {
			return nil, e
		}
		for i, p := range parts {
			var e *Error
			if blocks, e = p.block(blocks, m.Role, item(at+".content", i)); e != nil {
				return nil, e
			}
		}
	default:
		if !absent(m.Content) {
			return nil, invalid(at+".content", "this must be a string or a list of parts")
		}
	}
	// What the assistant refused with is what it said.
	return spoken(blocks, m.Refusal), nil
}

// spoken appends a text that is not blank.
func spoken(blocks []block, text string) []block {
	if strings.TrimSpace(text) == "" {
		return blocks
	}
	return append(blocks, block{Text: &text})
}

// block appends what a part is in Converse.
func (p part) block(blocks []block, role, at string) ([]block, *Error) {
	switch p.Type {
	case "text":
		if p.ImageURL != nil || p.Refusal != "" {
			return nil, invalid(at, "a part of the type text has a text and nothing else")
		}
		return spoken(blocks, p.Text), nothingElse(p.Rest, at)
	case "refusal":
		if role != roleAssistant || p.ImageURL != nil || p.Text != "" {
			return nil, invalid(at, "a part of the type refusal belongs to the assistant and has nothing but the refusal")
		}
		return spoken(blocks, p.Refusal), nothingElse(p.Rest, at)
	case "image_url":
		if role != roleUser || p.ImageURL == nil || p.Text != "" || p.Refusal != "" {
			return nil, invalid(at, "a part of the type image_url belongs to the user and has nothing but image_url")
		}
		found, e := p.ImageURL.image(at + ".image_url")
		if e != nil {
			return nil, e
		}
		return append(blocks, block{Image: found}), nothingElse(p.Rest, at)
	case "input_audio", "file":
		return nil, unsupported(at, "chat completions carry text and images here; documents, audio and video are for the route converse")
	}
	return nil, invalid(at+".type", "this must be text, image_url or, of the assistant, refusal")
}

// formats are Converse's names of images, by their media types.
var formats = map[string]string{"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}

// image reads an image that is in the request itself. Nothing is ever fetched:
// the function has no way to the internet, and a caller has no say in where it
// goes.
func (u imageURL) image(at string) (*image, *Error) {
	switch u.Detail {
	case "", "auto", "high", "original": // the model sees the image as it is
	case "low":
		return nil, unsupported(at+".detail", "the model sees the image as it is: make it smaller, or leave this out")
	default:
		return nil, invalid(at+".detail", "this must be auto, low, high or original")
	}
	const scheme = "data:"
	if len(u.URL) < len(scheme) || !strings.EqualFold(u.URL[:len(scheme)], scheme) {
		return nil, unsupported(at+".url", "images are not fetched: send the image itself, as data:image/png;base64,…")
	}
	head, data, found := strings.Cut(u.URL[len(scheme):], ",")
	kind, isBase64 := strings.CutSuffix(strings.ToLower(head), ";base64")
	format := formats[kind]
	switch {
	case !found || !isBase64 || format == "":
		return nil, invalid(at+".url", "this must be data:image/png;base64,… with png, jpeg, gif or webp")
	case !isStdBase64(data):
		return nil, invalid(at+".url", "what follows the comma must be an image in standard base64 with padding")
	}
	return &image{Format: format, Source: imageSource{Bytes: data}}, nothingElse(u.Rest, at)
}

// isStdBase64 says whether a text is base64 of something, as Converse takes it.
func isStdBase64(text string) bool {
	if text == "" || strings.ContainsAny(text, "\r\n") { // which Go's decoder passes over
		return false
	}
	_, err := io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding.Strict(), strings.NewReader(text)))
	return err == nil
}
