package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/statemachine"
)

// concerns are the constructs of the stack, in the order they are made; each
// has a golden file. A resource's id begins with its construct's.
var concerns = []string{
	"Key", "Storage", "Network", "Customization", "Notices", "Functions", "Workflow",
	"Trigger", "Inference", "Observability", "Access", "Lifecycle", "Sweep",
}

// optional are the constructs that not every configuration has.
var optional = []string{"Trail"}

// assetKey is an asset's name: it changes with every line of a function.
var assetKey = regexp.MustCompile(`[0-9a-f]{64}\.zip`)

// TestGolden shows what a change of the code changes in the template, a file a
// construct. Run with -update to write the files.
func TestGolden(t *testing.T) {
	for _, golden := range []struct {
		variant
		concerns []string
	}{
		{standard, concerns},
		{strict, []string{"Storage", "Network", "Notices", "Functions", "Inference", "Observability", "Access"}},
		{sealed, []string{"Key", "Storage", "Observability", "Trail"}},
		{bearer, []string{"Network", "Functions", "Inference"}},
		{inside, []string{"Inference", "Trail"}},
	} {
		v := golden.variant
		tm := synthesize(t, v)
		for _, concern := range golden.concerns {
			t.Run(v.name+"/"+concern, func(t *testing.T) {
				resources := map[string]resource{}
				for id, r := range tm.Resources {
					if concernOf(id) == concern {
						resources[id] = r
					}
				}
				checkGolden(t, filepath.Join(v.name, strings.ToLower(concern)+".json"), indent(t, resources))
			})
		}
	}
	t.Run("default/Outputs", func(t *testing.T) {
		checkGolden(t, filepath.Join("default", "outputs.json"), indent(t, synthesize(t, standard).Outputs))
	})
}

func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	got = assetKey.ReplaceAll(got, []byte("<asset>.zip"))
	for file, definition := range map[string]string{"finetune": statemachine.Definition, "release": statemachine.Release, "sweep": statemachine.Sweep} {
		quoted := bytes.TrimSpace(indent(t, definition))
		got = bytes.ReplaceAll(got, quoted, []byte(`"<statemachine/`+file+`.asl.json>"`))
	}
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) //nolint:gosec // a golden file
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs at line %d; run go test ./infra -run Golden -update and look at the difference", path, firstDifference(got, want))
	}
}

func firstDifference(got, want []byte) int {
	a, b := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			return i + 1
		}
	}
	return min(len(a), len(b)) + 1
}

// TestEveryResourceHasAConcern keeps the golden files complete.
func TestEveryResourceHasAConcern(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		seen := map[string]bool{}
		for _, id := range slices.Sorted(maps.Keys(tm.Resources)) {
			seen[concernOf(id)] = true
			if concernOf(id) == "" {
				t.Errorf("resource %s belongs to no construct in %v", id, concerns)
			}
		}
		for _, concern := range concerns {
			if !seen[concern] {
				t.Errorf("construct %s has no resource", concern)
			}
		}
	})
}

func concernOf(id string) string {
	for _, concern := range slices.Concat(concerns, optional) {
		if strings.HasPrefix(id, concern) {
			return concern
		}
	}
	return ""
}
