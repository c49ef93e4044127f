// Command invoke answers callers: POST /model/{model}/converse, in Bedrock's
// own spelling, from whatever capacity the registry says serves the model.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/task"
)

func main() {
	env, err := lambdaenv.Load[lambdaenv.Invoke]()
	if err != nil {
		task.Fatal("invoke", err)
	}
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		task.Fatal("invoke", err)
	}
	store := registry.Store{S3: s3.NewFromConfig(cfg), Bucket: env.Bucket}
	h := newHandler(bedrockruntime.NewFromConfig(cfg, patient), store)
	lambda.Start(h.Handle)
}
