package security

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// mutation is one defect, seeded into the template of a variant.
type mutation struct {
	control int
	// variant is the configuration it is seeded into; "" for the default.
	variant string
	// what says what is wrong, and names the mutation.
	what string
	edit edit
	// killers are assertions that must find it, all of them.
	killers []string
}

// edit changes the resources of a template as it was synthesized. It fails if what
// it changes is not there, so that no mutation is without an effect unseen.
type edit func(resources object) error

// lookup finds the logical id of the resource that is made as name.
func lookup(resources object, name string) (string, error) {
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		if id == name || len(id) == len(name)+hashLength && strings.HasPrefix(id, name) {
			return id, nil
		}
	}
	return "", fmt.Errorf("there is no resource %s", name)
}

func resourceOf(resources object, name string) (object, error) {
	id, err := lookup(resources, name)
	if err != nil {
		return nil, err
	}
	return resources[id].(object), nil
}

// link is a reference to a resource by the name it is made as: its attribute, or
// with none its name.
type link struct{ name, attr string }

// value puts references in place of links, and copies the rest.
func value(resources object, v any) (any, error) {
	switch v := v.(type) {
	case link:
		id, err := lookup(resources, v.name)
		if err != nil {
			return nil, err
		}
		if v.attr == "" {
			return object{"Ref": id}, nil
		}
		return object{"Fn::GetAtt": []any{id, v.attr}}, nil
	case object:
		out := object{}
		for key, item := range v {
			var err error
			if out[key], err = value(resources, item); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			resolved, err := value(resources, item)
			if err != nil {
				return nil, err
			}
			out = append(out, resolved)
		}
		return out, nil
	}
	return v, nil
}

// drop takes a resource away.
func drop(name string) edit {
	return func(resources object) error {
		id, err := lookup(resources, name)
		delete(resources, id)
		return err
	}
}

// create adds a resource.
func create(kind string, properties object) edit {
	return func(resources object) error {
		resolved, err := value(resources, properties)
		resources["Seeded"] = object{"Type": kind, "Properties": resolved}
		return err
	}
}

// set changes what is at a path below a resource; nil takes it away. A path's steps
// are members, and indexes of lists.
func set(name, path string, to any) edit {
	return func(resources object) error {
		r, err := resourceOf(resources, name)
		if err != nil {
			return err
		}
		resolved, err := value(resources, to)
		if err != nil {
			return err
		}
		steps := strings.Split(path, ".")
		var at any = r
		for _, step := range steps[:len(steps)-1] {
			if i, err := strconv.Atoi(step); err == nil {
				at = get(at, i)
			} else {
				at = get(at, step)
			}
		}
		last := steps[len(steps)-1]
		if list, ok := at.([]any); ok {
			i, err := strconv.Atoi(last)
			if err != nil || i >= len(list) {
				return fmt.Errorf("%s has no %s", name, path)
			}
			list[i] = resolved
			return nil
		}
		m, ok := at.(object)
		if _, there := m[last]; !ok || to == nil && !there {
			return fmt.Errorf("%s has no %s", name, path)
		}
		if m[last] = resolved; to == nil {
			delete(m, last)
		}
		return nil
	}
}

// more puts an item at the end of the list at a path below a resource.
func more(name, path string, item any) edit {
	return func(resources object) error {
		r, err := resourceOf(resources, name)
		if err != nil {
			return err
		}
		var at any = r
		for _, step := range strings.Split(path, ".") {
			at = get(at, step)
		}
		list, ok := at.([]any)
		if !ok {
			return fmt.Errorf("%s has no list %s", name, path)
		}
		return set(name, path, append(slices.Clone(list), item))(resources)
	}
}

// unset takes away what is at a path.
func unset(name, path string) edit { return set(name, path, nil) }

// both makes two changes that are one defect.
func both(edits ...edit) edit {
	return func(resources object) error {
		for _, e := range edits {
			if err := e(resources); err != nil {
				return err
			}
		}
		return nil
	}
}

// inPolicy changes the list of statements that has one with the Sid.
func inPolicy(name, sid string, change func(list []any, i int) []any) edit {
	return func(resources object) error {
		r, err := resourceOf(resources, name)
		if err != nil {
			return err
		}
		changed := 0
		eachDocument(r["Properties"], func(doc object) {
			list := items(doc["Statement"])
			i := slices.IndexFunc(list, func(s any) bool { return text(get(s, "Sid")) == sid })
			if i >= 0 {
				doc["Statement"] = change(list, i)
				changed++
			}
		})
		if changed != 1 {
			return fmt.Errorf("%s has %d policies with a statement %s", name, changed, sid)
		}
		return nil
	}
}

