package iampolicy

import (
	"strings"
	"testing"
)

// Each operator with values it takes and values it does not: "IAM JSON policy
// elements: Condition operators" and "Set operators for multivalued context
// keys". key is what the request holds, nil when it has no such key.
func TestConditions(t *testing.T) {
	const (
		fn   = "arn:aws:lambda:us-east-1:111122223333:function:invoke"
		rule = "arn:aws:events:us-east-1:111122223333:rule/default/a:b"
	)
	for _, tc := range []struct {
		operator, values string
		key              []string
		want             bool
	}{
		{"StringEquals", `"a"`, []string{"a"}, true},
		{"StringEquals", `"a"`, []string{"A"}, false},
		{"StringEquals", `["b","a"]`, []string{"a"}, true},
		{"StringEquals", `"a*"`, []string{"ab"}, false},
		{"StringEquals", `"a"`, nil, false},
		{"StringEqualsIfExists", `"a"`, nil, true},
		{"StringEqualsIfExists", `"a"`, []string{"b"}, false},
		{"StringNotEquals", `"a"`, []string{"b"}, true},
		{"StringNotEquals", `["b","a"]`, []string{"b"}, false},
		{"StringNotEquals", `"a"`, nil, true},
		{"StringNotEqualsIfExists", `"a"`, nil, true},
		{"StringEqualsIgnoreCase", `"aB"`, []string{"Ab"}, true},
		{"StringNotEqualsIgnoreCase", `"aB"`, []string{"Ab"}, false},
		{"StringLike", `"a*c?"`, []string{"abbcd"}, true},
		{"StringLike", `"a*c?"`, []string{"abbc"}, false},
		{"StringLike", `"*"`, []string{""}, true},
		{"StringLike", `"*"`, nil, false},
		{"StringNotLike", `"a*"`, []string{"ba"}, true},
		{"StringNotLike", `"a*"`, nil, true},
		{"ArnEquals", `"` + fn + `"`, []string{fn}, true},
		{"ArnEquals", `"arn:aws:lambda:*:*:function:*"`, []string{fn}, true},
		{"ArnLike", `"arn:aws:lambda:*:function:*"`, []string{fn}, false}, // a * stays in its segment
		{"ArnLike", `"arn:aws:events:*:111122223333:rule/*"`, []string{rule}, true},
		{"ArnLike", `"arn:aws:events:*:1111?222*:rule/default/a:?"`, []string{rule}, true},
		{"ArnNotEquals", `"` + fn + `"`, []string{rule}, true},
		{"ArnNotLike", `"arn:aws:lambda:*:*:*"`, []string{fn}, false},
		{"ArnNotLike", `"arn:aws:lambda:*:*:*"`, nil, true},
		{"ArnLikeIfExists", `"` + fn + `"`, nil, true},
		{"BinaryEquals", `"QmluYXJ5"`, []string{"QmluYXJ5"}, true},
		{"BinaryEquals", `"QmluYXJ5"`, []string{"YmluYXJ5"}, false},
		{"BinaryEquals", `"QmluYXJ5"`, nil, false},
		{"Bool", `"true"`, []string{"true"}, true},
		{"Bool", `true`, []string{"True"}, true},
		{"Bool", `"false"`, []string{"true"}, false},
		{"Bool", `"false"`, nil, false},
		{"BoolIfExists", `"false"`, nil, true},
		{"Null", `"true"`, nil, true},
		{"Null", `true`, []string{"x"}, false},
		{"Null", `"false"`, []string{"x", "y"}, true},
		{"Null", `"false"`, nil, false},
		{"NumericEquals", `10`, []string{"10.0"}, true},
		{"NumericNotEquals", `"10"`, []string{"11"}, true},
		{"NumericNotEquals", `"10"`, []string{"10"}, false},
		{"NumericLessThan", `"10"`, []string{"9.99"}, true},
		{"NumericLessThan", `"10"`, []string{"10"}, false},
		{"NumericLessThanEquals", `"10"`, []string{"10"}, true},
		{"NumericGreaterThan", `"-1"`, []string{"0"}, true},
		{"NumericGreaterThan", `"10"`, []string{"9"}, false}, // not as texts
		{"NumericGreaterThanEquals", `"10"`, []string{"10"}, true},
		{"NumericEquals", `"10"`, nil, false},
		{"NumericNotEquals", `"10"`, nil, true},
		{"DateEquals", `"2026-03-04T05:06:07Z"`, []string{"2026-03-04T06:06:07+01:00"}, true},
		{"DateNotEquals", `"2026-03-04"`, []string{"2026-03-04T00:00:00Z"}, false},
		{"DateLessThan", `"2026-03-04"`, []string{"2026-03-03T23:59:59Z"}, true},
		{"DateLessThanEquals", `"2026-03-04"`, []string{"2026-03-05T00:00Z"}, false},
		{"DateGreaterThan", `"2026-03-04T05:06:07Z"`, []string{"1772600768"}, true}, // epoch time
		{"DateGreaterThanEquals", `"1772600767"`, []string{"2026-03-04T05:06:07Z"}, true},
		{"IpAddress", `"203.0.113.0/24"`, []string{"203.0.113.7"}, true},
		{"IpAddress", `["203.0.113.7","2001:db8::/32"]`, []string{"2001:db8::1"}, true},
		{"IpAddress", `"203.0.113.7"`, []string{"203.0.113.8"}, false},
		{"IpAddress", `"203.0.113.0/24"`, []string{"::ffff:203.0.113.7"}, true},
		{"IpAddress", `"203.0.113.0/24"`, nil, false},
		{"NotIpAddress", `"203.0.113.0/24"`, []string{"198.51.100.1"}, true},
		{"NotIpAddress", `"203.0.113.0/24"`, []string{"203.0.113.7"}, false},

		{"ForAllValues:StringEquals", `["a","b"]`, []string{"a", "b"}, true},
		{"ForAllValues:StringEquals", `["a","b"]`, []string{"a", "c"}, false},
		{"ForAllValues:StringEquals", `["a","b"]`, nil, true},
		{"ForAllValues:StringNotEquals", `["a","b"]`, []string{"c", "a"}, false},
		{"ForAllValues:StringNotEquals", `["a","b"]`, []string{"c", "d"}, true},
		{"ForAllValues:ArnNotEquals", `"` + fn + `"`, []string{rule}, true},
		{"ForAllValues:StringEquals", `["a","b"]`, []string{""}, true}, // an empty value comes to nothing
		{"ForAllValues:StringEquals", `["a","b"]`, []string{"", "a"}, false},
		{"ForAnyValue:StringEquals", `["","a"]`, []string{""}, false},
		{"ForAnyValue:StringEquals", `["a","b"]`, []string{"c", "b"}, true},
		{"ForAnyValue:StringEquals", `["a","b"]`, []string{"c"}, false},
		{"ForAnyValue:StringEquals", `["a","b"]`, nil, false},
		{"ForAnyValue:StringNotEquals", `"a"`, []string{"a", "b"}, true},
		{"ForAnyValue:StringNotEquals", `"a"`, []string{"a"}, false},
		{"ForAnyValue:StringNotEquals", `"a"`, nil, false},
		{"ForAllValues:StringLikeIfExists", `"a*"`, nil, true},
		{"ForAnyValue:StringLikeIfExists", `"a*"`, []string{""}, false},
	} {
		p := identity(t, "p", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"`+tc.operator+`":{"x:Key":`+tc.values+`}}}`)
		got, err := p.Evaluate(Request{Action: "a:b", Resource: "*", Context: map[string][]string{"X:key": tc.key}})
		if err != nil || (got.Effect == Allowed) != tc.want {
			t.Errorf("%s %s with %q: got %v, %v, want %v", tc.operator, tc.values, tc.key, got.Effect, err, tc.want)
		}
	}
}

// Ensure all operators and all keys must hold.
func TestConditions_AllHold(t *testing.T) {
	p := identity(t, "p", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{
		"StringEquals":{"x:a":"1","x:b":["2","3"]},"Bool":{"x:c":"true"}}}`)
	for values, want := range map[[3]string]Effect{
		{"1", "2", "true"}:  Allowed,
		{"1", "3", "true"}:  Allowed,
		{"2", "2", "true"}:  ImplicitDeny,
		{"1", "1", "true"}:  ImplicitDeny,
		{"1", "2", "false"}: ImplicitDeny,
	} {
		context := map[string][]string{"x:a": {values[0]}, "x:b": {values[1]}, "x:c": {values[2]}}
		got, err := p.Evaluate(Request{Action: "a:b", Resource: "*", Context: context})
		if err != nil || got.Effect != want {
			t.Errorf("%q: got %v, %v, want %v", values, got, err, want)
		}
	}
}

