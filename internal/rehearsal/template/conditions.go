package template

// condition evaluates a named condition, once.
func (r *resolver) condition(name string, s site) (bool, error) {
	if holds, done := r.conditions[name]; done {
		return holds, nil
	}
	expression, ok := r.document.Conditions[name]
	if !ok {
		return false, s.errorf("condition %s does not exist", name)
	}
	guard := "condition " + name
	if r.pending[guard] {
		return false, s.errorf("condition %s refers to itself", name)
	}
	r.pending[guard] = true
	defer delete(r.pending, guard)
	holds, err := r.test(expression, site{path: "Conditions." + name, parametersOnly: true})
	if err != nil {
		return false, err
	}
	r.conditions[name] = holds
	return holds, nil
}

// test evaluates a condition function.
func (r *resolver) test(expression any, s site) (bool, error) {
	m, ok := expression.(map[string]any)
	if !ok || len(m) != 1 {
		return false, s.errorf("want one condition function")
	}
	name := sortedKeys(m)[0]
	v := m[name]
	s = s.at(name)
	switch name {
	case "Condition":
		other, isName := v.(string)
		if !isName {
			return false, s.errorf("Condition takes a name")
		}
		return r.condition(other, s)
	case "Fn::Equals":
		return r.equals(v, s)
	case "Fn::Not":
		return r.not(v, s)
	case "Fn::And":
		return r.all(v, s, false)
	case "Fn::Or":
		return r.all(v, s, true)
	case "Fn::Contains":
		return r.contains(v, s)
	}
	return false, s.errorf("%s is not modelled in a condition", name)
}

func (r *resolver) equals(v any, s site) (bool, error) {
	args, err := arguments("Fn::Equals", v, 2, s)
	if err != nil {
		return false, err
	}
	a, err := r.text(args[0], s.index(0))
	if err != nil {
		return false, err
	}
	b, err := r.text(args[1], s.index(1))
	return a == b, err
}

func (r *resolver) not(v any, s site) (bool, error) {
	args, err := arguments("Fn::Not", v, 1, s)
	if err != nil {
		return false, err
	}
	holds, err := r.test(args[0], s.index(0))
	return !holds, err
}

// all is Fn::And, and with or set Fn::Or. CloudFormation takes 2 to 10
// conditions; each is evaluated, so that an unmodelled one is always found.
func (r *resolver) all(v any, s site, or bool) (bool, error) {
	args, ok := v.([]any)
	if !ok || len(args) < 2 || len(args) > 10 {
		return false, s.errorf("want a list of 2 to 10 conditions")
	}
	result := !or
	for i, arg := range args {
		holds, err := r.test(arg, s.index(i))
		if err != nil {
			return false, err
		}
		if holds == or {
			result = or
		}
	}
	return result, nil
}

// contains is Fn::Contains, which CloudFormation knows in the Rules section.
func (r *resolver) contains(v any, s site) (bool, error) {
	args, err := arguments("Fn::Contains", v, 2, s)
	if err != nil {
		return false, err
	}
	items, err := r.list(args[0], s.index(0))
	if err != nil {
		return false, err
	}
	want, err := r.text(args[1], s.index(1))
	if err != nil {
		return false, err
	}
	for _, item := range items {
		if t, ok := scalarText(item); ok && t == want {
			return true, nil
		}
	}
	return false, nil
}

// checkRules evaluates the Rules section: CDK puts the bootstrap version there.
func (r *resolver) checkRules() error {
	for _, name := range sortedKeys(r.document.Rules) {
		s := site{path: "Rules." + name, parametersOnly: true}
		rule, ok := r.document.Rules[name].(map[string]any)
		if !ok {
			return s.errorf("a rule is an object")
		}
		if condition, has := rule["RuleCondition"]; has {
			holds, err := r.test(condition, s.at("RuleCondition"))
			if err != nil {
				return err
			}
			if !holds {
				continue
			}
		}
		assertions, ok := rule["Assertions"].([]any)
		if !ok {
			return s.errorf("a rule has assertions")
		}
		if err := r.assert(assertions, s.at("Assertions")); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) assert(assertions []any, s site) error {
	for i, a := range assertions {
		assertion, ok := a.(map[string]any)
		if !ok {
			return s.index(i).errorf("an assertion is an object")
		}
		holds, err := r.test(assertion["Assert"], s.index(i))
		if err != nil {
			return err
		}
		if !holds {
			return s.index(i).errorf("assertion fails: %v", assertion["AssertDescription"])
		}
	}
	return nil
}
