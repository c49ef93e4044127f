package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tuneline/tuneline/internal/registry"
)

// fresh is how long a model's record is trusted without reading it again: long
// enough to spare a busy model a read of S3 a request, short enough that a
// publication is seen at once by human measure.
const fresh = 5 * time.Second

// lookup finds what serves a model.
type lookup struct {
	store store
	now   func() time.Time

	mu   sync.Mutex
	seen map[string]answer
}

// answer is what the record of a model said, and when.
type answer struct {
	throughputARN string
	at            time.Time
}

// throughput returns the ARN that Bedrock takes as modelId for a model, and
// whether it was remembered. anew asks the record whatever is remembered. A
// model that nothing serves is not remembered.
func (l *lookup) throughput(ctx context.Context, model string, anew bool) (arn string, cached bool, refusal *reply) {
	l.mu.Lock()
	last, ok := l.seen[model]
	l.mu.Unlock()
	if ok && !anew && l.now().Sub(last.at) < fresh {
		return last.throughputARN, true, nil
	}
	at := l.now()
	record, err := l.store.Model(ctx, model)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return "", false, refuse(http.StatusNotFound, "ResourceNotFoundException", fmt.Sprintf("there is no model %s: no data set was ever brought to an answer under this name", model))
	case err != nil:
		unreadable := unexpected(fmt.Errorf("looking up model %s: %w", model, err))
		return "", false, &unreadable
	case record.Serving == nil && record.Released != nil:
		return "", false, refuse(http.StatusNotFound, "ResourceNotFoundException", fmt.Sprintf("model %s was released on %s and is not served: it %s; its operators serve it again with \"tuneline rollback\", or by uploading its data set again", model, record.Released.At.Format(time.DateOnly), record.Released.Why))
	case record.Serving == nil:
		return "", false, refuse(http.StatusNotFound, "ResourceNotFoundException", fmt.Sprintf("model %s is not published yet: its first run is still under way or did not end Deployed", model))
	}
	l.mu.Lock()
	l.seen[model] = answer{throughputARN: record.Serving.ThroughputARN, at: at}
	l.mu.Unlock()
	return record.Serving.ThroughputARN, false, nil
}
