package split

import (
	"bytes"
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// group is the hash that a group of records is known and chosen by.
type group [sha256.Size]byte

func groupOf(seed int64, text string) group {
	return sha256.Sum256([]byte("tuneline split 1\n" + strconv.FormatInt(seed, 10) + "\n" + text))
}

// Amount is how much is to be for validation: a percentage or a number of
// records.
type Amount struct {
	// Records is the number, 0 for a percentage.
	Records int64
	// percent is exact, so that a split is the same everywhere.
	percent *big.Rat
}

// ParseAmount reads "10%", "12.5%" or "200".
func ParseAmount(text string) (Amount, error) {
	if number, ok := strings.CutSuffix(text, "%"); ok {
		percent, ok := new(big.Rat).SetString(number)
		if !ok || strings.Trim(number, "0123456789.") != "" || percent.Sign() <= 0 || percent.Cmp(big.NewRat(100, 1)) >= 0 {
			return Amount{}, fmt.Errorf("%q is no part for validation: use more than 0%% and less than 100%%, such as 10%%", text)
		}
		return Amount{percent: percent}, nil
	}
	records, err := strconv.ParseInt(text, 10, 64)
	if err != nil || records < 1 {
		return Amount{}, fmt.Errorf("%q is no amount for validation: use a percentage such as 10%%, or a number of records such as 200", text)
	}
	return Amount{Records: records}, nil
}

// String returns what ParseAmount reads.
func (a Amount) String() string {
	if a.percent == nil {
		return strconv.FormatInt(a.Records, 10)
	}
	text := a.percent.FloatString(6)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".") + "%"
}

// of is how many of the records the amount stands for.
func (a Amount) of(records int64) float64 {
	if a.percent == nil {
		return float64(a.Records)
	}
	part, _ := a.percent.Float64()
	return float64(records) * part / 100
}

// atMost is the amount, or the records there are where it is more than those.
func (a Amount) atMost(records int64) Amount {
	if a.percent == nil {
		a.Records = min(a.Records, records)
	}
	return a
}

// chooser says which groups are for validation.
type chooser interface {
	// see takes in one record of the group.
	see(group)
	// chosen is asked when all records were seen.
	chosen(group) bool
}

// chooser returns the one for this amount.
func (a Amount) chooser() chooser {
	if a.percent == nil {
		return &smallest{wanted: a.Records, sizes: map[group]int64{}}
	}
	// percent / 100 * 2^64, rounded down; percent is below 100, so it fits.
	scaled := new(big.Int).Lsh(a.percent.Num(), 64)
	scaled.Div(scaled, new(big.Int).Mul(a.percent.Denom(), big.NewInt(100)))
	return below(scaled.Uint64())
}

// below chooses by the hash alone.
type below uint64

func (below) see(group) {}

func (b below) chosen(g group) bool { return binary.BigEndian.Uint64(g[:8]) < uint64(b) }

// smallest chooses the groups with the smallest hashes until they have as many
// records as wanted. It holds those groups only: what is once too large for them
// stays so, since groups do not shrink.
type smallest struct {
	wanted int64
	// sizes are the records of each group in heap, total is their sum.
	sizes map[group]int64
	total int64
	heap  largestFirst
}

func (s *smallest) see(g group) {
	if _, held := s.sizes[g]; !held {
		if s.total >= s.wanted && bytes.Compare(g[:], s.heap[0][:]) > 0 {
			return
		}
		heap.Push(&s.heap, g)
	}
	s.sizes[g]++
	s.total++
	for largest := s.sizes[s.heap[0]]; s.total-largest >= s.wanted; largest = s.sizes[s.heap[0]] {
		s.total -= largest
		delete(s.sizes, s.heap[0])
		heap.Pop(&s.heap)
	}
}

func (s *smallest) chosen(g group) bool {
	_, held := s.sizes[g]
	return held
}

// largestFirst is a heap of groups for container/heap.
type largestFirst []group

func (h largestFirst) Len() int           { return len(h) }
func (h largestFirst) Less(i, j int) bool { return bytes.Compare(h[i][:], h[j][:]) > 0 }
func (h largestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is for container/heap.
func (h *largestFirst) Push(g any) { *h = append(*h, g.(group)) }

// Pop is for container/heap.
func (h *largestFirst) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
