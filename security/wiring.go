package security

import (
	"regexp"
	"slices"
	"strings"
)

var wiringAssertions = []Assertion{
	{"EndpointsLeadToAWS", 1, endpointsLeadToAWS},
	{"EgressIsToS3sAddresses", 4, egressIsToS3sAddresses},
	{"InterfacesAreWhereTheyBelong", 4, interfacesAreWhereTheyBelong},
	{"KeyNameLeadsToTheKey", 7, keyNameLeadsToTheKey},
	{"CurrentVersionsStay", 13, currentVersionsStay},
	{"FunctionsAreToldOurs", 22, functionsAreToldOurs},
	{"EventsStayHere", 38, eventsStayHere},
	{"SubscribersArePeople", 38, subscribersArePeople},
	{"CodeIsBuiltHere", 40, codeIsBuiltHere},
}

// led are the services that endpoints lead to. One of another owner is a way out that
// no policy of ours decides about.
var led = []string{"bedrock", "bedrock-runtime", "execute-api", "kms", "monitoring", "s3"}

func endpointsLeadToAWS(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::EC2::VPCEndpoint") {
		service, aws := strings.CutPrefix(text(r.Properties["ServiceName"]), "com.amazonaws."+t.Region+".")
		if !aws || !slices.Contains(led, service) || text(r.Properties["VpcId"]) != t.ref("NetworkVPC") {
			f.add(r.ID, "leads to %s, or from another VPC", text(r.Properties["ServiceName"]))
		}
	}
	return f
}

// s3Addresses are AWS's prefix lists of S3, by Region. For another Region the id is the
// configuration's word; it is one then.
var s3Addresses = map[string]string{"us-east-1": "pl-63a5400a", "us-west-2": "pl-68a54001"}

func egressIsToS3sAddresses(t *Template) (f Findings) {
	want := s3Addresses[t.Region]
	for _, r := range t.egress() {
		list := text(r.properties["DestinationPrefixListId"])
		if want == "" {
			want = list
		}
		if list != "" && list != want {
			f.add(r.where, "lets out to %s, want %s, which is S3", list, want)
		}
	}
	return f
}

// interfacesAreWhereTheyBelong: functions are in the functions' group and endpoints in
// one that functions or callers may reach; all are in subnets of the stack.
func interfacesAreWhereTheyBelong(t *Template) (f Findings) {
	var subnets []string
	for _, r := range t.ofType("AWS::EC2::Subnet") {
		subnets = append(subnets, reference(r, t.Region))
	}
	check := func(r *Resource, properties any, groups ...string) {
		for _, id := range texts(get(properties, "SubnetIds")) {
			if !slices.Contains(subnets, id) {
				f.add(r.ID, "is in %s, which is no subnet of the stack", id)
			}
		}
		for _, id := range texts(get(properties, "SecurityGroupIds")) {
			if !slices.Contains(groups, id) {
				f.add(r.ID, "is in the group %s, which is for others", id)
			}
		}
	}
	for _, r := range t.ofType("AWS::Lambda::Function") {
		check(r, r.Properties["VpcConfig"], t.ref("NetworkFunctionGroup"))
	}
	for _, r := range t.ofType("AWS::EC2::VPCEndpoint") {
		check(r, r.Properties, t.ref("NetworkEndpointGroup"), t.ref("InferenceDoorGroup"))
	}
	return f
}

// keyNameLeadsToTheKey: people and tools that go by the alias find this key.
func keyNameLeadsToTheKey(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::KMS::Alias") {
		if target := text(r.Properties["TargetKeyId"]); target != t.ref("Key") && target != t.arn("Key") {
			f.add(r.ID, "leads to the key %s", target)
		}
	}
	return f
}

// shortestStay is the fewest days that a version which is not current stays: a job may
// still read it, and who wrote over it may want it back.
const shortestStay = 30

