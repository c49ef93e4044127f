package template

import (
	"fmt"
	"strconv"
	"strings"
)

// site is where in the template a value stands.
type site struct {
	// resource is the logical id of the resource that holds the value, empty
	// in the Conditions, Rules and Outputs sections.
	resource string
	// path is for error messages, for example "Properties.Tags[0].Value".
	path string
	// parametersOnly forbids references to resources, as the Conditions and
	// Rules sections do.
	parametersOnly bool
}

func (s site) at(key string) site {
	s.path += "." + key
	return s
}

func (s site) index(i int) site {
	s.path += "[" + strconv.Itoa(i) + "]"
	return s
}

func (s site) String() string {
	if s.resource == "" {
		return s.path
	}
	return s.resource + " " + s.path
}

func (s site) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", s, fmt.Errorf(format, args...))
}

// noValue is what AWS::NoValue resolves to: the property, or the element of
// the list, is not there.
type noValue struct{}

// resolver resolves one template for one pretend account.
type resolver struct {
	document  *document
	stackName string
	region    string
	account   string
	partition string
	urlSuffix string
	azs       []string
	// parameters holds strings, and []any of strings for list types.
	parameters map[string]any
	conditions map[string]bool
	// pending guards conditions and physical names against cycles.
	pending map[string]bool
	// dependencies by logical id: what a resource refers to or waits for.
	dependencies map[string]map[string]bool
	physicalIDs  map[string]string
}

func newResolver(d *document, stackName string, o Options) (*resolver, error) {
	r := &resolver{
		document: d, stackName: stackName, region: o.Region, account: o.AccountID, azs: o.AZs,
		conditions: map[string]bool{}, pending: map[string]bool{},
		dependencies: map[string]map[string]bool{}, physicalIDs: map[string]string{},
	}
	if err := checkAccount(o); err != nil {
		return nil, err
	}
	r.partition, r.urlSuffix = partitionOf(o.Region)
	if len(r.azs) == 0 {
		r.azs = []string{o.Region + "a", o.Region + "b", o.Region + "c"}
	}
	var err error
	r.parameters, err = parameterValues(d.Parameters, o.Parameters)
	return r, err
}

// resolve replaces every intrinsic function in v. The result is a JSON value
// or noValue.
func (r *resolver) resolve(v any, s site) (any, error) {
	switch t := v.(type) {
	case map[string]any:
		if name, argument, ok := intrinsic(t); ok {
			return r.call(name, argument, s)
		}
		return r.resolveMap(t, s)
	case []any:
		return r.resolveList(t, s)
	case string:
		if strings.Contains(t, "{{resolve:") {
			return nil, s.errorf("dynamic references are not modelled")
		}
	}
	return v, nil
}

func (r *resolver) resolveMap(m map[string]any, s site) (any, error) {
	out := make(map[string]any, len(m))
	for _, key := range sortedKeys(m) {
		if strings.HasPrefix(key, "Fn::") {
			return nil, s.errorf("%s must be the only key of its object", key)
		}
		v, err := r.resolve(m[key], s.at(key))
		if err != nil {
			return nil, err
		}
		if _, gone := v.(noValue); !gone {
			out[key] = v
		}
	}
	return out, nil
}

func (r *resolver) resolveList(list []any, s site) (any, error) {
	out := make([]any, 0, len(list))
	for i, item := range list {
		v, err := r.resolve(item, s.index(i))
		if err != nil {
			return nil, err
		}
		if _, gone := v.(noValue); !gone {
			out = append(out, v)
		}
	}
	return out, nil
}

// intrinsic recognises an object that is a function call.
func intrinsic(m map[string]any) (name string, argument any, ok bool) {
	if len(m) != 1 {
		return "", nil, false
	}
	for k, v := range m {
		if k == "Ref" || strings.HasPrefix(k, "Fn::") {
			return k, v, true
		}
	}
	return "", nil, false
}

// text resolves v to a string.
func (r *resolver) text(v any, s site) (string, error) {
	resolved, err := r.resolve(v, s)
	if err != nil {
		return "", err
	}
	t, ok := scalarText(resolved)
	if !ok {
		return "", s.errorf("want a string, got %T", resolved)
	}
	return t, nil
}

// list resolves v to a list.
func (r *resolver) list(v any, s site) ([]any, error) {
	resolved, err := r.resolve(v, s)
	if err != nil {
		return nil, err
	}
	l, ok := resolved.([]any)
	if !ok {
		return nil, s.errorf("want a list, got %T", resolved)
	}
	return l, nil
}

// arguments takes the argument list of a function as written, of want items.
func arguments(name string, v any, want int, s site) ([]any, error) {
	l, ok := v.([]any)
	if !ok || len(l) != want {
		return nil, s.errorf("%s takes a list of %d", name, want)
	}
	return l, nil
}
