// Command submit starts the model customization job of a checked data set: in
// the stack's network, with its key, on the accepted copy, once a run.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/task"
)

func main() {
	env, err := lambdaenv.Load[lambdaenv.Submit]()
	if err != nil {
		task.Fatal("submit", err)
	}
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithAPIOptions(task.QuietClients()))
	if err != nil {
		task.Fatal("submit", err)
	}
	h, err := newHandler(env, cfg)
	if err != nil {
		task.Fatal("submit", err)
	}
	task.Start("submit", h.Handle)
}
