package functions

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/infra/config"
)

// Binary is one compiled function, ready to be an asset.
type Binary struct {
	// Dir is a folder that holds nothing but the executable "bootstrap", which
	// is what Lambda starts on provided.al2023.
	Dir string
	// Hash is the hexadecimal SHA-256 of the executable.
	Hash string
}

// Binaries is function name → binary.
type Binaries map[string]Binary

// buildDir is where binaries are kept, under the project's root, by their hash:
// two syntheses at once, for whatever architectures, do not disturb each other.
const buildDir = ".tuneline/build"

// Build compiles every function under lambdas/, in one run of the Go tool. root
// is the project's root. The same source and Go give the same bytes, on any machine,
// in any folder and whatever Go settings a person has: no paths, no build id, no
// version control stamp, no C.
func Build(root string, architecture config.Architecture) (Binaries, error) {
	base, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(buildDir)))
	if err != nil {
		return nil, fmt.Errorf("finding the build folder: %w", err)
	}
	if err := os.MkdirAll(base, 0o750); err != nil {
		return nil, fmt.Errorf("making the build folder: %w", err)
	}
	out, err := os.MkdirTemp(base, "compile-")
	if err != nil {
		return nil, fmt.Errorf("making a folder to compile into: %w", err)
	}
	defer func() { _ = os.RemoveAll(out) }()
	if err := compile(root, out, architecture); err != nil {
		return nil, err
	}
	return collect(base, out)
}

func compile(root, out string, architecture config.Architecture) error {
	environment, err := buildEnvironment(root, architecture)
	if err != nil {
		return err
	}
	command := exec.Command("go", "build", //nolint:gosec // every argument is ours
		"-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-tags=lambda.norpc",
		"-o", out+string(filepath.Separator), "./lambdas/...")
	command.Dir = root
	command.Env = environment
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling the functions for %s: %w\n%s", architecture, err, text)
	}
	return nil
}

// wherefrom are the Go settings that say where modules and compiled packages
// come from and are kept. They are a person's own, and change no byte of what
// is built: go.sum holds every module to its checksum.
var wherefrom = []string{
	"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE", "GOVCS", "GOAUTH",
	"GOPATH", "GOMODCACHE", "GOCACHE", "GOTMPDIR", "GOTOOLCHAIN",
}

// howBuilt are those that do change what is built
// (https://pkg.go.dev/cmd/go#hdr-Environment_variables), each at its default.
var howBuilt = []string{
	"GOENV=off", "GOWORK=off", "GOFLAGS=-mod=readonly", "GO111MODULE=on", "GOEXPERIMENT=", "GOFIPS140=off",
	"GOOS=linux", "GOARM64=v8.0", "GOAMD64=v1", "CGO_ENABLED=0",
}

// buildEnvironment is the environment to build in: without any Go setting of
// the person, neither exported nor made with "go env -w", but for where modules
// come from.
func buildEnvironment(root string, architecture config.Architecture) ([]string, error) {
	command := exec.Command("go", append([]string{"env", "-json"}, wherefrom...)...) //nolint:gosec // every argument is ours
	command.Dir = root
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("asking Go for its settings: %w", err)
	}
	var settings map[string]string
	if err := json.Unmarshal(text, &settings); err != nil {
		return nil, fmt.Errorf("reading Go's settings: %w", err)
	}
	environment := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "GO") || strings.HasPrefix(variable, "CGO_")
	})
	for name, value := range settings {
		environment = append(environment, name+"="+value)
	}
	return append(append(environment, howBuilt...), "GOARCH="+architecture.GOARCH()), nil
}

// collect puts every executable into a folder of its own.
func collect(base, out string) (Binaries, error) {
	entries, err := os.ReadDir(out)
	if err != nil {
		return nil, fmt.Errorf("listing what was compiled: %w", err)
	}
	binaries := Binaries{}
	for _, entry := range entries {
		binary, err := keep(base, filepath.Join(out, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("keeping function %s: %w", entry.Name(), err)
		}
		binaries[entry.Name()] = binary
	}
	return binaries, nil
}

// keep moves an executable to the folder of its hash, unless it is there.
func keep(base, executable string) (Binary, error) {
	content, err := os.ReadFile(executable) //nolint:gosec // compiled a moment ago
	if err != nil {
		return Binary{}, fmt.Errorf("reading the executable: %w", err)
	}
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	binary := Binary{Dir: filepath.Join(base, hash), Hash: hash}
	if err := os.MkdirAll(binary.Dir, 0o750); err != nil {
		return Binary{}, fmt.Errorf("making the executable's folder: %w", err)
	}
	bootstrap := filepath.Join(binary.Dir, "bootstrap")
	if _, err := os.Stat(bootstrap); !errors.Is(err, fs.ErrNotExist) {
		return binary, err
	}
	if err := os.Rename(executable, bootstrap); err != nil {
		return Binary{}, fmt.Errorf("moving the executable: %w", err)
	}
	return binary, nil
}
