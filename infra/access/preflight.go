package access

import "github.com/tuneline/tuneline/infra/policy"

// mayCompare is what "tuneline preflight" reads of an account beside what an
// operator sees anyway: nothing of a data set, and nothing it could change. It is
// a policy of its own because the operator's would be longer than IAM allows.
//
// All but a role know no resources, GetServiceQuota among them, after the Service
// Authorization Reference
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_servicequotas.html).
func (a *Access) mayCompare(props Props) []policy.Statement {
	return []policy.Statement{
		{Sid: "SeeServiceRole", Actions: []string{"iam:GetRole"}, Resources: []string{*props.Customization.Role.AttrArn()}},
		{
			Sid: "CompareAccount", Resources: []string{"*"},
			Actions: []string{
				"bedrock:GetFoundationModelAvailability",
				"servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota", "servicequotas:ListServiceQuotas",
				"ec2:DescribeAvailabilityZones", "ec2:DescribeManagedPrefixLists", "ec2:DescribeVpcEndpointServices",
			},
		},
	}
}
