package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"github.com/tuneline/tuneline/internal/dataset/generate"
)

// sample is one run of a candidate.
type sample struct {
	outcome
	// cpu is the process's user and system time in seconds.
	cpu float64
	// rss is the most memory the process had, in bytes.
	rss int64
}

// set is a data set in a file.
type set struct {
	shape generate.Shape
	file  string
	bytes int64
}

// runner starts the processes.
type runner struct {
	// self is this program.
	self string
	dir  string
}

// newRunner makes the directory for the data sets, which close removes.
func newRunner(dir string) (*runner, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	if dir == "" {
		dir = memoryDir()
	}
	dir, err = os.MkdirTemp(dir, "tuneline-bench-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for the data sets: %w", err)
	}
	return &runner{self: self, dir: dir}, nil
}

func (r *runner) close() error { return os.RemoveAll(r.dir) }

// memoryDir is where files are kept in memory, or "".
func memoryDir() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return ""
}

// makeFile makes a data set of about as many bytes.
func (r *runner) makeFile(ctx context.Context, shape generate.Shape, size int64, bad bool) (set, error) {
	file, err := os.CreateTemp(r.dir, string(shape)+"-*.jsonl")
	if err != nil {
		return set{}, fmt.Errorf("making %s: %w", shape, err)
	}
	maker := r.maker(ctx, shape, size, bad)
	maker.Stdout = file
	err = errors.Join(maker.Run(), file.Close())
	info, statErr := os.Stat(file.Name())
	if err := errors.Join(err, statErr); err != nil {
		return set{}, fmt.Errorf("making %s: %w", shape, err)
	}
	return set{shape: shape, file: file.Name(), bytes: info.Size()}, nil
}

func (r *runner) maker(ctx context.Context, shape generate.Shape, size int64, bad bool) *exec.Cmd {
	//nolint:gosec // this program and its own arguments
	maker := exec.CommandContext(ctx, r.self, "make", "-shape", string(shape), "-size", strconv.FormatInt(size, 10), "-bad="+strconv.FormatBool(bad))
	maker.Stderr = os.Stderr
	return maker
}

// judge runs a candidate on a set, with as many processors if it is in Go.
func (r *runner) judge(ctx context.Context, c candidate, s set, processors int, args ...string) (sample, error) {
	argv := c.program
	if c.judge != nil {
		argv = append([]string{r.self, "judge", "-candidate", c.name, "-shape", string(s.shape)}, args...)
		argv = append(argv, s.file)
	} else {
		argv = append(argv[:len(argv):len(argv)], s.file, form(s.shape))
	}
	got, err := spawn(ctx, argv, processors, nil)
	if err != nil {
		return sample{}, fmt.Errorf("checking %s with %s: %w", s.shape, c.name, err)
	}
	return got, nil
}

// judgeStream runs tuneline on a data set that is made while it is read. Told is
// the size that tuneline is told, 0 for none.
func (r *runner) judgeStream(ctx context.Context, shape generate.Shape, size, told int64) (sample, error) {
	maker := r.maker(ctx, shape, size, false)
	out, err := maker.StdoutPipe()
	if err != nil {
		return sample{}, fmt.Errorf("making %s: %w", shape, err)
	}
	if err := maker.Start(); err != nil {
		return sample{}, fmt.Errorf("making %s: %w", shape, err)
	}
	argv := []string{r.self, "judge", "-candidate", nameTuneline, "-shape", string(shape), "-size", strconv.FormatInt(told, 10)}
	got, err := spawn(ctx, argv, 1, out)
	if err := errors.Join(err, maker.Wait()); err != nil {
		return sample{}, fmt.Errorf("checking %s while it is made: %w", shape, err)
	}
	return got, nil
}

// spawn runs a process and reads what it measured.
//
// On Linux a process begins with its parent's peak memory as its own: this
// process must stay small, and does.
func spawn(ctx context.Context, argv []string, processors int, in io.Reader) (sample, error) {
	command := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // built from our own tables
	command.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(processors))
	command.Stdin = in
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	if err := command.Run(); err != nil {
		return sample{}, fmt.Errorf("%w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	got := sample{outcome: outcome{Allocations: -1}}
	if err := json.Unmarshal(out.Bytes(), &got.outcome); err != nil {
		return sample{}, fmt.Errorf("reading what it counted: %w", err)
	}
	state := command.ProcessState
	got.cpu = (state.UserTime() + state.SystemTime()).Seconds()
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		got.rss = usage.Maxrss
		if runtime.GOOS == "linux" {
			got.rss *= 1024
		}
	}
	return got, nil
}

// first measures, in a process of its own, the seconds until the first finding.
func (r *runner) first(ctx context.Context, processors int, size int64) (seconds float64, err error) {
	command := exec.CommandContext(ctx, r.self, "first", "-size", strconv.FormatInt(size, 10)) //nolint:gosec // this program
	command.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(processors))
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(out, &seconds); err != nil {
		return 0, fmt.Errorf("reading what it measured: %w", err)
	}
	return seconds, nil
}