func eachDocument(v any, do func(doc object)) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			eachDocument(item, do)
		}
	case object:
		if _, ok := v["Statement"].([]any); ok {
			do(v)
			return
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			eachDocument(v[key], do)
		}
	}
}

// forget takes a statement out of a policy.
func forget(name, sid string) edit {
	return inPolicy(name, sid, func(list []any, i int) []any { return slices.Delete(list, i, i+1) })
}

// change sets a member of a statement; nil takes it away. The path is as in [set].
func change(name, sid, path string, to any) edit {
	return func(resources object) error {
		resolved, err := value(resources, to)
		if err != nil {
			return err
		}
		done := false
		err = inPolicy(name, sid, func(list []any, i int) []any {
			steps := strings.Split(path, ">")
			m := list[i].(object)
			for _, step := range steps[:len(steps)-1] {
				if m, _ = m[step].(object); m == nil {
					return list
				}
			}
			last := steps[len(steps)-1]
			_, there := m[last]
			if done = to != nil || there; to == nil {
				delete(m, last)
			} else {
				m[last] = resolved
			}
			return list
		})(resources)
		if err == nil && !done {
			return fmt.Errorf("%s %s has no %s", name, sid, path)
		}
		return err
	}
}

// also adds actions to a statement.
func also(name, sid string, actions ...string) edit {
	return inPolicy(name, sid, func(list []any, i int) []any {
		s := list[i].(object)
		all := slices.Clone(items(s["Action"]))
		for _, action := range actions {
			all = append(all, action)
		}
		s["Action"] = all
		return list
	})
}

// but takes an action out of a statement.
func but(name, sid, action string) edit {
	return inPolicy(name, sid, func(list []any, i int) []any {
		s := list[i].(object)
		s["Action"] = slices.DeleteFunc(slices.Clone(items(s["Action"])), func(a any) bool { return a == action })
		return list
	})
}

// beside adds a statement to the policy that has one with the Sid.
func beside(name, sid string, statement object) edit {
	return func(resources object) error {
		resolved, err := value(resources, statement)
		if err != nil {
			return err
		}
		return inPolicy(name, sid, func(list []any, _ int) []any { return append(list, resolved) })(resources)
	}
}

// inMachine changes the definition of a state machine.
func inMachine(name string, change func(definition, states object) error) edit {
	return func(resources object) error {
		r, err := resourceOf(resources, name)
		if err != nil {
			return err
		}
		properties := r["Properties"].(object)
		var definition object
		if err := json.Unmarshal([]byte(text(properties["DefinitionString"])), &definition); err != nil {
			return err
		}
		if err := change(definition, definition["States"].(object)); err != nil {
			return err
		}
		changed, err := json.Marshal(definition)
		properties["DefinitionString"] = string(changed)
		return err
	}
}

// inState sets a member of a state; nil takes it away.
func inState(name, state, member string, to any) edit {
	return inMachine(name, func(_, states object) error {
		s, ok := states[state].(object)
		if !ok {
			return fmt.Errorf("there is no state %s", state)
		}
		if _, there := s[member]; to == nil && !there {
			return fmt.Errorf("%s has no %s", state, member)
		}
		if s[member] = to; to == nil {
			delete(s, member)
		}
		return nil
	})
}

// mutate is a copy of a template with a defect in it.
func mutate(sources []source, e edit) ([]source, error) {
	out := make([]source, 0, len(sources))
	for _, s := range sources {
		text, err := json.Marshal(s.tree)
		if err != nil {
			return nil, err
		}
		clone := source{stack: s.stack, region: s.region}
		if err := json.Unmarshal(text, &clone.tree); err != nil {
			return nil, err
		}
		out = append(out, clone)
	}
	resources := out[0].tree["Resources"].(object)
	if err := e(resources); err != nil {
		return nil, err
	}
	if change, ok := resources[wholeTemplate].(func(object)); ok {
		delete(resources, wholeTemplate)
		change(out[0].tree)
	}
	return out, nil
}

// wholeTemplate is where an edit leaves a change of what is beside the resources.
const wholeTemplate = "the whole template"
