package cdk_rules.tuneline

import rego.v1

# What no rule of CloudFormation, of AWS Control Tower or of a scanner asks, and
# what a stack of this kind cannot do without. A synthesis that breaks one fails.
# The package security proves far more, but to whoever runs the tests; these few
# are told to whoever changes a construct and deploys it. Of a condition they ask
# that it is there and on which key; which values it wants, security proves.

# A role that Bedrock assumes is for jobs of one account: else another account's
# job could have Bedrock use it.
violation contains v if {
	some name in resources_of_type("AWS::IAM::Role")
	some i, statement in values(resolve(name, "Properties.AssumeRolePolicyDocument.Statement"))
	statement.Effect == "Allow"
	"bedrock.amazonaws.com" in values(statement.Principal.Service)
	some key in ["aws:SourceAccount", "aws:SourceArn"]
	not key in condition_keys(statement)
	v := make_diag_at(
		"TL001", "ERROR", name,
		sprintf("Properties.AssumeRolePolicyDocument.Statement.%d.Condition", [i]),
		sprintf("Bedrock may assume this role for anybody: the statement has no condition on %s", [key]),
	)
}

# An endpoint without a policy lets anybody's credentials through, to anything.
violation contains v if {
	some name in resources_of_type("AWS::EC2::VPCEndpoint")
	not input.resources[name].properties.PolicyDocument
	v := make_diag_at(
		"TL002", "ERROR", name, "Properties.PolicyDocument",
		"This endpoint has no policy, and so admits every account's principals and every action",
	)
}

# A bucket that tells of its uploads is the one with data sets and models: its policy
# denies objects to whoever does not come through the endpoint.
violation contains v if {
	some name in resources_of_type("AWS::S3::Bucket")
	input.resources[name].properties.NotificationConfiguration
	not name in inside
	v := make_diag_at(
		"TL003", "ERROR", name, "Properties.NotificationConfiguration",
		"No policy of this bucket denies its objects to requests from outside the VPC (aws:SourceVpce)",
	)
}

inside contains bucket if {
	some policy in resources_of_type("AWS::S3::BucketPolicy")
	bucket := resolve(policy, "Properties.Bucket")
	some statement in values(resolve(policy, "Properties.PolicyDocument.Statement"))
	statement.Effect == "Deny"
	"aws:SourceVpce" in condition_keys(statement)
}

# A role is handed over to the service that was meant.
violation contains v if {
	some grant in grants
	covers(grant.statement, "iam:PassRole")
	not "iam:PassedToService" in condition_keys(grant.statement)
	v := make_diag_at(
		"TL004", "ERROR", grant.resource, grant.path,
		"This lets a role be handed over to any service: it has no condition on iam:PassedToService",
	)
}

# Bedrock makes network interfaces for a job, tagged as the job's, in subnets and
# groups that are named. Of an interface that is yet to be made, the tags alone say
# whose it is.
violation contains v if {
	some grant in grants
	grant.resource in bedrocks
	covers(grant.statement, "ec2:CreateNetworkInterface")
	some resource in values(grant.statement.Resource)
	not names_place(resource)
	some key in ["aws:RequestTag/BedrockManaged", "aws:RequestTag/BedrockModelCustomizationJobArn"]
	not key in condition_keys(grant.statement)
	v := make_diag_at(
		"TL005", "ERROR", grant.resource, grant.path,
		sprintf("This lets network interfaces be made that are no job's: it has no condition on %s", [key]),
	)
}

names_place(resource) if contains(json.marshal(resource), ":subnet/")

names_place(resource) if contains(json.marshal(resource), ":security-group/")

# bedrocks are the roles that Bedrock assumes.
bedrocks contains name if {
	some name in resources_of_type("AWS::IAM::Role")
	some statement in values(resolve(name, "Properties.AssumeRolePolicyDocument.Statement"))
	"bedrock.amazonaws.com" in values(statement.Principal.Service)
}

# Whoever may make a tagged interface may tag it then, and no other.
violation contains v if {
	some grant in grants
	covers(grant.statement, "ec2:CreateTags")
	not "ec2:CreateAction" in condition_keys(grant.statement)
	v := make_diag_at(
		"TL006", "ERROR", grant.resource, grant.path,
		"This lets what is there already be tagged as a job's own: it has no condition on ec2:CreateAction",
	)
}

# grants are the statements of all identity policies that allow something.
grants contains {"resource": name, "path": sprintf("Properties.Policies.%d.PolicyDocument.Statement.%d", [p, s]), "statement": statement} if {
	some name in resources_of_type("AWS::IAM::Role")
	some p, policy in resolve(name, "Properties.Policies")
	some s, statement in values(policy.PolicyDocument.Statement)
	statement.Effect == "Allow"
}

grants contains {"resource": name, "path": sprintf("Properties.PolicyDocument.Statement.%d", [s]), "statement": statement} if {
	some kind in ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"]
	some name in resources_of_type(kind)
	some s, statement in values(resolve(name, "Properties.PolicyDocument.Statement"))
	statement.Effect == "Allow"
}

# covers: the statement allows the action, by its name, by a pattern, or as none of
# those it leaves out.
covers(statement, action) if {
	some pattern in values(statement.Action)
	parts := split(lower(pattern), "*")
	startswith(lower(action), parts[0])
	endswith(lower(action), parts[count(parts) - 1])
}

covers(statement, _) if statement.NotAction

condition_keys(statement) := {key | some operator in object.get(statement, "Condition", {}); some key, _ in operator}

# values is a list, whether it was one or a single value.
values(x) := x if is_array(x)

values(x) := [x] if not is_array(x)
