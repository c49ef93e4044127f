package random

import (
	"maps"
	"slices"
)

var (
	services   = []string{"logs.amazonaws.com", "sns.amazonaws.com"}
	principals = []string{
		"arn:aws:iam::" + Account + ":user/ana", "arn:aws:iam::" + Account + ":user/bob",
		"arn:aws:sts::" + Account + ":assumed-role/caller/s1", "arn:aws:sts::" + Account + ":assumed-role/caller/s2", "arn:aws:sts::" + Account + ":assumed-role/other/s1",
		"arn:aws:iam::999988887777:user/ana", "arn:aws:sts::999988887777:assumed-role/caller/s1", services[0], Anonymous,
	}
	// named are who a policy names.
	named = []string{
		Account, "arn:aws:iam::" + Account + ":root", "999988887777", "arn:aws:iam::" + Account + ":user/ana", "arn:aws:iam::" + Account + ":user/bob",
		"arn:aws:iam::" + Account + ":role/caller", "arn:aws:sts::" + Account + ":assumed-role/caller/s1", "arn:aws:iam::999988887777:user/ana",
		"arn:aws:iam::999988887777:role/caller",
	}
)

// actions and resources are what requests ask for, by service; what policies say
// is cut from the same cloth.
var (
	actions = map[string][]string{
		"s3": {"GetObject", "PutObject", "GetObjectVersion"}, "kms": {"Decrypt", "GenerateDataKey", "CreateGrant"}, "sqs": {"SendMessage"},
	}
	resources = map[string][]string{
		"s3":  {"arn:aws:s3:::b/home/ana/x", "arn:aws:s3:::b/yellow", "arn:aws:s3:::b/blue", "arn:aws:s3:::b/a:b/c"},
		"kms": {"arn:aws:kms:us-east-1:" + Account + ":key/k1"},
		"sqs": {"arn:aws:sqs:us-east-1:" + Account + ":q1", "arn:aws:sqs:eu-west-1:" + Account + ":q2"},
	}
	actionPatterns   = []string{"*", "*", "*", "s3:*", "s3:Get*", "s3:?etObject", "S3:getobject", "s3:PutObject", "kms:*", "kms:Decrypt", "kms:G*", "sqs:*", "sqs:SendMessage"}
	resourcePatterns = []string{
		"*", "*", "*", "*", "*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/home/${aws:username}/*", "arn:aws:s3:::b/${aws:PrincipalTag/team}", "arn:aws:s3:::b/${aws:PrincipalTag/team, 'blue'}",
		"arn:aws:s3:::b/yello?", "arn:aws:s3:::*/x", "arn:aws:s3:::b/a:*", "arn:aws:s3:::c/*", "arn:aws:kms:*:" + Account + ":key/*", "arn:aws:kms:us-east-?:*:key/k1",
		"arn:aws:sqs:*:*:q?", "arn:aws:sqs:us-*:" + Account + ":q1", "arn:aws:sqs:us-*1:" + Account + ":q*", "arn:aws:s3:::b/${*}",
	}
)

// key is a condition key: its type, the values of requests, and what policies say
// beside them.
type key struct {
	kind             kind
	values, patterns []string
	// many: a request has several values.
	many bool
	// derived: it follows from the principal or the resource.
	derived bool
}

type kind int

const (
	text kind = iota
	numeric
	date
	boolean
	address
	arn
	binary
)

var operatorsOf = map[kind][]string{
	text:    {"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"},
	numeric: {"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"},
	date:    {"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"},
	boolean: {"Bool"},
	address: {"IpAddress", "NotIpAddress"},
	arn:     {"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"},
	binary:  {"BinaryEquals"},
}

var keys = map[string]key{
	"aws:PrincipalTag/team":     {values: []string{"yellow", "blue", "Yellow"}, patterns: []string{"y*", "?lue", "*"}},
	"s3:prefix":                 {values: []string{"home/ana/", "yellow", "a*"}, patterns: []string{"home/${aws:username}/*", "${aws:PrincipalTag/team}", "${aws:PrincipalTag/team, 'blue'}", "a${*}", "a?"}},
	"aws:TagKeys":               {many: true, values: []string{"team", "stage", "Team"}, patterns: []string{"t*", "${aws:PrincipalTag/team}"}},
	"s3:max-keys":               {kind: numeric, values: []string{"10", "9", "10.0", "-1"}, patterns: []string{"10.5"}},
	"aws:CurrentTime":           {kind: date, values: []string{"2026-03-04T05:06:07Z", "2026-03-04T00:00:00Z", "2027-01-01T00:00:00Z"}, patterns: []string{"2026-03-04", "1772600767"}},
	"aws:SecureTransport":       {kind: boolean, values: []string{"true", "false"}},
	"aws:SourceIp":              {kind: address, values: []string{"203.0.113.7", "198.51.100.1", "2001:db8::1"}, patterns: []string{"203.0.113.0/24", "2001:db8::/32", "0.0.0.0/0"}},
	"aws:SourceArn":             {kind: arn, values: []string{"arn:aws:sns:us-east-1:" + Account + ":t", "arn:aws:sns:us-east-1:" + Account + ":t:x"}, patterns: []string{"arn:aws:sns:*:*:t*", "arn:aws:sns:us-*:" + Account + ":?"}},
	"x:Binary":                  {kind: binary, values: []string{"YQ==", "Yg=="}},
	"aws:PrincipalArn":          {kind: arn, derived: true, values: []string{"arn:aws:iam::" + Account + ":user/ana", "arn:aws:iam::" + Account + ":role/caller"}, patterns: []string{"arn:aws:iam::*:user/*", "arn:aws:iam::" + Account + ":role/*"}},
	"aws:PrincipalAccount":      {derived: true, values: []string{Account, "999988887777"}},
	"aws:ResourceAccount":       {derived: true, values: []string{Account, "999988887777"}},
	"aws:PrincipalIsAWSService": {kind: boolean, derived: true, values: []string{"true", "false"}},
	"aws:username":              {derived: true, values: []string{"ana", "bob"}},
}

// keyNames are the keys in an order that does not change.
var keyNames = slices.Sorted(maps.Keys(keys))

// Many are the keys of which a request has several values.
func Many() []string {
	return slices.DeleteFunc(slices.Clone(keyNames), func(name string) bool { return !keys[name].many })
}
