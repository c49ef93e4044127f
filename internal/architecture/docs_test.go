package architecture

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/cloudwatch"
	"github.com/tuneline/tuneline/internal/rehearsal/guard"
	"github.com/tuneline/tuneline/statemachine"
)

var update = flag.Bool("update", false, "write the generated parts of the documentation")

// root is the repository's root, as seen from this package.
const root = "../.."

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// files returns the repository's own files with a suffix, by their path below root.
func files(t *testing.T, suffix string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name, below := entry.Name(), path != root
		switch {
		case err != nil:
			return err
		case entry.IsDir() && below && (strings.HasPrefix(name, ".") || slices.Contains([]string{"node_modules", "cdk.out", "dist"}, name)):
			return filepath.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, suffix):
			found = append(found, filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator))))
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("files ending in %s: got %d, %v", suffix, len(found), err)
	}
	return found
}

// TestGeneratedParts holds what is written by this test against what the code
// says now; -update writes it.
func TestGeneratedParts(t *testing.T) {
	for name, part := range map[string]struct{ file, content string }{
		"behaviours": {"docs/verification.md", behaviours()},
		"codes":      {"docs/data-set-checks.md", codes()},
		"prices":     {"docs/costs.md", prices(t)},
		"states":     {"docs/state-machine.md", diagram(t)},
	} {
		text := read(t, part.file)
		begin := fmt.Sprintf("<!-- generated %s: go test ./internal/architecture -update -->\n", name)
		end := fmt.Sprintf("<!-- end of %s -->\n", name)
		before, rest, ok := strings.Cut(text, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Errorf("%s lacks the markers of the part %q", part.file, name)
			continue
		}
		want := before + begin + part.content + end + after
		if text == want {
			continue
		}
		if !*update {
			t.Errorf("%s: the part %q is not what the code says; run: go test ./internal/architecture -update", part.file, name)
			continue
		}
		if err := os.WriteFile(filepath.Join(root, part.file), []byte(want), 0o600); err != nil {
			t.Error(err)
		}
	}
}

