package iampolicy

const (
	explicitPage  = userGuide + "reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html"
	withinPage    = userGuide + "reference_policies_evaluation-logic_policy-eval-basics.html#reference_policies_evaluation-logic_policies_evaluation_example"
	allowDenyPage = userGuide + "reference_policies_evaluation-logic_policy-eval-denyallow.html"
	betweenPage   = userGuide + "reference_policies_evaluation-logic-cross-account.html"
	boundaryPage  = userGuide + "access_policies_boundaries.html"
	sessionPage   = userGuide + "access_policies.html#policies_session"
	endpointPage  = s3Guide + "privatelink-interface-endpoints.html"

	readsObjects = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`
	nothingOfS3  = `{"Effect":"Allow","Action":"ec2:*","Resource":"*"}`
)

// grants is a resource's policy that lets one principal read objects.
func grants(principal string) string {
	return `{"Effect":"Allow","Principal":` + principal + `,"Action":"s3:GetObject","Resource":"` + bucket + `/*"}`
}

// decisionExamples are about several policies together.
var decisionExamples = []example{
	{what: "Explicit and implicit denies", page: explicitPage,
		identity: `[{"Effect":"Allow","Action":["iam:Get*","iam:List*"],"Resource":"*"},{"Effect":"Deny","Action":"iam:*Report","Resource":"*"}]`,
		asked: []asked{
			{ana, "iam:GetUser", ana, "", allowed},
			{ana, "iam:CreatePolicy", "*", "", implicit},
			{ana, "iam:GetOrganizationsAccessReport", "*", "", explicit},
			{ana, "iam:GenerateCredentialReport", "*", "", explicit},
		}},
	{what: "An identity policy denies where both allow", page: withinPage,
		identity: `[{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::ana/*","arn:aws:s3:::ana"]},{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::*log*"}]`,
		resource: `{"Effect":"Allow","Principal":{"AWS":"` + ana + `"},"Action":"s3:*","Resource":["arn:aws:s3:::ana/*","arn:aws:s3:::ana"]}`,
		asked: []asked{
			{ana, "s3:PutObject", "arn:aws:s3:::ana-logs/x", "", explicit},
			{ana, "s3:PutObject", "arn:aws:s3:::ana/x", "", allowed},
			{ana, "s3:PutObject", "arn:aws:s3:::bob/x", "", implicit},
		}},
	{what: "Either policy alone is enough in one account", page: withinPage, described: true,
		identity: readsObjects, resource: `{"Effect":"Allow","Principal":{"AWS":"` + ana + `"},"Action":"s3:PutObject","Resource":"` + bucket + `/*"}`,
		asked: []asked{
			{ana, "s3:GetObject", bucket + "/k", "", allowed},
			{ana, "s3:PutObject", bucket + "/k", "", allowed},
			{ana, "s3:DeleteObject", bucket + "/k", "", implicit},
		}},
	{what: "Between two accounts, both must allow", page: betweenPage, described: true,
		identity: `[{"Effect":"Allow","Action":"s3:*Object*","Resource":"arn:aws:s3:::production/*"},{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::*log*"}]`,
		resource: `{"Effect":"Allow","Principal":{"AWS":"` + ana + `"},"Action":["s3:GetObject*","s3:PutObject*","s3:ListBucket"],"Resource":["arn:aws:s3:::production","arn:aws:s3:::production/*"]}`,
		asked: []asked{
			{ana, "s3:PutObject", "arn:aws:s3:::production/x", "aws:ResourceAccount=999988887777", allowed},
			{ana, "s3:DeleteObject", "arn:aws:s3:::production/x", "aws:ResourceAccount=999988887777", implicit},
			{ana, "s3:ListBucket", "arn:aws:s3:::production", "aws:ResourceAccount=999988887777", implicit},
			{ana, "s3:PutObject", "arn:aws:s3:::ana-logs/x", "aws:ResourceAccount=999988887777", explicit},
			{ana, "s3:DeleteObject", "arn:aws:s3:::production/x", "aws:ResourceAccount=111122223333", allowed},
		}},
	{what: "A boundary of three services", page: boundaryPage, described: true,
		identity: `[{"Effect":"Allow","Action":"iam:CreateUser","Resource":"*"},{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]`,
		boundary: `{"Effect":"Allow","Action":["s3:*","cloudwatch:*","ec2:*"],"Resource":"*"}`,
		asked: []asked{
			{ana, "iam:CreateUser", bob, "", implicit},
			{ana, "s3:ListBucket", bucket, "", allowed},
			{ana, "ec2:StopInstances", "*", "", implicit}, // a boundary grants nothing
		}},
	{what: "A boundary with one's own keys, and denies", page: boundaryPage,
		identity: everything,
		boundary: `[{"Effect":"Allow","Action":["s3:*","cloudwatch:*","ec2:*","dynamodb:*"],"Resource":"*"},
			{"Effect":"Allow","Action":["iam:*AccessKey*","iam:ChangePassword"],"Resource":"arn:aws:iam::*:user/${aws:username}"},
			{"Effect":"Deny","Action":"s3:*","Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"]},
			{"Effect":"Deny","Action":"ec2:*","Resource":"arn:aws:ec2:*:*:instance/i-1234567890abcdef0"}]`,
		asked: []asked{
			{ana, "s3:GetObject", bucket + "/k", "", allowed},
			{ana, "s3:GetObject", "arn:aws:s3:::logs/k", "", explicit},
			{ana, "iam:CreateAccessKey", ana, "", allowed},
			{ana, "iam:CreateAccessKey", bob, "", implicit},
			{ana, "ec2:StopInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-1234567890abcdef0", "", explicit},
		}},
	{what: "A boundary limits what a resource grants to a role", page: allowDenyPage, described: true,
		resource: grants(`{"AWS":"` + role + `"}`), boundary: `{"Effect":"Allow","Action":"s3:GetObject","Resource":"` + bucket + `/a"}`,
		asked: []asked{{roleSession, "s3:GetObject", bucket + "/a", "", allowed}, {roleSession, "s3:GetObject", bucket + "/b", "", implicit}},
	},
	{what: "A boundary does not limit what a resource grants to a session", page: allowDenyPage, described: true,
		resource: grants(`{"AWS":"` + roleSession + `"}`), boundary: nothingOfS3,
		asked: []asked{{roleSession, "s3:GetObject", bucket + "/k", "", allowed}, {"", "s3:GetObject", bucket + "/k", "", implicit}},
	},
	{what: "A boundary does not limit what a resource grants to a user", page: allowDenyPage, described: true,
		resource: grants(`{"AWS":"` + ana + `"}`), boundary: nothingOfS3,
		asked: []asked{{ana, "s3:GetObject", bucket + "/k", "", allowed}, {bob, "s3:GetObject", bucket + "/k", "", implicit}},
	},
	{what: "A boundary does not limit what a resource grants to everybody with a role's ARN", page: allowDenyPage, described: true,
		resource: `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"` + bucket + `/*","Condition":{"ArnEquals":{"aws:PrincipalArn":"` + role + `"}}}`,
		boundary: nothingOfS3, session: nothingOfS3,
		asked: []asked{{roleSession, "s3:GetObject", bucket + "/k", "", allowed}, {ana, "s3:GetObject", bucket + "/k", "", implicit}},
	},
	{what: "A boundary's deny holds whoever is named", page: allowDenyPage, described: true,
		resource: grants(`{"AWS":"` + ana + `"}`), boundary: `[` + everything + `,{"Effect":"Deny","Action":"s3:*","Resource":"` + bucket + `/secret/*"}]`,
		asked: []asked{{ana, "s3:GetObject", bucket + "/k", "", allowed}, {ana, "s3:GetObject", bucket + "/secret/k", "", explicit}},
	},
	{what: "A session policy and the identity's must both allow", page: sessionPage, described: true,
		identity: `{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"*"}`, session: `{"Effect":"Allow","Action":["s3:GetObject","s3:DeleteObject"],"Resource":"*"}`,
		asked: []asked{
			{roleSession, "s3:GetObject", bucket + "/k", "", allowed},
			{roleSession, "s3:PutObject", bucket + "/k", "", implicit},
			{roleSession, "s3:DeleteObject", bucket + "/k", "", implicit},
		}},
	{what: "A session policy limits what a resource grants to the role", page: sessionPage, described: true,
		resource: grants(`{"AWS":"` + role + `"}`), session: `{"Effect":"Allow","Action":"s3:GetObject","Resource":"` + bucket + `/a"}`,
		asked: []asked{{roleSession, "s3:GetObject", bucket + "/a", "", allowed}, {roleSession, "s3:GetObject", bucket + "/b", "", implicit}},
	},
	{what: "A session policy does not limit what a resource grants to the session", page: sessionPage, described: true,
		resource: grants(`{"AWS":"` + roleSession + `"}`), session: nothingOfS3,
		asked: []asked{{roleSession, "s3:GetObject", bucket + "/k", "", allowed}, {roleSession, "s3:PutObject", bucket + "/k", "", implicit}},
	},
	{what: "Session, boundary and identity policy together", page: sessionPage, described: true,
		identity: everything, boundary: `{"Effect":"Allow","Action":["s3:*","sqs:*"],"Resource":"*"}`, session: `{"Effect":"Allow","Action":["s3:*","ec2:*"],"Resource":"*"}`,
		asked: []asked{
			{roleSession, "s3:GetObject", bucket + "/k", "", allowed},
			{roleSession, "sqs:SendMessage", queue, "", implicit},
			{roleSession, "ec2:StopInstances", "*", "", implicit},
		}},
	{what: "An endpoint that leads to one bucket", page: endpointPage + "#privatelink-example-restrict-access-to-bucket",
		identity: everything,
		endpoint: `{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:PutObject"],"Resource":["` + bucket + `","` + bucket + `/*"]}`,
		asked: []asked{
			{ana, "s3:GetObject", bucket + "/k", "", allowed},
			{ana, "s3:DeleteObject", bucket + "/k", "", implicit},
			{ana, "s3:GetObject", "arn:aws:s3:::amzn-s3-demo-other/k", "", implicit},
		}},
	{what: "An endpoint that leads to one account's buckets", page: endpointPage + "#privatelink-example-access-bucket-in-specific-account-only",
		identity: everything,
		endpoint: `[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},
			{"Effect":"Deny","Principal":"*","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::*","Condition":{"StringNotEquals":{"aws:ResourceAccount":"111122223333"}}}]`,
		asked: []asked{
			{ana, "s3:GetObject", bucket + "/k", "aws:ResourceAccount=111122223333", allowed},
			{ana, "s3:GetObject", bucket + "/k", "aws:ResourceAccount=999988887777", explicit},
		}},
	{what: "An endpoint's default policy grants nothing by itself", page: vpcGuide + "vpc-endpoints-access.html",
		identity: readsObjects, endpoint: `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`,
		asked: []asked{{ana, "s3:GetObject", bucket + "/k", "", allowed}, {ana, "s3:PutObject", bucket + "/k", "", implicit}},
	},
	{what: "A key's policy that lets the account decide", page: kmsGuide + "key-policy-default.html#key-policy-default-allow-root-enable-iam", rules: true,
		identity: `[{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"},{"Effect":"Deny","Action":"kms:ScheduleKeyDeletion","Resource":"*"}]`,
		resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}`,
		asked: []asked{
			{"", "kms:Decrypt", "*", "", allowed},
			{"", "kms:Encrypt", "*", "", delegated},
			{"", "kms:ScheduleKeyDeletion", "*", "", explicit},
			{other, "kms:Encrypt", "*", "", implicit},
		}},
	{what: "A key's policy that does not, makes the account's allows ineffective", page: kmsGuide + "key-policy-default.html#key-policy-default-allow-root-enable-iam", described: true, rules: true,
		identity: `[` + everything + `,{"Effect":"Deny","Action":"kms:Encrypt","Resource":"*"}]`,
		resource: `{"Effect":"Allow","Principal":{"AWS":"` + role + `"},"Action":["kms:Decrypt","kms:Encrypt"],"Resource":"*"}`,
		asked: []asked{
			{"", "kms:Decrypt", "*", "", allowed},
			{ana, "kms:Decrypt", "*", "", implicit},
			{"", "kms:Encrypt", "*", "", explicit}, // denies stay effective
			{"", "kms:GenerateDataKey", "*", "", implicit},
		}},
}
