package catalog

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

// modelID is the part of the API's BaseModelIdentifier pattern that takes a
// foundation model identifier (CreateModelCustomizationJob, botocore model
// bedrock/2023-04-20).
var modelID = regexp.MustCompile(`^[a-z0-9-]{1,63}[.]{1}[a-z0-9-]{1,63}([.]?[a-z0-9-]{1,63})([:][a-z0-9-]{1,63}){0,2}$`)

var quotaCode = regexp.MustCompile(`^L-[0-9A-F]{8}$`)

func loaded(t *testing.T) *Catalog {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryEntryIsComplete(t *testing.T) {
	c := loaded(t)
	seen := map[string]bool{}
	for _, m := range c.All() {
		t.Run(m.ID, func(t *testing.T) {
			if !modelID.MatchString(m.ID) {
				t.Errorf("identifier %q does not match the API's pattern", m.ID)
			}
			if seen[m.ID] {
				t.Errorf("identifier %q stands twice", m.ID)
			}
			seen[m.ID] = true
			if m.Name == "" || len(m.Regions) == 0 || len(m.Inputs) == 0 || m.Inputs[0] != "text" {
				t.Errorf("name %q, regions %v and inputs %v must be set, inputs with text first", m.Name, m.Regions, m.Inputs)
			}
			if !slices.Contains([]string{FamilyNova, FamilyNova2, FamilyLlama}, m.Family) {
				t.Errorf("family %q has no data set rules", m.Family)
			}
			if !slices.Contains([]string{"prompt-completion", "bedrock-conversation-2024"}, m.Format) {
				t.Errorf("format %q is not one the data set check knows", m.Format)
			}
			checkCustomizationTypes(t, m)
			checkLimits(t, m.Limits)
			checkData(t, m)
			checkHyperparameters(t, m)
			checkSources(t, c, m)
			checkQuotas(t, c, m)
			if !m.Serving.OnDemandDeployment && !m.Serving.ProvisionedThroughput {
				t.Error("nothing can serve a custom model of this base model")
			}
		})
	}
	if len(seen) < 9 {
		t.Errorf("got %d base models, want at least the 9 this version promises", len(seen))
	}
}

func checkCustomizationTypes(t *testing.T, m *BaseModel) {
	t.Helper()
	known := []string{"FINE_TUNING", "CONTINUED_PRE_TRAINING", "DISTILLATION", "REINFORCEMENT_FINE_TUNING"}
	for _, kind := range m.CustomizationTypes {
		if !slices.Contains(known, kind) {
			t.Errorf("customization type %q is not the API's", kind)
		}
	}
	if err := m.CheckCustomizationType("FINE_TUNING"); err != nil {
		t.Error(err)
	}
	if err := m.CheckCustomizationType("CONTINUED_PRE_TRAINING"); err == nil {
		t.Error("continued pre-training is offered for no base model any more")
	}
}

func checkLimits(t *testing.T, l Limits) {
	t.Helper()
	if l.MinRecords <= 0 || l.MaxRecords <= l.MinRecords || l.TokensPerRecord <= 0 || l.CharactersPerToken != 6 {
		t.Errorf("limits %+v do not bound a data set", l)
	}
}

// checkData: every customization type has its data set, in the format of its name.
func checkData(t *testing.T, m *BaseModel) {
	t.Helper()
	formats := map[string]string{fineTuning: m.Format, "DISTILLATION": "distillation-prompts", "REINFORCEMENT_FINE_TUNING": "reinforcement-fine-tuning"}
	for _, kind := range m.CustomizationTypes {
		data, err := m.Data(kind)
		if err != nil {
			t.Error(err)
			continue
		}
		if data.Format != formats[kind] || data.Limits.MinRecords <= 0 || data.Limits.MaxRecords <= data.Limits.MinRecords {
			t.Errorf("the data set for %s is %+v, want the format %q and bounds on its records", kind, data, formats[kind])
		}
	}
	for kind := range m.DataFor {
		if kind == fineTuning || !slices.Contains(m.CustomizationTypes, kind) {
			t.Errorf("there is a data set for %s, which the model is not customized by, or which the entry itself describes", kind)
		}
	}
	if _, err := m.Data("IMPORTED"); err == nil {
		t.Error("a data set for IMPORTED was made up")
	}
}

func checkHyperparameters(t *testing.T, m *BaseModel) {
	t.Helper()
	for _, h := range m.Hyperparameters {
		plain, ok := h.normalize(h.Default)
		if !ok || plain != h.Default {
			t.Errorf("default %s = %q is out of range or not in the form that is sent (%q)", h.Name, h.Default, plain)
		}
		if h.Kind != KindInt && h.Kind != KindFloat {
			t.Errorf("%s has kind %q", h.Name, h.Kind)
		}
	}
	if !slices.Contains(m.hyperparameterNames(), "epochCount") {
		t.Errorf("hyperparameters %v lack epochCount, which every base model has", m.hyperparameterNames())
	}
	if !slices.ContainsFunc(m.Hyperparameters, func(h Hyperparameter) bool { return h.Unverified }) {
		return
	}
	if !slices.ContainsFunc(m.Unverified, func(s string) bool { return strings.HasPrefix(s, "hyperparameters:") }) {
		t.Error("hyperparameters are unverified, and the entry's list does not say so")
	}
}

func checkSources(t *testing.T, c *Catalog, m *BaseModel) {
	t.Helper()
	if len(m.Sources) == 0 {
		t.Error("the entry has no sources")
	}
	for _, key := range m.Sources {
		source, ok := c.Sources[key]
		if !ok {
			t.Errorf("source %q is not in the list of sources", key)
			continue
		}
		checkPage(t, key, source.URL, source.Read)
	}
}

func checkPage(t *testing.T, what, page string, read Date) {
	t.Helper()
	if u, err := url.Parse(page); err != nil || u.Scheme != "https" || u.Host == "" {
		t.Errorf("%s: source %q is not a page", what, page)
	}
	if _, err := read.Time(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func checkQuotas(t *testing.T, c *Catalog, m *BaseModel) {
	t.Helper()
	q := m.Quotas
	for _, code := range []string{q.ModelUnits, q.NoCommitmentModelUnits, q.Deployments, q.DeploymentsInProgress, q.Records} {
		if code == "" {
			continue
		}
		if _, ok := c.Quota(code); !ok || !quotaCode.MatchString(code) {
			t.Errorf("quota %q is not in the list of quotas", code)
		}
	}
	if m.Serving.ProvisionedThroughput != (q.NoCommitmentModelUnits != "") {
		t.Errorf("provisioned throughput %v, but no-commitment quota %q", m.Serving.ProvisionedThroughput, q.NoCommitmentModelUnits)
	}
	if m.Serving.OnDemandDeployment != (q.Deployments != "") {
		t.Errorf("on-demand deployment %v, but deployments quota %q", m.Serving.OnDemandDeployment, q.Deployments)
	}
}

func TestFind(t *testing.T) {
	c := loaded(t)
	tests := []struct {
		name, id, want, wantErr string
	}{
		{"identifier", "amazon.nova-micro-v1:0:128k", "amazon.nova-micro-v1:0:128k", ""},
		{"foundation model ARN", "arn:aws:bedrock:us-west-2::foundation-model/meta.llama3-1-8b-instruct-v1:0:128k", "meta.llama3-1-8b-instruct-v1:0:128k", ""},
		{"context length missing", "amazon.nova-micro-v1:0", "", `use "amazon.nova-micro-v1:0:128k"`},
		{"unknown", "cohere.command-text-v14", "", "use one of amazon.nova-micro-v1:0:128k, "},
		{"empty", "", "", "not in the catalogue"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := c.Find(tt.id)
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Fatalf("got error %v, want one with %q", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if m.ID != tt.want {
				t.Errorf("got %s, want %s", m.ID, tt.want)
			}
		})
	}
}

func TestCheckRegion(t *testing.T) {
	m := find(t, "amazon.nova-micro-v1:0:128k")
	if err := m.CheckRegion("us-east-1"); err != nil {
		t.Error(err)
	}
	err := m.CheckRegion("eu-central-1")
	if err == nil || !strings.Contains(err.Error(), `"eu-central-1"; use us-east-1`) {
		t.Errorf("got %v, want an error naming the region and what to use", err)
	}
}

func TestTextOnly(t *testing.T) {
	if !find(t, "amazon.nova-micro-v1:0:128k").TextOnly() {
		t.Error("Nova Micro takes text only")
	}
	if find(t, "amazon.nova-lite-v1:0:300k").TextOnly() {
		t.Error("Nova Lite takes images and video too")
	}
}

func TestServingFor(t *testing.T) {
	const nova, llama31, llama33 = "amazon.nova-micro-v1:0:128k", "meta.llama3-1-8b-instruct-v1:0:128k", "meta.llama3-3-70b-instruct-v1:0:128k"
	tests := []struct {
		id, mode, want, wantErr string
	}{
		{nova, finetune.ServeAuto, finetune.ServeOnDemand, ""},
		{nova, finetune.ServeProvisioned, finetune.ServeProvisioned, ""},
		{nova, finetune.ServeOnDemand, finetune.ServeOnDemand, ""},
		{llama31, finetune.ServeAuto, finetune.ServeProvisioned, ""},
		{llama31, finetune.ServeOnDemand, "", "allowed are auto, provisioned"},
		{llama33, finetune.ServeAuto, finetune.ServeOnDemand, ""},
		{llama33, finetune.ServeProvisioned, "", "allowed are auto, on-demand"},
		{nova, "batch", "", "allowed are auto, on-demand, provisioned"},
		{nova, "", "", `serving mode ""`},
	}
	for _, tt := range tests {
		got, err := find(t, tt.id).ServingFor(tt.mode)
		if got != tt.want || (err == nil) != (tt.wantErr == "") {
			t.Errorf("ServingFor(%q) of %s: got %q, %v; want %q", tt.mode, tt.id, got, err, tt.want)
		}
		if err != nil && !strings.Contains(err.Error(), tt.wantErr) {
			t.Errorf("ServingFor(%q) of %s: got error %q, want one with %q", tt.mode, tt.id, err, tt.wantErr)
		}
	}
}

func TestParseRefusesUnknownFields(t *testing.T) {
	if _, err := parse([]byte(`{"models":[{"id":"a.b","colour":"blue"}]}`)); err == nil {
		t.Error("a field nobody reads was accepted: a misspelt one would be lost")
	}
}

func find(t *testing.T, id string) *BaseModel {
	t.Helper()
	m, err := loaded(t).Find(id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
