package security

import (
	"encoding/json"
	"slices"
	"strings"
)

var baseModelAssertions = []Assertion{
	{"AllowedBaseModelsOnly", 17, allowedBaseModelsOnly},
	{"SettingsAndPolicyAllowTheSame", 17, settingsAndPolicyAllowTheSame},
}

// tunable are the ids of the base models that the check of a data set lets through.
func (t *Template) tunable() []string {
	if f := t.find("FunctionsValidateFunction"); f != nil {
		if list := text(get(f.Properties, "Environment", "Variables", "TUNELINE_BASE_MODELS")); list != "" {
			return strings.Split(list, ",")
		}
	}
	return nil
}

// tunableModel is one of them.
func (t *Template) tunableModel() string {
	if list := t.tunable(); len(list) > 0 {
		return list[0]
	}
	return "none"
}

// withoutContext is a base model's id without the context length at its end.
func withoutContext(id string) string {
	parts := strings.SplitN(id, ":", 3)
	return strings.Join(parts[:min(len(parts), 2)], ":")
}

func (t *Template) baseModel(id string) string {
	return "arn:aws:bedrock:" + t.Region + "::foundation-model/" + id
}

// baseModels are ids of base models: real ones, and such as are nearly those that are
// allowed.
func (t *Template) baseModels() []string {
	ids := []string{
		"amazon.nova-micro-v1:0:128k", "amazon.nova-lite-v1:0:300k", "amazon.nova-pro-v1:0:300k", "amazon.nova-2-lite-v1:0:256k",
		"amazon.titan-image-generator-v2:0", "anthropic.claude-3-haiku-20240307-v1:0:200k", "meta.llama3-1-8b-instruct-v1:0:128k",
		"meta.llama3-1-70b-instruct-v1:0:128k", "meta.llama3-3-70b-instruct-v1:0:128k", "a", "*",
	}
	for _, id := range t.tunable() {
		ids = append(ids, id, withoutContext(id), id+"0", withoutContext(id)+":1k", strings.Replace(id, "-v1", "-v2", 1), id[:len(id)-1])
	}
	return ids
}

// costly are the actions that cost money on a base model, each with the one role that
// may: a job is started on it, or capacity is bought on it for a model tuned from it.
// tagged: on the base model, too, the request must not name another stack.
var costly = []struct {
	action, role string
	tagged       bool
}{
	{"bedrock:CreateModelCustomizationJob", "FunctionsSubmitRole", false}, // its own models want the tag
	{"bedrock:CreateProvisionedModelThroughput", "FunctionsThroughputRole", true},
}

// allowedBaseModelsOnly: for all roles and many base models: a job is started, and
// capacity bought, on those that the check lets through, by the one function that does
// so, tagged as no other stack's, and the endpoint lets no other through either.
func allowedBaseModelsOnly(t *Template) (f Findings) {
	allowed := map[string]bool{}
	for _, id := range t.tunable() {
		allowed[id], allowed[withoutContext(id)] = true, true
	}
	model := t.baseModel(t.tunableModel())
	elsewhere, another := strings.Replace(model, t.Region, "eu-west-1", 1), keys("aws:RequestTag/"+tagKey, "another")
	for _, role := range t.ofType("AWS::IAM::Role") {
		list, me := t.permissions(&f, role), who{arn: attribute(role, t.Region, "Arn")}
		for _, c := range costly {
			tries := []battery{{"spends money in another Region", ask{me, c.action, elsewhere, tagged()}, false}}
			for _, id := range t.baseModels() {
				tries = append(tries, battery{"spends money", ask{me, c.action, t.baseModel(id), tagged()}, role == t.find(c.role) && allowed[id]})
			}
			if c.tagged {
				tries = append(tries, battery{"spends money for another stack", ask{me, c.action, model, another}, false})
			}
			try(&f, role.ID, list, tries)
		}
	}
	endpoint, ok := t.resourcePolicy(&f, "NetworkBedrockEndpoint", "PolicyDocument")
	for _, c := range costly {
		for _, id := range t.baseModels() {
			if ok && endpoint.answer(ask{who: colleague, action: c.action, resource: t.baseModel(id)}).may() != allowed[id] {
				f.add("NetworkBedrockEndpoint", "lets %s on %s through: %v, want %v", c.action, id, !allowed[id], allowed[id])
			}
		}
	}
	return f
}

// settingsAndPolicyAllowTheSame: the stack's own base model is among those that may be
// tuned, or every upload without a tuning.json would be refused.
func settingsAndPolicyAllowTheSame(t *Template) (f Findings) {
	var settings struct{ BaseModel string }
	if fn := t.find("FunctionsValidateFunction"); fn != nil {
		if err := json.Unmarshal([]byte(text(get(fn.Properties, "Environment", "Variables", "TUNELINE_DEFAULTS"))), &settings); err != nil {
			f.add(fn.ID, "its settings cannot be read: %v", err)
		}
	}
	if settings.BaseModel == "" || !slices.Contains(t.tunable(), settings.BaseModel) {
		f.add("FunctionsValidateFunction", "the stack's base model %q is not one that may be tuned", settings.BaseModel)
	}
	return f
}
