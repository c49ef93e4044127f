package dataset

import "math/bits"

// lengths counts numbers by size, in steps of under 1 %: exactly below 128, in
// 128 steps between two powers of two above.
type lengths struct {
	counts   [128 * 40]int64
	total    int64
	min, max int64
}

func (l *lengths) add(n int64) {
	if l.total == 0 || n < l.min {
		l.min = n
	}
	l.max = max(l.max, n)
	l.total++
	l.counts[step(n)]++
}

// step is the place of a number among the counts.
func step(n int64) int {
	power := max(bits.Len64(uint64(n))-8, 0) //nolint:gosec // never negative
	return min(power<<7+int(n>>power), len(lengths{}.counts)-1)
}

// size is the largest number of a step.
func size(step int) int64 {
	power := max(step>>7-1, 0)
	return int64(step-power<<7+1)<<power - 1
}

func (l *lengths) merge(other *lengths) {
	if other.total == 0 {
		return
	}
	if l.total == 0 || other.min < l.min {
		l.min = other.min
	}
	l.max = max(l.max, other.max)
	l.total += other.total
	for i, n := range other.counts {
		l.counts[i] += n
	}
}

// percentiles of what was counted.
func (l *lengths) percentiles() Percentiles {
	return Percentiles{Min: l.min, P50: l.below(50), P90: l.below(90), P99: l.below(99), Max: l.max}
}

// below is the smallest number that so many per cent do not exceed.
func (l *lengths) below(percent int64) int64 {
	wanted := (l.total*percent + 99) / 100
	for i, n := range l.counts {
		if wanted -= n; wanted <= 0 {
			return min(max(size(i), l.min), l.max)
		}
	}
	return l.max
}
