package dataset

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// normalizer makes one fingerprint of a record's texts that case, white space
// and the way the JSON is written make no difference to. The order of the texts
// makes none either, since keys may come in any.
type normalizer struct {
	text, decoded []byte
	// sum is that of the texts' fingerprints.
	sum uint64
}

func (n *normalizer) reset() { n.sum = 0 }

// add adds a decoded text: lower case, white space in one piece.
func (n *normalizer) add(text []byte) {
	n.text = n.text[:0]
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text[i:])
			i += size
			if unicode.IsSpace(r) {
				n.space()
			} else {
				n.text = utf8.AppendRune(n.text, unicode.ToLower(r))
			}
			continue
		}
		i++
		switch {
		case c == ' ' || c >= '\t' && c <= '\r':
			n.space()
		case c >= 'A' && c <= 'Z':
			n.text = append(n.text, c|0x20)
		default:
			n.text = append(n.text, c)
		}
	}
	n.sum += fingerprint(bytes.TrimSuffix(n.text, []byte(" ")))
}

// space appends a space, but not at the beginning and not after another.
func (n *normalizer) space() {
	if last := len(n.text) - 1; last >= 0 && n.text[last] != ' ' {
		n.text = append(n.text, ' ')
	}
}

// addQuoted appends a text as it stands in the JSON, with its quotes.
func (n *normalizer) addQuoted(quoted []byte) {
	raw := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(raw, '\\') >= 0 {
		// The fast tier has checked the string: there is nothing to refuse.
		n.decoded, _ = jsontext.AppendUnquote(n.decoded[:0], quoted)
		raw = n.decoded
	}
	n.add(raw)
}

// mark is the fingerprint of the texts added since reset; 0 when there were none.
func (n *normalizer) mark() uint64 { return n.sum }

// normalize adds the texts of the record that the fast tier accepted.
func (j *judge) normalize() {
	j.texts.reset()
	for _, place := range j.fast.texts {
		j.texts.addQuoted(j.fast.b[place[0]:place[1]])
	}
}
