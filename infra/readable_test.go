package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// readable writes the intrinsic functions of a template in the short form of
// Fn::Sub, so that tests and golden files show an ARN as one string:
// {"Fn::GetAtt": ["Key", "Arn"]} becomes "${Key.Arn}". A function it does not
// know stays as it is.
func readable(value any) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, 0, len(v))
		for _, item := range v {
			list = append(list, readable(item))
		}
		return list
	case object:
		if len(v) == 1 {
			for name, argument := range v {
				if text, ok := intrinsic(name, readable(argument)); ok {
					return text
				}
			}
		}
		result := object{}
		for key, item := range v {
			result[key] = readable(item)
		}
		return result
	default:
		return value
	}
}

func intrinsic(name string, argument any) (string, bool) {
	list, _ := argument.([]any)
	switch {
	case name == "Ref":
		return fmt.Sprintf("${%v}", argument), true
	case name == "Fn::GetAtt" && len(list) == 2:
		return fmt.Sprintf("${%v.%v}", list[0], list[1]), true
	case name == "Fn::Sub" && list == nil:
		return fmt.Sprint(argument), true
	case name == "Fn::Join" && len(list) == 2:
		var parts []string
		for _, part := range list[1].([]any) {
			parts = append(parts, fmt.Sprint(part))
		}
		return strings.Join(parts, fmt.Sprint(list[0])), true
	case name == "Fn::GetAZs":
		return "${AWS::Zones}", true
	case name == "Fn::Select" && len(list) == 2:
		return fmt.Sprintf("%v[%v]", list[1], list[0]), true
	default:
		return "", false
	}
}

// ofType returns the resources of a type, in the order of their ids.
func (tm *template) ofType(name string) []resource {
	var found []resource
	for _, id := range slices.Sorted(maps.Keys(tm.Resources)) {
		if tm.Resources[id].Type == name {
			found = append(found, tm.Resources[id])
		}
	}
	return found
}

// find returns the one resource whose id begins with prefix and whose type is
// name.
func (tm *template) find(t *testing.T, prefix, name string) resource {
	t.Helper()
	var found []resource
	for _, r := range tm.ofType(name) {
		if strings.HasPrefix(r.id, prefix) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		t.Fatalf("got %d resources %s* of type %s, want 1", len(found), prefix, name)
	}
	return found[0]
}

// ref is what another resource says to mean this one.
func (r resource) ref(attribute string) string {
	if attribute == "" {
		return "${" + r.id + "}"
	}
	return "${" + r.id + "." + attribute + "}"
}

// get walks down objects and, by their index, lists. What is not there is nil.
func get(value any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			o, _ := value.(object)
			value = o[s]
		case int:
			list, _ := value.([]any)
			if s >= len(list) {
				return nil
			}
			value = list[s]
		}
	}
	return value
}

// texts is a string or a list of strings, as a sorted list.
func texts(value any) []string {
	var list []string
	switch v := value.(type) {
	case string:
		list = append(list, v)
	case []any:
		for _, item := range v {
			list = append(list, fmt.Sprint(item))
		}
	}
	slices.Sort(list)
	return list
}

// equal reports a difference of two values, by their JSON.
func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := string(indent(t, got)), string(indent(t, want)); g != w {
		t.Errorf("%s: got %swant %s", what, g, w)
	}
}

// forVariants runs a test on the template of every variant.
func forVariants(t *testing.T, test func(t *testing.T, v variant, tm *template)) {
	t.Helper()
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) { test(t, v, synthesize(t, v)) })
	}
}
