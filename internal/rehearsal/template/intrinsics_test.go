package template

import (
	"fmt"
	"strings"
	"testing"
)

// frame is a template around one property value.
const frame = `{
  "Parameters": {
    "Name": {"Type": "String", "Default": "n"},
    "Count": {"Type": "Number", "Default": 3},
    "Zones": {"Type": "CommaDelimitedList", "Default": "x, y"}
  },
  "Mappings": {"Sizes": {"us-east-1": {"small": 1, "names": ["a", "b"]}}},
  "Conditions": {
    "IsN": {"Fn::Equals": [{"Ref": "Name"}, "n"]},
    "IsM": {"Fn::Equals": [{"Ref": "Name"}, "m"]},
    "Both": {"Fn::And": [{"Condition": "IsN"}, {"Fn::Not": [{"Condition": "IsM"}]}]},
    "Either": {"Fn::Or": [{"Condition": "IsM"}, {"Fn::Equals": [{"Ref": "Count"}, 3]}]},
    "Neither": {"Fn::Or": [{"Condition": "IsM"}, {"Fn::Not": [{"Condition": "IsN"}]}]}
  },
  "Resources": {
    "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Join": ["-", ["data", {"Ref": "AWS::AccountId"}]]}}},
    "Gone": {"Type": "AWS::S3::Bucket", "Condition": "IsM"},
    "Probe": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "probe", "Value": %s}}
  }
}`

// probe resolves value as a property of a resource in frame.
func probe(value string) (any, error) {
	d, err := decodeDocument([]byte(fmt.Sprintf(frame, value)))
	if err != nil {
		return nil, err
	}
	r, err := newResolver(d, "demo", pretend)
	if err != nil {
		return nil, err
	}
	if err := r.checkReferences(); err != nil {
		return nil, err
	}
	resources, err := r.resolveResources()
	if err != nil {
		return nil, err
	}
	return resources["Probe"].Properties["Value"], nil
}

func TestIntrinsics(t *testing.T) {
	tests := map[string]struct{ value, want string }{
		"literal":              {`{"a": [1, true, null, "x"]}`, `{"a":[1,true,null,"x"]}`},
		"Ref parameter":        {`{"Ref": "Name"}`, `"n"`},
		"Ref number":           {`{"Ref": "Count"}`, `"3"`},
		"Ref list":             {`{"Ref": "Zones"}`, `["x","y"]`},
		"Ref region":           {`{"Ref": "AWS::Region"}`, `"us-east-1"`},
		"Ref account":          {`{"Ref": "AWS::AccountId"}`, `"123456789012"`},
		"Ref partition":        {`{"Ref": "AWS::Partition"}`, `"aws"`},
		"Ref suffix":           {`{"Ref": "AWS::URLSuffix"}`, `"amazonaws.com"`},
		"Ref stack":            {`{"Ref": "AWS::StackName"}`, `"demo"`},
		"Ref resource":         {`{"Ref": "Bucket"}`, `"data-123456789012"`},
		"NoValue in object":    {`{"a": {"Ref": "AWS::NoValue"}, "b": 1}`, `{"b":1}`},
		"NoValue in list":      {`["a", {"Ref": "AWS::NoValue"}, "b"]`, `["a","b"]`},
		"GetAtt list":          {`{"Fn::GetAtt": ["Bucket", "Arn"]}`, `"arn:aws:s3:::data-123456789012"`},
		"GetAtt text":          {`{"Fn::GetAtt": "Bucket.Arn"}`, `"arn:aws:s3:::data-123456789012"`},
		"Sub":                  {`{"Fn::Sub": "${Name}/${Bucket}/${Bucket.Arn}/${!Name}"}`, `"n/data-123456789012/arn:aws:s3:::data-123456789012/${Name}"`},
		"Sub with map":         {`{"Fn::Sub": ["${X}-${Name}", {"X": {"Ref": "Count"}}]}`, `"3-n"`},
		"Sub shadows":          {`{"Fn::Sub": ["${Name}", {"Name": "own"}]}`, `"own"`},
		"Join":                 {`{"Fn::Join": [":", ["a", {"Ref": "Count"}, 5, true]]}`, `"a:3:5:true"`},
		"Join of list":         {`{"Fn::Join": ["+", {"Ref": "Zones"}]}`, `"x+y"`},
		"Select":               {`{"Fn::Select": [1, ["a", "b"]]}`, `"b"`},
		"Select by text":       {`{"Fn::Select": ["0", {"Fn::Split": ["|", "p|q"]}]}`, `"p"`},
		"Split":                {`{"Fn::Split": ["-", {"Ref": "AWS::Region"}]}`, `["us","east","1"]`},
		"GetAZs":               {`{"Fn::GetAZs": ""}`, `["us-east-1a","us-east-1b","us-east-1c"]`},
		"GetAZs of the region": {`{"Fn::GetAZs": {"Ref": "AWS::Region"}}`, `["us-east-1a","us-east-1b","us-east-1c"]`},
		"If true":              {`{"Fn::If": ["Both", "yes", {"Ref": "Gone"}]}`, `"yes"`},
		"If false":             {`{"Fn::If": ["IsM", "yes", "no"]}`, `"no"`},
		"If or":                {`{"Fn::If": ["Either", "yes", "no"]}`, `"yes"`},
		"If neither":           {`{"Fn::If": ["Neither", "yes", "no"]}`, `"no"`},
		"FindInMap":            {`{"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}`, `1`},
		"FindInMap list":       {`{"Fn::FindInMap": ["Sizes", "us-east-1", "names"]}`, `["a","b"]`},
		"Base64":               {`{"Fn::Base64": {"Ref": "Name"}}`, `"bg=="`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v, err := probe(test.value)
			if err != nil {
				t.Fatal(err)
			}
			got, err := encode(v)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "value", string(got), test.want)
		})
	}
}

