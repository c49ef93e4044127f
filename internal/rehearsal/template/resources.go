package template

import (
	"fmt"
	"slices"
	"strings"
)

// resolveResources resolves every resource whose condition holds.
func (r *resolver) resolveResources() (map[string]Resource, error) {
	resources := map[string]Resource{}
	for _, id := range sortedKeys(r.document.Resources) {
		exists, err := r.exists(id, site{resource: id})
		if err != nil {
			return nil, err
		}
		if !exists {
			continue
		}
		if resources[id], err = r.resolveResource(id); err != nil {
			return nil, err
		}
	}
	for id, res := range resources {
		res.DependsOn = sortedKeys(r.dependencies[id])
		resources[id] = res
	}
	return resources, r.checkCycles(resources)
}

func (r *resolver) resolveResource(id string) (Resource, error) {
	raw := r.document.Resources[id]
	properties, err := r.resolve(raw.Properties, site{resource: id, path: "Properties"})
	if err != nil {
		return Resource{}, err
	}
	physicalID, err := r.physicalID(id, site{path: id})
	if err != nil {
		return Resource{}, err
	}
	if err := r.dependsOn(id, raw.DependsOn); err != nil {
		return Resource{}, err
	}
	res := Resource{
		LogicalID: id, Type: raw.Type, PhysicalID: physicalID, Metadata: raw.Metadata,
		DeletionPolicy: raw.DeletionPolicy, UpdateReplacePolicy: raw.UpdateReplacePolicy,
	}
	res.Properties, _ = properties.(map[string]any)
	return res, nil
}

// dependsOn takes a logical id or a list of them. A dependency on a resource
// whose condition is false is dropped, as CloudFormation does.
func (r *resolver) dependsOn(id string, v any) error {
	s := site{resource: id, path: "DependsOn"}
	var names []any
	switch t := v.(type) {
	case nil:
		return nil
	case string:
		names = []any{t}
	case []any:
		names = t
	default:
		return s.errorf("want a logical id or a list of them")
	}
	for _, n := range names {
		name, ok := n.(string)
		if !ok {
			return s.errorf("want a logical id, got %T", n)
		}
		exists, err := r.exists(name, s)
		if err != nil {
			return err
		}
		if exists {
			r.depend(id, name)
		}
	}
	return nil
}

// depend notes that one resource needs another. References from Outputs need
// no order.
func (r *resolver) depend(from, to string) {
	if from == "" {
		return
	}
	if r.dependencies[from] == nil {
		r.dependencies[from] = map[string]bool{}
	}
	r.dependencies[from][to] = true
}

// checkCycles reports a circular dependency, which CloudFormation refuses.
func (r *resolver) checkCycles(resources map[string]Resource) error {
	done := map[string]bool{}
	var path []string
	var visit func(string) error
	visit = func(id string) error {
		if i := slices.Index(path, id); i >= 0 {
			return fmt.Errorf("circular dependency: %s", strings.Join(append(path[i:], id), " -> "))
		}
		if done[id] {
			return nil
		}
		path = append(path, id)
		for _, next := range resources[id].DependsOn {
			if err := visit(next); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		done[id] = true
		return nil
	}
	for _, id := range sortedKeys(resources) {
		if err := visit(id); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) resolveOutputs() (map[string]Output, error) {
	outputs := map[string]Output{}
	for _, id := range sortedKeys(r.document.Outputs) {
		raw := r.document.Outputs[id]
		s := site{path: "Outputs." + id}
		if raw.Condition != "" {
			holds, err := r.condition(raw.Condition, s)
			if err != nil {
				return nil, err
			}
			if !holds {
				continue
			}
		}
		out, err := r.resolveOutput(raw, s)
		if err != nil {
			return nil, err
		}
		outputs[id] = out
	}
	return outputs, nil
}

func (r *resolver) resolveOutput(raw rawOutput, s site) (Output, error) {
	value, err := r.text(raw.Value, s.at("Value"))
	if err != nil {
		return Output{}, err
	}
	out := Output{Value: value, Description: raw.Description}
	if raw.Export != nil {
		out.ExportName, err = r.text(raw.Export.Name, s.at("Export.Name"))
	}
	return out, err
}
