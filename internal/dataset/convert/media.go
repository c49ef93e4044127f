package convert

import (
	"path"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// openAIImage is what an image_url part names: {"url": ..., "detail": ...}, or
// the URL itself as some exporters write it.
type openAIImage struct {
	URL    string         `json:"url"`
	Detail *string        `json:"detail,omitzero"`
	Rest   jsontext.Value `json:",embed"`
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (i *openAIImage) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '"' {
		return json.UnmarshalDecode(d, &i.URL)
	}
	type fields openAIImage
	return json.UnmarshalDecode(d, (*fields)(i))
}

// imageFormats are the conversation form's words, by the end of a name.
var imageFormats = map[string]string{
	".png": "png", ".jpeg": "jpeg", ".jpg": "jpeg", ".gif": "gif", ".webp": "webp",
}

// imageFormat is the format by the end of a name, "" for none that is known.
func imageFormat(uri string) string { return imageFormats[strings.ToLower(path.Ext(uri))] }

// image reads an image that stands in S3 already. Bedrock takes no other.
func (c *chatReader) image(i openAIImage, at jsontext.Pointer) (*block, error) {
	if !strings.HasPrefix(i.URL, "s3://") {
		return nil, c.noMedia(at, "Bedrock takes images from S3 only: put the image into the data set's bucket and name it by its s3:// URL")
	}
	format := imageFormat(i.URL)
	if format == "" {
		return nil, c.noMedia(at, "the image's name must end in .png, .jpeg, .jpg, .gif or .webp")
	}
	if i.Detail != nil {
		c.lose(KindMediaSetting, at.AppendToken("image_url").AppendToken("detail"))
	}
	c.unknown(at.AppendToken("image_url"), i.Rest)
	return &block{at: at, media: &media{kind: "image", format: format, uri: i.URL}}, nil
}

// noMedia is what becomes of media that cannot be carried over: the row is
// refused, or the media are left out.
func (l *ledger) noMedia(o Options, at jsontext.Pointer, reason string) error {
	if o.DropMedia {
		l.lose(KindMedia, at)
		return nil
	}
	return refuse(at, "%s (or leave it out with --drop-media)", reason)
}

// noMedia is the ledger's, under the row's options.
func (in *reading) noMedia(at jsontext.Pointer, reason string) error {
	return in.ledger.noMedia(in.o, at, reason)
}

// noMedia is the ledger's, under the row's options.
func (out *writing) noMedia(at jsontext.Pointer, reason string) error {
	return out.ledger.noMedia(out.o, at, reason)
}

// answers are the parts of a tool's result: texts and, where the form has them,
// JSON objects. Media have no place in it.
func (in *reading) answers(blocks []block) ([]answer, error) {
	var all []answer
	for _, b := range blocks {
		if b.text != nil {
			all = append(all, answer{at: b.at, text: *b.text})
			continue
		}
		if err := in.noMedia(b.at, "a tool's result can hold text and JSON only"); err != nil {
			return nil, err
		}
	}
	return all, nil
}
