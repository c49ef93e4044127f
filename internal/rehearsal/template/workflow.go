package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// StateMachine is an AWS::StepFunctions::StateMachine.
type StateMachine struct {
	LogicalID string
	Name      string
	ARN       string
	// Type is "STANDARD" or "EXPRESS".
	Type string
	// Role is the logical id of the execution role.
	Role    string
	RoleARN string
	// Definition is the Amazon States Language document with the
	// DefinitionSubstitutions put in.
	Definition string
}

func (s *Stack) buildStateMachines(a *assembly) error {
	for _, res := range s.ofType("AWS::StepFunctions::StateMachine") {
		m, err := s.stateMachine(a, res)
		if err != nil {
			return err
		}
		s.StateMachines = append(s.StateMachines, m)
	}
	return nil
}

type stateMachineProperties struct {
	StateMachineName        string
	StateMachineType        string
	RoleArn                 string
	DefinitionString        string
	Definition              json.RawMessage
	DefinitionS3Location    *struct{ Bucket, Key, Version string }
	DefinitionSubstitutions map[string]text
}

func (s *Stack) stateMachine(a *assembly, res Resource) (StateMachine, error) {
	var p stateMachineProperties
	if err := res.decode(&p); err != nil {
		return StateMachine{}, err
	}
	definition, err := a.definition(p)
	if err != nil {
		return StateMachine{}, res.failed(err)
	}
	if definition, err = substitute(definition, p.DefinitionSubstitutions); err != nil {
		return StateMachine{}, res.failed(err)
	}
	name, err := s.GetAtt(res.LogicalID, "Name")
	if err != nil {
		return StateMachine{}, res.failed(err)
	}
	m := StateMachine{
		LogicalID: res.LogicalID, Name: name.(string), ARN: res.PhysicalID, Type: p.StateMachineType,
		RoleARN: p.RoleArn, Role: s.logicalID("AWS::IAM::Role", "Arn", p.RoleArn), Definition: definition,
	}
	if m.Type == "" {
		m.Type = "STANDARD"
	}
	return m, nil
}

// definition takes the document from the one property that holds it.
func (a *assembly) definition(p stateMachineProperties) (string, error) {
	switch {
	case p.DefinitionString != "":
		return p.DefinitionString, nil
	case len(p.Definition) > 0:
		return string(p.Definition), nil
	case p.DefinitionS3Location == nil:
		return "", errors.New("has no definition")
	}
	path, directory, err := a.asset(p.DefinitionS3Location.Key)
	if err != nil {
		return "", err
	}
	if directory {
		return "", fmt.Errorf("the definition asset %s is a directory", p.DefinitionS3Location.Key)
	}
	raw, err := fs.ReadFile(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return "", fmt.Errorf("reading the definition: %w", err)
	}
	return string(raw), nil
}

// substitute puts the DefinitionSubstitutions in. CloudFormation leaves a
// placeholder nobody substitutes as it is, and Step Functions then runs it
// literally; here it is an error.
func substitute(definition string, values map[string]text) (string, error) {
	var missing string
	out := placeholder.ReplaceAllStringFunc(definition, func(match string) string {
		name := match[2 : len(match)-1]
		value, ok := values[name]
		if !ok {
			missing = name
		}
		return string(value)
	})
	if missing != "" {
		return "", fmt.Errorf("nothing substitutes ${%s} in the definition", missing)
	}
	return out, nil
}

// StateMachine finds a state machine by logical id or ARN.
func (s *Stack) StateMachine(id string) (StateMachine, bool) {
	for _, m := range s.StateMachines {
		if id == m.LogicalID || id == m.ARN {
			return m, true
		}
	}
	return StateMachine{}, false
}

// Rule is an AWS::Events::Rule.
type Rule struct {
	LogicalID string
	Name      string
	ARN       string
	// EventBus is "default" or the name or ARN of another bus.
	EventBus string
	// EventPattern is the pattern's JSON, nil for a scheduled rule.
	EventPattern       json.RawMessage
	ScheduleExpression string
	// State is "ENABLED", "DISABLED" or
	// "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS".
	State   string
	Targets []Target
}

// Target is one target of a rule, as the EventBridge API's Target has it.
type Target struct {
	ID      string
	ARN     string
	RoleARN string
	// Role is the logical id of the role, empty without one.
	Role string
	// Input is constant JSON text, InputPath a JSON path; at most one of
	// Input, InputPath and InputTransformer is set.
	Input            string
	InputPath        string
	InputTransformer *InputTransformer
	DeadLetterARN    string
	RetryPolicy      *RetryPolicy
}

// InputTransformer is EventBridge's: values taken from the event by path are
// put into the template by name.
type InputTransformer struct {
	InputPathsMap map[string]string
	InputTemplate string
}

// RetryPolicy is EventBridge's; nil fields mean its defaults, 185 attempts
// and 86400 seconds.
type RetryPolicy struct {
	MaximumRetryAttempts     *int
	MaximumEventAgeInSeconds *int
}

type targetProperties struct {
	ID               string
	Arn              string
	RoleArn          string
	Input            text
	InputPath        string
	InputTransformer *InputTransformer
	DeadLetterConfig struct{ Arn string }
	RetryPolicy      *struct {
		MaximumRetryAttempts     *integer
		MaximumEventAgeInSeconds *integer
	}
}

func (s *Stack) buildRules() error {
	for _, res := range s.ofType("AWS::Events::Rule") {
		var p struct {
			Name               string
			EventBusName       string
			EventPattern       json.RawMessage
			ScheduleExpression string
			State              string
			Targets            []targetProperties
		}
		if err := res.decode(&p); err != nil {
			return err
		}
		arn, err := s.GetAtt(res.LogicalID, "Arn")
		if err != nil {
			return res.failed(err)
		}
		rule := Rule{
			LogicalID: res.LogicalID, Name: res.PhysicalID, ARN: arn.(string), EventBus: p.EventBusName,
			EventPattern: p.EventPattern, ScheduleExpression: p.ScheduleExpression, State: p.State,
		}
		if rule.EventBus == "" {
			rule.EventBus = "default"
		}
		if rule.State == "" {
			rule.State = "ENABLED"
		}
		for _, t := range p.Targets {
			rule.Targets = append(rule.Targets, s.ruleTarget(t))
		}
		s.Rules = append(s.Rules, rule)
	}
	return nil
}

func (s *Stack) ruleTarget(p targetProperties) Target {
	t := Target{
		ID: p.ID, ARN: p.Arn, RoleARN: p.RoleArn, Input: string(p.Input), InputPath: p.InputPath,
		InputTransformer: p.InputTransformer, DeadLetterARN: p.DeadLetterConfig.Arn,
	}
	if p.RoleArn != "" {
		t.Role = s.logicalID("AWS::IAM::Role", "Arn", p.RoleArn)
	}
	if p.RetryPolicy != nil {
		t.RetryPolicy = &RetryPolicy{
			MaximumRetryAttempts:     p.RetryPolicy.MaximumRetryAttempts.optional(),
			MaximumEventAgeInSeconds: p.RetryPolicy.MaximumEventAgeInSeconds.optional(),
		}
	}
	return t
}
