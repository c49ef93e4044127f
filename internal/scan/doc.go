// Package scan holds the stack, its source and what is built from it against
// scanners that other people keep: cdk-nag's rule packs, AWS Control Tower's
// proactive controls, CloudFormation's own rules, asl-validator, gitleaks and
// the Go vulnerability database.
//
// What a scanner finds is either mended or stands in a table of exceptions, one
// line a finding, under the reason why it is accepted. A finding without an
// exception fails the tests, and so does an exception without its finding. No
// scanner is told to leave anything out: gitleaks' own list of files that it would
// leave alone is emptied, and nothing of this is in a template.
package scan
