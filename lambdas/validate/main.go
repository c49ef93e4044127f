// Command validate claims an uploaded data set for one execution, checks every
// record of it against the base model's format and limits, and copies what was
// checked to where the job reads it.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/task"
)

func main() {
	env, err := lambdaenv.Load[lambdaenv.Validate]()
	if err != nil {
		task.Fatal("validate", err)
	}
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithAPIOptions(task.QuietClients()))
	if err != nil {
		task.Fatal("validate", err)
	}
	h, err := newHandler(env, cfg)
	if err != nil {
		task.Fatal("validate", err)
	}
	task.Start("validate", h.Handle)
}
