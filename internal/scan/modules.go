package scan

import (
	"bytes"
	"cmp"
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
// for the one that is kept by the Go project, with govulncheck and its arguments: a
// binary, or packages of the repository, of which only what can be called counts. Of
// an entry that names no packages of a module, as many do that nobody has reviewed
// yet, the module itself counts. A finding's resource is name with the module and its
// version, "functions:stdlib@v1.26.8".
func Vulnerabilities(ctx context.Context, govulncheck, db, name string, args ...string) ([]Finding, error) {
	if db != "" {
		args = append([]string{"-db", db}, args...)
	}
	out, err := output(ctx, nil, govulncheck, append([]string{"-format", "json"}, args...)...)
	if err != nil {
		return nil, err
	}
	found, level := map[Finding]bool{}, ""
	entries := map[string]entry{}
	for messages := json.NewDecoder(bytes.NewReader(out)); ; {
		var m message
		if err := messages.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading what govulncheck found: %w", err)
		}
		level += m.Config.ScanLevel
		if m.OSV.ID != "" {
			entries[m.OSV.ID] = m.OSV
		}
		f := m.Finding
		if len(f.Trace) == 0 {
			continue
		}
		if at, about := f.Trace[0], entries[f.OSV]; at.Function != "" || !about.namesPackages(at.Module) {
			found[Finding{
				Rule: f.OSV, Resource: name + ":" + at.Module + "@" + at.Version,
				Message: about.Summary + "; mended in " + cmp.Or(f.Fixed, "no version"),
			}] = true
		}
	}
	if level != "symbol" {
		return nil, fmt.Errorf("govulncheck looked at %s by %q and not by symbol", name, level)
	}
	return slices.Collect(maps.Keys(found)), nil
}

// entry is one of the database ("Go Vulnerability Database API", go.dev), as far as a
// finding is told from it.
type entry struct {
	ID, Summary string
	Affected    []struct {
		Package  struct{ Name string }
		Specific struct {
			Imports []struct{ Path string }
		} `json:"ecosystem_specific"`
	}
}

// namesPackages tells whether the entry says which packages of a module are affected.
// Only then can govulncheck tell whether what is affected is called.
func (e entry) namesPackages(module string) bool {
	for _, a := range e.Affected {
		if a.Package.Name == module && len(a.Specific.Imports) > 0 {
			return true
		}
	}
	return false
}

// message is one of those that govulncheck writes: its settings, an entry of the
// database, or a finding with the calls that lead to it, the last one first.
type message struct {
	Config struct {
		ScanLevel string `json:"scan_level"`
	}
	OSV     entry
	Finding struct {
		OSV   string
		Fixed string `json:"fixed_version"`
		Trace []struct{ Module, Version, Function string }
	}
}
