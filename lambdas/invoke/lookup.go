package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/task"
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
	seen map[string]found
}

// found is what the record of a model said, and when.
type found struct {
	serving *registry.Capacity
	at      time.Time
}

// serving returns what serves a model, and whether it was remembered. anew asks
// the record whatever is remembered. A model that nothing serves is not
// remembered.
func (l *lookup) serving(ctx context.Context, model string, anew bool) (serving *registry.Capacity, cached bool, refusal *failure) {
	l.mu.Lock()
	last, ok := l.seen[model]
	l.mu.Unlock()
	if ok && !anew && l.now().Sub(last.at) < fresh {
		return last.serving, true, nil
	}
	at := l.now()
	record, err := l.store.Model(ctx, model)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return nil, false, refuse(http.StatusNotFound, notFound, fmt.Sprintf("there is no model %s: no data set was ever brought to an answer under this name", model))
	case errors.Is(err, context.DeadlineExceeded):
		return nil, false, &failure{status: http.StatusGatewayTimeout, errorType: timedOut, message: "what serves the model could not be found out in time; try again", logged: task.Quiet(err).Error()}
	case err != nil:
		return nil, false, unexpected(fmt.Errorf("looking up model %s: %w", model, err))
	case record.Serving == nil && record.Released != nil:
		return nil, false, refuse(http.StatusNotFound, notFound, fmt.Sprintf("model %s was released on %s and is not served: it %s; its operators serve it again with \"tuneline rollback\", or by uploading its data set again", model, record.Released.At.Format(time.DateOnly), record.Released.Why))
	case record.Serving == nil:
		return nil, false, refuse(http.StatusNotFound, notFound, fmt.Sprintf("model %s is not published yet: its first run is still under way or did not end Deployed", model))
	}
	l.mu.Lock()
	l.seen[model] = found{serving: record.Serving, at: at}
	l.mu.Unlock()
	return record.Serving, false, nil
}
