// Package generate makes data sets to measure and to try the check with: the
// same bytes in every run, of any size, from a reader that holds one block in
// memory.
//
// Four shapes stand for what people tune with: short prompt/completion pairs,
// short, medium and long conversations. Each has a variant in which every record
// is wrong in its last part, the dearest place. What is hostile rather than
// likely is in hostile.go.
package generate

import (
	"io"
	"math/rand/v2"
	"slices"
)

// Shape names one of the four kinds of data set.
type Shape string

// The shapes, with the mean bytes of a record and what is in it.
const (
	// ShortPC has prompt/completion pairs of 310 bytes.
	ShortPC Shape = "short_pc"
	// Short has conversations of 326 bytes: mostly structure, little text.
	Short Shape = "short"
	// Medium has conversations of 2.1 kB in many languages; 15 % of the records
	// have every character beyond ASCII as a \u escape.
	Medium Shape = "medium"
	// Long has conversations of 41 kB, prose and program text.
	Long Shape = "long"
)

// Shapes returns the four shapes, from short to long records.
func Shapes() []Shape { return []Shape{ShortPC, Short, Medium, Long} }

// Conversation says whether the shape's records are written in the form
// bedrock-conversation-2024; else they are prompt/completion.
func (s Shape) Conversation() bool { return s != ShortPC }

// A record's number is written into its first text, so that records differ.
const (
	idDigits = 10
	// duplicateEvery is how often a record is the copy of an earlier one.
	duplicateEvery = 1000
	seed           = 20260201
)

// Reader returns a stream of whole records, as many as fit into size bytes. It
// makes one block of records and repeats it with other numbers in the records.
// One record in a thousand is an exact copy of one before it.
func Reader(shape Shape, size int64) io.Reader { return newStream(shape, size, false) }

// BadReader returns a stream like Reader's in which every record has one error
// at its end: an unknown role after the last message's content, or a second
// completion.
func BadReader(shape Shape, size int64) io.Reader { return newStream(shape, size, true) }

// slot is a record of the block.
type slot struct {
	// end is where the record ends, id where its number is written.
	end, id int
	// number is the place in the block of the record that this one equals: its
	// own, but for copies.
	number int64
}

// stream implements io.Reader.
type stream struct {
	block []byte
	slots []slot
	// at and end bound what is left to read of the block.
	at, end int
	// size is how many bytes may still follow the block, next the number of the
	// first record in the next repetition.
	size, next int64
}

func newStream(shape Shape, size int64, bad bool) *stream {
	s := &stream{size: size}
	s.fill(shape, bad)
	return s
}

// fill makes the block, no larger than the stream.
func (s *stream) fill(shape Shape, bad bool) {
	spec := specs[shape]
	w := writer{
		r:    rand.New(rand.NewPCG(seed, uint64(slices.Index(Shapes(), shape)))), //nolint:gosec // the same data in every run
		spec: spec, bad: bad,
	}
	for i := range spec.block {
		start := len(s.block)
		if i%duplicateEvery == duplicateEvery-1 {
			s.copyOf(i - duplicateEvery/2)
		} else {
			w.out = s.block
			s.slots = append(s.slots, slot{id: w.record(), number: int64(i)})
			s.block = w.out
		}
		s.slots[i].end = len(s.block)
		if start > int(min(s.size, 1<<40)) {
			return
		}
	}
}

// copyOf appends a copy of an earlier record of the block.
func (s *stream) copyOf(i int) {
	from := s.slots[i]
	begin := s.slots[i-1].end
	s.slots = append(s.slots, slot{id: len(s.block) + from.id - begin, number: from.number})
	s.block = append(s.block, s.block[begin:from.end]...)
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if s.at == s.end && !s.repeat() {
		return 0, io.EOF
	}
	n := copy(p, s.block[s.at:s.end])
	s.at += n
	return n, nil
}

// repeat begins the block anew with other numbers; false when no record fits.
func (s *stream) repeat() bool {
	s.at, s.end = 0, 0
	size := s.size
	for _, slot := range s.slots {
		if int64(slot.end) > size {
			s.size = 0 // a shorter record might fit, in the wrong place
			break
		}
		number(s.block[slot.id:slot.id+idDigits], s.next+slot.number)
		s.end = slot.end
	}
	s.size = max(0, s.size-int64(s.end))
	s.next += int64(len(s.slots))
	return s.end > 0
}

// number writes n as hexadecimal digits that fill p.
func number(p []byte, n int64) {
	for i := len(p) - 1; i >= 0; i-- {
		p[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
}
