package s3

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// created is an "Object Created" event on its way.
type created struct {
	reason, version, etag string
	size                  int64
	event                 event
}

// event is the envelope of "EventBridge event message structure", S3 User
// Guide. The key is not URL-encoded, the ETag has no quotes.
type event struct {
	Version    string    `json:"version"`
	ID         string    `json:"id"`
	DetailType string    `json:"detail-type"`
	Source     string    `json:"source"`
	Account    string    `json:"account"`
	Time       time.Time `json:"time"`
	Region     string    `json:"region"`
	Resources  []string  `json:"resources"`
	Detail     detail    `json:"detail"`
}

type detail struct {
	Version string `json:"version"`
	Bucket  struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object    object `json:"object"`
	RequestID string `json:"request-id"`
	Requester string `json:"requester"`
	SourceIP  string `json:"source-ip-address"`
	Reason    string `json:"reason"`
}

type object struct {
	Key       string `json:"key"`
	Size      int64  `json:"size"`
	ETag      string `json:"etag"`
	VersionID string `json:"version-id,omitempty"`
	Sequencer string `json:"sequencer"`
}

// newEvent builds the event of the object just stored. The caller holds the
// write lock, so sequencers grow in the order of the commits.
func (x *exchange) newEvent(c created) *created {
	host, _, err := net.SplitHostPort(x.r.RemoteAddr)
	if err != nil {
		host = x.r.RemoteAddr
	}
	c.event = event{
		Version: "0", ID: uuid(), DetailType: "Object Created", Source: "aws.s3",
		Account: x.options.AccountID, Time: x.options.Clock.Now().Truncate(time.Second), Region: x.options.Region,
		Resources: []string{location{bucket: x.op.bucket}.arn()},
		Detail: detail{
			Version: "0",
			Object: object{Key: x.op.key, Size: c.size, ETag: strings.Trim(c.etag, `"`), VersionID: c.version,
				Sequencer: x.events.nextSequencer()},
			RequestID: x.requestID, Requester: x.options.AccountID, SourceIP: host, Reason: c.reason,
		},
	}
	c.event.Detail.Bucket.Name = x.op.bucket
	return &c
}

// uuid is a random (version 4) UUID, as EventBridge's event ids are.
func uuid() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err) // crypto/rand never fails on a supported platform
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// dispatcher delivers events one after the other, away from the requests.
type dispatcher struct {
	deliver   func(json.RawMessage)
	mu        sync.Mutex
	wake      *sync.Cond
	queue     []*created
	closed    bool
	done      chan struct{}
	sequencer uint64
}

func newDispatcher(deliver func(json.RawMessage), start time.Time) *dispatcher {
	d := &dispatcher{deliver: deliver, done: make(chan struct{}), sequencer: uint64(start.UnixNano())}
	d.wake = sync.NewCond(&d.mu)
	go d.run()
	return d
}

// nextSequencer is 16 hexadecimal digits, greater than any before.
func (d *dispatcher) nextSequencer() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sequencer++
	return fmt.Sprintf("%016X", d.sequencer)
}

// send queues c's event; nil is a request that created nothing.
func (d *dispatcher) send(c *created) {
	if c == nil || d.deliver == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = append(d.queue, c)
	d.wake.Signal()
}

// close waits until what was queued is delivered.
func (d *dispatcher) close() {
	d.mu.Lock()
	d.closed = true
	d.wake.Signal()
	d.mu.Unlock()
	<-d.done
}

func (d *dispatcher) run() {
	defer close(d.done)
	for {
		d.mu.Lock()
		for len(d.queue) == 0 && !d.closed {
			d.wake.Wait()
		}
		if len(d.queue) == 0 {
			d.mu.Unlock()
			return
		}
		next := d.queue[0]
		d.queue = d.queue[1:]
		d.mu.Unlock()
		document, err := json.Marshal(next.event)
		if err != nil {
			panic(fmt.Sprintf("encoding an event of strings and numbers: %v", err))
		}
		d.deliver(document)
	}
}
