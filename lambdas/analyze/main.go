// Command analyze reads the metric files a completed job wrote, judges them,
// and writes the run's report, so that nothing is bought for a model that is
// worse than nothing.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/task"
)

func main() {
	env, err := lambdaenv.Load[lambdaenv.Analyze]()
	if err != nil {
		task.Fatal("analyze", err)
	}
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithAPIOptions(task.QuietClients()))
	if err != nil {
		task.Fatal("analyze", err)
	}
	client := s3.NewFromConfig(cfg)
	h := handler{s3: client, bucket: env.Bucket, store: registry.Store{S3: client, Bucket: env.Bucket}}
	task.Start("analyze", h.Handle)
}
