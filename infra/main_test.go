package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/functions"
	"github.com/tuneline/tuneline/infra/rules"
	"github.com/tuneline/tuneline/infra/stack"
)

var update = flag.Bool("update", false, "write the golden files")

// functionNames are the folders under lambdas/; authorize's function is made
// where tokens are taken.
var functionNames = []string{"validate", "submit", "poll", "analyze", "throughput", "invoke", "lifecycle", "authorize"}

// variant is one configuration the stack is synthesized with.
type variant struct {
	name      string
	configure func(*config.Config)
}

var (
	standard = variant{name: "default", configure: func(*config.Config) {}}
	intel    = variant{name: "x86_64", configure: func(c *config.Config) { c.Architecture = config.X8664 }}
	// strict turns every switch the other way.
	strict = variant{name: "strict", configure: func(c *config.Config) {
		c.Region = "us-west-2"
		c.BaseModel = "meta.llama3-1-8b-instruct-v1:0:128k"
		c.Serving = config.Serving{
			Mode: "provisioned", ModelUnits: 2, Commitment: config.CommitmentOneMonth,
			ReleaseAfter: "720h", Orphans: "release", SweepEvery: "30m",
		}
		c.AvailabilityZones = config.Zones{Names: []string{"us-west-2a", "us-west-2b"}}
		c.Uploaders = []string{"arn:aws:iam::111122223333:role/team"}
		c.Operators = []string{"arn:aws:iam::111122223333:user/ops"}
		c.API.Endpoint = config.EndpointPrivate
		c.API.CreateLogRole = false
		c.BucketPolicy.ExemptServiceRole = true
		c.AlarmEmail = "team@example.com"
		c.AllowedBaseModels = []string{"meta.llama3-3-70b-instruct-v1:0:128k", c.BaseModel}
		c.PermissionsBoundary = "arn:aws:iam::111122223333:policy/team/Boundary"
	}}
	// sealed takes uploads from the VPC only, and has other limits of the API than
	// the usual ones, a firewall and keys beside signed requests, and a trail.
	sealed = variant{name: "sealed", configure: func(c *config.Config) {
		c.BucketPolicy.UploadsFromVPCOnly = true
		c.API.RateLimit, c.API.BurstLimit = 7, 9
		c.API.WAF = config.WAF{Enabled: true, RateLimit: 500}
		c.API.UsagePlan = config.UsagePlan{RateLimit: 3, BurstLimit: 4, Clients: []string{"cron"}}
		c.Trail.Enabled = true
	}}
	// bearer takes tokens, and has whatever guards the API beside them.
	bearer = variant{name: "bearer", configure: func(c *config.Config) {
		c.API.Auth = config.AuthJWT
		c.API.JWT.Issuer, c.API.JWT.Audiences = "https://login.example.com/", []string{"tuneline"}
		c.API.TimeoutSeconds = 900
		c.API.Guardrail = config.Guardrail{ID: "gr1a2b3c4d5e", Version: "3"}
		c.API.WAF.Enabled = true
		c.API.UsagePlan = config.UsagePlan{RequestsPerDay: 1000, RateLimit: 5, BurstLimit: 10, Clients: []string{"web", "batch"}}
	}}
	// inside takes tokens inside the VPC.
	inside = variant{name: "inside", configure: func(c *config.Config) {
		bearer.configure(c)
		c.API.Endpoint = config.EndpointPrivate
		c.API.Guardrail.Version = "DRAFT"
		c.API.UsagePlan = config.UsagePlan{Clients: []string{"web"}}
		c.Trail.Enabled = true
	}}
	variants = []variant{standard, intel, strict, sealed, bearer, inside}
)

// private says whether the variant's API answers inside the VPC only.
func (v variant) private() bool { return v.config().API.Endpoint == config.EndpointPrivate }

// functions are the names of the functions it has.
func (v variant) functions() []string {
	if v.tokens() {
		return functionNames
	}
	return slices.DeleteFunc(slices.Clone(functionNames), func(name string) bool { return name == "authorize" })
}

// tokens says whether it takes bearer tokens.
func (v variant) tokens() bool { return v.config().API.Auth == config.AuthJWT }

// config is the configuration the variant is synthesized with.
func (v variant) config() config.Config {
	c := config.Default()
	v.configure(&c)
	return c
}

// region is where the variant is deployed to.
func (v variant) region() string { return v.config().Region }

// object is a JSON object.
type object = map[string]any

// template is a synthesized template.
type template struct {
	// text is the template as it was synthesized, and warnings the rules of
	// CloudFormation that the CDK says it breaks.
	text     []byte
	warnings []string
	// Resources and Outputs are readable: see [readable].
	Resources map[string]resource
	Outputs   map[string]struct{ Description, Value string }
}

// resource is one resource of a template.
type resource struct {
	id                  string
	Type                string
	Properties          object
	DependsOn           any    `json:",omitempty"`
	DeletionPolicy      string `json:",omitempty"`
	UpdateReplacePolicy string `json:",omitempty"`
}

var (
	mu    sync.Mutex
	cache = map[string]*template{}
)

// synthesize returns the template of a variant; it is synthesized once.
func synthesize(t *testing.T, v variant) *template {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if cache[v.name] == nil {
		cache[v.name] = synthesizeWith(t, v, stubs(t, v.name))
	}
	return cache[v.name]
}

// stubs stand for compiled functions: what is in them is not the template's
// business, but for the hash.
func stubs(t *testing.T, seed string) functions.Binaries {
	t.Helper()
	binaries := functions.Binaries{}
	for _, name := range functionNames {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "bootstrap"), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		binaries[name] = functions.Binary{Dir: dir, Hash: fmt.Sprintf("%x", sha256.Sum256([]byte(seed+name)))}
	}
	return binaries
}

func synthesizeWith(t *testing.T, v variant, binaries functions.Binaries) *template {
	t.Helper()
	cfg := v.config()
	out := t.TempDir()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(out), Context: contextOf(t), AnalyticsReporting: jsii.Bool(false)})
	rules.Add(app)
	s := stack.New(app, cfg, binaries)
	text, err := json.Marshal(app.Synth(nil).GetStackByName(s.StackName()).Template())
	if err != nil {
		t.Fatal(err)
	}
	tm := parse(t, text)
	for _, v := range violations(t, out) {
		tm.warnings = append(tm.warnings, v.RuleName+" "+v.Description)
	}
	return tm
}

// violation is a rule that a template breaks, in a report of the CDK's own
// validation.
type violation struct {
	RuleName, Description string
	ViolatingConstructs   []struct{ ConstructPath string }
}

// violations are those that the cloud assembly's report lists.
func violations(t *testing.T, assembly string) []violation {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(assembly, "validation-report.json")) //nolint:gosec // the test's own folder
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		PluginReports []struct{ Violations []violation }
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	var all []violation
	for _, plugin := range report.PluginReports {
		all = append(all, plugin.Violations...)
	}
	return all
}

func parse(t *testing.T, text []byte) *template {
	t.Helper()
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	parsed := &template{text: text}
	if err := json.Unmarshal(indent(t, readable(tree)), parsed); err != nil {
		t.Fatal(err)
	}
	for id, r := range parsed.Resources {
		r.id = id
		parsed.Resources[id] = r
	}
	return parsed
}

// contextOf is the context of the project's cdk.json, so that tests see the
// feature flags a deployment has.
func contextOf(t *testing.T) *map[string]any {
	t.Helper()
	text, err := os.ReadFile("../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return &file.Context
}

// indent is JSON as a golden file has it.
func indent(t *testing.T, value any) []byte {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}
