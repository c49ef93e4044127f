package stepfunctions

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// message is one JSON line to the child.
type message struct {
	Type string `json:"type"`
	// Now is virtual time in milliseconds since 1970; every message carries it.
	Now int64 `json:"now"`
	// ID numbers the requests that want a reply, and tells which task is answered.
	ID             int             `json:"id,omitempty"`
	Machine        string          `json:"machine,omitempty"`
	Definition     any             `json:"definition,omitempty"`
	TimeoutSeconds any             `json:"timeoutSeconds,omitempty"`
	Execution      string          `json:"execution,omitempty"`
	Input          json.RawMessage `json:"input,omitempty"`
	Context        any             `json:"context,omitempty"`
	Output         json.RawMessage `json:"output,omitempty"`
	Error          *taskError      `json:"error,omitempty"`
	// Silent leaves a task without an answer, so that its time-out can fire.
	Silent bool `json:"silent,omitempty"`
	// To is where time is to be advanced to, in milliseconds since 1970.
	To int64 `json:"to,omitempty"`
}

// taskError is how a task fails: AWS's error name and cause.
type taskError struct {
	Error string `json:"error"`
	Cause string `json:"cause"`
}

// notice is one JSON line from the child.
type notice struct {
	Type      string          `json:"type"`
	ID        int             `json:"id"`
	Execution string          `json:"execution"`
	Event     string          `json:"event"`
	State     string          `json:"state"`
	StateType string          `json:"stateType"`
	Status    Status          `json:"status"`
	Input     json.RawMessage `json:"input"`
	Output    json.RawMessage `json:"output"`
	Error     string          `json:"error"`
	Cause     string          `json:"cause"`
	// At is the earliest timer, in milliseconds since 1970.
	At int64 `json:"at"`
	// Seen is how many messages the child had handled.
	Seen int `json:"seen"`
}

// send queues a message for the child and never blocks: the goroutine that
// reads the child's output sends too, and must not wait for a child that waits
// for its output to be read. s.mu must be held.
func (s *Service) send(m message) {
	m.Now = s.opts.Clock.Now().UnixMilli()
	s.sent++
	s.outbox = append(s.outbox, m)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// ask sends a request and waits for the reply; the reply's text is an error.
func (s *Service) ask(m message) error {
	reply := make(chan string, 1)
	s.mu.Lock()
	s.lastReply++
	m.ID = s.lastReply
	s.replies[m.ID] = reply
	s.send(m)
	s.mu.Unlock()
	select {
	case text := <-reply:
		if text != "" {
			return errors.New(text)
		}
		return nil
	case <-s.ended:
		return s.endedErr
	}
}

// write passes the queued messages on until the child is gone.
func (s *Service) write() {
	for {
		select {
		case <-s.wake:
		case <-s.ended:
			return
		}
		s.mu.Lock()
		queued := s.outbox
		s.outbox = nil
		s.mu.Unlock()
		var lines bytes.Buffer
		encoder := json.NewEncoder(&lines)
		for _, m := range queued {
			if err := encoder.Encode(m); err != nil {
				// Only values that came from JSON stand in a message.
				panic(fmt.Sprintf("encoding %s message: %v", m.Type, err))
			}
		}
		if _, err := s.child.stdin.Write(lines.Bytes()); err != nil {
			return // the child is gone; read notices
		}
	}
}

// read handles the child's lines in their order until it is gone.
func (s *Service) read(ready chan<- struct{}) {
	in := bufio.NewReaderSize(s.child.stdout, 1<<16)
	var err error
	for err == nil {
		var line []byte
		if line, err = in.ReadBytes('\n'); err != nil {
			break
		}
		var n notice
		if err = json.Unmarshal(line, &n); err != nil {
			err = fmt.Errorf("reading the interpreter's message: %w", err)
			break
		}
		if n.Type == "ready" {
			close(ready)
			continue
		}
		s.handle(n)
	}
	if !errors.Is(err, io.EOF) {
		s.cancel() // the child is alive, but its words make no sense
	}
	waited := s.child.wait()
	s.cancel()
	if !errors.Is(err, io.EOF) {
		waited = errors.Join(err, waited)
	}
	s.endedErr = ErrClosed
	if waited != nil {
		s.endedErr = fmt.Errorf("%w: %w", ErrClosed, waited)
	}
	close(s.ended)
}

func (s *Service) handle(n notice) {
	switch n.Type {
	case "reply":
		s.mu.Lock()
		reply := s.replies[n.ID]
		delete(s.replies, n.ID)
		s.mu.Unlock()
		reply <- n.Error
	case "event":
		s.stateEvent(n)
	case "task":
		s.task(n)
	case "ended":
		s.mu.Lock()
		defer s.mu.Unlock()
		s.end(s.executions[n.Execution], end{status: n.Status, output: n.Output, err: n.Error, cause: n.Cause})
	case "idle":
		s.mu.Lock()
		defer s.mu.Unlock()
		s.idle = &idle{at: time.UnixMilli(n.At), seen: n.Seen}
		s.letTimePass()
	}
}

// idle is the child's word that nothing happens before a moment.
type idle struct {
	at time.Time
	// seen is how many messages the child had handled when it said so.
	seen          int
	pacing, paced bool
}

// letTimePass grants the child's wish unless somebody holds time or the child
// has not yet seen all that was sent to it. s.mu must be held.
func (s *Service) letTimePass() {
	wish := s.idle
	if wish == nil || wish.seen != s.sent || s.holds > 0 {
		return
	}
	if s.opts.Pace > 0 && !wish.paced && wish.at.After(s.opts.Clock.Now()) {
		if !wish.pacing {
			wish.pacing = true
			time.AfterFunc(s.opts.Pace, func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				wish.paced = true
				s.letTimePass()
			})
		}
		return
	}
	s.idle = nil
	s.opts.Clock.AdvanceTo(wish.at)
	s.send(message{Type: "advance", To: s.opts.Clock.Now().UnixMilli()})
}
