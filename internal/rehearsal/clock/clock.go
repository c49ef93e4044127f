// Package clock is the rehearsal's time: virtual, monotone, and moved only by
// whoever waits, so that a training job of hours is rehearsed in milliseconds
// and every life cycle in the local cloud agrees on what time it is.
package clock

import (
	"sync"
	"time"
)

// Clock is a virtual clock. It stands still until somebody advances it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// New returns a clock that stands at start.
func New(start time.Time) *Clock {
	return &Clock{now: start.UTC()}
}

// Now returns the virtual time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AdvanceTo moves the clock forward to t. A t in the past changes nothing:
// two waiters that overlap must not add their waits up.
func (c *Clock) AdvanceTo(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.now) {
		c.now = t.UTC()
	}
}

// Advance moves the clock forward by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d > 0 {
		c.now = c.now.Add(d)
	}
}
