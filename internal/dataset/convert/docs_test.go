package convert

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumented ensures that the guide has the table of the kinds as it is
// here; -update writes it.
func TestDocumented(t *testing.T) {
	name := filepath.Join("..", "..", "..", "docs", "from-openai.md")
	text, err := os.ReadFile(name) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	const header = "| kind | severity | what happened |\n| --- | --- | --- |\n"
	before, _, ok := strings.Cut(string(text), header)
	if !ok {
		t.Fatalf("%s has no table of the kinds", name)
	}
	want := before + header
	for _, kind := range Kinds() {
		want += "| `" + string(kind.Kind) + "` | " + string(kind.Severity) + " | " + kind.What + " |\n"
	}
	if string(text) == want {
		return
	}
	if !*update {
		t.Fatalf("the table of the kinds in %s is not what the code says; run with -update", name)
	}
	if err := os.WriteFile(name, []byte(want), 0o600); err != nil { //nolint:gosec // a file of this repository
		t.Fatal(err)
	}
}
