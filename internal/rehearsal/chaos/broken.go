package chaos

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// brokenTag is the build constraint under which names and request tokens are
// random: see salt in internal/finetune.
const brokenTag = "tuneline_without_idempotency"

// Incriminating are the scenarios of which the broken build must violate some:
// what makes something is tried again after it was made.
var Incriminating = []string{"ondemand-first/SubmitJob/", "provisioned-first/SecureThroughput/"}

// buildBroken builds the functions that make something with their idempotency
// removed, and returns their executables by folder.
func buildBroken(ctx context.Context, root string) (map[string]string, error) {
	dir := filepath.Join(root, ".tuneline", "broken")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("making a folder for the broken build: %w", err)
	}
	built := map[string]string{}
	for _, folder := range []string{"submit", "throughput"} {
		path := filepath.Join(dir, folder)
		build := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc,"+brokenTag, "-o", path, "./lambdas/"+folder) //nolint:gosec // every argument is ours
		build.Dir = root
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
		if text, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building the broken function %s: %w\n%s", folder, err, text)
		}
		built[folder] = path
	}
	return built, nil
}
