package rehearsal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// ScratchDir is the ignored folder, below the repository's root, that
// everything the rehearsal writes is written under.
const ScratchDir = ".tuneline"

// synthInputs are the files and folders a synthesis depends on.
var synthInputs = []string{
	"cdk.json", "go.mod", "go.sum", "infra", "lambdas", "package-lock.json", "statemachine",
	"internal/catalog", "internal/dataset", "internal/finetune", "internal/lambdaenv", "internal/registry", "internal/task",
}

// Synth synthesizes the stack with the configuration in the file config
// (relative to root; "" for the defaults) for this machine's processor, and
// returns the cloud assembly's folder. Synthesizing takes some 20 seconds, so
// the assembly is kept by the hash of all it depends on; cached says that it
// was there already.
func Synth(ctx context.Context, root, config string) (dir string, cached bool, err error) {
	key, err := synthKey(root, config)
	if err != nil {
		return "", false, err
	}
	dir = filepath.Join(root, ScratchDir, "assembly", key)
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err == nil {
		return dir, true, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return "", false, fmt.Errorf("keeping the assembly: %w", err)
	}
	// A folder of its own, since another rehearsal may synthesize the same.
	fresh, err := os.MkdirTemp(filepath.Dir(dir), key+".new-")
	if err != nil {
		return "", false, fmt.Errorf("keeping the assembly: %w", err)
	}
	if err := runCDK(ctx, root, config, fresh); err != nil {
		return "", false, errors.Join(err, os.RemoveAll(fresh))
	}
	if err := os.Rename(fresh, dir); err != nil {
		if _, found := os.Stat(filepath.Join(dir, "manifest.json")); found == nil {
			return dir, true, os.RemoveAll(fresh) // the other was faster
		}
		return "", false, fmt.Errorf("keeping the assembly: %w", err)
	}
	return dir, false, nil
}

// architecture is the configuration's word for this machine's processor.
func architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// runCDK runs "cdk synth" into the folder out.
func runCDK(ctx context.Context, root, config, out string) error {
	cli := filepath.Join(root, "node_modules", "aws-cdk", "bin", "cdk")
	if _, err := os.Stat(cli); err != nil {
		return errors.New("the AWS CDK is not installed: run make setup")
	}
	node, err := stepfunctions.FindNode(ctx, root)
	if err != nil {
		return err
	}
	args := []string{cli, "synth", "--quiet", "--output", out, "--context", "architecture=" + architecture()}
	if config != "" {
		args = append(args, "--context", "config="+config)
	}
	command := exec.CommandContext(ctx, node, args...) //nolint:gosec // the pinned CLI of this repository
	command.Dir = root
	command.Env = append(os.Environ(), "PATH="+filepath.Dir(node)+string(os.PathListSeparator)+os.Getenv("PATH"))
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		return fmt.Errorf("synthesizing the stack: %w\n%s", err, bytes.TrimSpace(output.Bytes()))
	}
	return nil
}

// synthKey hashes everything a synthesis depends on: the sources without their
// tests, the configuration, the processor and the Go toolchain.
func synthKey(root, config string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, architecture(), runtime.Version(), config)
	inputs := synthInputs
	if config != "" {
		inputs = append([]string{config}, inputs...)
	}
	for _, input := range inputs {
		if err := hashTree(sum, root, input); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// hashTree adds the names and contents below path to sum.
func hashTree(sum hash.Hash, root, path string) error {
	return filepath.WalkDir(filepath.Join(root, path), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("hashing what the stack is synthesized from: %w", err)
		}
		if entry.IsDir() {
			if entry.Name() == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return fmt.Errorf("hashing what the stack is synthesized from: %w", err)
		}
		return hashFile(sum, relative, name)
	})
}

// hashFile adds one file to sum.
func hashFile(sum hash.Hash, label, name string) (err error) {
	file, err := os.Open(name) //nolint:gosec // a source file of this repository
	if err != nil {
		return fmt.Errorf("hashing %s: %w", label, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	fmt.Fprintln(sum, label)
	if _, err := io.Copy(sum, file); err != nil {
		return fmt.Errorf("hashing %s: %w", label, err)
	}
	return nil
}
