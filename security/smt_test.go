package security

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// This file writes policies in SMT-LIB, the language of solvers: a request is free
// variables, a policy is a formula about them. What it cannot say is an error, so
// that nothing is proved of what was left out. Texts are of printable ASCII.

// formula is a policy: which requests its statements allow, and which they deny.
type formula struct {
	allows, denies []string
	vars           *variables
}

// variables are what a request is made of: its own, and two for each condition key.
type variables struct {
	// kinds are the keys by what they hold: "text", "truth" or "number".
	kinds map[string]string
}

// follows are the keys that follow from who makes the request: whether they are
// there, and their value.
var follows = map[string][2]string{
	"aws:principalarn":     {"signed", "arn"},
	"aws:principalaccount": {"(not isService)", `(ite signed account "anonymous")`},
	"kms:calleraccount":    {"signed", "account"},
}

// there says in the solver's words whether a key is in the request, value what it is.
func (v *variables) there(key string) string {
	if f, ok := follows[key]; ok {
		return f[0]
	}
	return "|has " + key + "|"
}

// isThere is there for a key that nothing else need be said of.
func (v *variables) isThere(key string) string {
	if _, ok := follows[key]; !ok && v.kinds[key] == "" {
		v.kinds[key] = "any"
	}
	return v.there(key)
}

func (v *variables) value(key, kind string) (string, error) {
	if f, ok := follows[key]; ok {
		return f[1], nil
	}
	if before := v.kinds[key]; before != "" && before != "any" && before != kind {
		return "", fmt.Errorf("%s is compared as %s and as %s", key, before, kind)
	}
	v.kinds[key] = kind
	return "|" + key + "|", nil
}

// translate writes a resource's policy.
func translate(body any, vars *variables) (formula, error) {
	f := formula{vars: vars}
	for _, s := range statementsOf(body) {
		text, err := vars.statement(s)
		if err != nil {
			return f, fmt.Errorf("statement %s: %w", s.sid(), err)
		}
		if s.allows() {
			f.allows = append(f.allows, text)
		} else {
			f.denies = append(f.denies, text)
		}
	}
	return f, nil
}

// denied are the requests that the policy denies.
func (f formula) denied() string { return or(f.denies) }

func (v *variables) statement(s statement) (string, error) {
	who, err := whoIs(s)
	if err != nil {
		return "", err
	}
	parts := []string{who}
	for _, element := range []struct {
		name, of string
		tokens   func(string) []smtToken
	}{
		{"Action", "action", func(p string) []smtToken { return textTokens(strings.ToLower(p)) }},
		{"Resource", "resource", arnTokens},
	} {
		is, not := texts(s.object[element.name]), texts(s.object["Not"+element.name])
		switch {
		case len(is) > 0:
			parts = append(parts, anyOf(element.of, is, element.tokens))
		case len(not) > 0:
			parts = append(parts, "(not "+anyOf(element.of, not, element.tokens)+")")
		}
	}
	for _, c := range s.conditions() {
		text, err := v.condition(c)
		if err != nil {
			return "", fmt.Errorf("%s on %s: %w", c.operator, c.key, err)
		}
		parts = append(parts, text)
	}
	return and(parts...), nil
}

// whoIs writes a statement's principals. An account stands for its principals.
func whoIs(s statement) (string, error) {
	if s.object["Principal"] == "*" {
		return "true", nil
	}
	var any []string
	principals, ok := s.object["Principal"].(object)
	if !ok {
		return "", fmt.Errorf("its principals are not modelled")
	}
	for kind, names := range principals {
		for _, name := range texts(names) {
			of, isRoot := strings.CutSuffix(name, ":root")
			number := of[strings.LastIndex(of, ":")+1:]
			switch {
			case kind == "AWS" && name == "*":
				any = append(any, "true")
			case kind == "AWS" && (isRoot || !strings.Contains(name, ":")):
				any = append(any, and("signed", equal("account", number)))
			case kind == "AWS" && strings.HasPrefix(name, "arn:aws:iam:"):
				any = append(any, and("signed", equal("arn", name)))
			case kind == "Service":
				any = append(any, and("isService", equal("service", name)))
			default:
				return "", fmt.Errorf("the principal %s is not modelled", name)
			}
		}
	}
	slices.Sort(any)
	return or(any), nil
}

