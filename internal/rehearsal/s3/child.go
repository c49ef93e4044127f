package s3

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"

	"github.com/tuneline/tuneline/internal/loopback"
)

const (
	// childVariable marks a process as the gateway's.
	childVariable = "TUNELINE_REHEARSAL_S3_GATEWAY"
	readyLine     = "gateway listens on "
	startTimeout  = 20 * time.Second
)

// childConfig is the first line on the child's standard input.
type childConfig struct {
	Root    string `json:"root"`
	Region  string `json:"region"`
	Access  string `json:"access"`
	Key     string `json:"key"` // the secret half
	Sidecar bool   `json:"sidecar"`
}

// RunIfChild runs the gateway, and does not return, when this process was
// started for it. It must be the first call of main and of TestMain in every
// binary that calls Start: the gateway changes the working directory and
// allows one instance a process, so the binary starts itself again for it.
func RunIfChild() {
	if os.Getenv(childVariable) == "" {
		return
	}
	if err := runChild(); err != nil {
		fmt.Fprintln(os.Stderr, "s3 gateway:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runChild serves until standard input ends, which it does when the parent
// closes it or dies, however that happens.
func runChild() error {
	signal.Ignore(os.Interrupt) // Ctrl-C reaches the whole group; the parent decides
	stdin := bufio.NewReader(os.Stdin)
	line, err := stdin.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	var config childConfig
	if err := json.Unmarshal(line, &config); err != nil {
		return fmt.Errorf("decoding the configuration: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
		time.Sleep(2 * time.Second)
		os.Exit(0) // an open connection must not keep the process
	}()
	answers := os.Stdout
	os.Stdout = os.Stderr // the gateway prints; the parent reads one line only
	return serveGateway(ctx, config, answers)
}

// serveGateway tries a few ports: the gateway opens its own listener and does
// not say which port it got, so one is found free, and may be taken meanwhile.
func serveGateway(ctx context.Context, config childConfig, answers io.Writer) error {
	store, err := openStore(config)
	if err != nil {
		return err
	}
	for range 5 {
		var address string
		if address, err = freeAddress(ctx); err != nil {
			return err
		}
		err = embedgw.RunVersityGW(ctx, store, &embedgw.Config{
			RootUserAccess: config.Access, RootUserSecret: config.Key, Region: config.Region,
			Ports: []string{address}, MaxConnections: 4096, MaxRequests: 4096, MultipartMaxParts: 10000,
			Quiet: true, KeepAlive: true, DisableACLs: true,
			S3Options: []s3api.Option{s3api.WithOnListen(func() {
				_, _ = fmt.Fprintln(answers, readyLine+address) // a parent that is gone ends stdin too
			})},
		})
		if err == nil || ended(ctx) {
			return nil // on purpose, however the gateway takes it
		}
		if store, err = openStore(config); err != nil {
			return err
		}
	}
	return errors.New("no free port after 5 attempts")
}

func ended(ctx context.Context) bool { return ctx.Err() != nil }

// openStore opens the posix backend. Metadata goes into extended attributes,
// which are published with the object in one step. Where the file system has
// none it goes into files beside, and a new version may then inherit headers
// of the one before that its writer did not set.
func openStore(config childConfig) (*posix.Posix, error) {
	objects := filepath.Join(config.Root, "objects")
	options := posix.PosixOpts{
		VersioningDir:       filepath.Join(config.Root, "versions"),
		CopyObjectThreshold: 5 << 30, // of CopyObject and UploadPartCopy, as at AWS
	}
	if !config.Sidecar && (meta.XattrMeta{}).Test(objects) == nil {
		return open(posix.New(objects, meta.XattrMeta{}, options))
	}
	options.SideCarDir = filepath.Join(config.Root, "metadata")
	sidecar, err := meta.NewSideCar(options.SideCarDir)
	if err != nil {
		return nil, fmt.Errorf("opening the metadata folder: %w", err)
	}
	return open(posix.New(objects, sidecar, options))
}

func open(store *posix.Posix, err error) (*posix.Posix, error) {
	if err != nil {
		return nil, fmt.Errorf("opening the object store: %w", err)
	}
	return store, nil
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := loopback.Listen(ctx, loopback.Any)
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return "", fmt.Errorf("freeing port %s: %w", address, err)
	}
	return address, nil
}

// child is the parent's hold on the gateway process.
type child struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	stderr  *tail
	address string
}

// startChild starts this binary again as a gateway and waits until it listens.
func startChild(ctx context.Context, config childConfig) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this binary: %w", err)
	}
	c := &child{cmd: exec.Command(self), stderr: &tail{}} //nolint:gosec // this very binary
	c.cmd.Env = []string{childVariable + "=1", "TMPDIR=" + os.TempDir()}
	c.cmd.Stderr = c.stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("piping to the gateway: %w", err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("piping from the gateway: %w", err)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the gateway: %w", err)
	}
	if err := json.NewEncoder(c.stdin).Encode(config); err != nil {
		return nil, errors.Join(fmt.Errorf("configuring the gateway: %w", err), c.Close())
	}
	ready := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		ready <- line
	}()
	if c.address, err = awaitReady(ctx, ready); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func awaitReady(ctx context.Context, ready <-chan string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case line := <-ready:
		address, ok := strings.CutPrefix(strings.TrimSpace(line), readyLine)
		if !ok {
			return "", errors.New("the gateway ended before it listened; does this binary call s3.RunIfChild first?")
		}
		return address, nil
	case <-ctx.Done():
		return "", fmt.Errorf("waiting for the gateway: %w", ctx.Err())
	}
}

// Close ends the child by ending its input, or kills it when it stays.
func (c *child) Close() error {
	_ = c.stdin.Close()
	killer := time.AfterFunc(5*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer killer.Stop()
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("ending the gateway: %w: %s", err, c.stderr)
	}
	return nil
}
