package stepfunctions

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	// referencePath is a path to exactly one value: filters, wildcards and
	// the functions of the interpreter's JSONPath dialect are left out,
	// because AWS's dialect is another.
	referencePath = regexp.MustCompile(`^\${1,2}(\.[A-Za-z_][A-Za-z0-9_-]*|\['[A-Za-z0-9_-]+'\]|\[[0-9]+\])*$`)
	resultPath    = regexp.MustCompile(`^\$(\.[A-Za-z_][A-Za-z0-9_-]*)*$`)
	lengthStep    = regexp.MustCompile(`(\.length|\['length'\])($|[.\[])`)
)

// contextPaths are what the context object holds here as it does on AWS; what
// changes from state to state is never refreshed by the interpreter.
var contextPaths = []string{
	"$$.Execution.Id", "$$.Execution.Name", "$$.Execution.Input", "$$.Execution.StartTime",
	"$$.StateMachine.Id", "$$.StateMachine.Name",
}

func checkPath(path string) error {
	if !referencePath.MatchString(path) {
		return fmt.Errorf("%q is not modelled: only a path to one value is ($.a.b, $.a[0], $['a'])", path)
	}
	if lengthStep.MatchString(path) {
		return fmt.Errorf("%q is not modelled: the interpreter takes the length of an array for a field", path)
	}
	if !strings.HasPrefix(path, "$$") || slices.Contains(contextPaths, path) || strings.HasPrefix(path, "$$.Execution.Input.") {
		return nil
	}
	return fmt.Errorf("%q is not modelled: of the context object only %s are", path, strings.Join(contextPaths, ", "))
}

// checkTemplate checks a payload template: a name that ends in ".$" holds a
// path or an intrinsic function, at any depth.
func checkTemplate(template any) error {
	var findings []error
	switch value := template.(type) {
	case []any:
		for i, element := range value {
			findings = append(findings, within(fmt.Sprintf("[%d]", i), checkTemplate(element)))
		}
	case map[string]any:
		for _, name := range sortedKeys(value) {
			findings = append(findings, within(name, checkTemplateField(name, value[name])))
		}
	}
	return errors.Join(findings...)
}

func checkTemplateField(name string, value any) error {
	bare, dynamic := strings.CutSuffix(name, ".$")
	if strings.Contains(bare, ".$") {
		return errors.New(`the interpreter cuts the first ".$" of a name, not the last`)
	}
	if !dynamic {
		return checkTemplate(value)
	}
	text, ok := value.(string)
	switch {
	case !ok:
		return errors.New(`a name that ends in ".$" needs a path or an intrinsic function`)
	case strings.HasPrefix(text, "$"):
		return checkPath(text)
	default:
		return checkIntrinsic(text)
	}
}

// intrinsics are the functions whose results were compared with the developer
// guide's; the others differ (StringSplit, JsonMerge), are random, or were not
// needed.
var intrinsics = []string{
	"States.Format", "States.StringToJson", "States.JsonToString", "States.Array", "States.ArrayContains",
	"States.ArrayGetItem", "States.ArrayLength", "States.MathAdd", "States.UUID", "States.Hash",
}

var literalArgument = regexp.MustCompile(`^(-?[0-9]+(\.[0-9]+)?|true|false|null)$`)

// checkIntrinsic checks a call and, in its arguments, the calls within.
func checkIntrinsic(call string) error {
	name, rest, ok := strings.Cut(call, "(")
	if !ok || !strings.HasSuffix(rest, ")") {
		return fmt.Errorf("%q is neither a path nor a call of an intrinsic function", call)
	}
	if !slices.Contains(intrinsics, name) {
		return fmt.Errorf("%s is not modelled: only %s are", name, strings.Join(intrinsics, ", "))
	}
	arguments, err := splitArguments(strings.TrimSuffix(rest, ")"))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, argument := range arguments {
		if err := checkArgument(argument); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func checkArgument(argument string) error {
	switch {
	case strings.HasPrefix(argument, "'"):
		text := strings.Trim(argument, "'")
		if strings.Contains(text, `\`) || strings.Count(text, "(") != strings.Count(text, ")") {
			return fmt.Errorf("the text %s is not modelled: no backslash may stand in it, and parentheses only in pairs", argument)
		}
		return nil
	case strings.HasPrefix(argument, "$"):
		return checkPath(argument)
	case literalArgument.MatchString(argument):
		return nil
	default:
		return checkIntrinsic(argument)
	}
}

// splitArguments splits at the commas outside texts and inner calls.
func splitArguments(list string) ([]string, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var arguments []string
	depth, quoted, start := 0, false, 0
	for i, r := range list {
		switch {
		case r == '\'':
			quoted = !quoted
		case quoted:
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			arguments = append(arguments, strings.TrimSpace(list[start:i]))
			start = i + 1
		}
	}
	if quoted || depth != 0 {
		return nil, errors.New("a quote or parenthesis is not closed")
	}
	return append(arguments, strings.TrimSpace(list[start:])), nil
}