// condition writes one operator on one key.
func (v *variables) condition(c block) (string, error) {
	key := strings.ToLower(c.key)
	operator, ifExists := strings.CutSuffix(c.operator, "IfExists")
	switch {
	case operator == "Null" && c.values[0] == "true":
		return not(v.isThere(key)), nil
	case operator == "Null":
		return v.isThere(key), nil
	case key == "kms:encryptioncontextkeys" && operator == "ForAnyValue:StringEquals":
		return v.inContext(c.values), nil
	}
	positive := strings.Replace(operator, "Not", "", 1)
	kind, ok := map[string]string{
		"StringEquals": "text", "StringLike": "text", "ArnEquals": "text", "ArnLike": "text", "Bool": "truth", "NumericLessThan": "number",
	}[positive]
	if !ok {
		return "", fmt.Errorf("the operator is not modelled")
	}
	value, err := v.value(key, kind)
	if err != nil {
		return "", err
	}
	var any []string
	for _, want := range c.values {
		if strings.Contains(want, "${") {
			return "", fmt.Errorf("policy variables are not modelled")
		}
		switch positive {
		case "StringLike":
			any = append(any, regexOf(value, textTokens(want)))
		case "ArnEquals", "ArnLike":
			any = append(any, regexOf(value, conditionTokens(want)))
		case "NumericLessThan":
			any = append(any, "(< "+value+" "+want+")")
		default:
			any = append(any, equal(value, want))
		}
	}
	holds, without := or(any), "false"
	if positive != operator {
		holds, without = not(holds), "true"
	}
	if ifExists {
		without = "true"
	}
	return "(ite " + v.there(key) + " " + holds + " " + without + ")", nil
}

// inContext says that a request on a key names one of some texts in its encryption
// context, each of which is a condition key of its own.
func (v *variables) inContext(names []string) string {
	var any []string
	for _, name := range names {
		any = append(any, v.isThere("kms:encryptioncontext:"+strings.ToLower(name)))
	}
	return or(any)
}

// A token of a pattern: a literal text, or a wildcard.
type smtToken struct {
	text string
	// within: the wildcard stays between two colons.
	many, one, within bool
}

func textTokens(pattern string) []smtToken {
	var list []smtToken
	for _, char := range pattern {
		switch char {
		case '*':
			list = append(list, smtToken{many: true})
		case '?':
			list = append(list, smtToken{one: true})
		default:
			list = append(list, smtToken{text: string(char)})
		}
	}
	return list
}

// conditionTokens keep each wildcard of an ARN between its colons, but in the last of
// the six segments.
func conditionTokens(pattern string) []smtToken { return segmentTokens(pattern, false) }

// arnTokens are those of a resource, where a * that ends a segment goes over colons.
func arnTokens(pattern string) []smtToken { return segmentTokens(pattern, true) }

func segmentTokens(pattern string, crosses bool) []smtToken {
	list, colons := textTokens(pattern), 0
	for i, t := range list {
		if t.text == ":" {
			colons++
		}
		ends := i+1 == len(list) || list[i+1].text == ":"
		over := crosses && t.many && ends
		list[i].within = colons < arnSegments-1 && !over
	}
	return list
}

// expressionOf is a pattern as a regular expression of the solver.
func expressionOf(tokens []smtToken) string {
	const within = `(re.union (re.range " " "9") (re.range ";" "~"))`
	parts, literal := []string{}, ""
	flush := func() {
		if literal != "" {
			parts, literal = append(parts, "(str.to_re "+quote(literal)+")"), ""
		}
	}
	for _, t := range tokens {
		if !t.many && !t.one {
			literal += t.text
			continue
		}
		flush()
		char := `(re.range " " "~")`
		if t.within {
			char = within
		}
		if t.many {
			char = "(re.* " + char + ")"
		}
		parts = append(parts, char)
	}
	flush()
	if len(parts) == 1 {
		return parts[0]
	}
	return "(re.++ " + strings.Join(parts, " ") + ")"
}

func quote(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }

func equal(variable, text string) string { return "(= " + variable + " " + quote(text) + ")" }

// regexOf says that a variable matches a pattern. Most patterns are a text, or how
// one begins, which solvers are better at than at expressions.
func regexOf(variable string, tokens []smtToken) string {
	first := slices.IndexFunc(tokens, func(t smtToken) bool { return t.many || t.one })
	var begins strings.Builder
	for _, t := range tokens[:max(first, 0)] {
		begins.WriteString(t.text)
	}
	switch {
	case first < 0:
		for _, t := range tokens {
			begins.WriteString(t.text)
		}
		return equal(variable, begins.String())
	case first+1 < len(tokens) || tokens[first].one || tokens[first].within:
		return "(str.in_re " + variable + " " + expressionOf(tokens) + ")"
	case first == 0:
		return "true"
	}
	return startsWith(variable, begins.String())
}

