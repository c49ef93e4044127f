// Command infra is the CDK app: it reads the configuration, compiles the
// functions and synthesizes the stack. It needs no credentials and no network.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/functions"
	"github.com/tuneline/tuneline/infra/rules"
	"github.com/tuneline/tuneline/infra/stack"
)

func main() {
	if err := synthesizeApp(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func synthesizeApp() error {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	cfg, err := config.Load(func(key string) any { return app.Node().TryGetContext(jsii.String(key)) })
	if err != nil {
		return fmt.Errorf("configuration refused:\n%w", err)
	}
	binaries, err := functions.Build(".", cfg.Architecture)
	if err != nil {
		return err
	}
	rules.Add(app)
	stack.New(app, cfg, binaries)
	app.Synth(nil)
	return nil
}