// row is a line of a table; what would end a cell is escaped.
func row(cells ...string) string {
	for i, cell := range cells {
		cells[i] = strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(cell)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// behaviours is what the doubles of Bedrock and CloudWatch take for AWS's behaviour.
func behaviours() string {
	var text strings.Builder
	text.WriteString(row("behaviour", "what the double does", "source") + row("---", "---", "---"))
	for _, b := range bedrock.Behaviours {
		if !strings.HasPrefix(b.ID, "key ") { // among the guard's
			text.WriteString(row(b.ID, b.What, b.Source))
		}
	}
	for _, k := range guard.Keys {
		text.WriteString(row("key "+k.Name, k.What, k.Source))
	}
	for _, b := range guard.Behaviours {
		text.WriteString(row(b[0], b[1], b[2]))
	}
	for _, b := range cloudwatch.Behaviours {
		text.WriteString(row(b[0], b[1], b[2]))
	}
	return text.String()
}

// codes is what the check of a data set can find: a table of all codes, and a
// section for each with rows in which it is found and rows in which it is not.
func codes() string {
	var table, sections strings.Builder
	table.WriteString(row("code", "severity", "what was found") + row("---", "---", "---"))
	for _, c := range dataset.Codes() {
		table.WriteString(row(fmt.Sprintf("[`%s`](#%s)", c.Code, strings.ToLower(string(c.Code))), string(c.Severity), c.Title))
		sections.WriteString(codeSection(c))
	}
	return table.String() + sections.String()
}

// codeSection explains one code.
func codeSection(c dataset.CodeInfo) string {
	where := ""
	if c.Format != "" {
		where = ", as `" + string(c.Format) + "`"
	}
	if c.With != "" {
		where += " " + c.With
	}
	plain := strings.NewReplacer("<", "&lt;", "_", `\_`)
	return fmt.Sprintf("\n### %s\n\n**%s** (%s). %s\n\nSource: %s.\n\nBad%s:\n\n%s\nGood:\n\n%s",
		c.Code, plain.Replace(c.Title), c.Severity, plain.Replace(c.Action), c.Source, where, rows(c.Bad), rows(c.Good))
}

// What of a code's rows is shown: enough to see what they are about.
const (
	shownRows  = 3
	shownRunes = 320
)

// rows shows a code's rows. Bytes and characters that cannot be seen are written
// as escapes; what is too long is cut and ends in three dots.
func rows(text string) string {
	var out strings.Builder
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if len(lines) > shownRows+1 && i >= shownRows && i < len(lines)-1 {
			if i == shownRows {
				out.WriteString("...\n")
			}
			continue
		}
		out.WriteString(visible(line) + "\n")
	}
	return "```\n" + out.String() + "```\n"
}

// visible is a line without what cannot be seen.
func visible(line string) string {
	var out strings.Builder
	for runes := 0; len(line) > 0; runes++ {
		if runes == shownRunes {
			out.WriteString("...")
			break
		}
		r, size := utf8.DecodeRuneInString(line)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02X`, line[0])
		case !unicode.IsPrint(r):
			fmt.Fprintf(&out, `\u%04X`, r)
		default:
			out.WriteRune(r)
		}
		line = line[size:]
	}
	return out.String()
}

// state is the part of an ASL state that the documentation speaks of.
type state struct {
	Type, Next, Default string
	Choices             []struct{ Next string }
}

func states(t *testing.T) map[string]state {
	t.Helper()
	var machine struct{ States map[string]state }
	if err := json.Unmarshal([]byte(statemachine.Definition), &machine); err != nil {
		t.Fatal(err)
	}
	return machine.States
}

// diagram is the state machine in Mermaid's language, without Catches.
func diagram(t *testing.T) string {
	var lines []string
	for name, s := range states(t) {
		targets := []string{s.Next, s.Default}
		for _, choice := range s.Choices {
			targets = append(targets, choice.Next)
		}
		slices.Sort(targets)
		for _, target := range slices.Compact(targets) {
			if target != "" {
				lines = append(lines, "    "+name+" --> "+target+"\n")
			}
		}
		if s.Type == "Succeed" || s.Type == "Fail" {
			lines = append(lines, "    "+name+" --> [*]\n")
		}
	}
	slices.Sort(lines)
	return "```mermaid\nstateDiagram-v2\n    [*] --> ValidateDataset\n" + strings.Join(lines, "") + "```\n"
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// anchors are the anchors of a file's headings, as GitHub makes them.
func anchors(text string) []string {
	var all []string
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, match[1]))
	}
	return all
}

// TestLinks: every relative link leads to a file, and to a heading if it names one.
func TestLinks(t *testing.T) {
	for _, name := range files(t, ".md") {
		for _, match := range link.FindAllStringSubmatch(read(t, name), -1) {
			path, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			target := name
			if path != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(name), path))
			}
			text, err := os.ReadFile(filepath.Join(root, target)) //nolint:gosec // a file of this repository
			if err != nil {
				t.Errorf("%s links to %s: %v", name, match[1], err)
			} else if anchor != "" && !slices.Contains(anchors(string(text)), anchor) {
				t.Errorf("%s links to %s, and %s has no such heading", name, match[1], target)
			}
		}
	}
}

// hosts are those a link may lead to, and the reader's own machine, where the
// proxy listens; paths the absolute paths that mean something everywhere: the
// API's, and the names of log groups.
var (
	hosts = []string{"docs.aws.amazon.com", "127.0.0.1:8787"}
	paths = []string{"/model/", "/models", "/v1", "/tuneline/", "/aws/vendedlogs/tuneline/"}

	url          = regexp.MustCompile(`https?://([^/\s)"'>` + "`" + `]+)`)
	absolutePath = regexp.MustCompile("(?m)(?:^|[\\s\"'(=`])(/[A-Za-z][^\\s\"'()`|]*)")
)

// TestNamesNoPlace: no documentation leads to a host that is neither AWS's own
// documentation nor a reader's own queue, or names a path of some machine.
func TestNamesNoPlace(t *testing.T) {
	for _, name := range files(t, ".md") {
		text := read(t, name)
		for _, match := range url.FindAllStringSubmatch(text, -1) {
			ours := strings.Contains(match[1], "$") && strings.HasSuffix(match[1], ".amazonaws.com")
			if !slices.Contains(hosts, match[1]) && !ours {
				t.Errorf("%s names the host %s", name, match[1])
			}
		}
		for _, match := range absolutePath.FindAllStringSubmatch(text, -1) {
			if !slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(match[1], p) }) {
				t.Errorf("%s names the path %s", name, match[1])
			}
		}
	}
}

