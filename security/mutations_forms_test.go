package security

import "encoding/json"

// attached is a policy of its own with one statement.
func attached(properties object, statements ...any) object {
	properties["PolicyDocument"] = object{"Version": "2012-10-17", "Statement": statements}
	return properties
}

// whole changes what is beside the resources; see [mutate].
func whole(change func(tree object)) edit {
	return func(resources object) error {
		resources[wholeTemplate] = change
		return nil
	}
}

// decoy leaves a copy of a policy beside it, under the same name, and weakens the first.
func decoy(name, sid string) edit {
	return func(resources object) error {
		r, err := resourceOf(resources, name)
		if err != nil {
			return err
		}
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		var clone object
		if err := json.Unmarshal(text, &clone); err != nil {
			return err
		}
		if err := forget(name, sid)(resources); err != nil {
			return err
		}
		clone["Properties"].(object)["Bucket"] = "elsewhere"
		resources[name+"00000000"] = clone
		return nil
	}
}

// Forms of CloudFormation, and policies in other places.
var formMutations = []mutation{
	{9, "", "the bucket's policy is deployed under a condition", set("StoragePolicy", "Condition", "Never"), []string{"TemplateIsPlain"}},
	{9, "", "the bucket's policy is one of two", both(set("StoragePolicy", "Properties.PolicyDocument", object{"Fn::If": []any{"Never", object{"Version": "2012-10-17"}, object{"Version": "2012-10-17"}}})), []string{"TemplateIsPlain"}},
	{15, "", "a permission is there or not", inPolicy("FunctionsSubmitRole", "StartJob", func(list []any, _ int) []any {
		return append(list, object{"Fn::If": []any{"Never", object{"Ref": "AWS::NoValue"}, permit("bedrock:DeleteCustomModel", "*")}})
	}), []string{"TemplateIsPlain"}},
	{23, "", "a value comes from the parameter store", set("FunctionsInvokeFunction", "Properties.Description", "{{resolve:ssm:/somebody/else}}"), []string{"TemplateIsPlain"}},
	{39, "", "a parameter decides what is public", both(whole(func(tree object) {
		tree["Parameters"] = object{"Block": object{"Type": "String", "Default": "true"}}
	}), set("StorageBucket", "Properties.PublicAccessBlockConfiguration.BlockPublicPolicy", object{"Ref": "Block"})), []string{"TemplateIsPlain"}},
	{39, "", "a macro rewrites the template", whole(func(tree object) { tree["Transform"] = []any{"SomebodysMacro"} }), []string{"TemplateIsPlain"}},
	{42, "", "a resource tells cdk-nag what not to find", set("StorageBucket", "Metadata", object{"cdk_nag": object{"rules_to_suppress": []any{object{"id": "AwsSolutions-S1", "reason": "seeded"}}}}), []string{"TemplateIsPlain"}},
	{42, "", "the template tells cfn-lint what not to find", whole(func(tree object) {
		tree["Metadata"] = object{"cfn-lint": object{"config": object{"ignore_checks": []any{"E", "W"}}}}
	}), []string{"TemplateIsPlain"}},
	{23, "", "an access key stands in an output", whole(func(tree object) { tree["Outputs"] = object{"Seeded": object{"Value": "AKIAABCDEFGHIJKLMNOP"}} }), []string{"NoSecretsInTheTemplate"}},
	{12, "", "a decoy stands beside a weakened policy", decoy("StoragePolicy", "DenyListsFromOutside"), []string{"NamesAreOfOneResource", "BucketsHaveAPolicy"}},
	{9, "", "a bucket has a second policy", create("AWS::S3::BucketPolicy", attached(object{"Bucket": link{"StorageBucket", ""}}, allow("*", "s3:GetObject", below("StorageBucket", "/*")))), []string{"BucketsHaveAPolicy", "BucketPoliciesGiveNothing"}},
	{38, "", "the topic has a second policy", create("AWS::SNS::TopicPolicy", attached(object{"Topics": []any{link{"NoticesTopic", ""}}}, allow("*", "sns:Subscribe", link{"NoticesTopic", "TopicArn"}))), []string{"ChannelsAreOurs", "ChannelsLetInServicesOnly"}},
	{39, "", "a policy is a text", set("InferenceAPI", "Properties.ResourcePolicy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}`), []string{"EveryPolicyIsRead"}},
	{39, "", "a policy stands where nobody looks", set("StorageBucket", "Properties.Notes", attached(object{}, allow("*", "s3:*", "*"))), []string{"EveryPolicyIsRead"}},
	{17, "", "submit is given more in a policy beside its role", create("AWS::IAM::RolePolicy", attached(object{"PolicyName": "Seeded", "RoleName": link{"FunctionsSubmitRole", ""}},
		permit([]any{"bedrock:InvokeModel", "bedrock:DeleteProvisionedModelThroughput"}, "arn:aws:bedrock:us-east-1:"+Account+":provisioned-model/*"),
		permit([]any{"s3:GetObject", "s3:PutObject"}, below("StorageBucket", "/accepted/*")), permit("iam:PassRole", roleOf("*")))),
		[]string{"StarterStartsOnly", "PassRoleIsNarrow", "AcceptedIsValidates", "RolesDoWhatTheyMustAndNoMore", "RolesHaveWhatIsWrittenDown"}},
	{18, "", "a policy for whoever attaches it reads all data", create("AWS::IAM::ManagedPolicy", attached(object{}, permit("s3:GetObject", below("StorageBucket", "/*")))), []string{"PoliciesAreOfTheRoles"}},
}
