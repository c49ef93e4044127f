package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// Template is the synthesized template of one configuration.
type Template struct{ Configuration, File string }

// hash is what the CDK puts behind a logical id.
var hash = regexp.MustCompile(`\b([A-Za-z][A-Za-z0-9]*?)[0-9A-F]{8}\b`)

// region is one of those that the scanned configurations are for.
var region = regexp.MustCompile(`us-(east|west)-[0-9]\b`)

// plain takes the hashes off the logical ids in a text, and names no Region.
func plain(text string) string {
	return region.ReplaceAllString(hash.ReplaceAllString(text, "$1"), "<AWS::Region>")
}

// output runs a scanner and returns what it prints. Scanners exit with a status
// of their own when they find something, which accept holds.
func output(ctx context.Context, accept []int, name string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, name, args...) //nolint:gosec // a pinned scanner of this repository
	var out, complaints bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaints
	err := command.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && slices.Contains(accept, exit.ExitCode()) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("running %s: %w\n%s", filepath.Base(name), err, bytes.TrimSpace(complaints.Bytes()))
	}
	return out.Bytes(), nil
}

// Nag holds templates against the rule packs of cdk-nag, with the program nag of
// tools. A rule is named with the finding, where it has more than one:
// "AwsSolutions-IAM5[Resource::*]". A rule that could not be applied to a
// resource is a finding as well.
func Nag(ctx context.Context, nag string, templates []Template) ([]Finding, error) {
	var args []string
	for _, t := range templates {
		args = append(args, t.Configuration+"="+t.File)
	}
	out, err := output(ctx, nil, nag, args...)
	if err != nil {
		return nil, err
	}
	var found []Finding
	if err := json.Unmarshal(out, &found); err != nil {
		return nil, fmt.Errorf("reading what nag found: %w", err)
	}
	for i, f := range found {
		rule, message, _ := strings.Cut(f.Message, ": ")
		found[i].Rule, found[i].Message, found[i].Resource = plain(rule), message, plain(f.Resource)
	}
	return found, nil
}

// GuardBinary is cfn-guard for this machine, below the folder of its npm package.
func GuardBinary(pkg string) string {
	system := map[string]string{"darwin": "macos"}[runtime.GOOS]
	if system == "" {
		system = "ubuntu" // which is any Linux
	}
	cpu := map[string]string{"arm64": "aarch64"}[runtime.GOARCH]
	if cpu == "" {
		cpu = "x86_64"
	}
	return filepath.Join(pkg, "bin", system, cpu, "cfn-guard")
}

// Guard holds templates against AWS Control Tower's proactive controls, with the
// npm package that has them and cfn-guard.
func Guard(ctx context.Context, pkg string, templates []Template) ([]Finding, error) {
	rules, err := controls(pkg, templates)
	if err != nil {
		return nil, err
	}
	args := []string{"validate", "--output-format", "json", "--show-summary", "none", "--structured"}
	for _, rule := range rules {
		args = append(args, "--rules", rule)
	}
	for _, t := range templates {
		args = append(args, "--data", t.File)
	}
	const notCompliant = 19
	out, err := output(ctx, []int{notCompliant}, GuardBinary(pkg), args...)
	if err != nil {
		return nil, err
	}
	var reports []struct {
		Name     string
		Violated []json.RawMessage `json:"not_compliant"`
		Kept     []string          `json:"compliant"`
	}
	if err := json.Unmarshal(out, &reports); err != nil {
		return nil, fmt.Errorf("reading what cfn-guard found: %w", err)
	}
	var found []Finding
	for _, report := range reports {
		i := slices.IndexFunc(templates, func(t Template) bool { return strings.HasSuffix(t.File, report.Name) })
		if i < 0 || len(report.Kept)+len(report.Violated) == 0 {
			return nil, fmt.Errorf("cfn-guard reports on %s with no rule that applies, or was not asked to", report.Name)
		}
		for _, rule := range report.Violated {
			found = append(found, violations(rule, templates[i].Configuration)...)
		}
	}
	return found, nil
}

