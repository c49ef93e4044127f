//go:build !tuneline_without_idempotency

package finetune

// salt is nothing: names and tokens are derived from the run alone, so that
// whatever is made twice is found, or refused, as the same. The other build of
// this function is for the test of the suite of faults, which must notice it.
func salt() string { return "" }
