package rehearsal

import (
	"encoding/json"
	"strings"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
)

// Lambda is the host that the functions run in, for whoever interferes with
// them: refuses an invocation, loses an answer, kills a process.
func (c *Cloud) Lambda() *runtimeapi.Host { return c.host }

// Reset forgets what happened so far, so that the cloud can be used again: what
// is in Bedrock and what was billed, the calls, the events and the notices, and
// that the stack was being deleted. What lies in the bucket stays, and so does
// virtual time. No execution may be under way.
func (c *Cloud) Reset() {
	c.async.Wait()
	c.Bedrock.Reset()
	c.control.Reset()
	c.Log.Reset()
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.uploads)
	c.started, c.delivered, c.notices, c.asyncFailures, c.kept = nil, nil, nil, nil, nil
}

// KeepUploads keeps the events of data sets that are uploaded from now on from
// the event bus, until release is called, which returns them in the order of
// the uploads: EventBridge promises no order.
func (c *Cloud) KeepUploads() (release func() []json.RawMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keeping = true
	return func() []json.RawMessage {
		c.mu.Lock()
		defer c.mu.Unlock()
		kept := c.kept
		c.keeping, c.kept = false, nil
		return kept
	}
}

// keep keeps the event of an object, if it is one that KeepUploads is about.
func (c *Cloud) keep(key string, event json.RawMessage) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.keeping || !strings.HasPrefix(key, finetune.PrefixDatasets) {
		return false
	}
	c.kept = append(c.kept, event)
	return true
}
