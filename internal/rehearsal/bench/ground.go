package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
)

const (
	example = "examples/support-nova-on-demand"
	model   = "bench"
)

// ground is a local cloud that serves a model, and the binaries to measure.
type ground struct {
	cloud *rehearsal.Cloud
	// modelID is what serves the model.
	modelID string
	// invoke is the API's function, counting the same with a build that counts
	// allocations, hello the least function there is.
	invoke, counting, hello runtimeapi.Function
	dir                     string
}

// prepare deploys the example's stack, trains a model and builds the binaries.
// close must be called, also when it is an error.
func prepare(ctx context.Context, root string) (g *ground, err error) {
	g = &ground{}
	scenario, err := bedrock.LoadScenario("default")
	if err != nil {
		return g, err
	}
	assembly, _, err := rehearsal.Synth(ctx, root, example+"/config.json")
	if err != nil {
		return g, err
	}
	if g.cloud, err = rehearsal.Start(ctx, rehearsal.Options{Root: root, Assembly: assembly, Scenario: scenario, Output: io.Discard}); err != nil {
		return g, err
	}
	if err := g.train(ctx, root); err != nil {
		return g, err
	}
	if g.dir, err = os.MkdirTemp("", "tuneline-bench-"); err != nil {
		return g, fmt.Errorf("making a folder for the binaries: %w", err)
	}
	if g.invoke, err = g.cloud.Function("invoke"); err != nil {
		return g, err
	}
	g.counting, g.hello = g.invoke, g.invoke
	overlay := filepath.Join(g.dir, "overlay.json")
	text := fmt.Sprintf(`{"Replace":{%q:%q}}`, filepath.Join(root, "lambdas/invoke/counting.go"), filepath.Join(root, "internal/rehearsal/bench/testdata/counting.go"))
	if err := os.WriteFile(overlay, []byte(text), 0o600); err != nil {
		return g, fmt.Errorf("writing the overlay: %w", err)
	}
	if g.counting.Bootstrap, err = g.build(ctx, root, "counting", "./lambdas/invoke", "-overlay="+overlay); err != nil {
		return g, err
	}
	g.hello.Bootstrap, err = g.build(ctx, root, "hello", "./internal/rehearsal/bench/hello")
	return g, err
}

// train has the pipeline serve a model.
func (g *ground) train(ctx context.Context, root string) error {
	data, err := os.Open(filepath.Join(root, example, "train.jsonl")) //nolint:gosec // the repository's own
	if err != nil {
		return fmt.Errorf("reading the example's data set: %w", err)
	}
	defer func() { _ = data.Close() }()
	if _, err := g.cloud.Upload(ctx, finetune.PrefixDatasets+model+"/train.jsonl", data); err != nil {
		return err
	}
	execution, err := g.cloud.LastExecution(ctx)
	if err != nil {
		return err
	}
	record, err := g.cloud.Registry().Model(ctx, model)
	if err != nil || record.Serving == nil {
		return fmt.Errorf("the run ended %s without serving the model: %w", execution.Status, err)
	}
	g.modelID = record.Serving.ThroughputARN
	return nil
}

// build compiles a package as the stack's functions are compiled for this
// machine (infra/functions/build.go).
func (g *ground) build(ctx context.Context, root, name, pkg string, more ...string) (string, error) {
	path := filepath.Join(g.dir, name, "bootstrap")
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-tags=lambda.norpc"}, more...)
	command := exec.CommandContext(ctx, "go", append(args, "-o", path, pkg)...) //nolint:gosec // every argument is ours
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	if text, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compiling %s: %w: %s", pkg, err, strings.TrimSpace(string(text)))
	}
	return path, nil
}

func (g *ground) close() error {
	var errs []error
	if g.cloud != nil {
		errs = append(errs, g.cloud.Close())
	}
	if g.dir != "" {
		errs = append(errs, os.RemoveAll(g.dir))
	}
	return errors.Join(errs...)
}
