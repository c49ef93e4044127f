package security

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/rehearsal/eventrule"
)

var changeAssertions = []Assertion{
	{"ChangesAreTold", 37, changesAreTold},
	{"WorkIsNotToldAsChange", 37, workIsNotToldAsChange},
	{"OtherAskersRing", 37, otherAskersRing},
}

// event is a call as CloudTrail passes it on: to a service, with its name, what it is
// about, and who made it.
type event struct {
	service, call string
	about         object
	by            object
}

// json is the event as EventBridge has it.
func (e event) json() json.RawMessage {
	detail := object{"eventSource": e.service + ".amazonaws.com", "eventName": e.call, "userIdentity": e.by}
	for key, value := range e.about {
		detail[key] = value
	}
	text, err := json.Marshal(object{"source": "aws." + e.service, "detail-type": "AWS API Call via CloudTrail", "detail": detail})
	if err != nil {
		panic("security: an event cannot be written: " + err.Error())
	}
	return text
}

// session is a session of a role, user a user, and root the account's own.
func session(role string) object {
	return object{"type": "AssumedRole", "sessionContext": object{"sessionIssuer": object{"type": "Role", "arn": role}}}
}

var (
	administrator = session("arn:aws:iam::" + Account + ":role/admin")
	user          = object{"type": "IAMUser", "arn": "arn:aws:iam::" + Account + ":user/a"}
)

// request is what most calls are about.
func request(pairs ...any) object {
	parameters := object{}
	for i := 0; i+1 < len(pairs); i += 2 {
		parameters[pairs[i].(string)] = pairs[i+1]
	}
	return object{"requestParameters": parameters}
}

// changes are calls that take away something of what guards the stack.
func (t *Template) changes() []event {
	key := object{"resources": []any{object{"type": "AWS::KMS::Key", "ARN": t.arn("Key")}}}
	var list []event
	for _, call := range []string{"DisableKey", "ScheduleKeyDeletion", "PutKeyPolicy", "DisableKeyRotation", "RevokeGrant", "UpdateAlias", "CreateGrant"} {
		list = append(list, event{"kms", call, key, administrator}, event{"kms", call, key, user})
	}
	for _, bucket := range t.ofType("AWS::S3::Bucket") {
		for _, call := range []string{
			"PutBucketPolicy", "DeleteBucketPolicy", "PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock", "PutBucketAcl", "PutBucketEncryption",
			"PutBucketVersioning", "PutBucketLifecycle", "PutBucketReplication", "DeleteBucket",
		} {
			list = append(list, event{"s3", call, request("bucketName", reference(bucket, t.Region)), administrator})
		}
	}
	vpc, routes, group := t.ref("NetworkVPC"), t.ref("NetworkIsolated"), t.ref("NetworkJobGroup")
	list = append(list,
		event{"ec2", "CreateRoute", request("routeTableId", routes, "destinationCidrBlock", "0.0.0.0/0"), administrator},
		event{"ec2", "ReplaceRoute", request("routeTableId", routes), user},
		event{"ec2", "AttachInternetGateway", request("vpcId", vpc, "internetGatewayId", "igw-a"), administrator},
		event{"ec2", "CreateVpcPeeringConnection", request("vpcId", vpc), administrator},
		event{"ec2", "AuthorizeSecurityGroupEgress", request("groupId", group), administrator},
		event{"ec2", "AuthorizeSecurityGroupIngress", request("groupId", t.ref("NetworkEndpointGroup")), administrator},
		event{"ec2", "RevokeSecurityGroupEgress", request("groupId", t.ref("NetworkFunctionGroup")), user},
		event{"ec2", "ModifySecurityGroupRules", request("ModifySecurityGroupRulesRequest", object{"GroupId": group}), user},
		event{"ec2", "CreateVpcEndpoint", request("CreateVpcEndpointRequest", object{"VpcId": vpc}), administrator},
		event{"ec2", "ModifyVpcEndpoint", request("ModifyVpcEndpointRequest", object{"VpcEndpointId": t.ref("NetworkS3Endpoint")}), administrator},
		event{"ec2", "AcceptVpcPeeringConnection", request("vpcPeeringConnectionId", "pcx-a"), user},
		event{"s3", "DeleteAccountPublicAccessBlock", request("accountId", Account), administrator},
		event{"ec2", "DeleteVpcEndpoints", request("DeleteVpcEndpointsRequest", object{}), administrator},
		event{"ec2", "DeleteFlowLogs", request("DeleteFlowLogsRequest", object{}), administrator})
	for _, call := range []string{"StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"} {
		list = append(list, event{"cloudtrail", call, request("name", "a"), administrator})
	}
	for _, call := range []string{"CreateModelCustomizationJob", "CreateProvisionedModelThroughput", "CreateCustomModelDeployment"} {
		list = append(list, event{"bedrock", call, request(), administrator}, event{"bedrock", call, request(), user})
	}
	if t.Region == defaultRegion { // the events of IAM are nowhere else
		for _, call := range []string{"PutRolePolicy", "DeleteRolePolicy", "AttachRolePolicy", "UpdateAssumeRolePolicy", "DeleteRolePermissionsBoundary"} {
			list = append(list, event{"iam", call, request("roleName", stackName+"-FunctionsSubmitRoleABC-1"), administrator})
		}
		list = append(list, event{"iam", "CreatePolicyVersion", request("policyArn", "arn:aws:iam::"+Account+":policy/"+stackName+"-AccessOperatorPolicyABC"), user})
	}
	return list
}

