package architecture

import (
	"regexp"
	"strings"
	"testing"
)

// deletesKept finds a call that deletes what outlives the stack.
var deletesKept = regexp.MustCompile(`\.(DeleteCustomModel|ScheduleKeyDeletion|DisableKey|DeleteBucket|DeleteBucketPolicy)\(`)

// TestNothingDeletesWhatIsKept: no code deletes a custom model, the key or the
// bucket: a person does, with the commands that are printed. The rehearsal is the
// other side of such calls.
func TestNothingDeletesWhatIsKept(t *testing.T) {
	for _, name := range files(t, ".go") {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/rehearsal/") {
			continue
		}
		if call := deletesKept.FindString(read(t, name)); call != "" {
			t.Errorf("%s calls %s)", name, call)
		}
	}
	if !deletesKept.MatchString("client.DeleteCustomModel(ctx, in)") {
		t.Error("the pattern finds nothing")
	}
}
