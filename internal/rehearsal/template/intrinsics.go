package template

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
)

// call evaluates one intrinsic function of the CloudFormation user guide's
// intrinsic function reference.
func (r *resolver) call(name string, v any, s site) (any, error) {
	s = s.at(name)
	switch name {
	case "Ref":
		return r.ref(v, s)
	case "Fn::GetAtt":
		return r.getAtt(v, s)
	case "Fn::Sub":
		return r.sub(v, s)
	case "Fn::Join":
		return r.join(v, s)
	case "Fn::Select":
		return r.selectItem(v, s)
	case "Fn::Split":
		return r.split(v, s)
	case "Fn::GetAZs":
		return r.getAZs(v, s)
	case "Fn::If":
		return r.ifThenElse(v, s)
	case "Fn::FindInMap":
		return r.findInMap(v, s)
	case "Fn::Base64":
		t, err := r.text(v, s)
		return base64.StdEncoding.EncodeToString([]byte(t)), err
	case "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not", "Fn::Contains":
		return nil, s.errorf("%s belongs in a condition", name)
	case "Fn::ImportValue":
		return nil, s.errorf("Fn::ImportValue needs another stack, which is not modelled")
	}
	return nil, s.errorf("%s is not modelled", name)
}

func (r *resolver) ref(v any, s site) (any, error) {
	name, ok := v.(string)
	if !ok {
		return nil, s.errorf("Ref takes a name")
	}
	if value, found := r.pseudoParameter(name); found {
		return value, nil
	}
	if value, found := r.parameters[name]; found {
		return value, nil
	}
	return r.physicalID(name, s)
}

func (r *resolver) getAtt(v any, s site) (any, error) {
	id, attribute, ok := getAttTarget(v)
	if !ok {
		return nil, s.errorf("Fn::GetAtt takes a logical id and an attribute name")
	}
	return r.attribute(id, attribute, s)
}

func getAttTarget(v any) (logicalID, attribute string, ok bool) {
	switch t := v.(type) {
	case string:
		return strings.Cut(t, ".")
	case []any:
		if len(t) != 2 {
			return "", "", false
		}
		logicalID, ok = t[0].(string)
		if !ok {
			return "", "", false
		}
		attribute, ok = t[1].(string)
		return logicalID, attribute, ok
	}
	return "", "", false
}

// placeholder matches ${Name}, ${Name.Attribute} and ${!Literal}.
var placeholder = regexp.MustCompile(`\$\{(!?)([^}]+)\}`)

func (r *resolver) sub(v any, s site) (any, error) {
	text, variables, ok := subParts(v)
	if !ok {
		return nil, s.errorf("Fn::Sub takes a string, or a string and a map")
	}
	var failure error
	out := placeholder.ReplaceAllStringFunc(text, func(match string) string {
		parts := placeholder.FindStringSubmatch(match)
		name := strings.TrimSpace(parts[2])
		if parts[1] == "!" {
			return "${" + parts[2] + "}"
		}
		value, err := r.subVariable(name, variables, s)
		if err != nil && failure == nil {
			failure = err
		}
		return value
	})
	return out, failure
}

func (r *resolver) subVariable(name string, variables map[string]any, s site) (string, error) {
	if v, ok := variables[name]; ok {
		return r.text(v, s.at(name))
	}
	if strings.Contains(name, ".") {
		return r.text(map[string]any{"Fn::GetAtt": name}, s)
	}
	return r.text(map[string]any{"Ref": name}, s)
}

func subParts(v any) (text string, variables map[string]any, ok bool) {
	if text, ok = v.(string); ok {
		return text, nil, true
	}
	l, isList := v.([]any)
	if !isList || len(l) != 2 {
		return "", nil, false
	}
	text, ok = l[0].(string)
	if !ok {
		return "", nil, false
	}
	variables, ok = l[1].(map[string]any)
	return text, variables, ok
}

func (r *resolver) join(v any, s site) (any, error) {
	args, err := arguments("Fn::Join", v, 2, s)
	if err != nil {
		return nil, err
	}
	delimiter, ok := args[0].(string)
	if !ok {
		return nil, s.errorf("Fn::Join takes a literal delimiter")
	}
	items, err := r.list(args[1], s)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(items))
	for i, item := range items {
		if texts[i], ok = scalarText(item); !ok {
			return nil, s.index(i).errorf("Fn::Join joins strings, got %T", item)
		}
	}
	return strings.Join(texts, delimiter), nil
}

func (r *resolver) selectItem(v any, s site) (any, error) {
	args, err := arguments("Fn::Select", v, 2, s)
	if err != nil {
		return nil, err
	}
	text, err := r.text(args[0], s)
	if err != nil {
		return nil, err
	}
	items, err := r.list(args[1], s)
	if err != nil {
		return nil, err
	}
	i, err := strconv.Atoi(text)
	if err != nil || i < 0 || i >= len(items) {
		return nil, s.errorf("Fn::Select cannot take item %q of %d", text, len(items))
	}
	return items[i], nil
}

func (r *resolver) split(v any, s site) (any, error) {
	args, err := arguments("Fn::Split", v, 2, s)
	if err != nil {
		return nil, err
	}
	delimiter, ok := args[0].(string)
	if !ok || delimiter == "" {
		return nil, s.errorf("Fn::Split takes a literal delimiter")
	}
	text, err := r.text(args[1], s)
	if err != nil {
		return nil, err
	}
	var parts []any
	for _, p := range strings.Split(text, delimiter) {
		parts = append(parts, p)
	}
	return parts, nil
}

func (r *resolver) getAZs(v any, s site) (any, error) {
	region, err := r.text(v, s)
	if err != nil {
		return nil, err
	}
	if region != "" && region != r.region {
		return nil, s.errorf("Fn::GetAZs knows the zones of %s, not of %s", r.region, region)
	}
	zones := make([]any, len(r.azs))
	for i, z := range r.azs {
		zones[i] = z
	}
	return zones, nil
}

func (r *resolver) ifThenElse(v any, s site) (any, error) {
	args, err := arguments("Fn::If", v, 3, s)
	if err != nil {
		return nil, err
	}
	name, ok := args[0].(string)
	if !ok {
		return nil, s.errorf("Fn::If takes the name of a condition")
	}
	holds, err := r.condition(name, s)
	if err != nil {
		return nil, err
	}
	if holds {
		return r.resolve(args[1], s.index(1))
	}
	return r.resolve(args[2], s.index(2))
}

func (r *resolver) findInMap(v any, s site) (any, error) {
	args, err := arguments("Fn::FindInMap", v, 3, s)
	if err != nil {
		return nil, err
	}
	var keys [3]string
	for i := range args {
		if keys[i], err = r.text(args[i], s.index(i)); err != nil {
			return nil, err
		}
	}
	value, ok := r.document.Mappings[keys[0]][keys[1]][keys[2]]
	if !ok {
		return nil, s.errorf("no mapping %s has the keys %s and %s", keys[0], keys[1], keys[2])
	}
	return value, nil
}
