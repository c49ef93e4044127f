package security

import (
	"regexp"
	"slices"
	"strings"
)

// This file holds a template to be what it looks like. The other assertions read its
// resources as if all of them were deployed, each as it stands there: so nothing may
// make a resource come or go, choose between two texts, or bring in what is not in the
// template. The stack needs none of that.

var formAssertions = []Assertion{
	{"TemplateIsPlain", 39, templateIsPlain},
	{"NamesAreOfOneResource", 39, namesAreOfOneResource},
	{"EveryPolicyIsRead", 39, everyPolicyIsRead},
}

// templateParts are the parts a template may have, resourceParts those of a resource,
// plainMetadata what the CDK notes of a resource for its own command line, and
// plainFunctions the intrinsic functions that the resolver puts one value in place of.
// Other metadata can tell a scanner what not to find.
var (
	templateParts  = []string{"AWSTemplateFormatVersion", "Description", "Outputs", "Parameters", "Resources", "Rules"}
	resourceParts  = []string{"Type", "Properties", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"}
	plainMetadata  = []string{"aws:asset:is-bundled", "aws:asset:path", "aws:asset:property", "aws:cdk:do-not-refactor", "aws:cdk:path"}
	plainFunctions = []string{"Fn::GetAtt", "Fn::Join", "Fn::Sub", "Fn::Select", "Fn::GetAZs", "Fn::Split"}
)

// oddForms are the forms of a template that the resolver has no one value for.
func oddForms(tree object) (f Findings) {
	for _, part := range sortedKeys(tree) {
		if !slices.Contains(templateParts, part) {
			f.add("the template", "has %s, which changes what is deployed, or what scanners say of it", part)
		}
	}
	resources, _ := tree["Resources"].(object)
	parameters, _ := tree["Parameters"].(object)
	for _, id := range sortedKeys(resources) {
		raw, _ := resources[id].(object)
		for _, member := range sortedKeys(raw) {
			if !slices.Contains(resourceParts, member) {
				f.add(id, "has %s, which decides whether or how it is deployed", member)
			}
		}
		metadata, _ := raw["Metadata"].(object)
		for _, key := range sortedKeys(metadata) {
			if !slices.Contains(plainMetadata, key) {
				f.add(id, "has the metadata %s, which may silence a scanner", key)
			}
		}
		f = append(f, oddValues(id, raw["Properties"], parameters)...)
	}
	return f
}

// oddValues are the values below a resource that nobody knows before the deployment.
func oddValues(id string, value any, parameters object) (f Findings) {
	switch v := value.(type) {
	case string:
		if strings.Contains(v, "{{resolve:") {
			f.add(id, "takes a value from elsewhere: %s", v)
		}
		for _, name := range placeholder.FindAllStringSubmatch(v, -1) {
			if parameters[name[1]] != nil {
				f.add(id, "asks the parameter %s", name[1])
			}
		}
	case []any:
		for _, item := range v {
			f = append(f, oddValues(id, item, parameters)...)
		}
	case object:
		for _, key := range sortedKeys(v) {
			if strings.HasPrefix(key, "Fn::") && (len(v) != 1 || !slices.Contains(plainFunctions, key)) {
				f.add(id, "has %s, which can be one thing or another", key)
			}
			if name, ok := v[key].(string); ok && key == "Ref" && parameters[name] != nil {
				f.add(id, "asks the parameter %s", name)
			}
			f = append(f, oddValues(id, v[key], parameters)...)
		}
	}
	return f
}

func templateIsPlain(t *Template) Findings { return t.forms }

// namesAreOfOneResource: what an assertion looks for by its name is one resource. A
// second one of that name would be judged in its place.
func namesAreOfOneResource(t *Template) (f Findings) {
	named := map[string]string{}
	for _, id := range sortedKeys(t.Resources) {
		if len(id) <= hashLength {
			continue
		}
		name := id[:len(id)-hashLength]
		if other := named[name]; other != "" {
			f.add(id, "has the name of %s", other)
		}
		if t.Resources[name] != nil {
			f.add(id, "has the name of %s", name)
		}
		named[name] = id
	}
	return f
}

// everyPolicyIsRead: what has statements in it is one of the policies that the other
// assertions look at, and is written as an object.
func everyPolicyIsRead(t *Template) (f Findings) {
	known := map[string]int{}
	for _, d := range t.documents() {
		known[d.owner.ID]++
	}
	for _, id := range sortedKeys(t.Resources) {
		r, there := t.Resources[id], 0
		eachPolicy(r.Properties, func() { there++ })
		if there != known[id] {
			f.add(id, "has %d policies, of which %d are read", there, known[id])
		}
		for _, key := range policyProperties {
			if written, ok := r.Properties[key].(string); ok && policyText.MatchString(written) {
				f.add(id, "has a policy that is a text: %s", key)
			}
		}
	}
	return f
}

// eachPolicy calls for everything that has statements with an effect.
func eachPolicy(value any, do func()) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			eachPolicy(item, do)
		}
	case object:
		if slices.ContainsFunc(items(v["Statement"]), func(s any) bool { return get(s, "Effect") != nil }) {
			do()
			return
		}
		for _, key := range sortedKeys(v) {
			eachPolicy(v[key], do)
		}
	}
}

// policyText is a part of each policy.
var policyText = regexp.MustCompile(`"(Statement|Effect)"`)
