// Command infra is the CDK app: it reads the configuration, compiles the
// functions and synthesizes the stack. It needs no credentials and no network.
package main

import (
	"log"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/functions"
	"github.com/tuneline/tuneline/infra/stack"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	cfg, err := config.Load(func(key string) any { return app.Node().TryGetContext(jsii.String(key)) })
	if err != nil {
		log.Panicf("configuration:\n%v", err)
	}
	binaries, err := functions.Build(".", cfg.Architecture)
	if err != nil {
		log.Panic(err)
	}
	stack.New(app, cfg, binaries)
	app.Synth(nil)
}
