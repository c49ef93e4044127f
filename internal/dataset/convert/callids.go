package convert

import "strconv"

// callIDs gives the tool calls of one row ids that no two of them share: the
// conversation form wants that, and rows that were written by hand often use
// one id throughout. The zero value is ready.
type callIDs struct {
	calls []callID
	// next is, of an id that is taken, the number that the next one like it gets.
	next map[string]int
	// byGiven and byName are the calls by the row's id and by the name of the
	// function; those at the front that are answered are left out as it goes.
	byGiven, byName map[string][]int
	// open is how many calls have no answer yet, first the first that may be one.
	open, first int
}

// callID is one call.
type callID struct {
	// own is the id that is written.
	own      string
	answered bool
}

// give returns the id for a call; changed says that it is not the row's.
func (c *callIDs) give(given, name string) (own string, changed bool) {
	if c.next == nil {
		c.next, c.byGiven, c.byName = map[string]int{}, map[string][]int{}, map[string][]int{}
	}
	own = given
	if given == "" {
		own = "call_" + strconv.Itoa(len(c.calls)+1)
	}
	for base := own; c.next[own] > 0; {
		own = base + "-" + strconv.Itoa(c.next[base])
		c.next[base]++
	}
	c.next[own] = 2
	c.byGiven[given] = append(c.byGiven[given], len(c.calls))
	c.byName[name] = append(c.byName[name], len(c.calls))
	c.calls = append(c.calls, callID{own: own})
	c.open++
	return own, own != given
}

// answer returns the own id of the first call that has the row's id and no
// answer yet.
func (c *callIDs) answer(given string) (own string, known bool) {
	return c.answerFirst(c.byGiven, given)
}

// answerNamed is answer by the name of the function that is called.
func (c *callIDs) answerNamed(name string) (own string, known bool) {
	return c.answerFirst(c.byName, name)
}

func (c *callIDs) answerFirst(calls map[string][]int, key string) (own string, known bool) {
	waiting := calls[key]
	for len(waiting) > 0 && c.calls[waiting[0]].answered {
		waiting = waiting[1:]
	}
	if len(waiting) == 0 {
		return "", false
	}
	calls[key] = waiting
	return c.close(waiting[0]), true
}

// answerOnly is answer where only one call has no answer yet.
func (c *callIDs) answerOnly() (own string, known bool) {
	if c.open != 1 {
		return "", false
	}
	for c.calls[c.first].answered {
		c.first++
	}
	return c.close(c.first), true
}

// close notes that a call is answered.
func (c *callIDs) close(call int) (own string) {
	c.calls[call].answered = true
	c.open--
	return c.calls[call].own
}
