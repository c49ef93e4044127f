package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestEndpointResources lists what each statement of an endpoint policy is on:
// the stack's own resources, or Bedrock's in this account and region. The one
// statement on everything is for lists, which know no resources.
func TestEndpointResources(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		bucket := dataBucket(t, tm).ref("Arn")
		bedrock := func(kinds ...string) []string {
			var arns []string
			for _, kind := range kinds {
				arns = append(arns, "arn:aws:bedrock:"+v.region()+":${AWS::AccountId}:"+kind+"/*")
			}
			return arns
		}
		baseModels := "arn:aws:bedrock:" + v.region() + "::foundation-model/"
		var tunable []string
		for _, id := range v.config().TunableBaseModels() {
			parts := strings.Split(id, ":")
			tunable = append(tunable, baseModels+id, baseModels+strings.Join(parts[:2], ":"))
		}
		want := map[string][]string{
			"UseObjects":  {bucket + "/*"},
			"ListObjects": {bucket},
			"DescribeKey": {keyOf(t, tm).ref("Arn")},
			"Tune":        append(bedrock("custom-model", "model-customization-job"), tunable...),
			"Serve":       append(bedrock("custom-model", "custom-model-deployment", "provisioned-model"), tunable...),
			"Look":        {"*"},
			"Ask":         bedrock("custom-model-deployment", "provisioned-model"),
		}
		if v.private() {
			// The API has no id yet where its policy names the endpoint.
			want["AskModels"] = methodsOf(v, "*")
		}
		if v.config().API.Guardrail.ID != "" {
			want["PassGuardrail"] = bedrock("guardrail")
			want["PassGuardrail"][0] = strings.Replace(want["PassGuardrail"][0], "*", v.config().API.Guardrail.ID, 1)
		}
		if v.config().WatchesInvocations() {
			want["ReadMetrics"] = []string{"*"} // metrics know no resources
		}
		got := map[string][]string{}
		for _, e := range tm.ofType("AWS::EC2::VPCEndpoint") {
			statements := statementsOf(e.id, false, e.Properties["PolicyDocument"])
			if len(statements) == 0 {
				t.Errorf("%s has no policy, which lets everything through", e.id)
			}
			for _, s := range statements {
				got[s.sid()] = s.resources()
				if s.sid() == "Look" {
					equal(t, "listing", s.actions(), []string{"bedrock:ListCustomModelDeployments", "bedrock:ListProvisionedModelThroughputs"})
				}
			}
		}
		for _, arns := range want {
			slices.Sort(arns)
		}
		equal(t, "resources", got, want)
	})
}

// TestTLSOnly: every bucket, queue and topic has a policy, and none of the
// policies lets anything through without TLS.
func TestTLSOnly(t *testing.T) {
	kinds := []struct {
		kind, policy, subject, attribute string
		actions                          []string
	}{
		{"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket", "", []string{"s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:PutBucketPolicy"}},
		{"AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues", "", []string{"sqs:SendMessage", "sqs:ReceiveMessage"}},
		{"AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics", "TopicArn", []string{"sns:Publish"}},
	}
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		for _, k := range kinds {
			policies := map[string]any{}
			for _, p := range tm.ofType(k.policy) {
				for _, subject := range texts(p.Properties[k.subject]) {
					policies[subject] = p.Properties["PolicyDocument"]
				}
			}
			for _, r := range tm.ofType(k.kind) {
				statements := statementsOf(r.id, false, policies[r.ref(k.attribute)])
				for _, action := range k.actions {
					if !deniedWithoutTLS(t, statements, r, action) {
						t.Errorf("%s lets %s through without TLS", r.id, action)
					}
				}
			}
		}
	})
}

