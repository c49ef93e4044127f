package dataset

// longestAnswer is up to how many bytes an answer is compared with others: class
// labels are short, and what is longer is hardly ever said twice.
const longestAnswer = 64

// answerMark is the fingerprint of what a record is answered with, as it stands
// between its quotes in the JSON, so that both tiers come to the same without
// decoding it: one answer spelt with and without an escape counts as two. It is
// 0, which is none, for a long one.
func answerMark(raw []byte) uint64 {
	if len(raw) > longestAnswer {
		return 0
	}
	return fingerprint(raw)
}

// countedAnswers is how many answers are counted at the same time.
const countedAnswers = 32

// answers counts the answers that occur most, in one pass and constant memory:
// the summary of Misra and Gries ("Finding repeated elements", 1982). No answer
// is counted more often than it occurred. It is counted less often by one for
// every countedAnswers+1 at most, and not at all less while there are no more
// than countedAnswers different ones. The counts depend on the order.
type answers struct {
	marks  []uint64
	counts []int64
}

func (a *answers) add(mark uint64) {
	for i, known := range a.marks {
		if known == mark {
			a.counts[i]++
			return
		}
	}
	if len(a.marks) < countedAnswers {
		a.marks, a.counts = append(a.marks, mark), append(a.counts, 1)
		return
	}
	a.cancel()
}

// cancel takes one away from each, for one that there is no room for.
func (a *answers) cancel() {
	left := 0
	for i, n := range a.counts {
		if n > 1 {
			a.marks[left], a.counts[left] = a.marks[i], n-1
			left++
		}
	}
	a.marks, a.counts = a.marks[:left], a.counts[:left]
}

// most is how often the most frequent answer occurred, at least.
func (a *answers) most() int64 {
	var most int64
	for _, n := range a.counts {
		most = max(most, n)
	}
	return most
}
