package main

import (
	"fmt"
	"path"
	"strings"
	"testing"
)

// request is one request to S3 or KMS, as a policy sees it. What a request does
// not say is not in its context.
type request struct {
	action, resource string
	context          map[string]string
}

// denied says whether a Deny of a policy matches; sid is the first one's.
func denied(t *testing.T, statements []statement, r request) (sid string, yes bool) {
	t.Helper()
	for _, s := range statements {
		if !s.allows() && matches(t, s, r) {
			return s.sid(), true
		}
	}
	return "", false
}

// allowed says whether a policy allows and does not deny.
func allowed(t *testing.T, statements []statement, r request) bool {
	t.Helper()
	if _, yes := denied(t, statements, r); yes {
		return false
	}
	for _, s := range statements {
		if s.allows() && matches(t, s, r) {
			return true
		}
	}
	return false
}

// matches is the part of IAM's evaluation that these policies need
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
func matches(t *testing.T, s statement, r request) bool {
	t.Helper()
	if s.object["NotAction"] != nil && anyLike(texts(s.object["NotAction"]), r.action) {
		return false
	}
	if s.object["Action"] != nil && !anyLike(s.actions(), r.action) {
		return false
	}
	if s.object["NotResource"] != nil && anyLike(texts(s.object["NotResource"]), r.resource) {
		return false
	}
	if s.object["Resource"] != nil && !anyLike(s.resources(), r.resource) {
		return false
	}
	for operator, keys := range s.conditions() {
		for key, values := range keys.(object) {
			if !holds(t, operator, r.context, key, texts(values)) {
				return false
			}
		}
	}
	return true
}

func holds(t *testing.T, operator string, context map[string]string, key string, values []string) bool {
	t.Helper()
	got, present := context[key]
	operator, ifExists := strings.CutSuffix(operator, "IfExists")
	if ifExists && !present {
		return true
	}
	switch strings.TrimPrefix(operator, "ForAnyValue:") { // no request here has two values
	case "Null":
		return fmt.Sprint(!present) == values[0]
	case "StringEquals", "Bool":
		return present && anyEqual(values, got)
	case "StringNotEquals":
		return !present || !anyEqual(values, got)
	case "StringLike", "ArnLike", "ArnEquals":
		return present && anyLike(values, got)
	case "ArnNotLike", "ArnNotEquals":
		return !present || !anyLike(values, got)
	case "NumericLessThan":
		return present && got < values[0]
	default:
		t.Fatalf("condition operator %s is not known here", operator)
		return false
	}
}

func anyEqual(values []string, got string) bool {
	for _, value := range values {
		if value == got {
			return true
		}
	}
	return false
}

// anyLike compares with IAM's wildcards, which cross slashes.
func anyLike(patterns []string, got string) bool {
	flatten := func(s string) string {
		return strings.NewReplacer("/", "|", "[", "(", "]", ")").Replace(s)
	}
	for _, pattern := range patterns {
		if ok, err := path.Match(flatten(pattern), flatten(got)); err == nil && ok {
			return true
		}
	}
	return false
}
