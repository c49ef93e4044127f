package bedrock

import (
	"strconv"
	"strings"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// scenarioFault returns the fault the scenario has for this request, counting
// the requests each of its rules applies to.
func (d *Double) scenarioFault(rq *request, main need) *calls.Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	var fault *calls.Fault
	for i, rule := range d.o.Scenario.Faults {
		if rule.Operation != rq.op.Name || !strings.Contains(main.resource, rule.ResourceContains) {
			continue
		}
		key := "fault " + strconv.Itoa(i)
		d.served[key]++
		if fault == nil && rule.hits(d.served[key]) {
			fault = &calls.Fault{
				After: rule.When == "after", Status: rule.Status, Code: rule.Code,
				Message: rule.Message, Reset: rule.Reset,
			}
		}
	}
	return fault
}

// hits tells whether the nth matching call, counted from 1, fails.
func (f ScenarioFault) hits(nth int) bool {
	first, times := max(f.Nth, 1), f.Times
	if times == 0 {
		times = 1
	}
	return nth >= first && (times < 0 || nth < first+times)
}
