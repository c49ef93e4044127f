package dataset

import "testing"

// TestSeenKnowsTheFirstLine: whenever room is made, and for however many records,
// the first line of each is known, and nothing else is.
func TestSeenKnowsTheFirstLine(t *testing.T) {
	const records = 5 * smallestTable
	tests := []struct {
		name     string
		most     int
		expectAt int64
		expected int64
		// tables is how many there are at the end, unchecked how many records are in none.
		tables    int
		unchecked int64
	}{
		{"number not known", MaxFingerprints, -1, 0, 4, 0},
		{"known before", MaxFingerprints, 0, records, 1, 0},
		{"known later", MaxFingerprints, 3 * smallestTable, records, 1, 0},
		{"fewer expected than there are", MaxFingerprints, 2 * smallestTable, 3 * smallestTable, 2, 0},
		{"fewer expected than remembered", MaxFingerprints, 3 * smallestTable, 2 * smallestTable, 4, 0},
		{"more than the cap", 3 * smallestTable, smallestTable, records, 1, 2 * smallestTable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSeen(tt.most)
			// Fingerprints that spread as real ones do.
			mark := func(line int64) uint64 { return uint64(line) * 0x9E3779B97F4A7C15 } //nolint:gosec // positive
			for line := int64(1); line <= records; line++ {
				if line == tt.expectAt+1 {
					s.expect(tt.expected)
				}
				if first, known := s.first(mark(line), line); known {
					t.Fatalf("line %d is new, got line %d", line, first)
				}
			}
			for line := int64(1); line <= min(records, int64(tt.most)); line++ {
				if first, known := s.first(mark(line), records+1); !known || first != line || !s.has(mark(line)) {
					t.Fatalf("got line %d, known %v; want %d", first, known, line)
				}
			}
			if s.has(mark(records + 1)) {
				t.Error("a record that was never there is known")
			}
			if len(s.tables) != tt.tables || s.unchecked != tt.unchecked {
				t.Errorf("got %d tables and %d records unchecked, want %d and %d", len(s.tables), s.unchecked, tt.tables, tt.unchecked)
			}
		})
	}
}
