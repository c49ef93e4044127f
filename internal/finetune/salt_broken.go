//go:build tuneline_without_idempotency

package finetune

import (
	"crypto/rand"
	"strings"
)

// salt is new with every call. Only the suite of faults builds this: see
// internal/rehearsal/chaos.
func salt() string { return "-" + strings.ToLower(rand.Text()[:5]) }
