// Command poll looks at what the pipeline waits for: a model customization job
// or a throughput. It answers the noun as it stands now and the next wait; it
// changes nothing.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"

	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/task"
)

func main() {
	env, err := lambdaenv.Load[lambdaenv.Poll]()
	if err != nil {
		task.Fatal("poll", err)
	}
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithAPIOptions(task.QuietClients()))
	if err != nil {
		task.Fatal("poll", err)
	}
	h := handler{
		bedrock: bedrock.NewFromConfig(cfg),
		private: private{
			keyARN:         env.KeyARN,
			subnets:        lambdaenv.List(env.SubnetIDs),
			securityGroups: lambdaenv.List(env.SecurityGroupIDs),
		},
	}
	task.Start("poll", h.Handle)
}
