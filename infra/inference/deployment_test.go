package inference

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/functions"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/internal/lambdaenv"
)

// deploymentOf synthesizes an API and returns its deployment's logical id.
func deploymentOf(t *testing.T, cfg config.Config, routes []route, responses []response, function string, change func(*Inference)) string {
	t.Helper()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(t.TempDir()), AnalyticsReporting: jsii.Bool(false)})
	stack := awscdk.NewStack(app, jsii.String("test"), nil)
	key := storage.NewKey(stack, "Key", storage.KeyProps{})
	binary := functions.Binary{Dir: t.TempDir(), Hash: strings.Repeat("0", 64)}
	place := functions.Place{Config: cfg, Binaries: functions.Binaries{"invoke": binary, "authorize": binary}, Key: key}
	made := &functions.Functions{
		Invoke:    functions.NewFunction(stack, function, place, functions.Spec{Name: "invoke", Environment: lambdaenv.Invoke{}, Seconds: 1, MegaBytes: 128}),
		Authorize: functions.NewFunction(stack, "Authorize", place, functions.Spec{Name: "authorize", Environment: lambdaenv.Authorize{}, Seconds: 1, MegaBytes: 128}),
	}
	api := newOffering(stack, "Inference", Props{Config: cfg, Functions: made, Key: key}, routes, responses)
	if change != nil {
		change(api)
	}
	text, err := json.Marshal(app.Synth(nil).GetStackByName(jsii.String("test")).Template())
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct{ Type string }
	}
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	for id, resource := range template.Resources {
		if resource.Type == "AWS::ApiGateway::Deployment" {
			return id
		}
	}
	t.Fatal("the API has no deployment")
	return ""
}

// TestChangesGoLive: CloudFormation makes a new deployment only under a new
// logical id, so whatever of the API changes must change the id.
func TestChangesGoLive(t *testing.T) {
	before := deploymentOf(t, config.Default(), routes(), responses(), "Invoke", nil)
	if again := deploymentOf(t, config.Default(), routes(), responses(), "Invoke", nil); again != before {
		t.Errorf("got %s for the same API, want %s", again, before)
	}
	seen := map[string]string{before: "nothing"}
	differs := func(what, id string) {
		if other, known := seen[id]; known {
			t.Errorf("changed %s: the id is the one of an API with a changed %s", what, other)
		}
		seen[id] = what
	}
	narrower := routes()
	narrower[0].body.Schema.Required = jsii.Strings("messages", "system")
	differs("schema", deploymentOf(t, config.Default(), narrower, responses(), "Invoke", nil))
	sooner := responses()
	sooner[len(sooner)-1].retryAfter = 1
	differs("gateway response", deploymentOf(t, config.Default(), routes(), sooner, "Invoke", nil))
	differs("routes", deploymentOf(t, config.Default(), routes()[1:], responses(), "Invoke", nil))
	differs("integration", deploymentOf(t, config.Default(), routes(), responses(), "Another", nil))
	differs("API", deploymentOf(t, config.Default(), routes(), responses(), "Invoke", func(i *Inference) { i.resource().SetDescription(jsii.String("Something else")) }))
	for what, change := range map[string]func(*config.API){
		"timeout":       func(a *config.API) { a.TimeoutSeconds = 60 },
		"authorization": func(a *config.API) { a.Auth = config.AuthJWT },
		"usage plan":    func(a *config.API) { a.UsagePlan.Clients = []string{"web"} },
	} {
		cfg := config.Default()
		change(&cfg.API)
		differs(what, deploymentOf(t, cfg, routes(), responses(), "Invoke", nil))
	}
}
