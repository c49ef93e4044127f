package stepfunctions

import "maps"

// noTimeout is AWS's default for TimeoutSeconds, and its largest value; the
// interpreter's default is 60.
const noTimeout = 99999999

// prepare rewrites a checked definition so that the interpreter runs it as AWS
// does, and takes the machine's own time-out out of it: that one is kept by
// the child, which knows how to stop an execution without starting its task
// once more.
func prepare(definition map[string]any) (prepared map[string]any, timeoutSeconds any) {
	prepared = maps.Clone(definition)
	delete(prepared, "TimeoutSeconds")
	states := map[string]any{}
	for name, state := range mapOf(definition["States"]) {
		states[name] = prepareState(mapOf(state))
	}
	prepared["States"] = states
	return prepared, definition["TimeoutSeconds"]
}

func prepareState(state map[string]any) map[string]any {
	prepared := dropWholeResultPath(state)
	switch state["Type"] {
	case "Task":
		if state["TimeoutSeconds"] == nil && state["TimeoutSecondsPath"] == nil {
			prepared["TimeoutSeconds"] = noTimeout
		}
		if catchers := listOf(state["Catch"]); catchers != nil {
			list := make([]any, 0, len(catchers))
			for _, catcher := range catchers {
				list = append(list, dropWholeResultPath(mapOf(catcher)))
			}
			prepared["Catch"] = list
		}
	case "Choice":
		prepared["Choices"] = prepareRules(listOf(state["Choices"]))
	}
	return prepared
}

// dropWholeResultPath leaves out a ResultPath of "$", which is the default:
// the interpreter would make a field named "$" of it.
func dropWholeResultPath(holder map[string]any) map[string]any {
	prepared := maps.Clone(holder)
	if prepared["ResultPath"] == "$" {
		delete(prepared, "ResultPath")
	}
	return prepared
}
