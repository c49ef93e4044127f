package s3object

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
)

// parts reads an object in parts, several at once, and hands them out in order.
// As many buffers as Options.Parts go round: one that was handed out is filled
// again, so that nothing is fetched further ahead.
type parts struct {
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	// begin begins to fetch, with the first Read; nil after that.
	begin func()
	// queue holds the parts that are being fetched, in the object's order; free
	// the buffers that wait for one.
	queue chan *part
	free  chan []byte
	// stopped is why not every part was asked for; it is set before queue is closed.
	stopped error
	// now is the part that is being handed out, rest what is left of it.
	now  *part
	rest []byte
	err  error
}

// part is one part on its way.
type part struct {
	data []byte
	// fetched brings nil once data is filled, or why it cannot be.
	fetched chan error
}

func newParts(ctx context.Context, api API, o Object, options Options) *parts {
	ctx, cancel := context.WithCancel(ctx)
	p := &parts{
		ctx: ctx, cancel: cancel,
		queue: make(chan *part, options.Parts), free: make(chan []byte, options.Parts),
	}
	p.begin = func() {
		for range options.Parts {
			p.free <- make([]byte, options.PartBytes)
		}
		p.running.Go(func() { p.fetch(api, o, options) })
	}
	return p
}

// fetch fetches part after part, as buffers become free.
func (p *parts) fetch(api API, o Object, options Options) {
	defer close(p.queue)
	for from := int64(0); from < o.Size; from += options.PartBytes {
		var buffer []byte
		select {
		case buffer = <-p.free:
		case <-p.ctx.Done():
			p.stopped = fmt.Errorf("reading %s: %w", o.Key, context.Cause(p.ctx))
			return
		}
		next := &part{data: buffer[:min(options.PartBytes, o.Size-from)], fetched: make(chan error, 1)}
		p.queue <- next
		s := newSpan(p.ctx, api, o, options, from, from+int64(len(next.data)))
		p.running.Go(func() {
			_, err := io.ReadFull(s, next.data)
			s.drop()
			next.fetched <- err
		})
	}
}

// Read implements io.Reader.
func (p *parts) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if p.begin != nil && p.err == nil {
		p.begin()
		p.begin = nil
	}
	for len(p.rest) == 0 && p.err == nil {
		p.advance()
	}
	if len(p.rest) == 0 {
		return 0, p.err
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// advance gives the buffer that was handed out back and waits for the next part.
func (p *parts) advance() {
	if p.now != nil {
		p.free <- p.now.data[:cap(p.now.data)]
		p.now = nil
	}
	next, ok := <-p.queue
	if !ok {
		p.err = cmp.Or(p.stopped, io.EOF)
		return
	}
	if p.err = <-next.fetched; p.err == nil {
		p.now, p.rest = next, next.data
	}
}

// Close ends every request that is under way.
func (p *parts) Close() error {
	p.cancel()
	p.running.Wait()
	p.rest, p.err = nil, os.ErrClosed
	return nil
}
