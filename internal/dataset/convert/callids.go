package convert

import "strconv"

// callIDs gives the tool calls of one row ids that no two of them share: the
// conversation form wants that, and rows that were written by hand often use
// one id throughout.
type callIDs struct {
	calls []callID
}

// callID is one call.
type callID struct {
	// given is what the row says, own what is written.
	given, own, name string
	answered         bool
}

// give returns the id for a call; changed says that it is not the row's.
func (c *callIDs) give(given, name string) (own string, changed bool) {
	own = given
	if given == "" {
		own = "call_" + strconv.Itoa(len(c.calls)+1)
	}
	base := own
	for n := 2; c.has(own); n++ {
		own = base + "-" + strconv.Itoa(n)
	}
	c.calls = append(c.calls, callID{given: given, own: own, name: name})
	return own, own != given
}

func (c *callIDs) has(own string) bool {
	for _, one := range c.calls {
		if one.own == own {
			return true
		}
	}
	return false
}

// answer returns the own id of the first call that has the row's id and no
// answer yet.
func (c *callIDs) answer(given string) (own string, known bool) {
	return c.first(func(one callID) bool { return one.given == given })
}

// answerNamed is answer by the name of the function that is called.
func (c *callIDs) answerNamed(name string) (own string, known bool) {
	return c.first(func(one callID) bool { return one.name == name })
}

// answerOnly is answer where only one call has no answer yet.
func (c *callIDs) answerOnly() (own string, known bool) {
	open := 0
	for _, one := range c.calls {
		if !one.answered {
			open++
		}
	}
	if open != 1 {
		return "", false
	}
	return c.first(func(callID) bool { return true })
}

func (c *callIDs) first(matches func(callID) bool) (own string, known bool) {
	for i := range c.calls {
		if one := &c.calls[i]; !one.answered && matches(*one) {
			one.answered = true
			return one.own, true
		}
	}
	return "", false
}
