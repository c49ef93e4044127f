package security

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// resolver puts names in place of references, as a deployment would. The names
// are made up, but each is of its kind's form. It never fails: what it does not
// know, or what is missing, becomes a name nobody has, so that a damaged template
// is judged by what is left of it.
type resolver struct {
	source
	resources object
}

func newResolver(s source, resources object) *resolver { return &resolver{s, resources} }

// maxDepth ends a reference that leads to itself.
const maxDepth = 64

func (r *resolver) value(value any, depth int) any {
	if depth > maxDepth {
		return "endless-reference"
	}
	switch v := value.(type) {
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			if resolved := r.value(item, depth+1); resolved != nil {
				out = append(out, resolved)
			}
		}
		return out
	case object:
		if len(v) == 1 {
			for name, argument := range v {
				if name == "Ref" || strings.HasPrefix(name, "Fn::") {
					return r.intrinsic(name, argument, depth)
				}
			}
		}
		out := make(object, len(v))
		for key, item := range v {
			if resolved := r.value(item, depth+1); resolved != nil {
				out[key] = resolved
			}
		}
		return out
	}
	return value
}

func (r *resolver) intrinsic(name string, argument any, depth int) any {
	switch name {
	case "Ref":
		return r.ref(text(argument), depth)
	case "Fn::GetAtt":
		parts := texts(argument)
		if len(parts) == 1 {
			parts = strings.SplitN(parts[0], ".", 2)
		}
		if len(parts) < 2 {
			return "missing-attribute"
		}
		return r.att(parts[0], parts[1], depth)
	case "Fn::Sub":
		return r.sub(argument, depth)
	}
	resolved := r.value(argument, depth+1)
	switch name {
	case "Fn::Join":
		return strings.Join(texts(get(resolved, 1)), text(get(resolved, 0)))
	case "Fn::Split":
		var parts []any
		for _, part := range strings.Split(text(get(resolved, 1)), text(get(resolved, 0))) {
			parts = append(parts, part)
		}
		return parts
	case "Fn::Select":
		return get(resolved, 1, int(number(get(resolved, 0))))
	case "Fn::GetAZs":
		var zones []any
		for _, letter := range "abcdef" {
			zones = append(zones, r.region+string(letter))
		}
		return zones
	}
	return "unknown" + strings.ReplaceAll(name, "::", "-")
}

// pseudo are CloudFormation's own parameters.
func (r *resolver) pseudo(name string) (any, bool) {
	switch name {
	case "AWS::AccountId":
		return Account, true
	case "AWS::Region":
		return r.region, true
	case "AWS::Partition":
		return "aws", true
	case "AWS::URLSuffix":
		return "amazonaws.com", true
	case "AWS::StackName":
		return r.stack, true
	case "AWS::StackId":
		return "arn:aws:cloudformation:" + r.region + ":" + Account + ":stack/" + r.stack + "/0", true
	case "AWS::NoValue":
		return nil, true
	}
	return nil, false
}

func (r *resolver) ref(name string, depth int) any {
	if value, ok := r.pseudo(name); ok {
		return value
	}
	if resource := r.resource(name, depth); resource != nil {
		return reference(resource, r.region)
	}
	if parameter, ok := get(r.tree, "Parameters", name).(object); ok {
		return cmp.Or(text(parameter["Default"]), "parameter-"+name)
	}
	return "missing-" + name
}

func (r *resolver) att(name, attr string, depth int) any {
	if resource := r.resource(name, depth); resource != nil {
		return attribute(resource, r.region, attr)
	}
	return "missing-" + name + "-" + attr
}

// resource is the resource with the few properties that its name depends on.
func (r *resolver) resource(id string, depth int) *Resource {
	raw, ok := r.resources[id].(object)
	if !ok {
		return nil
	}
	resource := &Resource{ID: id, Type: text(raw["Type"]), Properties: object{}}
	for _, key := range namedBy {
		if value := get(raw, "Properties", key); value != nil {
			resource.Properties[key] = r.value(value, depth+1)
		}
	}
	return resource
}

var placeholder = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

func (r *resolver) sub(argument any, depth int) any {
	format := argument
	variables := object{}
	if list, ok := argument.([]any); ok {
		format = get(list, 0)
		variables, _ = r.value(get(list, 1), depth+1).(object)
	}
	return placeholder.ReplaceAllStringFunc(text(format), func(found string) string {
		name := found[2 : len(found)-1]
		if value, ok := variables[name]; ok {
			return text(value)
		}
		if id, attr, ok := strings.Cut(name, "."); ok {
			return text(r.att(id, attr, depth+1))
		}
		return text(r.ref(name, depth+1))
	})
}

