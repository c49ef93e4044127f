package dataset

// member is a key that an object may have.
type member struct {
	key string
	// wanted says what the value must be, for the message when the key is
	// missing; "" for a key that may be missing.
	wanted string
	// walk reads the value; nil passes over it.
	walk func(*cursor)
}

// object reads an object that may have these keys and no other. What names the
// object in messages. Ok is false when there is no object.
func (c *cursor) object(what string, members []member) (ok bool) {
	if c.kind() != '{' {
		return c.expect('{', "an object, "+what)
	}
	start := c.open()
	var present uint64
	for c.more() {
		key, column := c.key()
		i := find(members, key)
		if i < 0 {
			c.skip()
			c.add(CodeUnknownKey, column, "this key is not part of "+what+": correct or remove it")
			continue
		}
		present |= 1 << i
		if members[i].walk == nil {
			c.skip()
			continue
		}
		members[i].walk(c)
	}
	c.close()
	for i, m := range members {
		c.missing(m.wanted == "" || present&(1<<i) != 0, start, m.key, m.wanted)
	}
	return true
}

func find(members []member, key []byte) int {
	for i := range members {
		if members[i].key == string(key) {
			return i
		}
	}
	return -1
}

// list reads a list and calls element at each of its elements, which reads it.
// It returns the number of elements and the column of the list.
func (c *cursor) list(wanted string, element func(*cursor)) (n, start int, ok bool) {
	if !c.expect('[', wanted) {
		return 0, 0, false
	}
	start = c.open()
	for ; c.more(); n++ {
		element(c)
	}
	c.close()
	return n, start, true
}

// name reads a string that names something and must not be blank. It is no text
// that is trained on.
func (c *cursor) name(what string) (name string, column int, ok bool) {
	column = c.column()
	if c.kind() != '"' {
		return "", column, c.expect('"', what+", a string")
	}
	value := c.str()
	if c.err != nil {
		return "", column, false
	}
	if blank(value) {
		c.add(CodeBlankText, column, what+" is empty or white space: fill it in")
		return "", column, false
	}
	return string(value), column, true
}
