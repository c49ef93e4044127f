package security

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Template is what a cloud assembly deploys: the resources of all its stacks,
// with names and ARNs in place of references.
type Template struct {
	// Region is where it is deployed to.
	Region string
	// Resources by logical id; those of a second stack begin with its name.
	Resources map[string]*Resource
	// parsed are the policies that were read before.
	parsed map[string]parsed
	// policies are the documents that were looked for before.
	policies []document
	// names are the ARNs that were asked for before.
	names map[string]string
	// forms are what the template has that is not read as it may be deployed.
	forms Findings
	// beside are outputs and the like: all but the resources, by stack.
	beside object
}

// Resource is one resource of a template.
type Resource struct {
	// ID is the logical id.
	ID                                  string
	Type                                string
	Properties                          object
	DeletionPolicy, UpdateReplacePolicy string
	// DependsOn are the ids of those that are made before and deleted after it.
	DependsOn []string
}

type object = map[string]any

// Account is the account that templates are read as deployed to.
const Account = "444455556666"

// defaultRegion is taken where the assembly names none.
const defaultRegion = "us-east-1"

// source is a template as it was synthesized.
type source struct {
	stack, region string
	tree          object
}

// Load reads a cloud assembly: the folder that "cdk synth" writes. A folder
// without a manifest is read as all the templates that are in it.
func Load(dir string) (*Template, error) {
	sources, err := readAssembly(dir)
	if err != nil {
		return nil, err
	}
	return newTemplate(sources)
}

func readAssembly(dir string) ([]source, error) {
	files, err := stacksOf(dir)
	if err != nil {
		return nil, err
	}
	for i := range files {
		text, err := os.ReadFile(filepath.Join(dir, files[i].file)) //nolint:gosec // the folder the caller named
		if err != nil {
			return nil, fmt.Errorf("reading the template of %s: %w", files[i].stack, err)
		}
		if err := json.Unmarshal(text, &files[i].tree); err != nil {
			return nil, fmt.Errorf("reading the template of %s: %w", files[i].stack, err)
		}
	}
	sources := make([]source, 0, len(files))
	for _, f := range files {
		sources = append(sources, f.source)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("there is no template in %s: want the folder that cdk synth writes", dir)
	}
	return sources, nil
}

// stackFile is a template and the file it is in.
type stackFile struct {
	source
	file string
}