// tellers are the enabled rules that publish to the topic of notices.
func (t *Template) tellers(f *Findings) map[string]*eventrule.Pattern {
	return t.patterns(f, func(r *Resource) bool {
		return slices.ContainsFunc(items(r.Properties["Targets"]), func(target any) bool { return text(get(target, "Arn")) == t.arn("NoticesTopic") })
	})
}

// patterns are those of the enabled rules that are of a kind. A pattern that
// EventBridge would not take is a finding.
func (t *Template) patterns(f *Findings, kind func(*Resource) bool) map[string]*eventrule.Pattern {
	list := map[string]*eventrule.Pattern{}
	for _, r := range t.ofType("AWS::Events::Rule") {
		if !strings.HasPrefix(text(r.Properties["State"]), "ENABLED") || r.Properties["EventPattern"] == nil || !kind(r) {
			continue
		}
		text, err := json.Marshal(r.Properties["EventPattern"])
		if err == nil {
			list[r.ID], err = eventrule.ParsePattern(text)
		}
		if err != nil {
			f.add(r.ID, "its pattern cannot be read: %v", err)
			delete(list, r.ID)
		}
	}
	return list
}

// matching is one of the rules that an event matches, or "".
func matching(f *Findings, rules map[string]*eventrule.Pattern, e event) string {
	text := e.json()
	for _, id := range sortedKeys(rules) {
		ok, err := rules[id].Match(text)
		if err != nil {
			f.add(id, "%v", err)
		}
		if ok {
			return id
		}
	}
	return ""
}

func changesAreTold(t *Template) (f Findings) {
	rules := t.tellers(&f)
	for _, e := range t.changes() {
		if matching(&f, rules, e) == "" {
			f.add("Observability", "nobody is told of %s at %s", e.call, e.service)
		}
	}
	return f
}

// work are calls that the stack makes itself, or that are about something else.
func (t *Template) work() []event {
	submit, job := session(t.arn("FunctionsSubmitRole")), session(t.arn("CustomizationRole"))
	key := object{"resources": []any{object{"ARN": t.arn("Key")}}}
	deployment := request("modelId", t.inRegion("bedrock", "custom-model-deployment/a"))
	return []event{
		{"kms", "CreateGrant", key, submit}, {"kms", "CreateGrant", key, job}, {"kms", "GenerateDataKey", key, administrator},
		{"kms", "DisableKey", object{"resources": []any{object{"ARN": t.inRegion("kms", "key/another")}}}, administrator},
		{"s3", "PutBucketPolicy", request("bucketName", "another"), administrator}, {"s3", "ListBuckets", request(), administrator},
		{"ec2", "CreateRoute", request("routeTableId", "rtb-another"), administrator},
		{"ec2", "AuthorizeSecurityGroupIngress", request("groupId", "sg-another"), administrator},
		{"ec2", "CreateNetworkInterface", request("subnetId", t.ref("NetworkIsolated1Subnet")), job},
		{"iam", "PutRolePolicy", request("roleName", "somebody-elses"), administrator},
		{"bedrock", "CreateModelCustomizationJob", request(), submit},
		{"bedrock", "CreateCustomModelDeployment", request(), session(t.arn("FunctionsThroughputRole"))},
		{"bedrock", "Converse", deployment, session(t.arn("FunctionsInvokeRole"))},
	}
}

// workIsNotToldAsChange: notices that come with every run are soon read by nobody.
func workIsNotToldAsChange(t *Template) (f Findings) {
	rules := t.tellers(&f)
	for _, e := range t.work() {
		if id := matching(&f, rules, e); id != "" {
			f.add(id, "%s at %s is told, which is the stack's own work or another's", e.call, e.service)
		}
	}
	return f
}

// otherAskersRing: a tuned model that is asked by anybody but the stack rings an
// alarm, by the metric of a rule that hears calls which only read.
func otherAskersRing(t *Template) (f Findings) {
	rules := t.patterns(&f, func(r *Resource) bool {
		heard := text(r.Properties["State"]) == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
		return heard && slices.ContainsFunc(t.ofType("AWS::CloudWatch::Alarm"), func(alarm *Resource) bool {
			return text(alarm.Properties["Namespace"]) == "AWS/Events" && text(alarm.Properties["MetricName"]) == "TriggeredRules" &&
				text(get(alarm.Properties, "Dimensions", 0, "Name")) == "RuleName" && text(get(alarm.Properties, "Dimensions", 0, "Value")) == reference(r, t.Region)
		})
	})
	for _, call := range []string{"InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream"} {
		for _, model := range []string{"custom-model-deployment/a", "provisioned-model/a"} {
			asked := request("modelId", t.inRegion("bedrock", model))
			for _, by := range []object{administrator, user, session("arn:aws:iam::" + foreignAccount + ":role/" + stackName + "/function/a")} {
				if matching(&f, rules, event{"bedrock", call, asked, by}) == "" {
					f.add("ObservabilityAskedByOthers", "nobody notices %s of %s by somebody else", call, model)
				}
			}
			if id := matching(&f, rules, event{"bedrock", call, asked, session(t.arn("FunctionsInvokeRole"))}); id != "" {
				f.add(id, "rings for the stack's own questions")
			}
		}
		if id := matching(&f, rules, event{"bedrock", call, request("modelId", t.baseModel("amazon.nova-micro-v1:0")), user}); id != "" {
			f.add(id, "rings for base models, which anybody may ask")
		}
	}
	return f
}
