// Command throughput gives a custom model the capacity it is served by: it asks
// before anything is paid for, secures the capacity, tries it, publishes it, and
// releases whatever a run that ended otherwise had bought.
package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/strict"
	"github.com/tuneline/tuneline/internal/task"
)

func main() {
	env, err := lambdaenv.Load[lambdaenv.Throughput]()
	if err != nil {
		task.Fatal("throughput", err)
	}
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithAPIOptions(task.QuietClients()))
	if err != nil {
		task.Fatal("throughput", err)
	}
	runtime := bedrockruntime.NewFromConfig(cfg, func(o *bedrockruntime.Options) {
		o.Retryer = retry.AddWithErrorCodes(retry.NewStandard(), notReady)
	})
	spending, err := newSpending(env)
	if err != nil {
		task.Fatal("throughput", err)
	}
	objects := s3.NewFromConfig(cfg)
	store := registry.Store{S3: objects, Bucket: env.Bucket}
	h := newHandler(bedrock.NewFromConfig(cfg), runtime, store, env.Stack, spending)
	h.sweeper = sweeper{metrics: cloudwatch.NewFromConfig(cfg), lister: objects}
	if err := strict.Decode([]byte(env.Sweeping), lambdaenv.MaxVariable, &h.sweeper.rules); err != nil {
		task.Fatal("throughput", fmt.Errorf("reading what is released and when: %w", err))
	}
	task.Start("throughput", h.Handle)
}
