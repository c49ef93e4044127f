package registry

import (
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Released says that a model's capacity was given up with nothing in its place.
type Released struct {
	At time.Time `json:"at"`
	// Why is in words, a sentence.
	Why           string         `json:"why"`
	Run           finetune.RunID `json:"run"`
	ThroughputARN string         `json:"throughputArn"`
}

// Release takes what serves out of service, if it is still c, and puts it on the
// list of what is to be deleted: first nobody is sent there any more, and then it
// goes. It says whether it did. The history stays, so that the model can be served
// again. A lease to re-point it, whose run has ended, goes with it: that run, tried
// again, has to buy.
func (m *Model) Release(c Capacity, r Released) bool {
	if m.Serving == nil || m.Serving.ThroughputARN != c.ThroughputARN || m.Serving.Run.ID != c.Run.ID || !m.Serving.PublishedAt.Equal(c.PublishedAt) {
		return false
	}
	m.Retired = append(m.Retired, *m.Serving)
	m.Serving, m.Released = nil, &r
	if m.Lease != nil && m.Lease.ThroughputARN == c.ThroughputARN {
		m.Lease = nil
	}
	return true
}
