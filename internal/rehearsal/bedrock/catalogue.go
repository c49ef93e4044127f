package bedrock

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"
)

//go:embed base-models.json
var baseModelsFile []byte

// Data set formats a base model is fine-tuned on.
const (
	formatPromptCompletion = "prompt-completion"
	formatConversation     = "conversation"
)

// BaseModel is one customizable foundation model as an account sees it.
type BaseModel struct {
	// ID is the id CreateModelCustomizationJob takes, with the context length
	// ("amazon.nova-micro-v1:0:128k"); InvokeID is the one inference takes.
	ID       string `json:"id"`
	InvokeID string `json:"invokeId"`
	Name     string `json:"name"`
	Provider string `json:"provider"`
	// Regions are where it can be customized.
	Regions []string `json:"regions"`
	// StartOfLife, Legacy and EndOfLife are its life cycle; a date that AWS
	// has not set is left out.
	StartOfLife *time.Time `json:"startOfLife,omitempty"`
	Legacy      *time.Time `json:"legacy,omitempty"`
	EndOfLife   *time.Time `json:"endOfLife,omitempty"`
	// Customizations and InferenceTypes are what GetFoundationModel answers
	// for the id that is customized.
	Customizations []string `json:"customizations"`
	InferenceTypes []string `json:"inferenceTypes"`
	// OnDemandDeployment and ProvisionedThroughput tell how a custom model
	// made of it can be served.
	OnDemandDeployment    bool `json:"onDemandDeployment"`
	ProvisionedThroughput bool `json:"provisionedThroughput"`
	// Format is the data set format: "conversation" or "prompt-completion".
	Format string `json:"format"`
	// MinRecords and MaxRecords bound training and validation records
	// together.
	MinRecords int `json:"minRecords"`
	MaxRecords int `json:"maxRecords"`
	// HyperParameters are the names it takes, with their ranges.
	HyperParameters map[string]Range `json:"hyperParameters"`
	// UnitsQuota is the code of its model-unit quota.
	UnitsQuota string `json:"unitsQuota"`
	// Source is where the entry's facts are from.
	Source string `json:"source"`
}

// Range bounds a hyperparameter, both ends included.
type Range struct {
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	Integer bool    `json:"integer,omitempty"`
	Default float64 `json:"default"`
}

// catalogue returns the built-in base models with the scenario's own.
func (s Scenario) catalogue() ([]BaseModel, error) {
	var models []BaseModel
	if err := decodeStrictly(bytes.NewReader(baseModelsFile), &models); err != nil {
		return nil, fmt.Errorf("reading the base models: %w", err)
	}
	for _, own := range s.BaseModels {
		models = slices.DeleteFunc(models, func(m BaseModel) bool { return m.ID == own.ID })
		models = append(models, own)
	}
	return models, nil
}

// legacy tells whether the model is Legacy at t; so it stays after its end.
func (m BaseModel) legacy(t time.Time) bool { return m.Legacy != nil && !t.Before(*m.Legacy) }

// ended tells whether the model has reached its end of life at t.
func (m BaseModel) ended(t time.Time) bool { return m.EndOfLife != nil && !t.Before(*m.EndOfLife) }

// status is the modelLifecycle.status at t.
func (m BaseModel) status(t time.Time) string {
	if m.legacy(t) {
		return "LEGACY"
	}
	return "ACTIVE"
}

// baseModel finds a base model of the region by either id or an ARN of them.
func (d *Double) baseModel(identifier string) (BaseModel, bool) {
	_, id, isARN := strings.Cut(identifier, "foundation-model/")
	if !isARN {
		id = identifier
	}
	for _, m := range d.catalog {
		if (m.ID == id || m.InvokeID == id) && slices.Contains(m.Regions, d.o.Region) {
			return m, true
		}
	}
	return BaseModel{}, false
}

func (d *Double) foundationARN(id string) string {
	return "arn:aws:bedrock:" + d.o.Region + "::foundation-model/" + id
}
