// Command sbom writes a bill of materials of each function in a cloud assembly:
// see "make sbom".
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/tuneline/tuneline/internal/scan"
)

func main() {
	tool := flag.String("tool", "", "cyclonedx-gomod")
	out := flag.String("out", "", "the folder the bills are written into")
	flag.Parse()
	if err := write(context.Background(), *tool, *out, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(ctx context.Context, tool, out, assembly string) error {
	if tool == "" || out == "" || assembly == "" {
		return errors.New("usage: sbom -tool cyclonedx-gomod -out folder assembly")
	}
	functions, err := scan.Functions(assembly)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		bill, err := scan.Bill(ctx, tool, functions[name])
		if err != nil {
			return err
		}
		file := filepath.Join(out, name+".cdx.json")
		if err := os.WriteFile(file, bill, 0o600); err != nil {
			return err
		}
		fmt.Println(file)
	}
	return nil
}
