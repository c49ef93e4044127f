// Package template reads a synthesized CDK cloud assembly and resolves its
// CloudFormation template for a pretend account, so that the rehearsal runs
// what would be deployed and describes nothing twice.
//
// Resolution follows the CloudFormation user guide's intrinsic function
// reference. Physical ids are invented, but deterministic (a hash of stack
// and logical id) and of the form AWS gives the type. Whatever the package
// does not model (an intrinsic function, a resource type, an attribute, a
// property of a type it has a view of) is an error that names it: a rehearsal
// that silently ignored part of a template would prove nothing.
package template

import (
	"encoding/json"
	"fmt"
	"sort"
)

// Options says in which pretend account a template is resolved.
type Options struct {
	// StackName selects the stack of the assembly by artifact id or by stack
	// name; it may be empty when the assembly holds one stack.
	StackName string
	// Region is the AWS Region, for example "us-east-1".
	Region string
	// AccountID is the pretend account, 12 digits.
	AccountID string
	// Parameters overrides template parameters by name. A parameter read from
	// Systems Manager takes the value stored there.
	Parameters map[string]string
	// AZs are the availability zones Fn::GetAZs answers; default the Region's
	// first three.
	AZs []string
}

// Stack is a resolved template. Its views are sorted by logical id.
type Stack struct {
	// Name is AWS::StackName, ID is AWS::StackId.
	Name string
	ID   string
	// Region and AccountID are those of the Options; Partition and URLSuffix
	// follow from the Region.
	Region    string
	AccountID string
	Partition string
	URLSuffix string

	Functions       []Function
	Permissions     []Permission
	StateMachines   []StateMachine
	Rules           []Rule
	Schedules       []Schedule
	Buckets         []Bucket
	Keys            []Key
	Roles           []Role
	VPCs            []VPC
	Subnets         []Subnet
	SecurityGroups  []SecurityGroup
	Endpoints       []Endpoint
	RestAPIs        []RestAPI
	WebACLs         []WebACL
	CustomResources []CustomResource
	// Outputs by logical id, resolved.
	Outputs map[string]Output

	resources map[string]Resource
	resolver  *resolver
}

// Resource is one resource of the template, resolved.
type Resource struct {
	LogicalID string
	// Type is the CloudFormation type, for example "AWS::S3::Bucket".
	Type string
	// PhysicalID is what Ref answers.
	PhysicalID string
	// Properties holds JSON values; numbers are json.Number.
	Properties map[string]any
	// DependsOn lists the logical ids this resource waits for, explicit ones
	// and those implied by a reference.
	DependsOn []string
	// DeletionPolicy and UpdateReplacePolicy are as in the template; empty
	// means CloudFormation's default.
	DeletionPolicy      string
	UpdateReplacePolicy string
	// Metadata is as in the template, unresolved.
	Metadata map[string]any
}

// Output is one resolved output of the stack.
type Output struct {
	Value       string
	Description string
	// ExportName is empty when the output is not exported.
	ExportName string
}

// Load reads the cloud assembly in dir (a cdk.out: manifest.json, the stack's
// template and its asset manifest) and resolves the stack o names.
func Load(dir string, o Options) (*Stack, error) {
	a, err := readAssembly(dir, o)
	if err != nil {
		return nil, fmt.Errorf("reading cloud assembly %s: %w", dir, err)
	}
	s, err := resolveStack(a, o)
	if err != nil {
		return nil, fmt.Errorf("resolving stack %s: %w", a.stackName, err)
	}
	return s, nil
}

func resolveStack(a *assembly, o Options) (*Stack, error) {
	r, err := newResolver(a.document, a.stackName, o)
	if err != nil {
		return nil, err
	}
	if err := r.checkReferences(); err != nil {
		return nil, err
	}
	if err := r.checkRules(); err != nil {
		return nil, err
	}
	s := &Stack{
		Name: r.stackName, ID: r.stackID(), Region: r.region, AccountID: r.account,
		Partition: r.partition, URLSuffix: r.urlSuffix, resolver: r,
	}
	if s.resources, err = r.resolveResources(); err != nil {
		return nil, err
	}
	if s.Outputs, err = r.resolveOutputs(); err != nil {
		return nil, err
	}
	if err := s.buildViews(a); err != nil {
		return nil, err
	}
	return s, nil
}

// Resource returns the resource with this logical id. Resources whose
// condition is false do not exist.
func (s *Stack) Resource(logicalID string) (Resource, bool) {
	res, ok := s.resources[logicalID]
	return res, ok
}

// All returns every resource, sorted by logical id.
func (s *Stack) All() []Resource {
	all := make([]Resource, 0, len(s.resources))
	for _, id := range sortedKeys(s.resources) {
		all = append(all, s.resources[id])
	}
	return all
}

// GetAtt answers Fn::GetAtt for a resource of the stack.
func (s *Stack) GetAtt(logicalID, attribute string) (any, error) {
	return s.resolver.attribute(logicalID, attribute, site{path: "GetAtt"})
}

// Dependencies returns every resource that must exist before this one, and be
// deleted after it: the closure over DependsOn and references, sorted.
func (s *Stack) Dependencies(logicalID string) []string {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(id string) {
		for _, d := range s.resources[id].DependsOn {
			if !seen[d] {
				seen[d] = true
				visit(d)
			}
		}
	}
	visit(logicalID)
	return sortedKeys(seen)
}

// ofType returns the resources of one type, sorted by logical id.
func (s *Stack) ofType(typeName string) []Resource {
	var found []Resource
	for _, res := range s.All() {
		if res.Type == typeName {
			found = append(found, res)
		}
	}
	return found
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// scalarText renders a JSON scalar the way CloudFormation does when it puts
// one into a string.
func scalarText(v any) (string, bool) {
	switch t := v.(type) {
	case string:
		return t, true
	case json.Number:
		return t.String(), true
	case bool:
		if t {
			return "true", true
		}
		return "false", true
	}
	return "", false
}
