package dataset

import (
	"hash/maphash"
	"math/bits"
)

// seed is one for the process, so that the fingerprints of a job's two data
// sets compare, and random, so that nobody can prepare rows that collide.
var seed = maphash.MakeSeed()

// fingerprint is a record's 64-bit hash, never 0. Two different records among a
// million share one with a chance of about 3 in 100 million.
func fingerprint(record []byte) uint64 { return max(maphash.Bytes(seed, record), 1) }

// seen remembers records by their fingerprints, and the line each stood on
// first. It is a chain of open-addressing tables of 12 bytes a slot, filled to
// three quarters at most: 16 bytes a record when the number of records was
// known, less than 40 when it was not. Growing adds a table as large as all
// before it, and leaves no garbage.
type seen struct {
	tables []*table
	// unchecked is how many records were not remembered, since there is a cap.
	unchecked int64
	count     int
	most      int
}

type table struct {
	marks []uint64
	lines []uint32
	count int
}

const (
	// smallestTable is for so many records.
	smallestTable = 1 << 12
	// unknownLine stands for lines beyond what 32 bits hold.
	unknownLine = 1<<32 - 1
)

func newSeen(most int) *seen { return &seen{most: most} }

// expect makes room for so many records, with those remembered so far.
func (s *seen) expect(records int64) {
	records = min(records, int64(s.most))
	if records <= max(smallestTable, int64(s.count)) {
		return
	}
	all := newTable(int(records))
	for _, t := range s.tables {
		for at, mark := range t.marks {
			if mark != 0 {
				to := all.slot(mark)
				all.marks[to], all.lines[to] = mark, t.lines[at]
			}
		}
	}
	all.count = s.count
	s.tables = []*table{all}
}

func newTable(records int) *table {
	slots := records + records/3 + 8
	return &table{marks: make([]uint64, slots), lines: make([]uint32, slots)}
}

// full says that three quarters of the slots are taken.
func (t *table) full() bool { return t.count >= len(t.marks)/4*3 }

// slot is where the fingerprint stands, or would stand.
func (t *table) slot(mark uint64) int {
	high, _ := bits.Mul64(mark, uint64(len(t.marks)))
	for i := int(high); ; { //nolint:gosec // below the length
		if found := t.marks[i]; found == mark || found == 0 {
			return i
		}
		if i++; i == len(t.marks) {
			i = 0
		}
	}
}

// first returns the line on which the record stood first; known is false when
// that is this one, which is remembered then.
func (s *seen) first(mark uint64, line int64) (first int64, known bool) {
	var last *table
	at := 0
	for _, last = range s.tables {
		if at = last.slot(mark); last.marks[at] != 0 {
			return int64(last.lines[at]), true
		}
	}
	if s.count >= s.most {
		s.unchecked++
		return 0, false
	}
	if last == nil || last.full() {
		last = newTable(min(max(s.count, smallestTable), s.most-s.count))
		s.tables = append(s.tables, last)
		at = last.slot(mark)
	}
	s.put(last, at, mark, line)
	return line, false
}

func (s *seen) put(t *table, at int, mark uint64, line int64) {
	t.marks[at] = mark
	t.lines[at] = uint32(min(line, unknownLine)) //nolint:gosec // bounded
	t.count++
	s.count++
}

// touch reads the slots that the records will be looked for in. One after the
// other, each look-up would wait for memory; these reads do not wait for each
// other. The sum is there so that they are made.
func (s *seen) touch(marks []uint64) (sum uint64) {
	for _, t := range s.tables {
		for _, mark := range marks {
			high, _ := bits.Mul64(mark, uint64(len(t.marks)))
			sum += t.marks[high] + uint64(t.lines[high])
		}
	}
	return sum
}

// has says whether the record occurred.
func (s *seen) has(mark uint64) bool {
	for _, t := range s.tables {
		if t.marks[t.slot(mark)] != 0 {
			return true
		}
	}
	return false
}