// currentVersionsStay: what people uploaded, reports and records end only when somebody
// deletes them; the pipeline's copies and the log of accesses end by themselves.
func currentVersionsStay(t *Template) (f Findings) {
	bucket := t.find("StorageBucket")
	if bucket == nil {
		f.add("StorageBucket", "the bucket is missing")
		return f
	}
	forgotten := false
	for _, rule := range items(get(bucket.Properties, "LifecycleConfiguration", "Rules")) {
		prefix, days := text(get(rule, "Prefix")), get(rule, "NoncurrentVersionExpiration", "NoncurrentDays")
		if get(rule, "ExpirationInDays") != nil && prefix != "accepted/" {
			f.add(bucket.ID, "%s ends what is still current", text(get(rule, "Id")))
		}
		if days != nil && prefix != "accepted/" && number(days) < shortestStay {
			f.add(bucket.ID, "%s ends old versions within %d days", text(get(rule, "Id")), shortestStay)
		}
		forgotten = forgotten || prefix == "" && text(get(rule, "Status")) == "Enabled" && days != nil
	}
	if !forgotten {
		f.add(bucket.ID, "no rule ends old versions under every prefix")
	}
	return f
}

// functionsAreToldOurs: what a variable names is the stack's, and no variable is one
// that the SDK or the runtime goes by, such as another endpoint of a service.
func functionsAreToldOurs(t *Template) (f Findings) {
	ours := t.ownARNs()
	for _, fn := range t.ofType("AWS::Lambda::Function") {
		eachText(get(fn.Properties, "Environment", "Variables"), "", func(name, value string) {
			switch {
			case !strings.HasPrefix(name, "TUNELINE_"):
				f.add(fn.ID, "has the variable %s, which is none of its own", name)
			case name == "TUNELINE_BUCKET" && value != t.ref("StorageBucket"):
				f.add(fn.ID, "is told the bucket %s", value)
			}
			for _, part := range strings.Split(value, ",") {
				if strings.HasPrefix(part, "arn:") && !ours[part] {
					f.add(fn.ID, "%s is %s, which is not the stack's", name, part)
				}
			}
		})
	}
	return f
}

// eventsStayHere: rules and schedules start machines of the stack or publish to its
// topic, and carry nothing elsewhere.
func eventsStayHere(t *Template) (f Findings) {
	ours := []string{t.arn("NoticesTopic")}
	for _, r := range t.ofType("AWS::StepFunctions::StateMachine") {
		ours = append(ours, attribute(r, t.Region, "Arn"))
	}
	for _, r := range t.ofType("AWS::Events::Rule", "AWS::Scheduler::Schedule") {
		for _, target := range slices.Concat(items(r.Properties["Targets"]), items(r.Properties["Target"])) {
			if to := text(get(target, "Arn")); !slices.Contains(ours, to) {
				f.add(r.ID, "goes to %s", to)
			}
		}
	}
	return f
}

// subscribersArePeople: a notice goes to an address that somebody confirmed by hand.
func subscribersArePeople(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::SNS::Subscription") {
		if text(r.Properties["Protocol"]) != "email" || text(r.Properties["TopicArn"]) != t.arn("NoticesTopic") {
			f.add(r.ID, "%s is told what is in notices", text(r.Properties["Endpoint"]))
		}
	}
	return f
}

// built is how the CDK names a file it built and puts into the account's own bucket of
// assets: by the hash of what is in it.
var (
	assets = regexp.MustCompile(`^cdk-[a-z0-9]{1,10}-assets-` + Account + `-[a-z0-9-]+$`)
	built  = regexp.MustCompile(`^[0-9a-f]{64}\.zip$`)
)

func codeIsBuiltHere(t *Template) (f Findings) {
	for _, fn := range t.ofType("AWS::Lambda::Function") {
		code := fn.Properties["Code"]
		if bucket := text(get(code, "S3Bucket")); !assets.MatchString(bucket) || !strings.HasSuffix(bucket, "-"+t.Region) || !built.MatchString(text(get(code, "S3Key"))) {
			f.add(fn.ID, "runs code from %s/%s", text(get(code, "S3Bucket")), text(get(code, "S3Key")))
		}
	}
	return f
}
