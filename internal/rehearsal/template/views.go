package template

// buildViews fills the stack's typed views. An error names the resource.
func (s *Stack) buildViews(a *assembly) error {
	builders := []func() error{
		func() error { return s.buildFunctions(a) },
		s.buildPermissions,
		func() error { return s.buildStateMachines(a) },
		s.buildRules,
		s.buildKeys,
		s.buildBuckets,
		s.buildRoles,
		s.buildSchedules,
		s.buildVPCs,
		s.buildSubnets,
		s.buildSecurityGroups,
		s.buildEndpoints,
		s.buildRestAPIs,
		s.buildWebACLs,
		s.buildCustomResources,
	}
	for _, build := range builders {
		if err := build(); err != nil {
			return err
		}
	}
	return nil
}

// logicalID finds the resource of a type by one of its attributes, given as
// an ARN or an id; empty when the value names nothing in the stack.
func (s *Stack) logicalID(typeName, attribute, value string) string {
	for _, res := range s.ofType(typeName) {
		v, err := s.GetAtt(res.LogicalID, attribute)
		if err == nil && v == value {
			return res.LogicalID
		}
	}
	return ""
}
