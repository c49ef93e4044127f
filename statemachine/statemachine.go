// Package statemachine holds the order of the pipeline: finetune.asl.json, an
// Amazon States Language definition, is the only place where order lives. The
// infrastructure embeds it, the rehearsal runs it, and the contract tests here
// hold every path, payload and error name in it against the Go types the
// functions speak.
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

// Substitutions has one field per placeholder: a forgotten one fails a test,
// not a deployment. Each is the ARN of the function that serves the states
// naming it.
type Substitutions struct {
	ValidateFunction   string
	SubmitFunction     string
	PollFunction       string
	AnalyzeFunction    string
	ThroughputFunction string
}

// Map returns placeholder → value, for DefinitionSubstitutions.
func (s Substitutions) Map() map[string]string {
	v := reflect.ValueOf(s)
	m := make(map[string]string, v.NumField())
	for i := range v.NumField() {
		m[v.Type().Field(i).Name] = v.Field(i).String()
	}
	return m
}
