package dataset

import "hash/maphash"

// seed is one for the process, so that the fingerprints of a job's two data
// sets compare, and random, so that nobody can prepare rows that collide.
var seed = maphash.MakeSeed()

// fingerprints remembers records by 64-bit hashes of their lines. Two different
// records among a million share one with a chance of about 3 in 100 million.
type fingerprints struct {
	// lines is the line of a record's first occurrence.
	lines map[uint64]int64
	// unchecked is how many records were not remembered.
	unchecked int64
}

func newFingerprints() *fingerprints {
	return &fingerprints{lines: map[uint64]int64{}}
}

func fingerprint(record []byte) uint64 { return maphash.Bytes(seed, record) }

// first returns the line on which the record occurred first; known is false
// when that is this one, which is remembered then.
func (f *fingerprints) first(record uint64, line int64) (first int64, known bool) {
	if first, known = f.lines[record]; known {
		return first, true
	}
	if len(f.lines) >= MaxFingerprints {
		f.unchecked++
		return 0, false
	}
	f.lines[record] = line
	return line, false
}

// has says whether the record occurred.
func (f *fingerprints) has(record uint64) bool {
	_, ok := f.lines[record]
	return ok
}
