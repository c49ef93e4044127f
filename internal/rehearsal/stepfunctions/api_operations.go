package stepfunctions

import (
	"encoding/json"
	"slices"
	"sort"
	"strconv"
)

func onMachine(input request) string   { return input.StateMachineARN }
func onExecution(input request) string { return input.ExecutionARN }
func onAnything(request) string        { return "*" }

// operations are the served operations, with the resource the Service
// Authorization Reference names for each.
var operations = map[string]operation{
	"StartExecution":       {onMachine, serveStart},
	"DescribeExecution":    {onExecution, serveDescribe},
	"StopExecution":        {onExecution, serveStop},
	"ListExecutions":       {onMachine, serveList},
	"GetExecutionHistory":  {onExecution, serveHistory},
	"DescribeStateMachine": {onMachine, serveMachine},
	"ListStateMachines":    {onAnything, serveMachines},
}

func serveStart(s *Service, input request) (any, error) {
	document := "{}"
	if input.Input != nil {
		document = *input.Input
	}
	e, err := s.start(input.StateMachineARN, input.Name, json.RawMessage(document))
	if err != nil {
		return nil, err
	}
	return map[string]any{"executionArn": e.ARN, "startDate": epochSeconds(e.Start)}, nil
}

func serveDescribe(s *Service, input request) (any, error) {
	e, err := s.Describe(input.ExecutionARN)
	if err != nil {
		return nil, err
	}
	included := map[string]bool{"included": true}
	out := summary(e)
	out["input"], out["inputDetails"] = string(e.Input), included
	if e.Output != nil {
		out["output"], out["outputDetails"] = string(e.Output), included
	}
	for member, value := range failureDetails(e.Error, e.Cause) {
		out[member] = value
	}
	return out, nil
}

// summary is an ExecutionListItem, which DescribeExecution begins with too.
func summary(e Execution) map[string]any {
	out := map[string]any{
		"executionArn":    e.ARN,
		"stateMachineArn": e.MachineARN,
		"name":            e.Name,
		"status":          e.Status,
		"startDate":       epochSeconds(e.Start),
		"redriveCount":    0,
	}
	if !e.Stop.IsZero() {
		out["stopDate"] = epochSeconds(e.Stop)
	}
	return out
}

func serveStop(s *Service, input request) (any, error) {
	if err := s.Stop(input.ExecutionARN, input.Error, input.Cause); err != nil {
		return nil, err
	}
	e, err := s.Describe(input.ExecutionARN)
	if err != nil {
		return nil, err
	}
	return map[string]any{"stopDate": epochSeconds(e.Stop)}, nil
}

// serveList lists the newest execution first.
func serveList(s *Service, input request) (any, error) {
	if _, err := serveMachine(s, input); err != nil {
		return nil, err
	}
	var found []any
	for _, e := range slices.Backward(s.Executions(input.StateMachineARN)) {
		if input.StatusFilter == "" || input.StatusFilter == e.Status {
			found = append(found, summary(e))
		}
	}
	return page("executions", found, input)
}

func serveHistory(s *Service, input request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.find(input.ExecutionARN)
	if err != nil {
		return nil, err
	}
	events := make([]any, 0, len(e.history))
	for i, event := range e.history {
		events = append(events, event.api(i+1))
	}
	if input.ReverseOrder {
		slices.Reverse(events)
	}
	return page("events", events, input)
}

func serveMachine(s *Service, input request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.machines[input.StateMachineARN]
	if !ok {
		return nil, invalid("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", input.StateMachineARN)
	}
	out := m.summary()
	out["status"], out["definition"], out["roleArn"] = "ACTIVE", m.definition, m.roleARN
	return out, nil
}

func serveMachines(s *Service, input request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	arns := make([]string, 0, len(s.machines))
	for arn := range s.machines {
		arns = append(arns, arn)
	}
	sort.Strings(arns)
	machines := make([]any, 0, len(arns))
	for _, arn := range arns {
		machines = append(machines, s.machines[arn].summary())
	}
	return page("stateMachines", machines, input)
}

// summary is a StateMachineListItem, which DescribeStateMachine begins with
// too.
func (m *machine) summary() map[string]any {
	return map[string]any{
		"stateMachineArn": m.arn,
		"name":            m.name,
		"type":            "STANDARD",
		"creationDate":    epochSeconds(m.created),
	}
}

// The API's default and largest page.
const (
	defaultPage = 100
	largestPage = 1000
)

// page cuts a list as the API does; its token is the position to go on from.
func page(member string, items []any, input request) (any, error) {
	start := 0
	if input.NextToken != "" {
		var err error
		if start, err = strconv.Atoi(input.NextToken); err != nil || start < 0 || start > len(items) {
			return nil, invalid("InvalidToken", "Invalid Token: '%s'", input.NextToken)
		}
	}
	size := input.MaxResults
	if size < 0 || size > largestPage {
		return nil, invalid("ValidationException", "maxResults must be between 0 and %d", largestPage)
	}
	if size == 0 {
		size = defaultPage
	}
	stop := min(start+size, len(items))
	out := map[string]any{member: append([]any{}, items[start:stop]...)}
	if stop < len(items) {
		out["nextToken"] = strconv.Itoa(stop)
	}
	return out, nil
}
