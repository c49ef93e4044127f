// Command authorize reads the bearer token (RFC 7519) of a caller of the inference
// API, and answers API Gateway with a policy: which models its holder may ask.
package main

import (
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/strict"
	"github.com/tuneline/tuneline/internal/task"
)

func main() {
	env, err := lambdaenv.Load[lambdaenv.Authorize]()
	if err != nil {
		task.Fatal("authorize", err)
	}
	var rules finetune.TokenRules
	if err := strict.Decode([]byte(env.Rules), lambdaenv.MaxVariable, &rules); err != nil {
		task.Fatal("authorize", fmt.Errorf("reading the token rules: %w", err))
	}
	h, err := newHandler(rules)
	if err != nil {
		task.Fatal("authorize", err)
	}
	lambda.Start(h.Handle)
}
