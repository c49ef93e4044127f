package scan

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/tuneline/tuneline/internal/rehearsal"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

var update = flag.Bool("update", false, "write docs/scanner-exceptions.md")

// root is the repository's root, as seen from this package.
const root = "../.."

// full says that what takes minutes is to be looked at as well: see make scan.
func full() bool { return os.Getenv("TUNELINE_SCAN") == "full" }

// configurations are those of the stack that are scanned: those that the security
// tests look at.
var configurations = []string{"bearer", "default", "inside", "sealed", "strict"}

// few are those that the slow scanners look at, unless all is to be looked at. They
// have between them every resource but the key and the plan of the second client of an API,
// and the firewall with its log and its alarm.
var few = []string{"inside", "strict"}

// slowly are the configurations for a scanner that takes seconds for each.
func slowly() []string {
	if full() {
		return configurations
	}
	return few
}

// assemblies are the cloud assemblies of all configurations.
var assemblies = sync.OnceValues(func() (map[string]string, error) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{}
	for _, name := range configurations {
		file := ""
		if name != "default" {
			file = filepath.Join("security", "testdata", "variants", name+".json")
		}
		if dirs[name], _, err = rehearsal.Synth(context.Background(), absolute, file); err != nil {
			return nil, err
		}
	}
	return dirs, nil
})

func templates(t *testing.T, configurations []string) []Template {
	t.Helper()
	dirs, err := assemblies()
	if err != nil {
		t.Fatal(err)
	}
	var list []Template
	for _, name := range configurations {
		list = append(list, Template{name, filepath.Join(dirs[name], "tuneline.template.json")})
	}
	return list
}

// tool builds a program of the module tools, which takes nothing once it is built.
func tool(t *testing.T, pkg string) string {
	t.Helper()
	binary, err := filepath.Abs(filepath.Join(root, ".tuneline", "bin", filepath.Base(pkg)))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-C", "tools", "-o", binary, pkg).CombinedOutput(); err != nil { //nolint:gosec // a pinned tool
		t.Fatalf("building %s: %v\n%s", pkg, err, text)
	}
	return binary
}

// node puts the pinned Node.js first in the PATH, for jsii.
func node(t *testing.T) string {
	t.Helper()
	path, err := stepfunctions.FindNode(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	if path, err = filepath.Abs(path); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(path)+string(os.PathListSeparator)+os.Getenv("PATH"))
	return path
}

// explained holds what a scanner found against its exceptions.
func explained(t *testing.T, scanner string, found []Finding, in []string) {
	t.Helper()
	exceptions, err := Exceptions(scanner)
	if err != nil {
		t.Fatal(err)
	}
	explain(t, scanner, found, in, exceptions)
}

func explain(t *testing.T, scanner string, found []Finding, in []string, exceptions []Exception) {
	t.Helper()
	unexplained, idle := Hold(found, in, exceptions)
	for _, line := range unexplained {
		t.Errorf("found, and neither mended nor in exceptions/%s.txt:\n  %s", scanner, line)
	}
	for _, line := range idle {
		t.Errorf("in exceptions/%s.txt, but not so: %s", scanner, line)
	}
	t.Logf("%s: %d findings, %d exceptions", scanner, len(found), len(exceptions))
}

// finds holds that a scanner finds a seeded defect, and so runs at all. It returns
// what was found elsewhere.
func finds(t *testing.T, found []Finding, rules ...string) []Finding {
	t.Helper()
	for _, rule := range rules {
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Configuration == seeded && f.Rule == rule && f.Resource == "Bare" }) {
			t.Errorf("%s does not find the seeded defect", rule)
		}
	}
	return slices.DeleteFunc(found, func(f Finding) bool { return f.Configuration == seeded })
}

// seeded is a template with a bucket that has nothing of what it should have.
const seeded = "seeded"

func withSeeded(t *testing.T, configurations []string) []Template {
	t.Helper()
	file := filepath.Join(t.TempDir(), "seeded.template.json")
	if err := os.WriteFile(file, []byte(`{"Resources": {"Bare": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "NotAName"}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return append(templates(t, configurations), Template{seeded, file})
}

// TestNag: AwsSolutions, NIST 800-53 R5, HIPAA Security, PCI DSS 3.2.1, Serverless.
func TestNag(t *testing.T) {
	node(t)
	t.Setenv("CDK_VALIDATION", "false") // CloudFormation's schemas are asked in infra
	found, err := Nag(t.Context(), tool(t, "./nag"), withSeeded(t, configurations))
	if err != nil {
		t.Fatal(err)
	}
	found = finds(t, found, "AwsSolutions-S10", "NIST.800.53.R5-S3DefaultEncryptionKMS", "HIPAA.Security-S3BucketSSLRequestsOnly", "PCI.DSS.321-S3BucketVersioningEnabled")
	explained(t, "nag", found, configurations)
}

// TestGuard: AWS Control Tower's proactive controls.
func TestGuard(t *testing.T) {
	found, err := Guard(t.Context(), filepath.Join(root, "node_modules", "@cdklabs", "cdk-validator-cfnguard"), withSeeded(t, slowly()))
	if err != nil {
		t.Fatal(err)
	}
	explained(t, "guard", finds(t, found, "CT.S3.PR.1", "CT.S3.PR.10"), slowly())
}

// TestCfnLint asks cfn-lint where the machine has it: it is Python's, which the
// project does not want otherwise. CloudFormation's schemas, and many rules of
// cfn-lint's, are asked in every synthesis.
func TestCfnLint(t *testing.T) {
	cfnLint, err := exec.LookPath("cfn-lint")
	if err != nil {
		if full() {
			t.Fatal("cfn-lint is missing: pip install cfn-lint")
		}
		t.Log("cfn-lint is missing, and was not asked; make scan wants it")
		return
	}
	found, err := CfnLint(t.Context(), cfnLint, withSeeded(t, slowly()))
	if err != nil {
		t.Fatal(err)
	}
	explained(t, "cfn-lint", finds(t, found, "E3031"), slowly())
}

// TestStateMachines: all definitions are Amazon States Language, and every state of
// them is reached.
func TestStateMachines(t *testing.T) {
	pkg := filepath.Join(root, "node_modules", "asl-validator")
	files, err := filepath.Glob(filepath.Join(root, "statemachine", "*.asl.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found the definitions %v: %v", files, err)
	}
	unreached := filepath.Join(t.TempDir(), "seeded.asl.json")
	if err := os.WriteFile(unreached, []byte(`{"StartAt": "A", "States": {"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := StateMachines(t.Context(), node(t), pkg, append(files, unreached))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Rule != "MISSING_TRANSITION_TARGET" || found[0].Resource != "seeded.asl.json" {
		t.Errorf("found %v, want only the state that is not reached in what was seeded", found)
	}
}
