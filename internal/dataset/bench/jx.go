package main

import (
	"errors"
	"io"
	"unicode/utf8"

	"github.com/go-faster/jx"
)

// jxChecker checks records with jx, without allocating. It does not see halves
// of surrogate pairs; UTF-8 and what follows a record are looked at separately.
type jxChecker struct {
	dec  jx.Decoder
	text []byte
}

func withJX(conversation bool) func(line []byte) (int64, error) {
	c := &jxChecker{}
	record := c.pair
	if conversation {
		record = c.conversation
	}
	return func(line []byte) (int64, error) {
		if !utf8.Valid(line) {
			return 0, errRefused
		}
		c.dec.ResetBytes(line)
		n, err := record()
		if err != nil {
			return 0, err
		}
		if err := c.dec.Skip(); !errors.Is(err, io.EOF) {
			return 0, errRefused
		}
		return n, nil
	}
}

// once marks a key as seen; twice is refused.
func once(seen *bool) error {
	if *seen {
		return errRefused
	}
	*seen = true
	return nil
}

// object walks an object's members; member is given each key.
func (c *jxChecker) object(member func(key []byte) error) error {
	iter, err := c.dec.ObjIter()
	if err != nil {
		return err
	}
	for iter.Next() {
		if err := member(iter.Key()); err != nil {
			return err
		}
	}
	return iter.Err()
}

func (c *jxChecker) pair() (sum int64, err error) {
	var prompt, completion bool
	err = c.object(func(key []byte) error {
		var seen *bool
		switch string(key) {
		case "prompt":
			seen = &prompt
		case "completion":
			seen = &completion
		default:
			return errRefused
		}
		if err := once(seen); err != nil {
			return err
		}
		n, err := c.string(false)
		sum += n
		return err
	})
	if err == nil && (!prompt || !completion) {
		err = errRefused
	}
	return sum, err
}

// string checks a text that is trained on.
func (c *jxChecker) string(words bool) (n int64, err error) {
	if c.text, err = c.dec.StrAppend(c.text[:0]); err != nil {
		return 0, err
	}
	return trained(c.text, words)
}

func (c *jxChecker) conversation() (sum int64, err error) {
	var version, system, messages bool
	err = c.object(func(key []byte) error {
		var n int64
		var err error
		switch string(key) {
		case "schemaVersion":
			if err = once(&version); err == nil {
				c.text, err = c.dec.StrAppend(c.text[:0])
			}
		case "system":
			if err = once(&system); err == nil {
				n, err = c.texts()
			}
		case "messages":
			if err = once(&messages); err == nil {
				n, err = c.messages()
			}
		default:
			err = errRefused
		}
		sum += n
		return err
	})
	if err == nil && (!version || !messages) {
		err = errRefused
	}
	return sum, err
}

// texts checks a list of {"text": string}, which must not be empty.
func (c *jxChecker) texts() (sum int64, err error) {
	iter, err := c.dec.ArrIter()
	if err != nil {
		return 0, err
	}
	any := false
	for ; iter.Next(); any = true {
		var text bool
		err := c.object(func(key []byte) error {
			if string(key) != "text" {
				return errRefused
			}
			if err := once(&text); err != nil {
				return err
			}
			n, err := c.string(true)
			sum += n
			return err
		})
		if err != nil || !text {
			return 0, errors.Join(err, errRefused)
		}
	}
	if !any {
		return 0, errRefused
	}
	return sum, iter.Err()
}

func (c *jxChecker) messages() (sum int64, err error) {
	iter, err := c.dec.ArrIter()
	if err != nil {
		return 0, err
	}
	count := 0
	for ; iter.Next(); count++ {
		n, err := c.message(roles[count%2])
		if err != nil {
			return 0, err
		}
		sum += n
	}
	if count < 2 || count%2 != 0 {
		return 0, errRefused
	}
	return sum, iter.Err()
}

func (c *jxChecker) message(wanted string) (sum int64, err error) {
	var role, content bool
	err = c.object(func(key []byte) error {
		var err error
		switch string(key) {
		case "role":
			if err = once(&role); err == nil {
				c.text, err = c.dec.StrAppend(c.text[:0])
			}
			if err == nil && string(c.text) != wanted {
				err = errRefused
			}
		case "content":
			if err = once(&content); err == nil {
				sum, err = c.texts()
			}
		default:
			err = errRefused
		}
		return err
	})
	if err == nil && (!role || !content) {
		err = errRefused
	}
	return sum, err
}