// Ensure a value that is not of the operator's type is an error: AWS's own keys
// always are, so the caller got something wrong.
func TestConditions_WrongValues(t *testing.T) {
	for operator, tc := range map[string]struct{ value, key, want string }{
		"ArnLike":         {"arn:aws:s3:::b", "b", `"b" is not an ARN`},
		"ArnNotEquals":    {"arn:aws:s3:::b", "arn:aws:s3", "is not an ARN"},
		"BinaryEquals":    {"QmluYXJ5", "*", "is not base64"},
		"Bool":            {"true", "yes", "neither true nor false"},
		"NumericLessThan": {"1", "one", "is not a number"},
		"DateNotEquals":   {"2026-03-04", "today", "is not a date"},
		"NotIpAddress":    {"203.0.113.7", "host", "is not an IP address"},
	} {
		p := identity(t, "p", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"`+operator+`":{"x:k":"`+tc.value+`"}}}`)
		got, err := p.Evaluate(Request{Action: "a:b", Resource: "*", Context: map[string][]string{"x:k": {tc.key}}})
		if err == nil || got.Effect != ImplicitDeny || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, %v, want an error with %q", operator, got, err, tc.want)
		}
	}
	p := identity(t, "p", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"x:k":"a"}}}`)
	if _, err := p.Evaluate(Request{Action: "a:b", Resource: "*", Context: map[string][]string{"x:k": {"a", "b"}}}); err == nil {
		t.Error("two values without a set operator are taken")
	}
	p = identity(t, "p", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringEqualsIfExists":{"x:k":"a"}}}`)
	if _, err := p.Evaluate(Request{Action: "a:b", Resource: "*", Context: map[string][]string{"x:k": nil}}); err == nil {
		t.Error("ForAnyValue with IfExists is decided without the key")
	}
}