// settings is key → default, as JSON, of everything a user can configure.
func settings(value reflect.Value, prefix string) map[string]string {
	all := map[string]string{}
	for i := range value.NumField() {
		field, key := value.Field(i), prefix+value.Type().Field(i).Tag.Get("json")
		if zones, ok := field.Interface().(config.Zones); ok {
			all[key] = fmt.Sprint(zones.Count)
			continue
		}
		if field.Kind() == reflect.Struct {
			maps.Copy(all, settings(field, key+"."))
			continue
		}
		text, err := json.Marshal(field.Interface())
		if err != nil {
			panic(err)
		}
		all[key] = string(text)
	}
	return all
}

// section is the text under one of README's headings.
func section(t *testing.T, title string) string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, "README.md"), "\n## "+title+"\n")
	if !ok {
		t.Fatalf("README.md has no heading %q", title)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// TestConfigurationTable: README names every key with its default, and no other.
func TestConfigurationTable(t *testing.T) {
	got := map[string]string{}
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\|").FindAllStringSubmatch(section(t, "Configuration"), -1) {
		got[match[1]] = match[2]
	}
	want := settings(reflect.ValueOf(config.Default()), "")
	for key := range want {
		if got[key] != want[key] {
			t.Errorf("README's table says %s is %q by default; want %s", key, got[key], want[key])
		}
		delete(got, key)
	}
	if len(got) > 0 {
		t.Errorf("README's table has keys that there are not: %v", got)
	}
}

// TestEndsAndKindsAreExplained: README has a row and the runbook an article for
// every end, and a row for every kind of error; architecture names every step.
func TestEndsAndKindsAreExplained(t *testing.T) {
	readme, runbook, walk := read(t, "README.md"), read(t, "docs/runbook.md"), read(t, "docs/architecture.md")
	for name, s := range states(t) {
		switch s.Type {
		case "Succeed", "Fail":
			if !strings.Contains(readme, "\n| `"+name+"` |") || !strings.Contains(runbook, "\n### "+name+"\n") {
				t.Errorf("the end %s has no row in README.md, or no article in docs/runbook.md", name)
			}
		case "Task", "Wait":
			if !strings.Contains(walk, name) {
				t.Errorf("docs/architecture.md does not name %s", name)
			}
		}
	}
	for _, kind := range finetune.Kinds() {
		if !strings.Contains(runbook, "\n| `"+string(kind)+"` |") {
			t.Errorf("docs/runbook.md does not explain the kind %s", kind)
		}
	}
	for _, r := range rooms {
		if !strings.Contains(walk, "\n| `"+r.prefix+"` |") {
			t.Errorf("docs/architecture.md has no row for the room %s", r.prefix)
		}
	}
	for _, scenario := range bedrock.ScenarioNames() {
		if !strings.Contains(readme, "\n| `"+scenario+"` |") {
			t.Errorf("README.md has no row for the scenario %s", scenario)
		}
	}
}

// golden is one construct of the default stack, as its golden file has it.
func golden(t *testing.T, construct string) map[string]struct {
	Type       string
	Properties map[string]any
} {
	t.Helper()
	var resources map[string]struct {
		Type       string
		Properties map[string]any
	}
	if err := json.Unmarshal([]byte(read(t, "infra/testdata/golden/default/"+construct+".json")), &resources); err != nil {
		t.Fatal(err)
	}
	return resources
}