func startsWith(variable, text string) string {
	return "(str.prefixof " + quote(text) + " " + variable + ")"
}

func anyOf(variable string, patterns []string, tokens func(string) []smtToken) string {
	var any []string
	for _, p := range patterns {
		any = append(any, regexOf(variable, tokens(p)))
	}
	return or(any)
}

func not(formula string) string { return "(not " + formula + ")" }

func and(formulas ...string) string { return join("and", "true", formulas) }
func or(formulas []string) string   { return join("or", "false", formulas) }

func join(operator, none string, formulas []string) string {
	switch len(formulas) {
	case 0:
		return none
	case 1:
		return formulas[0]
	}
	return "(" + operator + " " + strings.Join(formulas, " ") + ")"
}

// Ensure a statement is written as it is meant, and what cannot be is refused.
func TestTranslate(t *testing.T) {
	of := func(pairs ...any) object {
		s := object{"Sid": "S", "Effect": "Deny", "Principal": "*", "Action": "s3:Get*", "Resource": "*"}
		for i := 0; i+1 < len(pairs); i += 2 {
			s[pairs[i].(string)] = pairs[i+1]
		}
		return object{"Statement": []any{s}}
	}
	get := `(str.prefixof "s3:get" action)`
	for name, tc := range map[string]struct {
		body any
		want string
	}{
		"everybody":   {of(), "(and true " + get + " true)"},
		"an account":  {of("Principal", object{"AWS": "arn:aws:iam::" + Account + ":root"}), `(and (and signed (= account "` + Account + `")) ` + get + " true)"},
		"NotResource": {of("NotResource", "arn:aws:s3:::b/*", "Resource", nil), `(and true ` + get + ` (not (str.prefixof "arn:aws:s3:::b/" resource)))`},
		"truth":       {of("Condition", object{"Bool": object{"aws:SecureTransport": "false"}}), `(and true ` + get + ` true (ite |has aws:securetransport| (= |aws:securetransport| "false") false))`},
		"negated":     {of("Condition", object{"StringNotEquals": object{"k:a": []any{"x", "y"}}}), `(and true ` + get + ` true (ite |has k:a| (not (or (= |k:a| "x") (= |k:a| "y"))) true))`},
		"the account": {of("Condition", object{"StringEquals": object{"aws:PrincipalAccount": "1"}}), `(and true ` + get + ` true (ite (not isService) (= (ite signed account "anonymous") "1") false))`},
		"Null":        {of("Condition", object{"Null": object{"k:a": "true"}}), `(and true ` + get + ` true (not |has k:a|))`},
		"a set":       {of("Condition", object{"ForAnyValue:StringEquals": object{"k:a": "x"}}), "the operator is not modelled"},
		"a context":   {of("Condition", object{"ForAnyValue:StringEquals": object{"kms:EncryptionContextKeys": "a:B"}}), "(and true " + get + " true |has kms:encryptioncontext:a:b|)"},
		"a variable":  {of("Condition", object{"StringEquals": object{"k:a": "${aws:username}"}}), "policy variables are not modelled"},
		"a session":   {of("Principal", object{"AWS": "arn:aws:sts::1:assumed-role/a/b"}), "the principal arn:aws:sts::1:assumed-role/a/b is not modelled"},
		"two kinds":   {of("Condition", object{"Bool": object{"k:a": "true"}, "StringEquals": object{"k:a": "true"}}), "is compared as truth and as text"},
	} {
		f, err := translate(tc.body, &variables{kinds: map[string]string{}})
		got := f.denied()
		if err != nil {
			got = err.Error()
		}
		if got != tc.want && (err == nil || !strings.Contains(got, tc.want)) {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
	if got := expressionOf(arnTokens("arn:aws:x:us-*:1:a?")); strings.Count(got, "re.range") != 2 || !strings.Contains(got, strconv.Quote("arn:aws:x:us-")) {
		t.Errorf("a * that ends a segment stays in it: %s", got)
	}
	if got := expressionOf(conditionTokens("arn:aws:x:us-*:1:a?")); strings.Count(got, "re.range") != 3 {
		t.Errorf("a * in a condition leaves its segment: %s", got)
	}
}
