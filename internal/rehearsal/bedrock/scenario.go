package bedrock

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

//go:embed scenarios/*.json
var scenarioFiles embed.FS

// Scenario is the state of an AWS account and what happens in it. In JSON,
// unknown members are refused and members left out keep AWS's documented
// defaults.
type Scenario struct {
	// Assumes says in one line what the scenario takes for granted.
	Assumes string `json:"assumes"`
	// Start is the virtual date the rehearsal begins at. The life cycle of a
	// base model follows from its dates and the clock.
	Start time.Time `json:"start"`
	// Region is where the account works.
	Region string `json:"region"`
	// BaseModels are added to the built-in catalogue; an entry with the id of
	// a built-in one replaces it.
	BaseModels []BaseModel `json:"baseModels,omitempty"`
	// Quotas are the account's service quotas.
	Quotas Quotas `json:"quotas"`
	// ModelUnits are the granted model units by quota code. A code that is
	// missing has AWS's default, 0.
	ModelUnits map[string]int `json:"modelUnits"`
	// Durations are how long things take, in virtual time.
	Durations Durations `json:"durations"`
	// ValidationLayout is where validation metrics are written: "guide",
	// "nova-sample" or "llama-sample".
	ValidationLayout string `json:"validationLayout"`
	// Perplexity tells whether the metric files have that column.
	Perplexity bool `json:"perplexity"`
	// AccessCheck is when missing S3 permissions show: "submit" refuses the
	// request, "job" lets the job fail.
	AccessCheck string `json:"accessCheck"`
	// DeleteWhileCreating is "allowed" or "conflict", for throughputs and
	// deployments that are still being created.
	DeleteWhileCreating string `json:"deleteWhileCreating"`
	// Jobs, Throughputs and Deployments force outcomes on those they match;
	// the first that matches counts.
	Jobs        []JobOutcome    `json:"jobs,omitempty"`
	Throughputs []ServeOutcome  `json:"throughputs,omitempty"`
	Deployments []ServeOutcome  `json:"deployments,omitempty"`
	Faults      []ScenarioFault `json:"faults,omitempty"`
	// Inference says how the runtime answers, StreamFaults where its streams
	// break, and Guardrails which the account has.
	Inference    Inference     `json:"inference"`
	StreamFaults []StreamFault `json:"streamFaults,omitempty"`
	Guardrails   []Guardrail   `json:"guardrails,omitempty"`
}

// Quotas are the service quotas the double enforces, all per Region.
type Quotas struct {
	// CustomizationJobs is how many jobs may be scheduled at once.
	CustomizationJobs int `json:"customizationJobs"`
	// ModelsInCreation is how many custom models may be Creating
	// (L-C02E1E99), CustomModels how many may exist (L-CB5B847D).
	ModelsInCreation int `json:"modelsInCreation"`
	CustomModels     int `json:"customModels"`
	// Deployments (L-1EF80F3E) and DeploymentsInProgress (L-430C95DD) bound
	// the on-demand deployments.
	Deployments           int `json:"deployments"`
	DeploymentsInProgress int `json:"deploymentsInProgress"`
}

// Durations are virtual durations, written like "90m".
type Durations struct {
	Validation       Duration `json:"validation"`
	DataProcessing   Duration `json:"dataProcessing"`
	TrainingMinimum  Duration `json:"trainingMinimum"`
	TrainingPerRow   Duration `json:"trainingPerRow"` // a record and epoch
	Stopping         Duration `json:"stopping"`
	ModelCreating    Duration `json:"modelCreating"`
	Deployment       Duration `json:"deployment"`
	DeploymentUpdate Duration `json:"deploymentUpdate"`
	Throughput       Duration `json:"throughput"`
	ThroughputUpdate Duration `json:"throughputUpdate"`
}

// Duration is a time.Duration that is written as text in JSON.
type Duration time.Duration

// UnmarshalJSON reads a duration such as "90m".
func (d *Duration) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf("reading a duration: %w", err)
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("reading a duration: %w", err)
	}
	*d = Duration(parsed)
	return nil
}

// MarshalJSON writes the duration as text.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(d).String())
}

// Match says which resources an outcome is forced on: those whose name
// contains NameContains (all when empty) and, when Nth is not 0, only the nth
// created of its kind, counted from 1.
type Match struct {
	NameContains string `json:"nameContains,omitempty"`
	Nth          int    `json:"nth,omitempty"`
}

func (m Match) matches(name string, nth int) bool {
	return strings.Contains(name, m.NameContains) && (m.Nth == 0 || m.Nth == nth)
}

// JobOutcome forces what becomes of customization jobs.
type JobOutcome struct {
	Match
	// Status is the end, "Failed" or "Stopped" (by somebody in the console);
	// empty lets the job take its course.
	Status string `json:"status,omitempty"`
	// Stage is where it ends: "validation", "dataProcessing" or, when empty,
	// "training".
	Stage string `json:"stage,omitempty"`
	// FailureMessage is the message of a Failed job; empty is the service's
	// text for an unexpected error.
	FailureMessage string `json:"failureMessage,omitempty"`
	// LosesVPCConfig makes the job run, and GetModelCustomizationJob answer,
	// without the VPC settings it was submitted with.
	LosesVPCConfig bool `json:"losesVpcConfig,omitempty"`
	// Curve is the course of the losses: "falling" (when empty), "diverging"
	// or "overfitting" (only the validation loss rises).
	Curve string `json:"curve,omitempty"`
	// ModelCreating is how long the model stays Creating after the job
	// completed, instead of the scenario's duration.
	ModelCreating Duration `json:"modelCreating,omitempty"`
}

