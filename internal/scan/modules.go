package scan

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
)

// Functions finds the compiled functions in a cloud assembly, by the names of
// their folders under lambdas/.
func Functions(assembly string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(assembly, "asset.*", "bootstrap"))
	if err != nil {
		return nil, err
	}
	functions := map[string]string{}
	for _, file := range files {
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading how %s was built: %w", file, err)
		}
		functions[path.Base(info.Path)] = file
	}
	if len(functions) == 0 {
		return nil, fmt.Errorf("there is no compiled function in %s", assembly)
	}
	return functions, nil
}

// Bill is a binary's bill of materials, in CycloneDX 1.6 JSON, as cyclonedx-gomod
// reads it out of the binary: Go's modules with their versions and checksums, and
// the standard library. It has no time and no serial number, so that the same
// binary has the same bill.
func Bill(ctx context.Context, gomod, binary string) ([]byte, error) {
	return output(ctx, nil, gomod, "bin", "-json", "-std", "-noserial", "-notimestamp", "-output-version", "1.6", binary)
}

// StandardLibrary is how govulncheck calls Go's own packages.
const StandardLibrary = "stdlib"

// Vulnerabilities holds code against the Go vulnerability database db, a URL, or ""
// for the one that is kept by the Go project, with govulncheck and its arguments: a binary, or packages of the repository, of which
// only what can be called counts. A finding's resource is name with the module and
// its version, "functions:stdlib@v1.26.8".
func Vulnerabilities(ctx context.Context, govulncheck, db, name string, args ...string) ([]Finding, error) {
	if db != "" {
		args = append([]string{"-db", db}, args...)
	}
	out, err := output(ctx, nil, govulncheck, append([]string{"-format", "json"}, args...)...)
	if err != nil {
		return nil, err
	}
	found, level := map[Finding]bool{}, ""
	summaries := map[string]string{}
	for messages := json.NewDecoder(bytes.NewReader(out)); ; {
		var m message
		if err := messages.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading what govulncheck found: %w", err)
		}
		level += m.Config.ScanLevel
		if m.OSV.ID != "" {
			summaries[m.OSV.ID] = m.OSV.Summary
		}
		if f := m.Finding; len(f.Trace) > 0 && f.Trace[0].Function != "" {
			at := f.Trace[0]
			found[Finding{
				Rule: f.OSV, Resource: name + ":" + at.Module + "@" + at.Version,
				Message: summaries[f.OSV] + "; mended in " + f.Fixed,
			}] = true
		}
	}
	if level != "symbol" {
		return nil, fmt.Errorf("govulncheck looked at %s by %q and not by symbol", name, level)
	}
	return slices.Collect(maps.Keys(found)), nil
}

// message is one of those that govulncheck writes: its settings, an entry of the
// database, or a finding with the calls that lead to it, the last one first.
type message struct {
	Config struct {
		ScanLevel string `json:"scan_level"`
	}
	OSV     struct{ ID, Summary string }
	Finding struct {
		OSV   string
		Fixed string `json:"fixed_version"`
		Trace []struct{ Module, Version, Function string }
	}
}
