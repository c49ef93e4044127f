package template

import (
	"encoding/json"
	"path"
	"slices"
)

// Role is an AWS::IAM::Role with every policy that applies to it.
type Role struct {
	LogicalID string
	Name      string
	ARN       string
	// UniqueID is the role id, "AROA" and 17 characters.
	UniqueID string
	// Trust is the AssumeRolePolicyDocument.
	Trust json.RawMessage
	// Policies are the documents of inline policies (of the role itself, of
	// AWS::IAM::Policy and AWS::IAM::RolePolicy) and of managed policies that
	// the stack defines.
	Policies []Policy
	// ManagedPolicyARNs are all attached managed policies, those of AWS
	// included, whose documents the template does not hold.
	ManagedPolicyARNs []string
	// PermissionsBoundary is the ARN of a managed policy, empty without one.
	PermissionsBoundary string
}

// Policy is one identity policy document.
type Policy struct {
	Name string
	// LogicalID is the resource that holds the document.
	LogicalID string
	// ARN is set for a managed policy.
	ARN      string
	Document json.RawMessage
}

type rolePolicy struct {
	PolicyName     string
	PolicyDocument json.RawMessage
}

func (s *Stack) buildRoles() error {
	for _, res := range s.ofType("AWS::IAM::Role") {
		var p struct {
			RoleName                 string
			Path                     string
			AssumeRolePolicyDocument json.RawMessage
			Policies                 []rolePolicy
			ManagedPolicyArns        []string
			PermissionsBoundary      string
		}
		if err := res.decode(&p); err != nil {
			return err
		}
		arn, err := s.GetAtt(res.LogicalID, "Arn")
		if err != nil {
			return res.failed(err)
		}
		id, err := s.GetAtt(res.LogicalID, "RoleId")
		if err != nil {
			return res.failed(err)
		}
		role := Role{
			LogicalID: res.LogicalID, Name: res.PhysicalID, ARN: arn.(string), UniqueID: id.(string),
			Trust: p.AssumeRolePolicyDocument, ManagedPolicyARNs: p.ManagedPolicyArns,
			PermissionsBoundary: p.PermissionsBoundary,
		}
		for _, inline := range p.Policies {
			role.Policies = append(role.Policies, Policy{
				Name: inline.PolicyName, LogicalID: res.LogicalID, Document: inline.PolicyDocument,
			})
		}
		s.Roles = append(s.Roles, role)
	}
	if err := s.attachInlinePolicies(); err != nil {
		return err
	}
	return s.attachManagedPolicies()
}

func (s *Stack) attachInlinePolicies() error {
	for _, typeName := range []string{"AWS::IAM::Policy", "AWS::IAM::RolePolicy"} {
		for _, res := range s.ofType(typeName) {
			var p struct {
				rolePolicy
				RoleName string
				Roles    []string
			}
			if err := res.decode(&p); err != nil {
				return err
			}
			for i := range s.Roles {
				role := &s.Roles[i]
				if role.Name == p.RoleName || slices.Contains(p.Roles, role.Name) {
					role.Policies = append(role.Policies, Policy{
						Name: p.PolicyName, LogicalID: res.LogicalID, Document: p.PolicyDocument,
					})
				}
			}
		}
	}
	return nil
}

func (s *Stack) attachManagedPolicies() error {
	for _, res := range s.ofType("AWS::IAM::ManagedPolicy") {
		var p struct {
			ManagedPolicyName, Path, Description string
			PolicyDocument                       json.RawMessage
			Roles                                []string
		}
		if err := res.decode(&p); err != nil {
			return err
		}
		for i := range s.Roles {
			role := &s.Roles[i]
			listed := slices.Contains(role.ManagedPolicyARNs, res.PhysicalID)
			if !listed && !slices.Contains(p.Roles, role.Name) {
				continue
			}
			if !listed {
				role.ManagedPolicyARNs = append(role.ManagedPolicyARNs, res.PhysicalID)
			}
			role.Policies = append(role.Policies, Policy{
				Name: path.Base(res.PhysicalID), LogicalID: res.LogicalID, ARN: res.PhysicalID, Document: p.PolicyDocument,
			})
		}
	}
	return nil
}

// Role finds a role by logical id, name or ARN.
func (s *Stack) Role(id string) (Role, bool) {
	for _, r := range s.Roles {
		if id == r.LogicalID || id == r.Name || id == r.ARN {
			return r, true
		}
	}
	return Role{}, false
}
