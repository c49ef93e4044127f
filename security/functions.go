package security

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

var functionAssertions = []Assertion{
	{"FunctionsAreInTheVPC", 22, functionsAreInTheVPC},
	{"FunctionsAreTraced", 22, functionsAreTraced},
	{"FunctionsAreBounded", 22, functionsAreBounded},
	{"FunctionsHaveARoleOfTheirOwn", 22, functionsHaveARoleOfTheirOwn},
	{"NoFunctionIsPublic", 22, noFunctionIsPublic},
	{"JobsAreToldWhereTheyRun", 21, jobsAreToldWhereTheyRun},
	{"NoSecretsInTheTemplate", 23, noSecretsInTheTemplate},
}

// outsiders are the functions that are not in the VPC, with the reason.
var outsiders = map[string]string{
	"LifecycleFunction":          "handles no data, and must work while the network is taken away",
	"FunctionsAuthorizeFunction": "fetches the issuer's keys over the internet, and sees no question or answer",
}

func (t *Template) isOutsider(f *Resource) bool {
	for name := range outsiders {
		if t.find(name) == f {
			return true
		}
	}
	return false
}

func functionsAreInTheVPC(t *Template) (f Findings) {
	for _, fn := range t.ofType("AWS::Lambda::Function") {
		if !t.isOutsider(fn) && len(texts(get(fn.Properties, "VpcConfig", "SubnetIds"))) == 0 {
			f.add(fn.ID, "is outside the VPC")
		}
	}
	return f
}

func functionsAreTraced(t *Template) (f Findings) {
	for _, fn := range t.ofType("AWS::Lambda::Function") {
		if text(get(fn.Properties, "TracingConfig", "Mode")) != "Active" {
			f.add(fn.ID, "is not traced")
		}
	}
	return f
}

// functionsAreBounded: a runtime that AWS keeps up to date, and an end.
func functionsAreBounded(t *Template) (f Findings) {
	for _, fn := range t.ofType("AWS::Lambda::Function") {
		if text(fn.Properties["Runtime"]) != "provided.al2023" {
			f.add(fn.ID, "runs on %s, want provided.al2023", text(fn.Properties["Runtime"]))
		}
		if n := number(fn.Properties["Timeout"]); n < 1 || n > 900 {
			f.add(fn.ID, "has no time limit of its own")
		}
		if n := len(items(fn.Properties["Layers"])); n > 0 {
			f.add(fn.ID, "runs %d layers that are not built here", n)
		}
	}
	return f
}

func functionsHaveARoleOfTheirOwn(t *Template) (f Findings) {
	for _, fn := range t.ofType("AWS::Lambda::Function") {
		// The function FunctionsPollFunction has the role FunctionsPollRole, and
		// LifecycleFunction LifecycleFunctionRole.
		name := fn.ID[:max(0, len(fn.ID)-hashLength)]
		own := []string{t.arn(strings.TrimSuffix(name, "Function") + "Role"), t.arn(name + "Role")}
		if !slices.Contains(own, text(fn.Properties["Role"])) {
			f.add(fn.ID, "has not its own role but %s", text(fn.Properties["Role"]))
		}
	}
	return f
}

// noFunctionIsPublic: no URL, and who may call is a service that names the account and
// one resource of it.
func noFunctionIsPublic(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::Lambda::Url", "AWS::Lambda::LayerVersionPermission") {
		f.add(r.ID, "%s lets in whoever knows the address", r.Type)
	}
	for _, r := range t.ofType("AWS::Lambda::Permission") {
		switch {
		case text(r.Properties["Principal"]) != "apigateway.amazonaws.com":
			f.add(r.ID, "%s may call the function", text(r.Properties["Principal"]))
		case text(r.Properties["Action"]) != "lambda:InvokeFunction" || r.Properties["FunctionUrlAuthType"] != nil:
			f.add(r.ID, "gives %s", text(r.Properties["Action"]))
		case text(r.Properties["SourceAccount"]) != Account:
			f.add(r.ID, "API Gateway may call the function for any account")
		case !strings.HasPrefix(text(r.Properties["SourceArn"]), t.inRegion("execute-api", t.ref("InferenceAPI")+"/")):
			f.add(r.ID, "any API may call the function")
		}
	}
	return f
}

