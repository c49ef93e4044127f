package iampolicy

import (
	"fmt"
	"slices"
	"strings"
)

// condition is one operator applied to one key.
type condition struct {
	operator operator
	// set is "", forAll or forAny.
	set string
	// ifExists: a key that is absent fulfils the condition.
	ifExists bool
	// key is in lower case, since keys are case-insensitive.
	key string
	// wants holds the policy's values; one is enough.
	wants []want
}

const (
	forAll = "ForAllValues"
	forAny = "ForAnyValue"
)

// test tells whether a value of the request is what the policy wants. An error
// means that it is not of the operator's type.
type test func(value string) (bool, error)

// want is one value of the policy: a test, or what becomes one when its
// variables are known.
type want struct {
	test     test
	template template
}

func compileConditions(block map[string]map[string]Values) ([]condition, error) {
	var all []condition
	for name, keys := range block {
		for key, values := range keys {
			c, err := newCondition(name, values)
			if err != nil {
				return nil, fmt.Errorf("condition %s on %s: %w", name, key, err)
			}
			c.key = strings.ToLower(key)
			all = append(all, c)
		}
	}
	// The order must not depend on a map's, or errors would change by chance.
	slices.SortFunc(all, func(a, b condition) int {
		return strings.Compare(a.key+a.operator.name+a.set, b.key+b.operator.name+b.set)
	})
	return all, nil
}

func newCondition(name string, values []string) (condition, error) {
	var c condition
	if set, rest, ok := strings.Cut(name, ":"); ok {
		if set != forAll && set != forAny {
			return c, fmt.Errorf("the set operator is not modelled")
		}
		c.set, name = set, rest
	}
	name, c.ifExists = strings.CutSuffix(name, "IfExists")
	var known bool
	if c.operator, known = operators[name]; !known || c.operator.isNull() && (c.set != "" || c.ifExists) {
		return c, fmt.Errorf("the operator is not modelled")
	}
	if len(values) == 0 {
		return c, fmt.Errorf("it has no value")
	}
	for _, v := range values {
		w, err := c.operator.want(v)
		if err != nil {
			return c, err
		}
		c.wants = append(c.wants, w)
	}
	return c, nil
}

// want reads a value of the policy.
func (o operator) want(value string) (want, error) {
	t, err := parseTemplate(value)
	if err != nil {
		return want{}, err
	}
	if t.fixed() {
		fixed, err := o.test(t.pattern)
		return want{test: fixed}, err
	}
	if !o.variables {
		return want{}, fmt.Errorf("%q: the operator takes no policy variables", value)
	}
	return want{template: t}, nil
}

// holds evaluates the condition in a context whose keys are in lower case.
func (c condition) holds(context map[string][]string) (bool, error) {
	values, known := context[c.key]
	if !known {
		return false, fmt.Errorf("the request's context says nothing about %s", c.key)
	}
	if c.operator.isNull() {
		return c.wanted(fmt.Sprint(len(values) == 0), context)
	}
	if len(values) == 0 {
		return c.withoutKey()
	}
	if c.set != "" && isNullSet(values) {
		return c.set == forAll, nil
	}
	if c.set == "" && len(values) > 1 {
		return false, fmt.Errorf("%s has %d values, so a condition on it needs ForAllValues or ForAnyValue", c.key, len(values))
	}
	for _, v := range values {
		wanted, err := c.wanted(v, context)
		if err != nil {
			return false, fmt.Errorf("%s: %w", c.key, err)
		}
		holds := wanted != c.operator.negated
		if holds && c.set == forAny {
			return true, nil
		}
		if !holds && c.set != forAny {
			return false, nil
		}
	}
	return c.set != forAny, nil
}

// isNullSet tells that the request's values come to nothing, as one that is
// empty does: to a set operator that is as if the key were not there ("Creating a
// condition with multiple keys or values", IAM User Guide).
func isNullSet(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return v != "" })
}

// withoutKey is the result when the request has no such key: a positive operator
// fails, a negated one holds; of no values all are wanted, and none is.
func (c condition) withoutKey() (bool, error) {
	switch {
	case c.ifExists && c.set == forAny:
		return false, fmt.Errorf("there is no %s, of which ForAnyValue says that the condition fails and IfExists that it holds", c.key)
	case c.ifExists || c.set == forAll:
		return true, nil
	case c.set == forAny:
		return false, nil
	}
	return c.operator.negated, nil
}

func (c condition) wanted(value string, context map[string][]string) (bool, error) {
	for _, w := range c.wants {
		test, err := c.fill(w, context)
		if err != nil {
			return false, err
		}
		if test == nil {
			continue
		}
		if ok, err := test(value); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// fill is the test of a value; nil when one of its variables has no value.
// Nothing is equal to that, or like it, so that a negated condition holds
// ("Policy variables with no value", IAM User Guide, Variables and tags).
func (c condition) fill(w want, context map[string][]string) (test, error) {
	if w.template.fixed() {
		return w.test, nil
	}
	p, ok, err := w.template.fill(context)
	if err != nil || !ok {
		return nil, err
	}
	return c.operator.test(p)
}
