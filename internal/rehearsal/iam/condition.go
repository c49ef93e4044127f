package iam

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
	// wants holds a test for each value of the policy; one is enough.
	wants []test
}

const (
	forAll = "ForAllValues"
	forAny = "ForAnyValue"
)

// test tells whether a value of the request is what the policy wants. An error
// means that it is not of the operator's type.
type test func(value string) (bool, error)

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
		if err := noVariable(v); err != nil {
			return c, err
		}
		want, err := c.operator.test(v)
		if err != nil {
			return c, err
		}
		c.wants = append(c.wants, want)
	}
	return c, nil
}

// holds evaluates the condition in a context whose keys are in lower case.
func (c condition) holds(context map[string][]string) (bool, error) {
	values, known := context[c.key]
	if !known {
		return false, fmt.Errorf("the request's context says nothing about %s", c.key)
	}
	if c.operator.isNull() {
		return c.wanted(fmt.Sprint(len(values) == 0))
	}
	if len(values) == 0 {
		return c.withoutKey(), nil
	}
	if c.set == "" && len(values) > 1 {
		return false, fmt.Errorf("%s has %d values, so a condition on it needs ForAllValues or ForAnyValue", c.key, len(values))
	}
	for _, v := range values {
		wanted, err := c.wanted(v)
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

// withoutKey is the result when the request has no such key: a positive operator
// fails, a negated one holds; of no values all are wanted, and none is.
func (c condition) withoutKey() bool {
	switch {
	case c.ifExists || c.set == forAll:
		return true
	case c.set == forAny:
		return false
	}
	return c.operator.negated
}

func (c condition) wanted(value string) (bool, error) {
	for _, want := range c.wants {
		ok, err := want(value)
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}
