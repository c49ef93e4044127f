package eventrule

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// parseCondition reads one entry of a leaf's array: a literal, or an object
// with exactly one operator.
func parseCondition(raw any) (condition, error) {
	operators, ok := raw.(map[string]any)
	if !ok {
		return literal(raw)
	}
	if len(operators) != 1 {
		return condition{}, fmt.Errorf("an entry holds exactly one operator, this one has %d", len(operators))
	}
	for name, argument := range operators {
		c, err := parseOperator(name, argument)
		if err != nil {
			return condition{}, fmt.Errorf("%q: %w", name, err)
		}
		return c, nil
	}
	panic("unreachable: the map has one entry")
}

func parseOperator(name string, argument any) (condition, error) {
	switch name {
	case "prefix", "suffix":
		return parseAffix(name, argument)
	case "wildcard", "equals-ignore-case":
		return parseText(name, argument)
	case "anything-but":
		return parseAnythingBut(argument)
	case "numeric":
		return parseNumeric(argument)
	case "exists":
		want, ok := argument.(bool)
		if !ok {
			return condition{}, fmt.Errorf("true or false is needed")
		}
		return condition{absent: !want, match: func(any) bool { return want }}, nil
	default:
		return condition{}, fmt.Errorf("this operator is not modelled")
	}
}

// literal is an exact value. EventBridge compares numbers by their spelling
// (300, 300.0 and 3.0e2 differ), so json.Number's text is compared.
func literal(raw any) (condition, error) {
	switch raw.(type) {
	case nil, string, bool, json.Number:
		return condition{match: func(value any) bool { return value == raw }}, nil
	default:
		return condition{}, fmt.Errorf("an array inside an array cannot be matched")
	}
}

// parseAffix reads prefix and suffix: a text, or {"equals-ignore-case": text}.
func parseAffix(name string, argument any) (condition, error) {
	if folded, ok := argument.(map[string]any); ok {
		text, ok := folded["equals-ignore-case"].(string)
		if !ok || len(folded) != 1 {
			return condition{}, fmt.Errorf(`a text or {"equals-ignore-case": text} is needed`)
		}
		c, err := parseText(name, strings.ToLower(text))
		if err != nil {
			return condition{}, err
		}
		return condition{match: onText(func(s string) bool { return c.match(strings.ToLower(s)) })}, nil
	}
	return parseText(name, argument)
}

// parseText reads the operators whose argument is one text.
func parseText(name string, argument any) (condition, error) {
	text, ok := argument.(string)
	if !ok {
		return condition{}, fmt.Errorf("a text is needed")
	}
	switch name {
	case "prefix":
		return condition{match: onText(func(s string) bool { return strings.HasPrefix(s, text) })}, nil
	case "suffix":
		return condition{match: onText(func(s string) bool { return strings.HasSuffix(s, text) })}, nil
	case "equals-ignore-case":
		return condition{match: onText(func(s string) bool { return strings.EqualFold(s, text) })}, nil
	case "wildcard":
		w, err := parseWildcard(text)
		if err != nil {
			return condition{}, err
		}
		return condition{match: onText(w.match)}, nil
	default:
		return condition{}, fmt.Errorf("this operator is not modelled")
	}
}

func onText(match func(string) bool) func(any) bool {
	return func(value any) bool {
		s, ok := value.(string)
		return ok && match(s)
	}
}

// parseAnythingBut reads anything-but: a text, a number, an array of them, or
// one of the text operators with a text or an array of texts. A value must be
// there to differ.
func parseAnythingBut(argument any) (condition, error) {
	operators, ok := argument.(map[string]any)
	if !ok {
		return noneOf(argument, func(entry any) (condition, error) {
			switch entry.(type) {
			case string, json.Number:
				return literal(entry)
			default:
				return condition{}, fmt.Errorf("texts or numbers are needed")
			}
		})
	}
	if len(operators) != 1 {
		return condition{}, fmt.Errorf("exactly one operator is needed")
	}
	for name, list := range operators {
		return noneOf(list, func(entry any) (condition, error) { return parseText(name, entry) })
	}
	panic("unreachable: the map has one entry")
}

func noneOf(argument any, parse func(any) (condition, error)) (condition, error) {
	list, ok := argument.([]any)
	if !ok {
		list = []any{argument}
	}
	if len(list) == 0 {
		return condition{}, fmt.Errorf("an empty array excludes nothing")
	}
	excluded := make([]condition, 0, len(list))
	for _, entry := range list {
		c, err := parse(entry)
		if err != nil {
			return condition{}, err
		}
		excluded = append(excluded, c)
	}
	return condition{match: func(value any) bool {
		return !slices.ContainsFunc(excluded, func(c condition) bool { return c.match(value) })
	}}, nil
}

// numericLimit is the largest magnitude EventBridge's numeric operator takes.
const numericLimit = 5.0e9

// parseNumeric reads numeric: one comparison, or two that bound a range.
func parseNumeric(argument any) (condition, error) {
	list, ok := argument.([]any)
	if !ok || (len(list) != 2 && len(list) != 4) {
		return condition{}, fmt.Errorf("one or two pairs of comparison and number are needed")
	}
	var comparisons []func(float64) bool
	for i := 0; i < len(list); i += 2 {
		c, err := parseComparison(list[i], list[i+1])
		if err != nil {
			return condition{}, err
		}
		comparisons = append(comparisons, c)
	}
	return condition{match: func(value any) bool {
		number, ok := value.(json.Number)
		if !ok {
			return false
		}
		n, err := number.Float64()
		if err != nil || n < -numericLimit || n > numericLimit {
			return false
		}
		return !slices.ContainsFunc(comparisons, func(c func(float64) bool) bool { return !c(n) })
	}}, nil
}

func parseComparison(sign, operand any) (func(float64) bool, error) {
	number, ok := operand.(json.Number)
	if !ok {
		return nil, fmt.Errorf("a number is needed after the comparison")
	}
	bound, err := number.Float64()
	if err != nil || bound < -numericLimit || bound > numericLimit {
		return nil, fmt.Errorf("number %s is outside -5.0e9 to 5.0e9", number)
	}
	switch sign {
	case "=":
		return func(n float64) bool { return n == bound }, nil
	case "<":
		return func(n float64) bool { return n < bound }, nil
	case "<=":
		return func(n float64) bool { return n <= bound }, nil
	case ">":
		return func(n float64) bool { return n > bound }, nil
	case ">=":
		return func(n float64) bool { return n >= bound }, nil
	default:
		return nil, fmt.Errorf("comparison %v is not one of = < <= > >=", sign)
	}
}
