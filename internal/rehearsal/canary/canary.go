// Package canary makes marked secrets and finds them again: whole or cut, as they
// are or escaped for JSON and URLs, in base64 or in hexadecimal digits, however
// often one is wrapped in another. Tests put one into each way that something
// private comes in, and look for all of them wherever something goes out.
package canary

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
)

// Part is how many letters and digits of a canary in a row count as found: cutting
// one leaves hardly less, and no text has as many of them by chance.
const Part = 16

// Canary is a marked secret. Its letters and digits are its own, so that a part of
// it says where it came from.
type Canary struct {
	// Where is the way it came in, such as "an answer of the data set".
	Where string
	// word is its letters and digits.
	word string
}

// Word is the canary in 48 lower-case letters and digits, for a place that takes
// nothing else.
func (c Canary) Word() string { return c.word }

// Text is the canary as people write: in groups, with spaces, quotation marks, a
// line feed, a backslash, and letters outside ASCII, all of which some format
// escapes.
func (c Canary) Text() string {
	w := c.word
	return w[:4] + " " + w[4:8] + ` "` + w[8:12] + `" ` + w[12:16] + "\n" + w[16:22] + `\` + w[22:28] + " é " + w[28:34] + "/" + w[34:40] + "+&= " + w[40:48]
}

// Words is the canary in groups with spaces, for a place that takes one line.
func (c Canary) Words() string {
	var groups []string
	for group := range slices.Chunk([]byte(c.word), 6) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, " ")
}

// Cage makes canaries and finds them. It is not safe for concurrent use.
type Cage struct {
	seed string
	made map[string]Canary
	// parts are all parts of all canaries, with the way each came in, and heads those
	// of the parts.
	parts map[string]string
	heads [1 << 15]bool
}

// NewCage makes a cage whose canaries are those of no other seed.
func NewCage(seed string) *Cage {
	return &Cage{seed: seed, made: map[string]Canary{}, parts: map[string]string{}}
}

// alphabet is base32's, of which 32 bytes make 52 letters and digits.
var alphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

// Put makes the canary of one way in; the same one again for the same way.
func (c *Cage) Put(where string) Canary {
	if made, ok := c.made[where]; ok {
		return made
	}
	sum := sha256.Sum256([]byte(c.seed + "\x00" + where))
	made := Canary{Where: where, word: strings.ToLower(alphabet.EncodeToString(sum[:])[:48])}
	c.made[where] = made
	for i := range len(made.word) - Part + 1 {
		c.parts[made.word[i:i+Part]] = where
		c.heads[head(made.word[i:])] = true
	}
	return made
}
