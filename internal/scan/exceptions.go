package scan

import (
	"bufio"
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Finding is what a scanner has against one thing.
type Finding struct {
	// Rule is the scanner's name for what is wrong, such as "CT.LAMBDA.PR.3".
	Rule string
	// Resource is what it is wrong with: a resource by its logical id without the
	// hash, a file, a function.
	Resource string
	// Configuration is that of the stack in which it was found; "" where the stack
	// was not looked at.
	Configuration string
	// Message says it in the scanner's words.
	Message string
}

// Exception is a finding that is accepted.
type Exception struct {
	Rule, Resource string
	// Configurations are those of the stack in which it is found, sorted; [All] alone
	// for every one of them.
	Configurations []string
	// Reason says why it is accepted.
	Reason string
}

// All stands for every configuration that is scanned.
const All = "all"

// String is the exception as its table has it.
func (e Exception) String() string {
	return e.Rule + " " + e.Resource + " " + strings.Join(e.Configurations, ",")
}

//go:embed exceptions/*.txt
var tables embed.FS

// Exceptions are those of a scanner, by the name of its table.
func Exceptions(scanner string) ([]Exception, error) {
	name := "exceptions/" + scanner + ".txt"
	table, err := tables.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the exceptions of %s: %w", scanner, err)
	}
	exceptions, err := ParseExceptions(table)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return exceptions, nil
}

// ParseExceptions reads a table. A reason is a paragraph at the margin, and the
// exceptions it is for are the indented lines below it: rule, resource and
// configurations. A line that begins with # is a comment.
func ParseExceptions(table []byte) ([]Exception, error) {
	var exceptions []Exception
	var reason []string
	used := true // whether the reason has an exception
	seen := map[[2]string]bool{}
	for lines, n := bufio.NewScanner(bytes.NewReader(table)), 1; lines.Scan(); n++ {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "#"), strings.TrimSpace(line) == "":
		case line[0] != ' ':
			if used {
				reason, used = nil, false
			}
			reason = append(reason, line)
		default:
			e, err := parseException(line)
			if err == nil && len(reason) == 0 {
				err = fmt.Errorf("%s has no reason", e)
			}
			if err == nil && seen[[2]string{e.Rule, e.Resource}] {
				err = fmt.Errorf("%s %s is there twice", e.Rule, e.Resource)
			}
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			e.Reason, used = strings.Join(reason, " "), true
			seen[[2]string{e.Rule, e.Resource}] = true
			exceptions = append(exceptions, e)
		}
	}
	if !used {
		return nil, fmt.Errorf("the reason %q has no exception", strings.Join(reason, " "))
	}
	return exceptions, nil
}

// parseException reads an indented line. Rules may have spaces in them.
func parseException(line string) (Exception, error) {
	words := strings.Fields(line)
	if len(words) < 3 {
		return Exception{}, fmt.Errorf("%q is no rule, resource and configurations", strings.TrimSpace(line))
	}
	where := strings.Split(words[len(words)-1], ",")
	if !slices.IsSorted(where) || slices.Contains(where, All) && len(where) > 1 {
		return Exception{}, fmt.Errorf("%q are no configurations in the order of the alphabet, nor %q", words[len(words)-1], All)
	}
	return Exception{Rule: strings.Join(words[:len(words)-2], " "), Resource: words[len(words)-2], Configurations: where}, nil
}

// Hold holds what was found in those configurations that were scanned against the
// exceptions: it returns the findings that none covers, as lines to be put under a
// reason, and the exceptions that are not needed, or not as they are.
func Hold(found []Finding, scanned []string, exceptions []Exception) (unexplained, idle []string) {
	type key struct{ rule, resource string }
	where, messages := map[key][]string{}, map[key]string{}
	for _, f := range found {
		k := key{f.Rule, f.Resource}
		if !slices.Contains(where[k], f.Configuration) {
			where[k] = append(where[k], f.Configuration)
		}
		messages[k] = f.Message
	}
	for k := range where {
		slices.Sort(where[k])
	}
	for _, e := range exceptions {
		want := e.among(scanned)
		if len(want) == 0 {
			continue
		}
		k := key{e.Rule, e.Resource}
		switch in, needed := where[k]; {
		case !needed:
			idle = append(idle, e.String()+": nothing is found any more")
		case !slices.Equal(in, want):
			idle = append(idle, e.String()+": found in "+names(in, scanned))
		}
		delete(where, k)
	}
	for _, k := range slices.SortedFunc(maps.Keys(where), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.resource, b.resource))
	}) {
		unexplained = append(unexplained, k.rule+" "+k.resource+" "+names(where[k], scanned)+"\n\t"+messages[k])
	}
	return unexplained, idle
}

// among are those of the scanned configurations that the exception is for, sorted.
func (e Exception) among(scanned []string) []string {
	if slices.Equal(e.Configurations, []string{All}) {
		return slices.Sorted(slices.Values(scanned))
	}
	return slices.DeleteFunc(slices.Clone(e.Configurations), func(name string) bool { return !slices.Contains(scanned, name) })
}

// names are configurations as a table has them.
func names(in, scanned []string) string {
	if len(in) == len(scanned) {
		return All
	}
	return strings.Join(in, ",")
}
