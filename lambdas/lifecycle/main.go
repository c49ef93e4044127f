// Command lifecycle is the stack's custom resource: when the stack is deleted it
// stops what runs and releases what is billed, before the rest is taken away.
package main

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/task"
)

func main() {
	env, err := lambdaenv.Load[lambdaenv.Lifecycle]()
	if err != nil {
		task.Fatal("lifecycle", err)
	}
	pause, err := time.ParseDuration(env.Pause)
	if err != nil {
		task.Fatal("lifecycle", err)
	}
	stepPauses, err := strconv.Atoi(env.StepPauses)
	if err != nil {
		task.Fatal("lifecycle", err)
	}
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithAPIOptions(task.QuietClients()))
	if err != nil {
		task.Fatal("lifecycle", err)
	}
	h := newHandler(clients{
		stacks: cloudformation.NewFromConfig(cfg), rules: eventbridge.NewFromConfig(cfg), executions: sfn.NewFromConfig(cfg),
		bedrock: bedrock.NewFromConfig(cfg), networks: ec2.NewFromConfig(cfg),
	}, env, pause, stepPauses)
	lambda.Start(cfn.LambdaWrap(h.Handle))
}