// jobsAreToldWhereTheyRun: the function that starts jobs, and the one that looks whether
// they are private, are told the stack's subnets, group, key and role, and no others.
func jobsAreToldWhereTheyRun(t *Template) (f Findings) {
	for _, name := range []string{"FunctionsSubmitFunction", "FunctionsPollFunction"} {
		fn := t.find(name)
		if fn == nil {
			f.add(name, "it is missing")
			continue
		}
		told := func(variable string) string { return text(get(fn.Properties, "Environment", "Variables", variable)) }
		if told("TUNELINE_KEY_ARN") != t.arn("Key") {
			f.add(fn.ID, "is told another key, or none")
		}
		if told("TUNELINE_JOB_SECURITY_GROUP_IDS") != t.ref("NetworkJobGroup") {
			f.add(fn.ID, "is told another security group, or none")
		}
		if name == "FunctionsSubmitFunction" && told("TUNELINE_SERVICE_ROLE_ARN") != t.arn("CustomizationRole") {
			f.add(fn.ID, "is told another role, or none")
		}
		var subnets []string
		for _, r := range t.ofType("AWS::EC2::Subnet") {
			subnets = append(subnets, reference(r, t.Region))
		}
		for _, id := range strings.Split(told("TUNELINE_JOB_SUBNET_IDS"), ",") {
			if !slices.Contains(subnets, id) {
				f.add(fn.ID, "is told %q, which is no subnet of the stack", id)
			}
		}
	}
	return f
}

// secretNames are names of what must not stand in a template; secretValues forms of
// what is a secret whatever its name.
var (
	secretNames  = regexp.MustCompile(`(?i)(password|passwd|secret|private_?key|access_?key|api_?key|credential|auth_?token|session_?token)$`)
	secretValues = regexp.MustCompile(`\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bsk-[A-Za-z0-9_-]{20,}\b|\bxox[abp]-[A-Za-z0-9-]{10,}\b|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.`)
)

// noSecretsInTheTemplate looks at every text of every resource, and of outputs and the
// like.
func noSecretsInTheTemplate(t *Template) (f Findings) {
	all := maps.Clone(t.beside)
	for id, r := range t.Resources {
		all[id] = r.Properties
	}
	for _, id := range sortedKeys(all) {
		eachText(all[id], "", func(name, value string) {
			switch {
			case secretValues.MatchString(value):
				f.add(id, "%s holds a secret", name)
			case secretNames.MatchString(name) && value != "":
				f.add(id, "%s holds what its name says is a secret", name)
			}
		})
	}
	for _, r := range t.ofType("AWS::ApiGateway::ApiKey") {
		if r.Properties["Value"] != nil {
			f.add(r.ID, "the key's value stands in the template")
		}
	}
	return f
}

// eachText calls with every text and the name of the member that holds it.
func eachText(value any, name string, do func(name, value string)) {
	switch v := value.(type) {
	case string:
		do(name, v)
	case []any:
		for _, item := range v {
			eachText(item, name, do)
		}
	case object:
		for _, key := range sortedKeys(v) {
			eachText(v[key], key, do)
		}
	}
}

// functionName is the logical name of the function with an ARN, or "".
func (t *Template) functionName(arn string) string {
	i := slices.IndexFunc(t.ofType("AWS::Lambda::Function"), func(r *Resource) bool { return attribute(r, t.Region, "Arn") == arn })
	if i < 0 {
		return ""
	}
	return t.ofType("AWS::Lambda::Function")[i].ID
}
