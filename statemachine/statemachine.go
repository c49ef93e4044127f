// Package statemachine holds the order of the pipeline: finetune.asl.json, an
// Amazon States Language definition, is the only place where order lives.
// Beside it stands release.asl.json, the one step that is left to do after an
// execution ended where no Catch could see it, and sweep.asl.json, which a
// schedule starts to look after what was bought. The infrastructure embeds all,
// the rehearsal runs them, and the contract tests here hold every path, payload
// and error name in them against the Go types the functions speak.
package statemachine

import (
	_ "embed"
	"reflect"
)

// Definition is the Amazon States Language text, with ${...} placeholders as
// AWS::StepFunctions::StateMachine's DefinitionSubstitutions fills them.
//
//go:embed finetune.asl.json
var Definition string

// Release is the Amazon States Language text of the machine that releases what
// an ended execution left; its input is a finetune.StatusRelease.
//
//go:embed release.asl.json
var Release string

// Sweep is the Amazon States Language text of the machine that looks after what
// was bought; its input is a finetune.SweepStart.
//
//go:embed sweep.asl.json
var Sweep string

// Substitutions has one field per placeholder: a forgotten one fails a test,
// not a deployment. Each is the ARN of the function that serves the states
// naming it, or of the topic where people are told.
type Substitutions struct {
	ValidateFunction   string
	SubmitFunction     string
	PollFunction       string
	AnalyzeFunction    string
	ThroughputFunction string
	NoticesTopic       string
}

// Map returns placeholder → value, for DefinitionSubstitutions.
func (s Substitutions) Map() map[string]string { return byName(s) }

// ReleaseSubstitutions is the same for [Release], with the ARN of the topic where
// people are told.
type ReleaseSubstitutions struct {
	ThroughputFunction string
	NoticesTopic       string
}

// Map returns placeholder → value, for DefinitionSubstitutions.
func (s ReleaseSubstitutions) Map() map[string]string { return byName(s) }

// SweepSubstitutions is the same for [Sweep].
type SweepSubstitutions struct {
	ThroughputFunction string
	NoticesTopic       string
}

// Map returns placeholder → value, for DefinitionSubstitutions.
func (s SweepSubstitutions) Map() map[string]string { return byName(s) }

// byName returns a struct's string fields by their names.
func byName(substitutions any) map[string]string {
	v := reflect.ValueOf(substitutions)
	m := make(map[string]string, v.NumField())
	for i := range v.NumField() {
		m[v.Type().Field(i).Name] = v.Field(i).String()
	}
	return m
}
