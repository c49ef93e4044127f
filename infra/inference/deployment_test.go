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
func deploymentOf(t *testing.T, body *schema, function string, change func(*Inference)) string {
	t.Helper()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(t.TempDir()), AnalyticsReporting: jsii.Bool(false)})
	stack := awscdk.NewStack(app, jsii.String("test"), nil)
	key := storage.NewKey(stack, "Key")
	binaries := functions.Binaries{"invoke": functions.Binary{Dir: t.TempDir(), Hash: strings.Repeat("0", 64)}}
	place := functions.Place{Config: config.Default(), Binaries: binaries, Key: key}
	invoke := functions.NewFunction(stack, function, place, functions.Spec{Name: "invoke", Environment: lambdaenv.Invoke{}, Seconds: 1, MegaBytes: 128})
	api := newWithSchema(stack, "Inference", Props{Config: config.Default(), Functions: &functions.Functions{Invoke: invoke}, Key: key}, body)
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
	before := deploymentOf(t, converseSchema(), "Invoke", nil)
	if again := deploymentOf(t, converseSchema(), "Invoke", nil); again != before {
		t.Errorf("got %s for the same API, want %s", again, before)
	}
	narrower := converseSchema()
	narrower.Required = jsii.Strings("messages", "system")
	if after := deploymentOf(t, narrower, "Invoke", nil); after == before {
		t.Error("a changed schema is not deployed")
	}
	if after := deploymentOf(t, converseSchema(), "Another", nil); after == before {
		t.Error("a changed integration is not deployed")
	}
	renamed := func(i *Inference) { i.resource().SetDescription(jsii.String("Something else")) }
	if after := deploymentOf(t, converseSchema(), "Invoke", renamed); after == before {
		t.Error("a changed API is not deployed")
	}
}
