// Package chaos holds the pipeline against faults. It runs workloads in the
// rehearsal's local cloud, each once undisturbed to see which calls the functions
// and state machines make, and then once for each of those calls and each fault
// that can befall it: refused, failed, cut off before or after its effect, its
// process killed. Invocations are refused, repeated and lost, events delivered
// again, executions stopped. After each of these scenarios it holds invariants
// against what Bedrock's double has in its ledger and what lies in the bucket:
// nothing is paid twice, nothing billed is left without an owner, nothing
// uploaded ends in silence, and callers get the newest data's answers.
//
// The same is done with functions that have deliberately lost their idempotency,
// of which the suite must find that they violate it: the test of the test.
//
// A new workload is one entry in [Workloads].
package chaos