func TestIntrinsicErrors(t *testing.T) {
	tests := map[string]struct{ value, want string }{
		"unmodelled function":   {`{"a": [{"Fn::Cidr": ["10.0.0.0/16", 2]}]}`, "Probe Properties.Value.a[0]: Fn::Cidr is not modelled"},
		"unmodelled untaken":    {`{"Fn::If": ["IsN", "x", {"Fn::Length": []}]}`, "Fn::Length is not modelled"},
		"ImportValue":           {`{"Fn::ImportValue": "x"}`, "Fn::ImportValue needs another stack"},
		"Transform":             {`{"Fn::Transform": {}}`, "Fn::Transform is not modelled"},
		"Equals outside":        {`{"Fn::Equals": ["a", "b"]}`, "Fn::Equals is not modelled"},
		"unknown Ref":           {`{"Ref": "Nobody"}`, `no parameter or resource is named "Nobody"`},
		"unknown Ref untaken":   {`{"Fn::If": ["IsN", "x", {"Ref": "Nobody"}]}`, `no parameter or resource is named "Nobody"`},
		"unknown Sub":           {`{"Fn::Sub": "${Nobody}"}`, `no parameter or resource is named "Nobody"`},
		"unknown Sub attribute": {`{"Fn::Sub": "${Bucket.Colour}"}`, "Bucket: attribute Colour of AWS::S3::Bucket is not modelled"},
		"unknown attribute":     {`{"Fn::GetAtt": ["Bucket", "Colour"]}`, "Bucket: attribute Colour of AWS::S3::Bucket is not modelled"},
		"conditional resource":  {`{"Ref": "Gone"}`, "Gone does not exist: its condition is false"},
		"unknown condition":     {`{"Fn::If": ["Maybe", 1, 2]}`, "condition Maybe does not exist"},
		"itself":                {`{"Fn::GetAtt": ["Probe", "Value"]}`, "circular dependency"},
		"more keys":             {`{"Fn::Sub": "x", "b": 1}`, "Fn::Sub must be the only key"},
		"Select out of range":   {`{"Fn::Select": [2, ["a"]]}`, `cannot take item "2" of 1`},
		"Select of text":        {`{"Fn::Select": [0, "a"]}`, "want a list"},
		"Join of object":        {`{"Fn::Join": ["", [{"a": 1}]]}`, "joins strings"},
		"Join arguments":        {`{"Fn::Join": [""]}`, "takes a list of 2"},
		"GetAZs elsewhere":      {`{"Fn::GetAZs": "eu-west-1"}`, "knows the zones of us-east-1"},
		"FindInMap":             {`{"Fn::FindInMap": ["Sizes", "eu-west-1", "small"]}`, "no mapping Sizes"},
		"FindInMap default":     {`{"Fn::FindInMap": ["Sizes", "eu-west-1", "small", {}]}`, "takes a list of 3"},
		"dynamic reference":     {`"{{resolve:ssm:/x}}"`, "dynamic references are not modelled"},
		"text from a list":      {`{"Fn::Sub": "${Zones}"}`, "want a string"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v, err := probe(test.value)
			if err == nil {
				t.Fatalf("got %v, want an error with %q", v, test.want)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want it to contain %q", err, test.want)
			}
		})
	}
}

func TestOtherPartitions(t *testing.T) {
	for region, want := range map[string]string{
		"cn-north-1": "aws-cn amazonaws.com.cn", "us-gov-west-1": "aws-us-gov amazonaws.com", "eu-west-1": "aws amazonaws.com",
	} {
		partition, suffix := partitionOf(region)
		equal(t, region, partition+" "+suffix, want)
	}
}
