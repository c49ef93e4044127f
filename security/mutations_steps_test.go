package security

import "maps"

// inRuns changes the states of the machine of runs.
func inRuns(change func(state func(name string) object, states object)) edit {
	return inMachine("WorkflowMachine", func(_, states object) error {
		change(func(name string) object { return states[name].(object) }, states)
		return nil
	})
}

// between puts a state between one and what it leads to.
func between(name, added string, s object) edit {
	return inRuns(func(state func(string) object, states object) {
		s["Next"], states[added] = state(name)["Next"], s
		state(name)["Next"] = added
	})
}

// doing sets the function a state calls and the action it asks for.
func doing(name, function, action string) edit {
	return inRuns(func(state func(string) object, _ object) {
		state(name)["Resource"] = "${" + function + "}"
		state(name)["Parameters"].(object)["action"] = action
	})
}

const throughput = "ThroughputFunction"

// stepMutations are of the machine of runs.
var stepMutations = []mutation{
	{30, "", "a second state starts jobs", inRuns(func(state func(string) object, states object) {
		states["Again"] = maps.Clone(state("SubmitJob"))
		state("CheckReport")["Default"] = "Again"
	}), []string{"NothingIsBoughtUnasked"}},
	{30, "", "a failed job is started again unasked", inState("WorkflowMachine", "JobFailed", "Next", "CheckPurpose"), []string{"NothingIsBoughtUnasked"}},
	{30, "", "results go on to an answer that was for the job", inRuns(func(state func(string) object, _ object) {
		state("CheckResults")["Choices"].([]any)[0].(object)["Next"] = "CheckSpend"
	}), []string{"NothingIsBoughtUnasked"}},
	{30, "", "a state says that the spend is granted", between("ApproveSpend", "Wave", object{"Type": "Pass", "Parameters": object{"decision": "Granted", "purpose": "training"}, "ResultPath": "$.spend"}), []string{"NothingIsBoughtUnasked"}},
	{30, "", "a state says with a result that the spend is granted", between("ApproveSpend", "Wave", object{"Type": "Pass", "Result": object{"decision": "Granted", "purpose": "training"}, "ResultPath": "$.spend"}), []string{"NothingIsBoughtUnasked", "KnownStatesOnly"}},
	{30, "", "a report says that the spend is granted", inState("WorkflowMachine", "ValidateDataset", "ResultPath", "$"), []string{"NothingIsBoughtUnasked"}},
	{30, "", "a price says that the spend is granted", inState("WorkflowMachine", "PriceTraining", "Parameters", object{"purpose": "training", "decision": "Granted"}), []string{"NothingIsBoughtUnasked"}},
	{30, "", "a purpose that is not training buys a job", inRuns(func(state func(string) object, _ object) {
		choice := state("CheckPurpose")["Choices"].([]any)[0].(object)
		state("CheckPurpose")["Choices"].([]any)[0] = object{"Not": object{"Variable": choice["Variable"], "StringEquals": "training"}, "Next": choice["Next"]}
	}), []string{"NothingIsBoughtUnasked"}},
	{30, "", "what asks for approval buys", doing("ApproveSpend", throughput, "secure"), []string{"NothingIsBoughtUnasked", "MachinesDoTheirPart"}},
	{41, "", "what releases checks data", doing("ReleaseRun", "ValidateFunction", "release"), []string{"BadEndsRelease", "MachinesDoTheirPart"}},
	{41, "", "what releases does a smoke test", doing("ReleaseRun", throughput, "smoke-test"), []string{"BadEndsRelease", "MachinesDoTheirPart"}},
	{41, "", "a failed purchase ends well", inRuns(func(state func(string) object, _ object) {
		state("SecureThroughput")["Catch"].([]any)[0].(object)["Next"] = "Superseded"
	}), []string{"BadEndsRelease"}},
	{41, "", "a failed publication ends well", inRuns(func(state func(string) object, _ object) {
		state("PublishEndpoint")["Catch"].([]any)[0].(object)["Next"] = "Superseded"
	}), []string{"BadEndsRelease"}},
	{41, "", "a run ends after its smoke test", inState("WorkflowMachine", "SmokeTest", "Next", "Deployed"), []string{"BadEndsRelease"}},
	{24, "", "a state with states inside calls out", between("TakeModel", "Side", object{"Type": "Parallel", "ResultPath": nil, "Branches": []any{object{"StartAt": "X", "States": object{
		"X": object{"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Parameters": object{"ApiEndpoint": "https://collector.example.net"}, "End": true},
	}}}}), []string{"KnownStatesOnly"}},
	{24, "", "a machine computes in another language", inMachine("WorkflowSweepMachine", func(definition, _ object) error { definition["QueryLanguage"] = "JSONata"; return nil }), []string{"KnownStatesOnly"}},
	{24, "", "the release's machine sweeps", inRelease("sweep"), []string{"MachinesDoTheirPart"}},
	{31, "", "an execution goes on for three years", inMachine("WorkflowMachine", func(definition, _ object) error { definition["TimeoutSeconds"] = 99999999; return nil }), []string{"ExecutionsEnd"}},
	{31, "", "a task goes on for three years", inState("WorkflowMachine", "PollJob", "TimeoutSeconds", 99999999), []string{"TasksEnd"}},
}

// inRelease sets what the machine that releases asks for.
func inRelease(action string) edit {
	return inMachine("WorkflowReleaseMachine", func(_, states object) error {
		states["ReleaseRun"].(object)["Parameters"].(object)["action"] = action
		return nil
	})
}
