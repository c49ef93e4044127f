// Package security holds every security promise of the stack against a
// synthesized template, ours or anybody's:
//
//	TEMPLATE_DIR=<cloud assembly> go test ./security/...
//
// A promise is a [Control]; an [Assertion] proves a part of one, on the JSON of
// the template, and tells what breaks it as a [Finding]. Who may do what is
// proved by evaluating the policies, over lists of requests, and for the things
// that matter most over every action there is: see vocabulary.go. A request that is
// made up has names that nobody attacks with, so each question is asked once more by
// what the policy itself names: see probes.go. What no request shows is held by its
// form: the names in the template (named.go), the conditions of policies
// (conditions.go), the permissions of roles (grants.go), and what CloudFormation can
// make of a text (forms.go).
//
// The tests seed defects into the template, one at a time, and hold that each is
// found by an assertion it names, and that no assertion is idle.
package security

import "fmt"

// Finding is one way in which a template breaks a promise.
type Finding struct {
	// Resource is the logical id of what is wrong, or of what is missing.
	Resource string
	// Message says what is wrong.
	Message string
}

// String is the finding on one line.
func (f Finding) String() string { return f.Resource + ": " + f.Message }

// Assertion proves one part of a control on a template.
type Assertion struct {
	// Name is the assertion's, unique, and that of its subtest.
	Name string
	// Control is the number of the control in [Controls].
	Control int
	// Check returns what breaks the promise; nothing if it is kept.
	Check func(*Template) Findings
}

// Assertions are all there are, in the order of the concerns' files.
func Assertions() []Assertion {
	var all []Assertion
	for _, list := range [][]Assertion{
		networkAssertions, endpointAssertions, endpointPolicyAssertions, keyAssertions, bucketAssertions, bucketDecisionAssertions,
		strangerAssertions, trustAssertions, roleAssertions, permissionAssertions, vocabularyAssertions, functionAssertions, machineAssertions,
		apiAssertions, firewallAssertions, logAssertions, alarmAssertions, topicAssertions, teardownAssertions,
		stepAssertions, wiringAssertions, knownAssertions, formAssertions, namedAssertions, conditionAssertions, grantAssertions,
		baseModelAssertions, recordAssertions, boundaryAssertions, trailAssertions, changeAssertions,
	} {
		all = append(all, list...)
	}
	return all
}

// Findings are what an assertion finds; none if the promise is kept.
type Findings []Finding

// add tells that a resource breaks the promise.
func (f *Findings) add(resource, format string, values ...any) {
	*f = append(*f, Finding{Resource: resource, Message: fmt.Sprintf(format, values...)})
}
