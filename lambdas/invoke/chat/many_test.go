package chat

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestManyTools: thousands of tools, calls and results in one body are read like
// a few, whatever order the results are in. Holding each against all others
// would show as a test that takes long.
func TestManyTools(t *testing.T) {
	const n = 25_000
	tools, calls, results := make([]string, n), make([]string, n), make([]string, n)
	for i := range n {
		tools[i] = fmt.Sprintf(`{"type":"function","function":{"name":"f%d"}}`, i)
		calls[i] = fmt.Sprintf(`{"id":"c%d","type":"function","function":{"name":"f%d","arguments":""}}`, i, i)
		results[i] = fmt.Sprintf(`{"role":"tool","tool_call_id":"c%d","content":"r"}`, n-1-i)
	}
	body := func(results []string) []byte {
		return []byte(`{"model":"m","tools":[` + strings.Join(tools, ",") + `],"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[` +
			strings.Join(calls, ",") + `]},` + strings.Join(results, ",") + `]}`)
	}
	got, err := Read(body(results))
	if err != nil {
		t.Fatal(err)
	}
	var asked struct {
		Messages   []struct{ Content []any }
		ToolConfig struct{ Tools []any }
	}
	if err := json.Unmarshal(got.Converse, &asked); err != nil || len(asked.Messages) != 3 || len(asked.Messages[2].Content) != n || len(asked.ToolConfig.Tools) != n {
		t.Errorf("%v, %d turns, %d tools", err, len(asked.Messages), len(asked.ToolConfig.Tools))
	}
	if _, err := Read(body(results[:n-2])); err == nil || !strings.HasSuffix(err.Error(), "missing is the one for c0") {
		t.Errorf("without two results: %v", err)
	}
	if _, err := Read(body(append(results, results[7]))); err == nil || !strings.Contains(err.Error(), "each answered once") {
		t.Errorf("with one result twice: %v", err)
	}
}
