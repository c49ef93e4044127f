package stepfunctions

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// scripts are the Node side. They are copied below the repository, because
// Node looks for packages upwards from the file that imports them.
//
//go:embed child/*.mjs
var scripts embed.FS

// child is the running Node process.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.Reader
	stderr tail
	once   sync.Once
}

// startChild starts Node on the embedded scripts. It dies with ctx, and when
// its standard input closes, which the death of this process does too.
func startChild(ctx context.Context, root string) (*child, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("finding repository root: %w", err)
	}
	node, err := FindNode(ctx, root)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(root, "node_modules", "aws-local-stepfunctions")); err != nil {
		return nil, fmt.Errorf("finding aws-local-stepfunctions (run npm ci): %w", err)
	}
	dir, err := installScripts(root)
	if err != nil {
		return nil, fmt.Errorf("installing the interpreter's scripts: %w", err)
	}
	c := &child{cmd: exec.CommandContext(ctx, node, filepath.Join(dir, "main.mjs"))} //nolint:gosec // both paths lie in the repository
	c.cmd.Dir = root
	c.cmd.Stderr = &c.stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("opening the child's input: %w", err)
	}
	if c.stdout, err = c.cmd.StdoutPipe(); err != nil {
		return nil, fmt.Errorf("opening the child's output: %w", err)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", node, err)
	}
	return c, nil
}

// closeInput tells the child to end; an error means that it has ended.
func (c *child) closeInput() {
	c.once.Do(func() { _ = c.stdin.Close() })
}

// wait reaps the child after its output has ended and explains why it did.
func (c *child) wait() error {
	err := c.cmd.Wait()
	if text := c.stderr.String(); text != "" {
		return errors.Join(fmt.Errorf("the interpreter wrote: %s", text), err)
	}
	return err
}

// installScripts writes the embedded scripts to a folder named by their
// content and returns it. Concurrent processes write the same bytes.
func installScripts(root string) (string, error) {
	files := map[string][]byte{}
	digest := sha256.New()
	err := fs.WalkDir(scripts, "child", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := scripts.ReadFile(path)
		files[entry.Name()] = content
		digest.Write(content)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading embedded scripts: %w", err)
	}
	dir := filepath.Join(root, ".tuneline", "stepfunctions", hex.EncodeToString(digest.Sum(nil))[:16])
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("creating script folder: %w", err)
	}
	for name, content := range files {
		if err := installFile(filepath.Join(dir, name), content); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// installFile replaces path in one step, so that no reader sees half a file.
func installFile(path string, content []byte) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, content) { //nolint:gosec // the path is made above
		return nil
	}
	temporary := path + "." + strconv.Itoa(os.Getpid())
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return fmt.Errorf("writing script: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("placing script: %w", err)
	}
	return nil
}

// oldestNode is the first Node.js with module.registerHooks.
var oldestNode = [2]int{22, 15}

// FindNode returns the Node.js that npm installed below root for this platform,
// or a recent enough one on the PATH.
func FindNode(ctx context.Context, root string) (string, error) {
	cpu := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	platform := runtime.GOOS + "-" + cpu
	for _, name := range []string{"node-" + platform, "node-bin-" + platform} {
		path := filepath.Join(root, "node_modules", name, "bin", "node")
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	path, err := exec.LookPath("node")
	if err != nil {
		return "", fmt.Errorf("finding Node.js: run npm ci, which installs it into node_modules: %w", err)
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output() //nolint:gosec // node from PATH
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", path, err)
	}
	if version := strings.TrimSpace(string(out)); !recentEnough(version) {
		return "", fmt.Errorf("finding Node.js: %s is %s, at least %d.%d is needed: run npm ci, which installs one into node_modules",
			path, version, oldestNode[0], oldestNode[1])
	}
	return path, nil
}

// recentEnough reads a version as node prints it, "v22.15.0".
func recentEnough(version string) bool {
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	if len(parts) < 2 {
		return false
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return false
	}
	minor, err := strconv.Atoi(parts[1])
	if err != nil {
		return false
	}
	return major > oldestNode[0] || major == oldestNode[0] && minor >= oldestNode[1]
}

// tail keeps the end of what the child writes to standard error.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailLength = 4096

// Write keeps p; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailLength; extra > 0 {
		t.text = t.text[extra:]
	}
	return len(p), nil
}

// String is what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
