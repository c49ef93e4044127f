package template

import "strings"

// exists tells whether a resource is in the template and its condition holds.
func (r *resolver) exists(logicalID string, s site) (bool, error) {
	raw, ok := r.document.Resources[logicalID]
	if !ok {
		return false, s.errorf("no parameter or resource is named %s", logicalID)
	}
	if raw.Condition == "" {
		return true, nil
	}
	return r.condition(raw.Condition, site{resource: logicalID, path: "Condition"})
}

// checkReferences looks at every function call of the template, also at those
// in branches not taken and in resources that vanish: CloudFormation refuses
// a template that names something which does not exist.
func (r *resolver) checkReferences() error {
	for _, id := range sortedKeys(r.document.Resources) {
		raw := r.document.Resources[id]
		if err := r.checkValue(raw.Properties, site{resource: id, path: "Properties"}); err != nil {
			return err
		}
	}
	for _, id := range sortedKeys(r.document.Outputs) {
		s := site{path: "Outputs." + id}
		if err := r.checkValue(r.document.Outputs[id].Value, s); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) checkValue(v any, s site) error {
	switch t := v.(type) {
	case map[string]any:
		if err := r.checkCall(t, s); err != nil {
			return err
		}
		for _, key := range sortedKeys(t) {
			if err := r.checkValue(t[key], s.at(key)); err != nil {
				return err
			}
		}
	case []any:
		for i, item := range t {
			if err := r.checkValue(item, s.index(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *resolver) checkCall(m map[string]any, s site) error {
	name, argument, ok := intrinsic(m)
	if !ok {
		return nil
	}
	switch name {
	case "Ref":
		target, _ := argument.(string)
		return r.checkName(target, s)
	case "Fn::GetAtt":
		target, _, isTarget := getAttTarget(argument)
		if !isTarget {
			return s.errorf("Fn::GetAtt takes a logical id and an attribute name")
		}
		return r.checkName(target, s)
	case "Fn::Sub":
		return r.checkSub(argument, s)
	case "Fn::If":
		return r.checkIf(argument, s)
	case "Fn::Join", "Fn::Select", "Fn::Split", "Fn::GetAZs", "Fn::FindInMap", "Fn::Base64":
		return nil
	case "Fn::ImportValue":
		return s.errorf("Fn::ImportValue needs another stack, which is not modelled")
	}
	return s.errorf("%s is not modelled", name)
}

func (r *resolver) checkIf(argument any, s site) error {
	args, err := arguments("Fn::If", argument, 3, s)
	if err != nil {
		return err
	}
	if name, _ := args[0].(string); r.document.Conditions[name] == nil {
		return s.errorf("condition %v does not exist", args[0])
	}
	return nil
}

func (r *resolver) checkSub(argument any, s site) error {
	text, variables, ok := subParts(argument)
	if !ok {
		return s.errorf("Fn::Sub takes a string, or a string and a map")
	}
	for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
		name, _, _ := strings.Cut(strings.TrimSpace(match[2]), ".")
		if _, isVariable := variables[strings.TrimSpace(match[2])]; isVariable || match[1] == "!" {
			continue
		}
		if err := r.checkName(name, s); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) checkName(name string, s site) error {
	if _, ok := r.pseudoParameter(name); ok {
		return nil
	}
	if _, ok := r.document.Parameters[name]; ok {
		return nil
	}
	if _, ok := r.document.Resources[name]; ok {
		return nil
	}
	return s.errorf("no parameter or resource is named %q", name)
}
