package iampolicy

const (
	bucketExamples = s3Guide + "example-bucket-policies.html"
	keyConditions  = kmsGuide + "conditions-kms.html"
	apiExamples    = apiGuide + "apigateway-resource-policies-examples.html"
	keyARN         = "arn:aws:kms:us-east-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
	jobs           = "arn:aws:bedrock:us-east-1:111122223333:model-invocation-job/"
)

// forAna is a statement of a key's policy about one user.
func forAna(actions, condition string) string {
	return `{"Effect":"Allow","Principal":{"AWS":"` + ana + `"},"Action":` + actions + `,"Resource":"*","Condition":` + condition + `}`
}

// serviceExamples are those services' own guides have of their policies.
var serviceExamples = []example{
	{what: "S3: through one VPC endpoint", page: s3Guide + "example-bucket-policies-vpc-endpoint.html",
		resource: `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["` + bucket + `","` + bucket + `/*"],"Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}}`,
		asked: []asked{
			{"", "s3:GetObject", bucket + "/k", "aws:SourceVpce=vpce-1a2b3c4d", implicit},
			{"", "s3:GetObject", bucket + "/k", "aws:SourceVpce=vpce-other", explicit},
			{"", "s3:GetObject", bucket + "/k", "aws:SourceVpce=", explicit}, // from the console
			{"", "s3:GetObject", "arn:aws:s3:::amzn-s3-demo-other/k", "aws:SourceVpce=", implicit},
		}},
	{what: "S3: encrypted with a KMS key", page: bucketExamples + "#example-bucket-policies-encryption-1",
		resource: `{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"` + bucket + `/*","Condition":{"Null":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"true"}}}`,
		asked: []asked{
			{"", "s3:PutObject", bucket + "/k", "s3:x-amz-server-side-encryption-aws-kms-key-id=", explicit},
			{"", "s3:PutObject", bucket + "/k", "s3:x-amz-server-side-encryption-aws-kms-key-id=" + keyARN, implicit},
		}},
	{what: "S3: encrypted with this KMS key", page: bucketExamples + "#example-bucket-policies-encryption-2",
		resource: `{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"` + bucket + `/*","Condition":{"ArnNotEqualsIfExists":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"` + keyARN + `"}}}`,
		asked: []asked{
			{"", "s3:PutObject", bucket + "/k", "s3:x-amz-server-side-encryption-aws-kms-key-id=" + keyARN, implicit},
			{"", "s3:PutObject", bucket + "/k", "s3:x-amz-server-side-encryption-aws-kms-key-id=" + keyARN + "0", explicit},
			{"", "s3:PutObject", bucket + "/k", "s3:x-amz-server-side-encryption-aws-kms-key-id=", explicit},
		}},
	{what: "S3: addresses of both kinds, but not all", page: bucketExamples + "#example-bucket-policies-IP",
		resource: `{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["` + bucket + `","` + bucket + `/*"],"Condition":{
			"IpAddress":{"aws:SourceIp":["192.0.2.0/24","2001:DB8:1234:5678::/64"]},"NotIpAddress":{"aws:SourceIp":["192.0.2.128/30","2001:DB8:1234:5678:ABCD::/80"]}}}`,
		asked: []asked{
			{"anonymous", "s3:GetObject", bucket + "/k", "aws:SourceIp=192.0.2.1", allowed},
			{"anonymous", "s3:GetObject", bucket + "/k", "aws:SourceIp=2001:DB8:1234:5678::1", allowed},
			{"anonymous", "s3:GetObject", bucket + "/k", "aws:SourceIp=192.0.2.129", implicit},
			{"anonymous", "s3:GetObject", bucket + "/k", "aws:SourceIp=2001:DB8:1234:5678:ABCD::1", implicit},
		}},
	{what: "S3: with MFA", page: bucketExamples + "#example-bucket-policies-MFA",
		resource: `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"` + bucket + `/taxdocuments/*","Condition":{"Null":{"aws:MultiFactorAuthAge":true}}}`,
		asked: []asked{
			{ana, "s3:GetObject", bucket + "/taxdocuments/a", "aws:MultiFactorAuthAge=", explicit},
			{ana, "s3:GetObject", bucket + "/taxdocuments/a", "aws:MultiFactorAuthAge=10", implicit},
			{ana, "s3:GetObject", bucket + "/other/a", "aws:MultiFactorAuthAge=", implicit},
		}},
	{what: "S3: for an organization", page: globalPage + "#condition-keys-principalorgid",
		resource: `{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"` + bucket + `/*","Condition":{"StringEquals":{"aws:PrincipalOrgID":["o-a1b2c3d4e5"]}}}`,
		asked: []asked{
			{ana, "s3:PutObject", bucket + "/k", "aws:PrincipalOrgID=o-a1b2c3d4e5", allowed},
			{ana, "s3:PutObject", bucket + "/k", "aws:PrincipalOrgID=o-other", implicit},
			{"anonymous", "s3:PutObject", bucket + "/k", "aws:PrincipalOrgID=", implicit},
		}},
	{what: "S3: TLS 1.2 or newer", page: "https://repost.aws/knowledge-center/s3-enforce-modern-tls",
		resource: `{"Effect":"Deny","Principal":{"AWS":"*"},"Action":["s3:*"],"Resource":["` + bucket + `","` + bucket + `/*"],"Condition":{"NumericLessThan":{"s3:TlsVersion":1.2}}}`,
		asked: []asked{
			{"", "s3:GetObject", bucket + "/k", "s3:TlsVersion=1.3", implicit},
			{"", "s3:GetObject", bucket + "/k", "s3:TlsVersion=1.2", implicit},
			{"", "s3:GetObject", bucket + "/k", "s3:TlsVersion=1.1", explicit},
		}},
	{what: "KMS: through EC2 or RDS", page: keyConditions + "#conditions-kms-via-service", rules: true,
		resource: forAna(`["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:DescribeKey"]`, `{"StringEquals":{"kms:ViaService":["ec2.us-west-2.amazonaws.com","rds.us-west-2.amazonaws.com"]}}`),
		asked: []asked{
			{ana, "kms:GenerateDataKeyWithoutPlaintext", "*", "kms:ViaService=ec2.us-west-2.amazonaws.com", allowed},
			{ana, "kms:ReEncryptFrom", "*", "kms:ViaService=rds.us-west-2.amazonaws.com", allowed},
			{ana, "kms:Decrypt", "*", "kms:ViaService=ec2.us-east-1.amazonaws.com", implicit},
			{ana, "kms:Decrypt", "*", "kms:ViaService=", implicit},
			{bob, "kms:Decrypt", "*", "kms:ViaService=ec2.us-west-2.amazonaws.com", implicit},
		}},
	{what: "KMS: everybody of an account, through EC2", page: keyConditions + "#conditions-kms-caller-account", rules: true,
		resource: `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["kms:Encrypt","kms:Decrypt"],"Resource":"*","Condition":{"StringEquals":{"kms:CallerAccount":"111122223333","kms:ViaService":"ec2.us-west-2.amazonaws.com"}}}`,
		asked: []asked{
			{ana, "kms:Decrypt", "*", "kms:CallerAccount=111122223333 kms:ViaService=ec2.us-west-2.amazonaws.com", allowed},
			{other, "kms:Decrypt", "*", "kms:CallerAccount=999988887777 kms:ViaService=ec2.us-west-2.amazonaws.com", implicit},
			{ana, "kms:Decrypt", "*", "kms:CallerAccount=111122223333 kms:ViaService=", implicit},
		}},
	{what: "KMS: grants by services only", page: keyConditions + "#conditions-kms-grant-is-for-aws-resource", rules: true,
		resource: forAna(`"kms:CreateGrant"`, `{"Bool":{"kms:GrantIsForAWSResource":true}}`),
		asked: []asked{
			{ana, "kms:CreateGrant", "*", "kms:GrantIsForAWSResource=true", allowed},
			{ana, "kms:CreateGrant", "*", "kms:GrantIsForAWSResource=false", implicit},
			{ana, "kms:CreateGrant", "*", "kms:GrantIsForAWSResource=", implicit},
		}},
	{what: "KMS: grants of two operations only", page: keyConditions + "#conditions-kms-grant-operations", rules: true,
		resource: forAna(`"kms:CreateGrant"`, `{"ForAllValues:StringEquals":{"kms:GrantOperations":["Encrypt","ReEncryptTo"]}}`),
		asked: []asked{
			{ana, "kms:CreateGrant", "*", "kms:GrantOperations=Encrypt kms:GrantOperations=ReEncryptTo", allowed},
			{ana, "kms:CreateGrant", "*", "kms:GrantOperations=Encrypt", allowed},
			{ana, "kms:CreateGrant", "*", "kms:GrantOperations=Encrypt kms:GrantOperations=Decrypt", implicit},
		}},
	{what: "KMS: grants of one operation among others", page: keyConditions + "#conditions-kms-grant-operations", described: true, rules: true,
		resource: forAna(`"kms:CreateGrant"`, `{"ForAnyValue:StringEquals":{"kms:GrantOperations":["Encrypt","ReEncryptTo"]}}`),
		asked: []asked{
			{ana, "kms:CreateGrant", "*", "kms:GrantOperations=Encrypt kms:GrantOperations=Decrypt", allowed},
			{ana, "kms:CreateGrant", "*", "kms:GrantOperations=Decrypt", implicit},
		}},
	{what: "KMS: an encryption context, whatever the case of its key", page: keyConditions + "#conditions-kms-encryption-context-case", rules: true,
		resource: forAna(`"kms:Decrypt"`, `{"StringEquals":{"kms:EncryptionContext:Appname":"ExampleApp"}}`),
		asked: []asked{
			{ana, "kms:Decrypt", "*", "kms:EncryptionContext:AppName=ExampleApp", allowed},
			{ana, "kms:Decrypt", "*", "kms:EncryptionContext:AppName=exampleapp", implicit},
			{ana, "kms:Decrypt", "*", "kms:EncryptionContext:AppName=", implicit},
		}},
	{what: "KMS: an encryption context and no other", page: keyConditions + "#conditions-kms-encryption-context", rules: true,
		resource: forAna(`"kms:GenerateDataKey"`, `{"StringEquals":{"kms:EncryptionContext:AppName":"ExampleApp"},"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["AppName"]}}`),
		asked: []asked{
			{ana, "kms:GenerateDataKey", "*", "kms:EncryptionContext:AppName=ExampleApp kms:EncryptionContextKeys=AppName", allowed},
			{ana, "kms:GenerateDataKey", "*", "kms:EncryptionContext:AppName=ExampleApp kms:EncryptionContextKeys=AppName kms:EncryptionContextKeys=Stage", implicit},
			{ana, "kms:GenerateDataKey", "*", "kms:EncryptionContext:AppName= kms:EncryptionContextKeys=", implicit},
		}},
	{what: "KMS: one algorithm only", page: keyConditions + "#conditions-kms-encryption-algorithm", rules: true,
		identity: everything,
		resource: `[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"},
			{"Effect":"Deny","Principal":{"AWS":"` + role + `"},"Action":["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*"],"Resource":"*","Condition":{"StringNotEquals":{"kms:EncryptionAlgorithm":"RSAES_OAEP_SHA_256"}}}]`,
		asked: []asked{
			{"", "kms:Encrypt", "*", "kms:EncryptionAlgorithm=RSAES_OAEP_SHA_256", allowed},
			{"", "kms:Encrypt", "*", "kms:EncryptionAlgorithm=RSAES_OAEP_SHA_1", explicit},
			{ana, "kms:Encrypt", "*", "kms:EncryptionAlgorithm=RSAES_OAEP_SHA_1", allowed},
		}},
	{what: "KMS: key material that ends in time", page: keyConditions + "#conditions-kms-valid-to", rules: true,
		resource: forAna(`"kms:ImportKeyMaterial"`, `{"NumericLessThanEquals":{"kms:ValidTo":"1546257599.0"}}`),
		asked: []asked{
			{ana, "kms:ImportKeyMaterial", "*", "kms:ValidTo=1546257599", allowed},
			{ana, "kms:ImportKeyMaterial", "*", "kms:ValidTo=1546257600", implicit},
			{ana, "kms:ImportKeyMaterial", "*", "kms:ValidTo=", implicit},
		}},
	{what: "IAM: some roles may be passed on", page: userGuide + "id_roles_use_passrole.html",
		identity: `{"Effect":"Allow","Action":["iam:GetRole","iam:PassRole"],"Resource":"arn:aws:iam::111122223333:role/EC2-roles-for-XYZ-*"}`,
		asked: []asked{
			{ana, "iam:PassRole", "arn:aws:iam::111122223333:role/EC2-roles-for-XYZ-web", "", allowed},
			{ana, "iam:PassRole", "arn:aws:iam::111122223333:role/Admin", "", implicit},
			{ana, "iam:PassRole", "arn:aws:iam::999988887777:role/EC2-roles-for-XYZ-web", "", implicit},
		}},
	{what: "IAM: roles for instances of EC2 only", page: userGuide + "reference_policies_iam-condition-keys.html",
		identity: `{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"},"ArnLike":{"iam:AssociatedResourceARN":"arn:aws:ec2:*:111122223333:instance/*"}}}`,
		asked: []asked{
			{ana, "iam:PassRole", role, "iam:PassedToService=ec2.amazonaws.com iam:AssociatedResourceARN=arn:aws:ec2:us-east-1:111122223333:instance/i-1", allowed},
			{ana, "iam:PassRole", role, "iam:PassedToService=lambda.amazonaws.com iam:AssociatedResourceARN=", implicit},
			{ana, "iam:PassRole", role, "iam:PassedToService= iam:AssociatedResourceARN=", implicit},
		}},
	{what: "STS: a role for another company, with its id for us", page: userGuide + "confused-deputy.html", rules: true,
		resource: `{"Effect":"Allow","Principal":{"AWS":"999988887777"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"12345"}}}`,
		asked: []asked{
			{other, "sts:AssumeRole", role, "sts:ExternalId=12345", delegated},
			{other, "sts:AssumeRole", role, "sts:ExternalId=67890", implicit},
			{other, "sts:AssumeRole", role, "sts:ExternalId=", implicit},
		}},
	{what: "Bedrock: a role for jobs of this account", page: bedrockDoc + "batch-iam-sr.html", rules: true,
		resource: `{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"},"ArnEquals":{"aws:SourceArn":"` + jobs + `*"}}}`,
		asked: []asked{
			{"bedrock.amazonaws.com", "sts:AssumeRole", role, "aws:SourceAccount=111122223333 aws:SourceArn=" + jobs + "a", allowed},
			{"bedrock.amazonaws.com", "sts:AssumeRole", role, "aws:SourceAccount=999988887777 aws:SourceArn=arn:aws:bedrock:us-east-1:999988887777:model-invocation-job/a", implicit},
			{"bedrock.amazonaws.com", "sts:AssumeRole", role, "aws:SourceAccount= aws:SourceArn=", implicit},
			{"lambda.amazonaws.com", "sts:AssumeRole", role, "aws:SourceAccount=111122223333 aws:SourceArn=" + jobs + "a", implicit},
		}},
	{what: "API Gateway: through one VPC endpoint", page: apiExamples,
		resource: `[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:111122223333:abcdefghij/*"},
			{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:111122223333:abcdefghij/*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}}]`,
		asked: []asked{
			{"anonymous", "execute-api:Invoke", invoke, "aws:SourceVpce=vpce-1a2b3c4d", allowed},
			{"anonymous", "execute-api:Invoke", invoke, "aws:SourceVpce=", explicit},
		}},
	{what: "API Gateway: a user and an account elsewhere", page: apiExamples, identity: everything,
		resource: `{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::999988887777:user/alice","999988887777"]},"Action":"execute-api:Invoke","Resource":"` + invoke + `"}`,
		asked: []asked{
			{"arn:aws:iam::999988887777:user/alice", "execute-api:Invoke", invoke, "", allowed},
			{other, "execute-api:Invoke", invoke, "", allowed},
			{"arn:aws:iam::444455556666:user/alice", "execute-api:Invoke", invoke, "", implicit},
		}},
	{what: "API Gateway: from another account, the API's policy alone is not enough", page: apiGuide + "apigateway-authorization-flow.html", described: true,
		resource: `[{"Effect":"Allow","Principal":{"AWS":"` + other + `"},"Action":"execute-api:Invoke","Resource":"` + invoke + `"},{"Effect":"Allow","Principal":{"AWS":"` + role + `"},"Action":"execute-api:Invoke","Resource":"` + invoke + `"}]`,
		asked: []asked{
			{other, "execute-api:Invoke", invoke, "", implicit},
			{"", "execute-api:Invoke", invoke, "", allowed},
		}},
}