// resourceType is a type of resource, as templates and rules name it.
var resourceType = regexp.MustCompile(`"AWS::[A-Za-z0-9]+::[A-Za-z0-9]+"`)

// controls are the files of the rules that are about a type of resource that a
// template has. The others, which are most, would say that they do not apply, and
// take nearly all the time.
func controls(pkg string, templates []Template) ([]string, error) {
	types := map[string]bool{}
	for _, t := range templates {
		text, err := os.ReadFile(t.File)
		if err != nil {
			return nil, fmt.Errorf("reading the template of %s: %w", t.Configuration, err)
		}
		for _, name := range resourceType.FindAllString(string(text), -1) {
			types[name] = true
		}
	}
	files, err := filepath.Glob(filepath.Join(pkg, "rules", "control-tower", "cfn-guard", "*", "*.guard"))
	if err != nil {
		return nil, err
	}
	var rules []string
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // a rule of the pinned package
		if err != nil {
			return nil, fmt.Errorf("reading a rule of Control Tower: %w", err)
		}
		if slices.ContainsFunc(resourceType.FindAllString(string(text), -1), func(name string) bool { return types[name] }) {
			rules = append(rules, file)
		}
	}
	if len(rules) == 0 {
		return nil, fmt.Errorf("no rule of Control Tower in %s is about anything in the templates", pkg)
	}
	return rules, nil
}

// control is the number of one of Control Tower's controls, and resource the
// place in the template, as they stand in cfn-guard's report of a rule.
var (
	control  = regexp.MustCompile(`\[(CT\.[A-Z0-9]+\.PR\.[0-9]+)\]: ([^\\]*)`)
	resource = regexp.MustCompile(`"path":"/Resources/([A-Za-z0-9]+)`)
)

// violations are the resources that break a rule. The report of it is a tree of
// the clauses that failed, whose form depends on how the rule is written.
func violations(rule json.RawMessage, configuration string) []Finding {
	var tree bytes.Buffer
	_ = json.Compact(&tree, rule) // it was read before
	name := control.FindStringSubmatch(tree.String())
	if name == nil {
		name = []string{"", "CT of no number", tree.String()}
	}
	var found []Finding
	for _, match := range resource.FindAllStringSubmatch(tree.String(), -1) {
		if f := (Finding{Rule: name[1], Resource: plain(match[1]), Configuration: configuration, Message: name[2]}); !slices.Contains(found, f) {
			found = append(found, f)
		}
	}
	if found == nil {
		found = append(found, Finding{Rule: name[1], Resource: "Template", Configuration: configuration, Message: name[2]})
	}
	return found
}

// CfnLint holds templates against the rules of cfn-lint, those of style left out,
// which it calls information.
func CfnLint(ctx context.Context, cfnLint string, templates []Template) ([]Finding, error) {
	args := []string{"--format", "json", "--"}
	configurations := map[string]string{}
	for _, t := range templates {
		args = append(args, t.File)
		configurations[t.File] = t.Configuration
	}
	const anError, aWarning = 2, 4
	out, err := output(ctx, []int{anError, aWarning, anError | aWarning}, cfnLint, args...)
	if err != nil {
		return nil, err
	}
	var matches []struct {
		Filename, Message string
		Rule              struct{ ID string }
		Location          struct{ Path []any }
	}
	if err := json.Unmarshal(out, &matches); err != nil {
		return nil, fmt.Errorf("reading what cfn-lint found: %w", err)
	}
	var found []Finding
	for _, m := range matches {
		place := "Template"
		if path := m.Location.Path; len(path) > 1 {
			place = fmt.Sprint(path[1])
		}
		found = append(found, Finding{Rule: m.Rule.ID, Resource: plain(place), Configuration: configurations[m.Filename], Message: m.Message})
	}
	return found, nil
}
