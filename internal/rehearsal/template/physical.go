package template

import (
	"fmt"
	"regexp"
	"strings"
)

// kind says how one resource type is named. Ref and attributes are patterns
// in which {word} is replaced, see expand.
type kind struct {
	// nameProperty is the property that names the resource; when it is not
	// set, or the type has none, generated makes the name.
	nameProperty string
	// generated is a pattern too.
	generated string
	// ref is what Ref answers; empty means "{name}".
	ref string
	// attributes by name, what Fn::GetAtt answers.
	attributes map[string]string
	// lists holds the attributes that are lists of strings.
	lists map[string][]string
}

// customResource is the kind of AWS::CloudFormation::CustomResource and
// Custom::*. What its function answers is not known before it has run, so it
// has no attributes.
var customResource = kind{generated: "{unique}"}

func kindOf(typeName string) (kind, error) {
	if strings.HasPrefix(typeName, "Custom::") || typeName == "AWS::CloudFormation::CustomResource" {
		return customResource, nil
	}
	for _, table := range []map[string]kind{serviceKinds, networkKinds, apiKinds, scheduleKinds, wafKinds} {
		if k, ok := table[typeName]; ok {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("resource type %s is not modelled", typeName)
}

// physicalID answers Ref for a resource, and notes the dependency of s on it.
func (r *resolver) physicalID(logicalID string, s site) (string, error) {
	raw, err := r.target(logicalID, s)
	if err != nil {
		return "", err
	}
	if id, done := r.physicalIDs[logicalID]; done {
		return id, nil
	}
	k, err := kindOf(raw.Type)
	if err != nil {
		return "", s.errorf("%s: %w", logicalID, err)
	}
	pattern := k.ref
	if pattern == "" {
		pattern = "{name}"
	}
	id, err := r.expand(pattern, logicalID, k)
	if err != nil {
		return "", err
	}
	r.physicalIDs[logicalID] = id
	return id, nil
}

// attribute answers Fn::GetAtt, and notes the dependency of s.
func (r *resolver) attribute(logicalID, name string, s site) (any, error) {
	raw, err := r.target(logicalID, s)
	if err != nil {
		return nil, err
	}
	k, err := kindOf(raw.Type)
	if err != nil {
		return nil, s.errorf("%s: %w", logicalID, err)
	}
	if pattern, ok := k.attributes[name]; ok {
		return r.expand(pattern, logicalID, k)
	}
	patterns, ok := k.lists[name]
	if !ok {
		return nil, s.errorf("%s: attribute %s of %s is not modelled", logicalID, name, raw.Type)
	}
	values := make([]any, len(patterns))
	for i, p := range patterns {
		if values[i], err = r.expand(p, logicalID, k); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// target finds the resource a reference at s points to.
func (r *resolver) target(logicalID string, s site) (rawResource, error) {
	if s.parametersOnly {
		return rawResource{}, s.errorf("%s: only parameters may be referred to here", logicalID)
	}
	exists, err := r.exists(logicalID, s)
	if err != nil {
		return rawResource{}, err
	}
	if !exists {
		return rawResource{}, s.errorf("%s does not exist: its condition is false", logicalID)
	}
	r.depend(s.resource, logicalID)
	return r.document.Resources[logicalID], nil
}

var word = regexp.MustCompile(`\{([a-zA-Z]+)(?::([^}]*))?\}`)

// expand replaces the words of a pattern:
//
//	{partition} {region} {account} {suffix} {stack}
//	{name}                the name property or the generated name
//	{property:P}          the resolved property P
//	{path}                IAM's Path property, default "/"
//	{function}            the name inside the FunctionName property
//	{hex:n} {lower:n} {upper:n} {base:n} {mixed:n}   n characters of an alphabet
//	{hex:n purpose}       the same for a second id of the resource
//	{uuid}
//	{unique} {uniqueLower} {unique:max}   CloudFormation's generated names
func (r *resolver) expand(pattern, logicalID string, k kind) (string, error) {
	var failure error
	out := word.ReplaceAllStringFunc(pattern, func(match string) string {
		parts := word.FindStringSubmatch(match)
		text, err := r.word(parts[1], parts[2], logicalID, k)
		if err != nil && failure == nil {
			failure = err
		}
		return text
	})
	return out, failure
}

func (r *resolver) word(name, argument, logicalID string, k kind) (string, error) {
	switch name {
	case "partition":
		return r.partition, nil
	case "region":
		return r.region, nil
	case "account":
		return r.account, nil
	case "suffix":
		return r.urlSuffix, nil
	case "stack":
		return r.stackName, nil
	case "name":
		return r.name(logicalID, k)
	case "path":
		path, err := r.property(logicalID, "Path")
		if path == "" {
			path = "/"
		}
		return path, err
	case "property":
		return r.requiredProperty(logicalID, argument)
	case "function":
		return r.functionName(logicalID)
	}
	return r.generate(name, argument, logicalID)
}

// generate makes an id or a name for a resource that has none of its own.
func (r *resolver) generate(form, argument, logicalID string) (string, error) {
	switch form {
	case "uuid":
		return uuid(r.stackName, logicalID, argument), nil
	case "unique":
		limit := 64
		if _, err := fmt.Sscan(argument, &limit); argument != "" && err != nil {
			return "", err
		}
		return r.unique(logicalID, limit, upperAlnum), nil
	case "uniqueLower":
		return strings.ToLower(r.unique(logicalID, 63, lowerAlnum)), nil
	}
	alphabet, ok := map[string]string{
		"hex": hexDigits, "lower": lowerAlnum, "upper": upperAlnum, "base": upperBase, "mixed": mixedAlnum,
	}[form]
	if !ok {
		return "", fmt.Errorf("%s: pattern word {%s} is unknown", logicalID, form)
	}
	var n int
	count, purpose, _ := strings.Cut(argument, " ")
	if _, err := fmt.Sscan(count, &n); err != nil {
		return "", fmt.Errorf("%s: pattern {%s:%s}: %w", logicalID, form, argument, err)
	}
	return characters(alphabet, n, r.stackName, logicalID, purpose), nil
}

// unique is stack-logicalId-random, with the stack's part and then the logical
// id's cut so that at most limit characters remain.
func (r *resolver) unique(logicalID string, limit int, alphabet string) string {
	random := characters(alphabet, 12, r.stackName, logicalID, "name")
	room := limit - len(random) - 2
	stack := r.stackName
	if len(stack) > room/2 {
		stack = stack[:room/2]
	}
	if rest := room - len(stack); len(logicalID) > rest {
		logicalID = logicalID[:rest]
	}
	return stack + "-" + logicalID + "-" + random
}

func (r *resolver) name(logicalID string, k kind) (string, error) {
	if k.nameProperty != "" {
		name, err := r.property(logicalID, k.nameProperty)
		if err != nil || name != "" {
			return name, err
		}
	}
	return r.expand(k.generated, logicalID, kind{})
}

// property resolves one property to a string; empty when it is not set. It
// guards against a name that refers to the resource itself.
func (r *resolver) property(logicalID, name string) (string, error) {
	v, ok := r.document.Resources[logicalID].Properties[name]
	if !ok {
		return "", nil
	}
	s := site{resource: logicalID, path: "Properties." + name}
	guard := "property " + logicalID + "." + name
	if r.pending[guard] {
		return "", s.errorf("circular dependency: the name refers to itself")
	}
	r.pending[guard] = true
	defer delete(r.pending, guard)
	resolved, err := r.resolve(v, s)
	if err != nil {
		return "", err
	}
	if _, gone := resolved.(noValue); gone {
		return "", nil
	}
	text, ok := scalarText(resolved)
	if !ok {
		return "", s.errorf("want a string, got %T", resolved)
	}
	return text, nil
}

func (r *resolver) requiredProperty(logicalID, name string) (string, error) {
	text, err := r.property(logicalID, name)
	if err == nil && text == "" {
		err = site{resource: logicalID, path: "Properties"}.errorf("%s is not set", name)
	}
	return text, err
}

// functionName takes the name out of a FunctionName property, which may be a
// name or an ARN.
func (r *resolver) functionName(logicalID string) (string, error) {
	text, err := r.requiredProperty(logicalID, "FunctionName")
	if _, after, ok := strings.Cut(text, ":function:"); ok {
		text, _, _ = strings.Cut(after, ":")
	}
	return text, err
}
