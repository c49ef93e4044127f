// Command invoke answers callers: it puts their questions to whatever capacity
// the registry says serves a model, in Bedrock's own spelling and in OpenAI's,
// whole and as a stream, and shows what is served.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/strict"
	"github.com/tuneline/tuneline/internal/task"
)

func main() {
	fit(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	h, err := start()
	if err != nil {
		task.Fatal("invoke", err)
	}
	lambda.Start(h.Handle)
}

// megaBytesOfVCPU is the memory with which a function has one vCPU
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
const megaBytesOfVCPU = 1769

// fit fits Go's runtime to the function's memory, in MB; without a number all
// stays as it is.
//
// It runs on as many processors as the function has by its memory, of which this
// one has less than one. Go sees two, and hands what is to be done next from
// thread to thread, each of which has to be woken: an instance answers one request
// at a time, and there is nothing to be done beside it.
//
// Garbage is collected at five times what is in use, not at twice: every 40th
// request met a collection otherwise, and what is in use is 2 MB, or some times a
// large request. Three quarters of the memory are a limit all the same.
func fit(memory string) {
	megaBytes, err := strconv.Atoi(memory)
	if err != nil || megaBytes <= 0 {
		return
	}
	runtime.GOMAXPROCS((megaBytes + megaBytesOfVCPU - 1) / megaBytesOfVCPU)
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(int64(megaBytes) << 20 / 4 * 3)
}

// start makes the handler of this environment.
func start() (*handler, error) {
	env, err := lambdaenv.Load[lambdaenv.Invoke]()
	if err != nil {
		return nil, err
	}
	var configured finetune.Guardrail
	if err := strict.Decode([]byte(env.Guardrail), lambdaenv.MaxVariable, &configured); err != nil {
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
