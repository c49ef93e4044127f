// Command invoke answers callers: it puts their questions to whatever capacity
// the registry says serves a model, in Bedrock's own spelling and in OpenAI's,
// whole and as a stream, and shows what is served.
package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/task"
)

func main() {
	h, err := start()
	if err != nil {
		task.Fatal("invoke", err)
	}
	lambda.Start(h.Handle)
}

// start makes the handler of this environment.
func start() (*handler, error) {
	env, err := lambdaenv.Load[lambdaenv.Invoke]()
	if err != nil {
		return nil, err
	}
	var configured finetune.Guardrail
	if err := json.Unmarshal([]byte(env.Guardrail), &configured); err != nil {
		return nil, fmt.Errorf("reading the guardrail: %w", err)
	}
	g, err := newGuard(configured)
	if err != nil {
		return nil, err
	}
	cfg, err := configuration()
	if err != nil {
		return nil, err
	}
	objects := s3.NewFromConfig(cfg, func(o *s3.Options) { o.BaseEndpoint = endpoint("S3") })
	bedrock := bedrockruntime.NewFromConfig(cfg, patient, func(o *bedrockruntime.Options) { o.BaseEndpoint = endpoint("BEDROCK_RUNTIME") })
	r := records{Store: registry.Store{S3: objects, Bucket: env.Bucket}, lister: objects}
	return newHandler(bedrock, r, g, env.Stack), nil
}

// records are the registry's records of models.
type records struct {
	registry.Store
	lister registry.Lister
}

// ModelNames lists the names that have a record.
func (r records) ModelNames(ctx context.Context) ([]string, error) {
	return r.Store.ModelNames(ctx, r.lister)
}
