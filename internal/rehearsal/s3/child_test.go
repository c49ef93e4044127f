package s3

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// parentVariable makes this test binary a process that owns a gateway, in the
// folder the variable names, and tells its process id.
const parentVariable = "TUNELINE_TEST_S3_PARENT"

func runIfParent() {
	dir := os.Getenv(parentVariable)
	if dir == "" {
		return
	}
	c, err := startChild(context.Background(), childConfig{Root: dir, Region: "us-west-2", Access: "a", Key: "s"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(c.cmd.Process.Pid)
	select {}
}

// Ensure the gateway ends when its parent is killed, which leaves the parent
// no chance to tell it.
func TestGateway_EndsWithItsParent(t *testing.T) {
	parent := exec.Command(os.Args[0]) //nolint:gosec // this test's own binary
	parent.Env = append(os.Environ(), parentVariable+"="+newRoot(t))
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(stdout).ReadString('\n')
	killErr := parent.Process.Kill()
	if err := errors.Join(readErr, killErr); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed, and says so
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for syscall.Kill(pid, 0) == nil {
		if state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && strings.Contains(string(state), ") Z ") {
			return // ended, and waits for whoever inherited it
		}
		if time.Now().After(deadline) {
			t.Fatalf("gateway %d is still there 5 s after its parent's death", pid)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Ensure a gateway ends when its input does, and two do not meet.
func TestGateway_EndsWithItsInput(t *testing.T) {
	var children [2]*child
	for i := range children {
		c, err := startChild(context.Background(), childConfig{Root: newRoot(t), Region: "us-west-2", Access: "a", Key: "s"})
		if err != nil {
			t.Fatal(err)
		}
		children[i] = c
	}
	if children[0].address == children[1].address {
		t.Errorf("two gateways on %s", children[0].address)
	}
	for _, c := range children {
		began := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the gateway took %v to end", took)
		}
	}
}

// Ensure a folder with another run's objects is refused: their times are lost.
func TestStart_FolderInUse(t *testing.T) {
	w := newWorld(t)
	if _, err := Start(context.Background(), w.options); err == nil {
		t.Error("a second server on the same folder started, want an error")
	}
}

func newRoot(t *testing.T) string {
	t.Helper()
	root, err := layOut(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	return root
}