// namedBy are the properties that can be a part of a resource's name or ARN.
var namedBy = []string{
	"BucketName", "RoleName", "Path", "FunctionName", "StateMachineName", "TopicName", "QueueName", "LogGroupName", "Name", "AlarmName", "StageName", "ManagedPolicyName", "TrailName",
}

// kinds are, by type, the property that names a resource and its ARN without the
// name: R stands for region and account, A for the account alone.
var kinds = map[string]struct{ property, arn string }{
	"AWS::S3::Bucket":                  {"BucketName", "arn:aws:s3:::"},
	"AWS::KMS::Key":                    {"", "arn:aws:kms:R:key/"},
	"AWS::IAM::Role":                   {"RoleName", "arn:aws:iam::A:role"},
	"AWS::IAM::User":                   {"UserName", "arn:aws:iam::A:user/"},
	"AWS::IAM::ManagedPolicy":          {"ManagedPolicyName", "arn:aws:iam::A:policy/"},
	"AWS::Lambda::Function":            {"FunctionName", "arn:aws:lambda:R:function:"},
	"AWS::StepFunctions::StateMachine": {"StateMachineName", "arn:aws:states:R:stateMachine:"},
	"AWS::SNS::Topic":                  {"TopicName", "arn:aws:sns:R:"},
	"AWS::SQS::Queue":                  {"QueueName", "arn:aws:sqs:R:"},
	"AWS::Logs::LogGroup":              {"LogGroupName", "arn:aws:logs:R:log-group:"},
	"AWS::Events::Rule":                {"Name", "arn:aws:events:R:rule/"},
	"AWS::Scheduler::Schedule":         {"Name", "arn:aws:scheduler:R:schedule/default/"},
	"AWS::CloudWatch::Alarm":           {"AlarmName", "arn:aws:cloudwatch:R:alarm:"},
	"AWS::CloudTrail::Trail":           {"TrailName", "arn:aws:cloudtrail:R:trail/"},
	"AWS::WAFv2::WebACL":               {"Name", "arn:aws:wafv2:R:regional/webacl/"},
	"AWS::ApiGateway::Stage":           {"StageName", "arn:aws:apigateway:R:stage/"},
}

// refIsARN are the types whose reference is the ARN.
var refIsARN = map[string]bool{
	"AWS::IAM::ManagedPolicy": true, "AWS::StepFunctions::StateMachine": true, "AWS::SNS::Topic": true, "AWS::SecretsManager::Secret": true,
}

// ids are, by type, how the ids begin that EC2 gives.
var ids = map[string]string{
	"AWS::EC2::VPC": "vpc-", "AWS::EC2::Subnet": "subnet-", "AWS::EC2::SecurityGroup": "sg-", "AWS::EC2::VPCEndpoint": "vpce-",
	"AWS::EC2::RouteTable": "rtb-", "AWS::EC2::NatGateway": "nat-", "AWS::EC2::InternetGateway": "igw-",
}

// physical is the name a resource has, or could have.
func physical(r *Resource) string {
	if prefix, ok := ids[r.Type]; ok {
		return prefix + strings.ToLower(r.ID)
	}
	if name := text(r.Properties[kinds[r.Type].property]); kinds[r.Type].property != "" && name != "" {
		return name
	}
	if r.Type == "AWS::Events::Rule" {
		return stackName + "-" + r.ID
	}
	if r.Type == "AWS::S3::Bucket" || r.Type == "AWS::ApiGateway::RestApi" {
		return strings.ToLower(r.ID)
	}
	return r.ID
}

func reference(r *Resource, region string) string {
	switch {
	case refIsARN[r.Type]:
		return attribute(r, region, "Arn")
	case r.Type == "AWS::SQS::Queue":
		return "https://sqs." + region + ".amazonaws.com/" + Account + "/" + physical(r)
	}
	return physical(r)
}

func attribute(r *Resource, region, attr string) string {
	kind, known := kinds[r.Type]
	isARN := attr == "Arn" || attr == "TopicArn" || strings.HasSuffix(attr, "Arn")
	switch {
	case known && isARN:
		prefix := strings.NewReplacer(":R:", ":"+region+":"+Account+":", "::A:", "::"+Account+":").Replace(kind.arn)
		name := physical(r)
		if r.Type == "AWS::IAM::Role" {
			name = cmp.Or(text(r.Properties["Path"]), "/") + name
		}
		if r.Type == "AWS::Logs::LogGroup" {
			name += ":*"
		}
		return prefix + name
	case ids[r.Type] != "" && (attr == "Id" || strings.HasSuffix(attr, "Id")):
		return physical(r)
	case strings.HasSuffix(attr, "Name") || attr == "KeyId" || attr == "Id":
		return physical(r)
	}
	return r.ID + "." + attr + "." + strconv.Itoa(len(attr))
}
