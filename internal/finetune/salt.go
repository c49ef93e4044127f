//go:build !tuneline_without_idempotency

package finetune

// salt is nothing: names and tokens are derived from the run alone. The other
// build of this, for the test of the suite of faults, makes them random.
const salt = ""
