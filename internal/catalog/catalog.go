// Package catalog holds the base models tuneline can tune, as data: what
// Bedrock takes of each, where, under which limits, how the result can be
// served, and how long the base model lives.
//
// The data is catalog.json, written from AWS's public pages; every entry names
// them, and whatever no page settles stands in the entry's Unverified list. The
// account is the last word: a run asks GetFoundationModel before it pays.
package catalog

import (
	"bytes"
	_ "embed" // catalog.json is part of the program
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// DefaultBaseModel is the base model of a stack, and of a check, for which none
// was chosen: open to new jobs, and served by the token.
const DefaultBaseModel = "amazon.nova-micro-v1:0:128k"

//go:embed catalog.json
var embedded []byte

// Catalog is the list of base models with the pages and quotas they refer to.
type Catalog struct {
	// Sources are the pages the entries were written from, by a short key.
	Sources map[string]Source `json:"sources"`
	// Quotas are the service quotas the entries refer to by code.
	Quotas []Quota `json:"quotas"`
	// Models are the base models, the ones to recommend first.
	Models []*BaseModel `json:"models"`
}

// Source is one page and the day it was read.
type Source struct {
	URL  string `json:"url"`
	What string `json:"what"`
	Read Date   `json:"read"`
}

// Quota is a service quota of Bedrock as the "Amazon Bedrock endpoints and
// quotas" page lists it.
type Quota struct {
	// Code is the one Service Quotas takes, such as L-BE77399C.
	Code string `json:"code"`
	Name string `json:"name"`
	// Default is what a fresh account has.
	Default    int64 `json:"default"`
	Adjustable bool  `json:"adjustable"`
}

// Families of base models, by whose rules a data set is checked.
const (
	FamilyNova = "nova"
	// FamilyNova2 takes what Nova takes, and reasoning.
	FamilyNova2 = "nova-2"
	FamilyLlama = "llama"
)

// BaseModel is one base model in the variant that CreateModelCustomizationJob
// takes.
type BaseModel struct {
	// ID is sent as baseModelIdentifier, context length included.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Family is FamilyNova, FamilyNova2 or FamilyLlama.
	Family string `json:"family"`
	// Regions are those a customization job can run in.
	Regions []string `json:"regions"`
	// Format is the data set's for FINE_TUNING, by the names of internal/dataset.
	Format string `json:"format"`
	// Inputs are what a record may hold: "text", "image", "video".
	Inputs []string `json:"inputs"`
	// CustomizationTypes are the API's words.
	CustomizationTypes []string `json:"customizationTypes"`
	// Limits are those of FINE_TUNING.
	Limits Limits `json:"limits"`
	// DataFor has the data set of every other customization type.
	DataFor         map[string]Data  `json:"dataFor,omitempty"`
	Hyperparameters []Hyperparameter `json:"hyperparameters"`
	Serving         Serving          `json:"serving"`
	Quotas          QuotaCodes       `json:"quotas"`
	Lifecycle       Lifecycle        `json:"lifecycle"`
	// Sources are keys of Catalog.Sources.
	Sources []string `json:"sources"`
	// Unverified are the facts of this entry that no page settles.
	Unverified []string `json:"unverified"`
}

// Data is what the data set of one customization type looks like.
type Data struct {
	// Format is one of internal/dataset's.
	Format string `json:"format"`
	Limits Limits `json:"limits"`
}

// Limits bound a job's data sets. 0 means no bound. Record counts are of the
// training and the validation data together, unless named otherwise. Fields and
// their order are those of dataset.Limits, so that one converts to the other.
type Limits struct {
	MinRecords           int64 `json:"minRecords"`
	MaxRecords           int64 `json:"maxRecords"`
	MaxValidationRecords int64 `json:"maxValidationRecords"`
	// AdvisedRecords is how many AWS advises to have at least.
	AdvisedRecords int64 `json:"advisedRecords"`
	// TokensPerRecord bounds the input and output tokens of one record together.
	TokensPerRecord int64 `json:"tokensPerRecord"`
	// CharactersPerToken turns tokens into characters, for the quota on the latter.
	CharactersPerToken int64 `json:"charactersPerToken"`
	// MaxBytes bounds the training data's file, MaxValidationBytes the validation data's.
	MaxBytes           int64 `json:"maxBytes,omitempty"`
	MaxValidationBytes int64 `json:"maxValidationBytes,omitempty"`
	// DoubtfulRecords, DoubtfulValidationRecords and DoubtfulBytes are what the
	// strictest of AWS's pages and sample validators takes, where another page takes
	// more or is silent.
	DoubtfulRecords           int64 `json:"doubtfulRecords,omitempty"`
	DoubtfulValidationRecords int64 `json:"doubtfulValidationRecords,omitempty"`
	DoubtfulBytes             int64 `json:"doubtfulBytes,omitempty"`
	// MaxLineBytes bounds one line.
	MaxLineBytes int64 `json:"maxLineBytes,omitempty"`
	// MinCaption and MaxCaption bound the characters of an image's caption.
	MinCaption int64 `json:"minCaption,omitempty"`
	MaxCaption int64 `json:"maxCaption,omitempty"`
}

// QuotaCodes name the quotas that can stop a run with this base model; "" where
// the model has none or its code is not known.
type QuotaCodes struct {
	// ModelUnits is the units of one provisioned throughput on this model.
	ModelUnits string `json:"modelUnits,omitempty"`
	// NoCommitmentModelUnits is the units without commitment over all custom models.
	NoCommitmentModelUnits string `json:"noCommitmentModelUnits,omitempty"`
	Deployments            string `json:"deployments,omitempty"`
	DeploymentsInProgress  string `json:"deploymentsInProgress,omitempty"`
	// Records is the training plus validation records of a job.
	Records string `json:"records,omitempty"`
}

var load = sync.OnceValues(func() (*Catalog, error) { return parse(embedded) })

// Load returns the catalogue that is part of this program. Callers share it and
// must not change it.
func Load() (*Catalog, error) { return load() }

func parse(data []byte) (*Catalog, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var c Catalog
	if err := dec.Decode(&c); err != nil {
		return nil, fmt.Errorf("reading the base model catalogue: %w", err)
	}
	return &c, nil
}

// All returns every base model, the ones to recommend first.
func (c *Catalog) All() []*BaseModel { return slices.Clone(c.Models) }

// Find returns the base model with this identifier, or with this foundation
// model ARN. The error names what the catalogue has, the nearest first.
func (c *Catalog) Find(id string) (*BaseModel, error) {
	wanted := id
	if _, after, ok := strings.Cut(id, ":foundation-model/"); ok {
		wanted = after
	}
	for _, m := range c.Models {
		if m.ID == wanted {
			return m, nil
		}
	}
	for _, m := range c.Models {
		if m.FoundationModelID() == wanted {
			return nil, fmt.Errorf("base model %q cannot be customized under this identifier; use %q, which names the context length", id, m.ID)
		}
	}
	return nil, fmt.Errorf("base model %q is not in the catalogue; use one of %s", id, strings.Join(ids(c.Models), ", "))
}

// Quota returns the quota with this code.
func (c *Catalog) Quota(code string) (Quota, bool) {
	i := slices.IndexFunc(c.Quotas, func(q Quota) bool { return q.Code == code })
	if i < 0 {
		return Quota{}, false
	}
	return c.Quotas[i], true
}

// fineTuning is the customization type whose data set an entry describes itself.
const fineTuning = "FINE_TUNING"

// Data is what the data set of a customization type looks like, by the API's word.
func (m *BaseModel) Data(customizationType string) (Data, error) {
	if err := m.CheckCustomizationType(customizationType); err != nil {
		return Data{}, err
	}
	if customizationType == fineTuning {
		return Data{Format: m.Format, Limits: m.Limits}, nil
	}
	data, ok := m.DataFor[customizationType]
	if !ok {
		return Data{}, fmt.Errorf("base model %s: the catalogue does not say what a data set for %s looks like", m.ID, customizationType)
	}
	return data, nil
}

// FoundationModelID is the identifier without the context length, as the model
// card gives it: amazon.nova-micro-v1:0 of amazon.nova-micro-v1:0:128k.
func (m *BaseModel) FoundationModelID() string {
	parts := strings.SplitN(m.ID, ":", 3)
	return strings.Join(parts[:min(len(parts), 2)], ":")
}

// TextOnly says that a record may hold nothing but text.
func (m *BaseModel) TextOnly() bool {
	return slices.Equal(m.Inputs, []string{"text"})
}

// CheckRegion says whether a customization job on this model can run there.
func (m *BaseModel) CheckRegion(region string) error {
	if slices.Contains(m.Regions, region) {
		return nil
	}
	return fmt.Errorf("base model %s cannot be customized in %q; use %s", m.ID, region, strings.Join(m.Regions, " or "))
}

// CheckCustomizationType says whether the model can be customized this way, by
// the API's word.
func (m *BaseModel) CheckCustomizationType(kind string) error {
	if slices.Contains(m.CustomizationTypes, kind) {
		return nil
	}
	return fmt.Errorf("base model %s has no customization type %q; use %s", m.ID, kind, strings.Join(m.CustomizationTypes, " or "))
}

func ids(models []*BaseModel) []string {
	out := make([]string, len(models))
	for i, m := range models {
		out[i] = m.ID
	}
	return out
}
