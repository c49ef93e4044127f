package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/lambdas/invoke/chat"
)

const (
	// showTime is how long a list may take: API Gateway waits 29 seconds for an
	// answer that is no stream
	// (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html).
	showTime = 25 * time.Second
	// readers is how many records are read at once.
	readers = 8
)

// shower shows what is served, in a dialect.
type shower struct {
	show    func(h *handler, ctx context.Context, x *exchange, request *events.APIGatewayProxyRequest) ([]byte, *failure)
	dialect dialect
}

// servedModel is a model that is served.
type servedModel struct {
	Model     string         `json:"model"`
	BaseModel string         `json:"baseModel"`
	Run       finetune.RunID `json:"run"`
	// ServedSince is when callers were sent to what the run made.
	ServedSince time.Time `json:"servedSince"`
	// Kind is finetune.KindDeployment or finetune.KindProvisioned.
	Kind    string        `json:"kind"`
	Dataset servedDataset `json:"dataset"`
}

// servedDataset is the upload that a model was trained on.
type servedDataset struct {
	Key       string `json:"key"`
	VersionID string `json:"versionId"`
	// SHA256 is the hexadecimal digest of its bytes.
	SHA256 string `json:"sha256"`
}

func shown(model string, c *registry.Capacity) servedModel {
	return servedModel{
		Model: model, BaseModel: c.BaseModel, Run: c.Run.ID, ServedSince: c.PublishedAt, Kind: c.Kind,
		Dataset: servedDataset{Key: c.Run.Order.Key, VersionID: c.Dataset.VersionID, SHA256: c.Dataset.SHA256},
	}
}

// show answers a request to show what is served.
func (h *handler) show(ctx context.Context, x *exchange, s shower, request *events.APIGatewayProxyRequest) reply {
	ctx, cancel := context.WithTimeout(ctx, showTime)
	defer cancel()
	body, refused := s.show(h, ctx, x, request)
	if refused != nil {
		return h.refused(x, s.dialect, refused)
	}
	return reply{status: http.StatusOK, header: map[string]string{"Content-Type": "application/json"}, body: body}
}

// showModel shows the model in the path.
func (h *handler) showModel(ctx context.Context, x *exchange, request *events.APIGatewayProxyRequest) ([]byte, *failure) {
	if refused := h.find(ctx, x, request); refused != nil {
		return nil, refused
	}
	return encoded(shown(x.model, x.serving))
}

// showToOpenAI shows the model in the path as the one that there is under its
// base URL.
func (h *handler) showToOpenAI(ctx context.Context, x *exchange, request *events.APIGatewayProxyRequest) ([]byte, *failure) {
	if refused := h.find(ctx, x, request); refused != nil {
		return nil, refused
	}
	return chat.Models([]string{x.model}, x.serving.PublishedAt), nil
}

func (h *handler) find(ctx context.Context, x *exchange, request *events.APIGatewayProxyRequest) (refused *failure) {
	if x.model, refused = modelOf(request); refused != nil {
		return refused
	}
	x.serving, _, refused = h.served.serving(ctx, x.model, false)
	return refused
}

// showModels shows all models that are served and that the caller may ask, by
// name.
func (h *handler) showModels(ctx context.Context, _ *exchange, request *events.APIGatewayProxyRequest) ([]byte, *failure) {
	names, all := permitted(request.RequestContext.Authorizer)
	if all {
		var err error
		if names, err = h.served.store.ModelNames(ctx); err != nil {
			return nil, unexpected(fmt.Errorf("listing the models: %w", err))
		}
	}
	slices.Sort(names)
	models, refused := h.served.all(ctx, slices.Compact(names))
	if refused != nil {
		return nil, refused
	}
	return encoded(map[string][]servedModel{"models": models})
}

// permitted is what a token's authorizer lets a caller see: names, or all. With
// IAM there is no authorizer, and who may list sees all.
func permitted(authorizer map[string]any) (names []string, all bool) {
	if len(authorizer) == 0 {
		return nil, true
	}
	models, _ := authorizer["models"].(string)
	if models == finetune.EveryModel {
		return nil, true
	}
	names = slices.DeleteFunc(strings.Fields(models), func(name string) bool { return finetune.CheckModelName(name) != nil })
	return names, false
}

// all looks up several models, a few at once, and leaves out what is not served.
// A record that cannot be read fails the list: half a list would look whole.
func (l *lookup) all(ctx context.Context, names []string) ([]servedModel, *failure) {
	lookups := make([]struct {
		serving *registry.Capacity
		refused *failure
	}, len(names))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(readers, len(names)) {
		wg.Go(func() {
			for i := range next {
				lookups[i].serving, _, lookups[i].refused = l.serving(ctx, names[i], false)
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	wg.Wait()
	models := make([]servedModel, 0, len(names))
	for i, found := range lookups {
		switch {
		case found.refused == nil:
			models = append(models, shown(names[i], found.serving))
		case found.refused.status != http.StatusNotFound:
			return nil, found.refused
		}
	}
	return models, nil
}

func encoded(v any) ([]byte, *failure) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, unexpected(fmt.Errorf("encoding what is served: %w", err))
	}
	return body, nil
}