// ServeOutcome forces what becomes of throughputs or deployments.
type ServeOutcome struct {
	Match
	// CreateFails and UpdateFails end the creation, or every update, in
	// failure with the message.
	CreateFails    bool   `json:"createFails,omitempty"`
	UpdateFails    bool   `json:"updateFails,omitempty"`
	FailureMessage string `json:"failureMessage,omitempty"`
	// Takes is how long creations and updates take, instead of the scenario's
	// durations.
	Takes Duration `json:"takes,omitempty"`
}

// ScenarioFault is a fault injected into calls of one operation.
type ScenarioFault struct {
	// Operation is the API operation, for example "Converse".
	Operation string `json:"operation"`
	// ResourceContains narrows it to calls on such a resource.
	ResourceContains string `json:"resourceContains,omitempty"`
	// Nth is the first of these calls that fails, counted from 1, and Times
	// how many in a row do; 0 means 1, and a negative Times means all.
	Nth   int `json:"nth,omitempty"`
	Times int `json:"times,omitempty"`
	// When is "before" (when empty: nothing takes effect) or "after" (the
	// call takes effect and only its answer is lost).
	When string `json:"when,omitempty"`
	// Status, Code and Message are the answer; Reset closes the connection
	// instead.
	Status  int    `json:"status,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Reset   bool   `json:"reset,omitempty"`
}

// defaultScenario is what a scenario file starts from: the documented default
// quotas, and durations of which only the throughput's has a source.
func defaultScenario() Scenario {
	return Scenario{
		Quotas: Quotas{CustomizationJobs: 10, ModelsInCreation: 2, CustomModels: 100, Deployments: 10, DeploymentsInProgress: 2},
		Durations: Durations{
			Validation:       Duration(10 * time.Minute),
			DataProcessing:   Duration(10 * time.Minute),
			TrainingMinimum:  Duration(40 * time.Minute),
			TrainingPerRow:   Duration(360 * time.Millisecond),
			Stopping:         Duration(3 * time.Minute),
			ModelCreating:    Duration(2 * time.Minute),
			Deployment:       Duration(8 * time.Minute),
			DeploymentUpdate: Duration(8 * time.Minute),
			Throughput:       Duration(25 * time.Minute),
			ThroughputUpdate: Duration(15 * time.Minute),
		},
		ValidationLayout: layoutGuide, Perplexity: true, AccessCheck: "submit", DeleteWhileCreating: "allowed",
	}
}

// ReadScenario reads a scenario file strictly.
func ReadScenario(r io.Reader) (Scenario, error) {
	s := defaultScenario()
	if err := decodeStrictly(r, &s); err != nil {
		return Scenario{}, fmt.Errorf("reading a scenario: %w", err)
	}
	if err := s.check(); err != nil {
		return Scenario{}, fmt.Errorf("reading a scenario: %w", err)
	}
	return s, nil
}

// LoadScenario returns a built-in scenario by name.
func LoadScenario(name string) (Scenario, error) {
	raw, err := scenarioFiles.ReadFile("scenarios/" + name + ".json")
	if err != nil {
		return Scenario{}, fmt.Errorf("loading scenario %q, one of %s: %w", name, strings.Join(ScenarioNames(), ", "), err)
	}
	s, err := ReadScenario(bytes.NewReader(raw))
	if err != nil {
		return Scenario{}, fmt.Errorf("loading scenario %q: %w", name, err)
	}
	return s, nil
}

// ScenarioNames lists the built-in scenarios.
func ScenarioNames() []string {
	entries, err := fs.Glob(scenarioFiles, "scenarios/*.json")
	if err != nil {
		return nil // the pattern is constant and well formed
	}
	for i, entry := range entries {
		entries[i] = strings.TrimSuffix(strings.TrimPrefix(entry, "scenarios/"), ".json")
	}
	slices.Sort(entries) // by name, not by file name
	return entries
}

// check refuses values that would silently mean nothing.
func (s Scenario) check() error {
	if s.Assumes == "" || s.Start.IsZero() || s.Region == "" {
		return fmt.Errorf("scenario: assumes, start and region are required")
	}
	choices := []struct {
		member, value string
		allowed       []string
	}{
		{"validationLayout", s.ValidationLayout, []string{layoutGuide, layoutNova, layoutLlama}},
		{"accessCheck", s.AccessCheck, []string{"submit", "job"}},
		{"deleteWhileCreating", s.DeleteWhileCreating, []string{"allowed", "conflict"}},
	}
	for _, j := range s.Jobs {
		choices = append(choices, []struct {
			member, value string
			allowed       []string
		}{
			{"jobs.status", j.Status, []string{"", statusFailed, statusStopped}},
			{"jobs.stage", j.Stage, []string{"", "validation", "dataProcessing", "training"}},
			{"jobs.curve", j.Curve, []string{"", curveFalling, curveDiverging, curveOverfitting}},
		}...)
	}
	for _, f := range s.Faults {
		choices = append(choices, struct {
			member, value string
			allowed       []string
		}{"faults.when", f.When, []string{"", "before", "after"}})
		if f.Operation == "" || (!f.Reset && (f.Status < 400 || f.Code == "")) {
			return fmt.Errorf("scenario: a fault needs an operation, and a status and code or reset")
		}
	}
	for _, g := range s.Guardrails {
		if err := g.check(); err != nil {
			return err
		}
	}
	for _, c := range choices {
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("scenario: %s is %q, allowed: %q", c.member, c.value, c.allowed)
		}
	}
	return nil
}

func decodeStrictly(r io.Reader, into any) error {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("decoding JSON: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("decoding JSON: more than one value")
	}
	return nil
}
