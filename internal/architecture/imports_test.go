package architecture

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tuneline/tuneline/"

// The families of packages a room may be allowed.
const (
	cdk    = "github.com/aws/aws-cdk-go/"
	jsii   = "github.com/aws/jsii-runtime-go"
	constr = "github.com/aws/constructs-go/"
	sdk    = "github.com/aws/aws-sdk-go-v2"
	smithy = "github.com/aws/smithy-go"
	lambda = "github.com/aws/aws-lambda-go"
	json2  = "github.com/go-json-experiment/json"
)

// room is one folder's law. Imports of the standard library and within the
// room are always allowed.
type room struct {
	// prefix names the packages of the room, below the module.
	prefix string
	// allow lists what its packages may import: other rooms by their path below
	// the module, foreign packages by a prefix.
	allow []string
}

// rooms is the import law; the first matching room counts. A package of the
// module that no room covers fails the test.
var rooms = []room{
	{"internal/finetune", nil},
	// Strict JSON: a duplicate or misspelt member is an error, as with AWS.
	{"internal/iampolicy", []string{json2}},
	{"internal/lambdaenv", nil},
	{"internal/architecture", nil},
	{"internal/bench", nil},
	{"internal/loopback", nil},
	{"internal/strict", []string{"internal/finetune", json2}},
	{"internal/catalog", []string{"internal/finetune"}},
	{"internal/dataset/formodel", []string{"internal/catalog", "internal/dataset"}},
	{"internal/dataset/advice", []string{"internal/dataset", "github.com/zricethezav/gitleaks/", "github.com/BobuSumisu/aho-corasick"}},
	{"internal/dataset/present", []string{"internal/dataset", "github.com/owenrumney/go-sarif/", "github.com/charmbracelet/lipgloss", "github.com/muesli/termenv"}},
	{"internal/dataset/repair", []string{"internal/dataset", json2, "golang.org/x/text/"}},
	{"internal/dataset/convert", []string{"internal/dataset", json2}},
	{"internal/dataset/split", []string{"internal/dataset", json2, "golang.org/x/text/"}},
	{"internal/dataset", []string{"internal/finetune", json2}},
	{"internal/datafile", []string{sdk, smithy, "github.com/klauspost/compress/"}},
	{"internal/s3object", []string{sdk}},
	{"internal/registry", []string{"internal/finetune", "internal/strict", sdk, smithy}},
	{"internal/task", []string{"internal/finetune", "internal/strict", lambda, smithy}},
	{"internal/teardown", []string{"internal/finetune", "internal/catalog", sdk, smithy}},
	{"internal/preflight", []string{"internal/finetune", "internal/catalog", "internal/dataset", "infra/config", sdk, smithy}},
	{"internal/operator", []string{"internal/finetune", "internal/registry", sdk}},
	{"internal/proxy", []string{"internal/loopback", sdk}},
	{"internal/pricelist", []string{"internal/finetune", "internal/catalog", sdk}},
	// The assertions on a template. Its tests synthesize, and so use the rehearsal.
	{"security", []string{"internal/iampolicy", "internal/rehearsal/eventrule"}},
	// The scanners that other people keep. Its tests synthesize, too.
	{"internal/scan", []string{"github.com/zricethezav/gitleaks/"}},
	{"statemachine", nil},
	{"examples", nil},
	{"lambdas/authorize", []string{"internal/finetune", "internal/lambdaenv", "internal/strict", "internal/task", lambda, "github.com/go-jose/go-jose/"}},
	// OpenAI's wire format in terms of Bedrock's: no client of anything.
	{"lambdas/invoke/chat", []string{json2}},
	{"lambdas/", []string{
		"internal/finetune", "internal/catalog", "internal/dataset", "internal/lambdaenv",
		"internal/registry", "internal/s3object", "internal/strict", "internal/task", sdk, smithy, lambda, json2,
	}},
	{"infra/config", []string{"internal/finetune", "internal/catalog"}},
	{"infra", []string{"infra/", "internal/finetune", "internal/lambdaenv", "statemachine", cdk, jsii, constr}},
	{"internal/rehearsal", []string{"internal/", "statemachine", ""}},
	{"cmd/", []string{"internal/", "infra/config", "statemachine", ""}},
}

type goPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

// TestImportLaw holds every package of the module against its room's law, and
// against the three laws about who may not be imported.
func TestImportLaw(t *testing.T) {
	packages := list(t)
	standard := map[string]bool{}
	for _, p := range packages {
		standard[p.ImportPath] = p.Standard
	}
	for _, p := range packages {
		own, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours {
			continue
		}
		law, ok := roomOf(own)
		if !ok {
			t.Errorf("%s is in no room: give it a law in this test and a line in docs/architecture.md", own)
			continue
		}
		for _, imported := range p.Imports {
			if standard[imported] || imported == "C" {
				continue
			}
			if reason := refuse(law, own, imported); reason != "" {
				t.Errorf("%s imports %s: %s", own, imported, reason)
			}
		}
	}
}

// refuse says why a package of the room may not import another, or "".
func refuse(law room, importer, imported string) string {
	target, ours := strings.CutPrefix(imported, module)
	if !ours {
		if slices.ContainsFunc(law.allow, func(allowed string) bool { return strings.HasPrefix(imported, allowed) }) {
			return ""
		}
		return "the law of " + law.prefix + " does not allow it"
	}
	switch {
	case strings.HasPrefix(target, "lambdas/") && !strings.HasPrefix(target, importer+"/"):
		return "only a lambda imports a package of its own"
	case strings.HasPrefix(target, "cmd/"):
		return "nothing imports a command"
	case strings.HasPrefix(target, "internal/rehearsal") && target != eventRules && !drives(importer):
		return "only commands and the rehearsal itself import the rehearsal"
	case strings.HasPrefix(target, law.prefix):
		return ""
	}
	if slices.ContainsFunc(law.allow, func(allowed string) bool { return allowed != "" && strings.HasPrefix(target, allowed) }) {
		return ""
	}
	return "the law of " + law.prefix + " does not allow it"
}

// eventRules is the one part of the rehearsal that others may import: what a rule
// matches, by AWS's pages, which drives nothing.
const eventRules = "internal/rehearsal/eventrule"

// drives says whether a package may import the rehearsal.
func drives(importer string) bool {
	return strings.HasPrefix(importer, "internal/rehearsal") || strings.HasPrefix(importer, "cmd/")
}

// TestRefuse is the test of the test: forbidden imports are refused.
func TestRefuse(t *testing.T) {
	forbidden := map[string]string{
		"internal/finetune":        sdk + "/aws",
		"internal/dataset":         sdk + "/service/s3",
		"lambdas/submit":           module + "lambdas/poll",
		"lambdas/chat":             module + "lambdas/invoke/chat",
		"lambdas/invoke/chat":      sdk + "/aws",
		"lambdas/poll":             cdk + "awscdk/v2",
		"lambdas/validate":         module + "statemachine",
		"infra/stack":              sdk + "/service/s3",
		"infra/workflow":           module + "lambdas/poll",
		"internal/registry":        module + "internal/rehearsal/s3",
		"internal/rehearsal/s3":    module + "lambdas/validate",
		"statemachine":             module + "internal/finetune",
		"internal/rehearsal/clock": module + "cmd/tuneline",
	}
	for importer, imported := range forbidden {
		law, ok := roomOf(importer)
		if !ok || refuse(law, importer, imported) == "" {
			t.Errorf("%s may import %s", importer, imported)
		}
	}
}

func roomOf(path string) (room, bool) {
	i := slices.IndexFunc(rooms, func(r room) bool { return strings.HasPrefix(path, r.prefix) })
	if i < 0 {
		return room{}, false
	}
	return rooms[i], true
}

// list returns every package of the module and all they depend on.
func list(t *testing.T) []goPackage {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Imports", "./...")
	command.Dir = "../.."
	out, err := command.Output()
	if err != nil {
		exit := new(exec.ExitError)
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatalf("decoding go list: %v", err)
		}
		packages = append(packages, p)
	}
}
