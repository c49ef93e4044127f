package security

import (
	"slices"
	"strings"
)

var endpointAssertions = []Assertion{
	{"EveryServiceHasAnEndpoint", 2, everyServiceHasAnEndpoint},
	{"EndpointsAnswerToUsualNames", 2, endpointsAnswerToUsualNames},
	{"S3EndpointIsRouted", 2, s3EndpointIsRouted},
}

// insiders are the roles whose requests leave the VPC through an endpoint: those
// of the functions in it and the one Bedrock assumes for a job.
func (t *Template) insiders() []*Resource {
	var roles []*Resource
	for _, f := range t.ofType("AWS::Lambda::Function") {
		if f.Properties["VpcConfig"] == nil {
			continue
		}
		for _, r := range t.ofType("AWS::IAM::Role") {
			if attribute(r, t.Region, "Arn") == text(f.Properties["Role"]) {
				roles = append(roles, r)
			}
		}
	}
	if job := t.find("CustomizationRole"); job != nil {
		roles = append(roles, job)
	}
	return roles
}

// servedBy is the endpoint an action goes through; "" for what leaves through
// Lambda itself, is done by an AWS service for the role, or is a permission that
// no call asks for by itself.
func servedBy(action string) string {
	service, name, _ := strings.Cut(action, ":")
	switch {
	case service == "bedrock" && (strings.HasPrefix(name, "InvokeModel") || name == "ApplyGuardrail"):
		return "bedrock-runtime"
	case service == "kms" && name == "DescribeKey", service == "s3", service == "bedrock":
		return service
	case service == "cloudwatch":
		return "monitoring"
	case service == "kms", service == "logs", service == "xray", service == "ec2", service == "iam":
		return "" // S3 and Bedrock use the key; Lambda logs, traces and attaches; PassRole is no call
	}
	return service
}

// needs are the services that the insiders' permissions speak of.
func (t *Template) needs() map[string][]string {
	need := map[string][]string{}
	for _, role := range t.insiders() {
		for _, d := range t.identityDocuments(role) {
			for _, s := range statementsOf(d.body) {
				for _, action := range s.actions() {
					if service := servedBy(action); service != "" && s.allows() {
						need[service] = append(need[service], role.ID)
					}
				}
			}
		}
	}
	// Throughput measures only where something goes by it; its permission stays.
	if t.watchesNothing() {
		delete(need, "monitoring")
	}
	return need
}

// watchesNothing says whether the sweep is configured to go by no invocations.
func (t *Template) watchesNothing() bool {
	f := t.find("FunctionsThroughputFunction")
	if f == nil {
		return false
	}
	rules := text(get(f.Properties, "Environment", "Variables", "TUNELINE_SWEEPING"))
	return strings.Contains(rules, `"warnIdleSeconds":0`) && strings.Contains(rules, `"releaseIdleSeconds":0`)
}

func (t *Template) endpoint(service string) *Resource {
	for _, r := range t.ofType("AWS::EC2::VPCEndpoint") {
		if strings.HasSuffix(text(r.Properties["ServiceName"]), "."+t.Region+"."+service) {
			return r
		}
	}
	return nil
}

func everyServiceHasAnEndpoint(t *Template) (f Findings) {
	need := t.needs()
	if len(need) < 3 {
		f.add("FunctionsValidateFunction", "no function in the VPC calls S3, KMS and Bedrock: the functions are not there, or not in it")
	}
	for service, roles := range need {
		if t.endpoint(service) == nil {
			f.add(slices.Min(roles), "calls %s, which has no endpoint in the VPC", service)
		}
	}
	return f
}

// endpointsAnswerToUsualNames: without private DNS, a client's usual address leads
// to the internet, or nowhere.
func endpointsAnswerToUsualNames(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::EC2::VPCEndpoint") {
		gateway := r == t.endpoint("s3") && text(r.Properties["VpcEndpointType"]) == "Gateway"
		if !gateway && (text(r.Properties["VpcEndpointType"]) != "Interface" || !isTrue(r.Properties["PrivateDnsEnabled"])) {
			f.add(r.ID, "does not answer to the service's usual name")
		}
	}
	for _, r := range t.ofType("AWS::EC2::VPC") {
		if !isTrue(r.Properties["EnableDnsSupport"]) || !isTrue(r.Properties["EnableDnsHostnames"]) {
			f.add(r.ID, "names are not looked up in the VPC")
		}
	}
	return f
}

// s3EndpointIsRouted: the gateway endpoint is on the route table of every subnet.
func s3EndpointIsRouted(t *Template) (f Findings) {
	endpoint := t.endpoint("s3")
	if endpoint == nil {
		f.add("NetworkS3Endpoint", "it is missing")
		return f
	}
	for _, subnet := range t.ofType("AWS::EC2::Subnet") {
		routed := slices.ContainsFunc(t.ofType("AWS::EC2::SubnetRouteTableAssociation"), func(r *Resource) bool {
			return text(r.Properties["SubnetId"]) == reference(subnet, t.Region) &&
				slices.Contains(texts(endpoint.Properties["RouteTableIds"]), text(r.Properties["RouteTableId"]))
		})
		if !routed {
			f.add(subnet.ID, "has no route to the S3 endpoint")
		}
	}
	return f
}