// TestStackIsExplained: every alarm has an article, every output a row, and the
// number of endpoints that are billed is the stack's.
func TestStackIsExplained(t *testing.T) {
	readme, runbook := read(t, "README.md"), read(t, "docs/runbook.md")
	for _, r := range golden(t, "observability") {
		if metric := fmt.Sprint(r.Properties["MetricName"]); r.Type == "AWS::CloudWatch::Alarm" && !strings.Contains(runbook, "\n### Alarm: "+metric+"\n") {
			t.Errorf("docs/runbook.md has no article for the alarm on %s", metric)
		}
	}
	for output := range golden(t, "outputs") {
		if !strings.Contains(readme, "\n| `"+output+"` |") {
			t.Errorf("README.md has no row for the output %s", output)
		}
	}
	endpoints := 0
	for _, r := range golden(t, "network") {
		if r.Type == "AWS::EC2::VPCEndpoint" && r.Properties["VpcEndpointType"] == "Interface" {
			endpoints++
		}
	}
	if count := fmt.Sprintf("There are %d interface endpoints", endpoints); !strings.Contains(readme, count) {
		t.Errorf("README.md does not say: %s", count)
	}
}

// TestNoticesAreExplained: whatever a machine publishes has an article of its subject.
func TestNoticesAreExplained(t *testing.T) {
	runbook, subject := read(t, "docs/runbook.md"), regexp.MustCompile(`"Subject": "tuneline: ([^"]+)"`)
	found := 0
	for _, name := range files(t, ".asl.json") {
		for _, match := range subject.FindAllStringSubmatch(read(t, name), -1) {
			found++
			if !strings.Contains(runbook, "\n### Notice: "+match[1]+"\n") {
				t.Errorf("docs/runbook.md has no article for the notice %q of %s", match[1], name)
			}
		}
	}
	if found < 3 {
		t.Errorf("found %d notices, want one of each machine at least", found)
	}
}

// TestCommandsAndTestsExist: every make target and every test that the
// documentation names is there.
func TestCommandsAndTestsExist(t *testing.T) {
	makefile, source := read(t, "Makefile"), strings.Builder{}
	for _, name := range files(t, "_test.go") {
		source.WriteString(read(t, name))
	}
	target := regexp.MustCompile("(?:^|[\\s`])make ([a-z-]+)(?:$|[\\s`])")
	test := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)`")
	for _, name := range files(t, ".md") {
		for line := range strings.Lines(read(t, name)) {
			for _, match := range target.FindAllStringSubmatch(line, -1) {
				command := strings.HasPrefix(line, "make") || strings.HasPrefix(line, "    make") || strings.Contains(line, "`make "+match[1])
				if command && !strings.Contains(makefile, "\n"+match[1]+":") {
					t.Errorf("%s names make %s, which Makefile has not", name, match[1])
				}
			}
			for _, match := range test.FindAllStringSubmatch(line, -1) {
				if !strings.Contains(source.String(), "\nfunc "+match[1]+"(") {
					t.Errorf("%s names the test %s, which there is not", name, match[1])
				}
			}
		}
	}
}

// TestPrivateMeansTheSame: what private means is said in the same words wherever
// it is said.
func TestPrivateMeansTheSame(t *testing.T) {
	_, rest, ok := strings.Cut(read(t, "README.md"), "\n**Private** means: ")
	said, _, ended := strings.Cut(rest, "\n\n")
	if !ok || !ended {
		t.Fatal("README.md does not say what private means")
	}
	for _, name := range []string{"docs/architecture.md", "docs/security.md", "docs/vocabulary.md"} {
		if !strings.Contains(read(t, name), "\n**Private** means: "+said+"\n") {
			t.Errorf("%s says something else than README.md", name)
		}
	}
}