func deniedWithoutTLS(t *testing.T, statements []statement, r resource, action string) bool {
	t.Helper()
	on := r.ref("Arn")
	if r.Type == "AWS::SNS::Topic" {
		on = r.ref("TopicArn")
	}
	if strings.HasSuffix(action, "Object") {
		on += "/fine-tuning-datasets/m/a.jsonl"
	}
	var denials []statement
	for _, s := range statements {
		if s.object["Principal"] == "*" {
			denials = append(denials, s)
		}
	}
	secure := map[string]string{"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
	open := map[string]string{"aws:SecureTransport": "false", "s3:TlsVersion": "1.3"}
	byTLS, _ := denied(t, denials, request{action, on, open})
	otherwise, _ := denied(t, denials, request{action, on, secure})
	return byTLS != "" && byTLS != otherwise
}

// TestUploader holds all that the uploader role may do.
func TestUploader(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		bucket := dataBucket(t, tm).ref("Arn")
		equal(t, "uploader", withoutWhere(tm.permissions(t, "AccessUploader")), []object{
			{
				"Sid": "Upload", "Effect": "Allow",
				"Action":   []any{"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"},
				"Resource": []any{bucket + "/fine-tuning-datasets/*", bucket + "/validation-datasets/*", bucket + "/media/*"},
			},
			{
				"Sid": "EncryptUploads", "Effect": "Allow",
				"Action":    []any{"kms:Decrypt", "kms:GenerateDataKey"},
				"Resource":  keyOf(t, tm).ref("Arn"),
				"Condition": object{"StringEquals": object{"kms:ViaService": "s3." + v.region() + ".amazonaws.com"}},
			},
		})
		for _, p := range tm.ofType("AWS::IAM::ManagedPolicy") {
			equal(t, p.id+" is for", p.Properties["Roles"], []any{tm.find(t, "AccessOperator", "AWS::IAM::Role").ref("")})
		}
	})
}

func withoutWhere(statements []statement) []object {
	list := make([]object, 0, len(statements))
	for _, s := range statements {
		list = append(list, s.object)
	}
	return list
}

// TestPollOnlyAsks: the function that is called most can change nothing.
func TestPollOnlyAsks(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		actions := map[string]bool{}
		for _, s := range tm.permissions(t, "FunctionsPollRole") {
			for _, action := range s.actions() {
				if s.allows() && s.sid() != "AttachToVPC" {
					actions[action] = true
				}
			}
		}
		equal(t, "poll may", slices.Sorted(maps.Keys(actions)), []string{
			"bedrock:GetCustomModel", "bedrock:GetCustomModelDeployment", "bedrock:GetModelCustomizationJob",
			"bedrock:GetProvisionedModelThroughput",
			"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
		})
	})
}

// TestWhoMayCallFunctions: a function's policy lets a service in for one thing
// of this account.
func TestWhoMayCallFunctions(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		api := tm.find(t, "InferenceAPI", "AWS::ApiGateway::RestApi").ref("")
		permission := func(name, arn string) object {
			return object{
				"Action": "lambda:InvokeFunction", "FunctionName": function(t, tm, name).ref("Arn"),
				"Principal": "apigateway.amazonaws.com", "SourceAccount": "${AWS::AccountId}", "SourceArn": arn,
			}
		}
		var want, got []object
		if v.tokens() {
			want = append(want, permission("authorize", "arn:aws:execute-api:"+v.region()+":${AWS::AccountId}:"+api+
				"/authorizers/"+tm.find(t, "Inference", "AWS::ApiGateway::Authorizer").ref("")))
		}
		for _, arn := range methodsOf(v, api) {
			want = append(want, permission("invoke", arn))
		}
		for _, p := range tm.ofType("AWS::Lambda::Permission") {
			got = append(got, p.Properties)
		}
		equal(t, "permissions", got, want)
	})
}

// TestFlowLogIsWritten: the flow log has a group of the stack to go to, and a
// role that may write to it.
func TestFlowLogIsWritten(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		group := tm.find(t, "NetworkFlowLogGroup", "AWS::Logs::LogGroup")
		flow := tm.find(t, "NetworkFlowLog", "AWS::EC2::FlowLog").Properties
		equal(t, "goes to", []any{flow["LogDestinationType"], flow["LogGroupName"]}, []any{"cloud-watch-logs", group.ref("")})
		equal(t, "written as", flow["DeliverLogsPermissionArn"], tm.find(t, "NetworkFlowLogRole", "AWS::IAM::Role").ref("Arn"))
		equal(t, "which may", withoutWhere(tm.permissions(t, "NetworkFlowLogRole")), []object{{
			"Sid": "WriteFlowLog", "Effect": "Allow", "Resource": group.ref("Arn"),
			"Action": []any{"logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"},
		}})
	})
}
