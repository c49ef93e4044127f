package security

import (
	"slices"
	"strings"
)

// This file makes requests of what a policy itself says: by the principals it names,
// in contexts in which its conditions hold, or do not. A question that is asked of all
// policies is asked once more in each of these.

// anything puts some text in place of what a pattern leaves open.
var anything = strings.NewReplacer("${aws:PrincipalAccount}", Account, "*", "x", "?", "x")

// instance is a text that a pattern stands for.
func instance(pattern string) string {
	return variable.ReplaceAllString(anything.Replace(pattern), "x")
}

// named are all principals that the policy names; the list is the caller's.
func (p policy) named() []who { return slices.Clone(p.principals) }

// principalsOf are the principals that statements name, themselves and in conditions on
// who asks. An account stands for a role of it.
func principalsOf(statements []statement) []who {
	var list []who
	add := func(w who) {
		if !slices.Contains(list, w) && w != nobody {
			list = append(list, w)
		}
	}
	for _, s := range statements {
		for kind, names := range s.principals() {
			for _, name := range names {
				switch {
				case kind == "Service":
					add(who{service: name})
				case accountID.FindString(name) == name && name != "":
					add(who{arn: "arn:aws:iam::" + name + ":role/x"})
				case kind == "AWS" && name != "*":
					add(who{arn: strings.Replace(name, ":root", ":role/x", 1)})
				}
			}
		}
		for _, c := range s.conditions() {
			for _, value := range c.values {
				switch value = instance(value); strings.ToLower(c.key) {
				case "aws:principalarn":
					add(who{arn: value})
				case "aws:principalaccount", "kms:calleraccount":
					add(who{arn: "arn:aws:iam::" + value + ":role/x"})
				}
			}
		}
	}
	return list
}

// strangersOf are the principals of a list that are of another account than the template's,
// membersOf those of the account; services are neither.
func strangersOf(list []who) []who {
	return slices.DeleteFunc(slices.Clone(list), func(w who) bool { return w.arn == "" || isOfAccount(w.arn) })
}

func membersOf(list []who) []who {
	return slices.DeleteFunc(slices.Clone(list), func(w who) bool { return w.arn == "" || !isOfAccount(w.arn) })
}

func servicesOf(list []who) []who {
	return slices.DeleteFunc(slices.Clone(list), func(w who) bool { return w.service == "" })
}

func isOfAccount(arn string) bool { return strings.HasPrefix(arn, "arn:aws:iam::"+Account+":") }

// contexts are the context as it is, and with what the policy's conditions ask for: of
// each statement requests in which all hold, and for each condition those in which it
// alone does not, by each of the values it compares with. What is in the context stays as it is.
func (p policy) contexts(base map[string][]string) []map[string][]string {
	id := ask{keys: base}.id()
	p.memory.Lock()
	defer p.memory.Unlock()
	list, ok := p.memory.contexts[id]
	if !ok {
		list = p.newContexts(base)
		p.memory.contexts[id] = list
	}
	return slices.Clone(list)
}

func (p policy) newContexts(base map[string][]string) []map[string][]string {
	list, seen := []map[string][]string{base}, map[string]bool{ask{keys: base}.id(): true}
	add := func(context map[string][]string) {
		for key, values := range base {
			context[key] = values
		}
		if id := (ask{keys: context}).id(); !seen[id] {
			seen[id] = true
			list = append(list, context)
		}
	}
	for _, s := range p.statements {
		conditions := s.conditions()
		for n := range mostValues(conditions) {
			add(contextOf(conditions, -1, n))
		}
		for but, c := range conditions {
			for n := range c.values {
				add(contextOf(conditions, but, n))
			}
		}
	}
	return list
}

// mostValues is how many values the condition has that compares with most, or one.
func mostValues(conditions []block) int {
	most := 1
	for _, c := range conditions {
		most = max(most, len(c.values))
	}
	return most
}

// contextOf is a request in which all conditions hold but one, by their nth values.
func contextOf(conditions []block, but, n int) map[string][]string {
	context := map[string][]string{}
	for i, c := range conditions {
		if value, there := c.value(i != but, n); there {
			context[c.key] = []string{value}
		}
	}
	return context
}

// value is a value with which the condition holds, or does not, by the nth of those it
// compares with; there is none if that takes a request without the key.
func (b block) value(holds bool, n int) (value string, there bool) {
	_, operator, sets := strings.Cut(b.operator, ":")
	if !sets {
		operator = b.operator
	}
	operator = strings.TrimSuffix(operator, "IfExists")
	if len(b.values) == 0 {
		return "", false
	}
	first := instance(b.values[min(n, len(b.values)-1)])
	if operator == "Null" {
		return "x", (first == "false") == holds
	}
	if strings.Contains(operator, "Not") {
		holds = !holds
	}
	if holds {
		return fitting(operator, first), true
	}
	return unfitting(operator, first), true
}

// fitting is a value that compares as the operator wants it.
func fitting(operator, first string) string {
	switch {
	case strings.HasSuffix(operator, "LessThan"):
		return smallest(operator)
	case strings.HasSuffix(operator, "GreaterThan"):
		return largest(operator)
	case strings.HasSuffix(operator, "IpAddress"):
		address, _, _ := strings.Cut(first, "/")
		return address
	}
	return first
}

// unfitting is a value that does not.
func unfitting(operator, first string) string {
	switch {
	case operator == "Bool" && first == "true":
		return "false"
	case operator == "Bool":
		return "true"
	case strings.HasSuffix(operator, "LessThan") || strings.HasSuffix(operator, "LessThanEquals"):
		return largest(operator)
	case strings.HasPrefix(operator, "Numeric") || strings.HasPrefix(operator, "Date"):
		return smallest(operator)
	case strings.HasSuffix(operator, "IpAddress"):
		return "203.0.113.9" // an address for documentation
	case strings.HasPrefix(operator, "Arn"):
		return "arn:aws:iam::" + Account + ":role/somebody"
	}
	return "something"
}

// smallest and largest are a number or a date beyond those that policies name.
func smallest(operator string) string {
	if strings.HasPrefix(operator, "Date") {
		return "1990-01-01T00:00:00Z"
	}
	return "0"
}

func largest(operator string) string {
	if strings.HasPrefix(operator, "Date") {
		return "2190-01-01T00:00:00Z"
	}
	return "1000000000"
}

// without are the contexts in which a key is not exactly the value.
func without(contexts []map[string][]string, key, value string) []map[string][]string {
	return slices.DeleteFunc(contexts, func(context map[string][]string) bool { return slices.Equal(context[key], []string{value}) })
}
