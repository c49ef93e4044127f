// Command throughput gives a custom model the capacity it is served by: it asks
// before anything is paid for, secures the capacity, tries it, publishes it, and
// releases whatever a run that ended otherwise had bought.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/task"
)

func main() {
	env, err := lambdaenv.Load[lambdaenv.Throughput]()
	if err != nil {
		task.Fatal("throughput", err)
	}
	cfg, err := config.LoadDefaultConfig(context.Background())
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
	store := registry.Store{S3: s3.NewFromConfig(cfg), Bucket: env.Bucket}
	task.Start("throughput", newHandler(bedrock.NewFromConfig(cfg), runtime, store, env.Stack, spending).Handle)
}