// stacksOf lists the templates of an assembly, in the order of their names.
func stacksOf(dir string) ([]stackFile, error) {
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json")) //nolint:gosec // the folder the caller named
	if errors.Is(err, os.ErrNotExist) {
		return looseTemplates(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the assembly: %w", err)
	}
	var manifest struct {
		Artifacts map[string]struct {
			Type, Environment string
			Properties        struct{ TemplateFile, StackName string }
		}
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, fmt.Errorf("reading the assembly's manifest: %w", err)
	}
	var files []stackFile
	for _, id := range slices.Sorted(maps.Keys(manifest.Artifacts)) {
		a := manifest.Artifacts[id]
		if a.Type != "aws:cloudformation:stack" {
			continue
		}
		region := a.Environment[strings.LastIndex(a.Environment, "/")+1:]
		if region == "" || strings.HasPrefix(region, "unknown") {
			region = defaultRegion
		}
		files = append(files, stackFile{source{stack: cmp.Or(a.Properties.StackName, id), region: region}, a.Properties.TemplateFile})
	}
	return files, nil
}

func looseTemplates(dir string) ([]stackFile, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.template.json"))
	if err != nil {
		return nil, fmt.Errorf("looking for templates: %w", err)
	}
	var files []stackFile
	for _, path := range paths {
		name := filepath.Base(path)
		files = append(files, stackFile{source{stack: strings.TrimSuffix(name, ".template.json"), region: defaultRegion}, name})
	}
	return files, nil
}

// newTemplate resolves the references within each of the stacks.
func newTemplate(sources []source) (*Template, error) {
	t := &Template{Region: sources[0].region, Resources: map[string]*Resource{}, parsed: map[string]parsed{}, names: map[string]string{}, beside: object{}}
	for i, s := range sources {
		resources, ok := s.tree["Resources"].(object)
		if !ok {
			return nil, fmt.Errorf("the template of %s has no resources", s.stack)
		}
		prefix := ""
		if i > 0 {
			prefix = s.stack + "/"
		}
		r := newResolver(s, resources)
		t.forms = append(t.forms, oddForms(s.tree)...)
		for _, part := range []string{"Outputs", "Parameters", "Metadata", "Description"} {
			t.beside[prefix+part] = r.value(s.tree[part], 0)
		}
		for id, value := range resources {
			raw, ok := value.(object)
			if !ok {
				return nil, fmt.Errorf("resource %s of %s is no object", id, s.stack)
			}
			properties, _ := r.value(raw["Properties"], 0).(object)
			resource := &Resource{ID: prefix + id, Type: text(raw["Type"]), Properties: properties}
			for _, other := range texts(raw["DependsOn"]) {
				resource.DependsOn = append(resource.DependsOn, prefix+other)
			}
			resource.DeletionPolicy, resource.UpdateReplacePolicy = text(raw["DeletionPolicy"]), text(raw["UpdateReplacePolicy"])
			t.Resources[resource.ID] = resource
		}
	}
	return t, nil
}

// ofType lists the resources of the types, in the order of their ids.
func (t *Template) ofType(types ...string) []*Resource {
	var list []*Resource
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		if slices.Contains(types, t.Resources[id].Type) {
			list = append(list, t.Resources[id])
		}
	}
	return list
}

// hashLength is how much the CDK adds to a construct's path to make a logical id.
const hashLength = 8

// find returns the resource that is made as name: its logical id without the
// hash at the end. There is none if it is missing; of two, which the template must not
// have, it is the first in the order of their ids.
func (t *Template) find(name string) *Resource {
	found := ""
	for id := range t.Resources {
		if (id == name || len(id) == len(name)+hashLength && strings.HasPrefix(id, name)) && (found == "" || id < found) {
			found = id
		}
	}
	return t.Resources[found]
}

// arn is the ARN of the resource that is made as name, or of something nobody has.
func (t *Template) arn(name string) string {
	if arn, ok := t.names[name]; ok {
		return arn
	}
	arn := "arn:aws:missing:::" + name
	if r := t.find(name); r != nil {
		arn = attribute(r, t.Region, "Arn")
	}
	t.names[name] = arn
	return arn
}

// ref is what a reference to the resource that is made as name stands for.
func (t *Template) ref(name string) string {
	if r := t.find(name); r != nil {
		return reference(r, t.Region)
	}
	return "missing-" + name
}

// get walks into maps by key and lists by index.
func get(value any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			m, _ := value.(object)
			value = m[key]
		case int:
			list, _ := value.([]any)
			if key >= len(list) {
				return nil
			}
			value = list[key]
		}
	}
	return value
}

// text is a scalar as text; "" for nothing.
func text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprint(value)
}

// texts is a scalar or a list of them as texts.
func texts(value any) []string {
	list, ok := value.([]any)
	if !ok {
		if value == nil {
			return nil
		}
		return []string{text(value)}
	}
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, text(v))
	}
	return out
}

// items is a list, or a single value as one.
func items(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	if value == nil {
		return nil
	}
	return []any{value}
}

// number is a number, also one that is written as a text.
func number(value any) float64 {
	if n, ok := value.(float64); ok {
		return n
	}
	var n float64
	if _, err := fmt.Sscanf(text(value), "%g", &n); err != nil {
		return 0
	}
	return n
}

// isTrue takes CloudFormation's two ways to write it.
func isTrue(value any) bool { return text(value) == "true" }
