package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/security"
)

// scanners are those with a table of exceptions, in the order of the page.
var scanners = []struct{ name, looksAt string }{
	{"nag", "cdk-nag: its packs AwsSolutions, NIST 800-53 R5, HIPAA Security, PCI DSS 3.2.1 and Serverless, on the template"},
	{"guard", "AWS Control Tower's proactive controls, by cfn-guard, on the template"},
	{"cfn-lint", "cfn-lint, on the template, where the machine has it"},
	{"gitleaks", "gitleaks, on every file"},
	{"gitleaks-history", "gitleaks, on what files with lines once were (`make scan`)"},
	{"govulncheck", "govulncheck, on the modules of the functions; on the standard library as they call it (`make vulncheck`)"},
}

// TestExceptionsPage keeps docs/scanner-exceptions.md.
func TestExceptionsPage(t *testing.T) {
	path := filepath.Join(root, "docs", "scanner-exceptions.md")
	want := page(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want { //nolint:gosec // a file of this repository
		t.Errorf("%s is not what the tables say (%v); run: go test ./internal/scan -run TestExceptionsPage -update", path, err)
	}
	tables, err := filepath.Glob("exceptions/*.txt")
	if err != nil || len(tables) != len(scanners) {
		t.Errorf("there are the tables %v for %d scanners: %v", tables, len(scanners), err)
	}
}

// proofs are the assertions of the package security that a reason names.
var proofs = regexp.MustCompile(`Held by ([A-Z]\w+)|\b([A-Z]\w+) and ([A-Z]\w+) in security|\b([A-Z]\w+) in security`)

// TestReasonsNameProofs: what a reason says is held is held by what it names.
func TestReasonsNameProofs(t *testing.T) {
	assertions := security.Assertions()
	named := 0
	for _, s := range scanners {
		exceptions, err := Exceptions(s.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range exceptions {
			for _, match := range proofs.FindAllStringSubmatch(e.Reason, -1) {
				for _, name := range match[1:] {
					if name == "" {
						continue
					}
					named++
					if !slices.ContainsFunc(assertions, func(a security.Assertion) bool { return a.Name == name }) {
						t.Errorf("%s: there is no assertion %s", e, name)
					}
				}
			}
		}
	}
	if named == 0 {
		t.Error("no reason names an assertion")
	}
}

func page(t *testing.T) string {
	t.Helper()
	var summary, lists strings.Builder
	total := 0
	for _, s := range scanners {
		exceptions, err := Exceptions(s.name)
		if err != nil {
			t.Fatal(err)
		}
		total += len(exceptions)
		fmt.Fprintf(&summary, "| %s | [%s](../internal/scan/exceptions/%[2]s.txt) | %d |\n", s.looksAt, s.name, len(exceptions))
		if len(exceptions) > 0 {
			fmt.Fprintf(&lists, "\n## %s\n\n| why | rules | on | findings |\n| --- | --- | --- | --- |\n", s.name)
			lists.WriteString(byReason(exceptions))
		}
	}
	lines := leftAlone(t)
	return fmt.Sprintf(intro, summary.String(), total) + lists.String() + fmt.Sprintf(gosec, len(lines)) + byReason(lines)
}

// exempts is how a line of code tells the linter's gosec to leave it alone, put together
// so as to be none itself.
var exempts = regexp.MustCompile(`//` + `nolint:\S*gosec\S* // (.+)`)

// leftAlone are the lines of code that gosec leaves alone, by their reasons. The
// linter finds one without a reason, and one that is not needed.
func leftAlone(t *testing.T) []Exception {
	t.Helper()
	list, err := output(t.Context(), nil, "git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.go")
	if err != nil {
		t.Fatal(err)
	}
	var lines []Exception
	for name := range strings.SplitSeq(strings.Trim(string(list), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // a file of this repository
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, match := range exempts.FindAllStringSubmatch(string(text), -1) {
			lines = append(lines, Exception{Rule: "gosec", Resource: name, Reason: match[1]})
		}
	}
	slices.SortStableFunc(lines, func(a, b Exception) int { return strings.Compare(a.Reason, b.Reason) })
	return lines
}

const intro = `<!-- Written by go test ./internal/scan -run TestExceptionsPage -update. -->
# What scanners find and we accept

Scanners that other people keep look at the stack in the configurations bearer, default, inside, sealed and strict of the security
tests, at the source and at what is built. Whatever one finds is mended, or is a line of a table under the reason why it is
accepted: one rule on one resource. A finding without a line fails the tests, and so does a line without its finding. Asking
other tools to be silent is no part of it: the template has no word for a scanner, which an assertion holds. Where the linter's
gosec is told to leave a line of code alone, that line says why, and something is found there, or the linter fails: those lines are
[below](#gosec). cfn-guard and cfn-lint look at two of the configurations in make test, and at all in make scan.

| scanner | table | exceptions |
| --- | --- | --- |
%s| | all | %d |
`

const gosec = `
## gosec

%d lines of code are left alone, each by a comment beside it.

| why | linters | files | lines |
| --- | --- | --- | --- |
`

// byReason has a row for each reason, in the table's order.
func byReason(exceptions []Exception) string {
	var b strings.Builder
	for len(exceptions) > 0 {
		reason := exceptions[0].Reason
		var rules, on []string
		n := 0
		for n < len(exceptions) && exceptions[n].Reason == reason {
			rule, _, _ := strings.Cut(exceptions[n].Rule, "[")
			rules, on = append(rules, rule), append(on, exceptions[n].Resource)
			n++
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d |\n", strings.ReplaceAll(reason, "|", `\|`), words(rules), words(on), n)
		exceptions = exceptions[n:]
	}
	return b.String()
}

// words lists each word once.
func words(list []string) string {
	slices.Sort(list)
	return "`" + strings.Join(slices.Compact(list), "`, `") + "`"
}
