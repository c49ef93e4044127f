package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// readRoles reads every role's policies, its boundary and its trust policy.
func (g *Guard) readRoles() error {
	bounded := false
	for _, r := range g.options.Stack.Roles {
		read := role{id: r.LogicalID}
		var err error
		if read.identity, err = identityOf(r); err != nil {
			return err
		}
		if read.boundary, err = g.boundaryOf(r); err != nil {
			return err
		}
		if read.trust, err = iampolicy.ParseResource(r.LogicalID+"/trust", r.Trust); err != nil {
			return err
		}
		g.roles[r.ARN] = read
		bounded = bounded || read.boundary != nil
	}
	if g.options.Boundary != nil && !bounded {
		return errors.New("no role of the stack has a permissions boundary: name one in permissionsBoundary of the configuration, or leave --boundary out")
	}
	return nil
}

// identityOf reads the identity policies of a role of the template.
func identityOf(r template.Role) ([]iampolicy.Policy, error) {
	known := map[string]bool{}
	var list []iampolicy.Policy
	for _, p := range r.Policies {
		known[p.ARN] = true
		policy, err := iampolicy.ParseIdentity(r.LogicalID+"/"+p.LogicalID, p.Document)
		if err != nil {
			return nil, err
		}
		list = append(list, policy)
	}
	for _, arn := range r.ManagedPolicyARNs {
		if !known[arn] {
			return nil, fmt.Errorf("role %s has the policy %s, whose document is not in the template", r.LogicalID, arn)
		}
	}
	return list, nil
}

// boundaryOf reads a role's permissions boundary: a managed policy of the stack, or
// the one whose document was given.
func (g *Guard) boundaryOf(r template.Role) (*iampolicy.Policy, error) {
	if r.PermissionsBoundary == "" {
		return nil, nil
	}
	for _, res := range g.options.Stack.All() {
		if res.Type != "AWS::IAM::ManagedPolicy" || res.PhysicalID != r.PermissionsBoundary {
			continue
		}
		document, err := json.Marshal(res.Properties["PolicyDocument"])
		if err != nil {
			return nil, fmt.Errorf("reading the permissions boundary of role %s: %w", r.LogicalID, err)
		}
		policy, err := iampolicy.ParseIdentity(r.LogicalID+"/permissions boundary", document)
		return &policy, err
	}
	if g.options.Boundary == nil {
		return nil, fmt.Errorf("role %s has the permissions boundary %s, whose document is not in the template: name the file that has it with --boundary", r.LogicalID, r.PermissionsBoundary)
	}
	policy, err := iampolicy.ParseIdentity(r.PermissionsBoundary, g.options.Boundary)
	return &policy, err
}

// readResources reads the policies of buckets, keys, APIs, topics and queues.
func (g *Guard) readResources() error {
	stack := g.options.Stack
	for _, b := range stack.Buckets {
		if err := g.addResource(b.ARN, b.LogicalID, b.Policy); err != nil {
			return err
		}
	}
	for _, k := range stack.Keys {
		if err := g.addResource(k.ARN, k.LogicalID, k.Policy); err != nil {
			return err
		}
	}
	for _, a := range stack.RestAPIs {
		arn := "arn:" + stack.Partition + ":execute-api:" + stack.Region + ":" + stack.AccountID + ":" + a.ID
		if err := g.addResource(arn, a.LogicalID, a.Policy); err != nil {
			return err
		}
	}
	for _, res := range stack.All() {
		var targets []any
		switch res.Type {
		case "AWS::SNS::TopicPolicy":
			targets, _ = res.Properties["Topics"].([]any)
		case "AWS::SQS::QueuePolicy":
			targets, _ = res.Properties["Queues"].([]any)
		default:
			continue
		}
		document, err := json.Marshal(res.Properties["PolicyDocument"])
		if err != nil {
			return fmt.Errorf("reading %s: %w", res.LogicalID, err)
		}
		for _, target := range targets {
			if err := g.addResource(g.targetARN(fmt.Sprint(target)), res.LogicalID, document); err != nil {
				return err
			}
		}
	}
	return nil
}

// targetARN is the ARN of a topic, which is named by it, or of a queue, which is
// named by its URL.
func (g *Guard) targetARN(target string) string {
	if !strings.HasPrefix(target, "https://") {
		return target
	}
	stack := g.options.Stack
	name := target[strings.LastIndexByte(target, '/')+1:]
	return "arn:" + stack.Partition + ":sqs:" + stack.Region + ":" + stack.AccountID + ":" + name
}

// apiOf is the ARN of the API that a method is of.
func apiOf(method string) string {
	api, _, _ := strings.Cut(method, "/")
	return api
}

func (g *Guard) addResource(arn, name string, document json.RawMessage) error {
	if document == nil {
		return nil
	}
	if _, double := g.resources[arn]; double {
		return fmt.Errorf("%s has two policies, of which AWS would keep one", arn)
	}
	policy, err := iampolicy.ParseResource(name, document)
	if err != nil {
		return err
	}
	g.resources[arn] = policy
	return nil
}

func (g *Guard) readEndpoints() error {
	for _, e := range g.options.Stack.Endpoints {
		service := e.ServiceName[strings.LastIndexByte(e.ServiceName, '.')+1:]
		if other, ok := g.endpoints[service]; ok {
			return fmt.Errorf("endpoints %s and %s both lead to %s, and which one a call takes is not known", other.id, e.ID, e.ServiceName)
		}
		read := endpoint{id: e.ID, vpc: e.VPCID}
		if e.Policy != nil {
			policy, err := iampolicy.ParseResource(e.LogicalID, e.Policy)
			if err != nil {
				return err
			}
			read.policy = &policy
		}
		g.endpoints[service] = read
	}
	return nil
}
