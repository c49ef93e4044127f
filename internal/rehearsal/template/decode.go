package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ignored holds, by resource type, the properties that change nothing the
// rehearsal can show. A property that is neither here nor in the view's own
// struct is an error.
var ignored = map[string][]string{
	"AWS::Lambda::Function": {
		"Description", "Tags", "TracingConfig", "KmsKeyArn", "EphemeralStorage", "RuntimeManagementConfig",
		"RecursiveLoop", "ReservedConcurrentExecutions",
	},
	"AWS::StepFunctions::StateMachine": {
		"Tags", "TracingConfiguration", "EncryptionConfiguration", "LoggingConfiguration",
	},
	"AWS::Events::Rule":     {"Description", "Tags"},
	"AWS::S3::Bucket":       {"Tags", "PublicAccessBlockConfiguration", "MetricsConfigurations", "AccessControl"},
	"AWS::KMS::Key":         {"Description", "Tags"},
	"AWS::KMS::Alias":       {},
	"AWS::IAM::Role":        {"Description", "Tags", "MaxSessionDuration"},
	"AWS::EC2::VPC":         {"Tags", "InstanceTenancy", "EnableDnsHostnames", "EnableDnsSupport"},
	"AWS::EC2::Subnet":      {"Tags", "MapPublicIpOnLaunch"},
	"AWS::EC2::VPCEndpoint": {"Tags", "IpAddressType", "DnsOptions"},

	"AWS::EC2::SecurityGroup": {"GroupName", "GroupDescription", "Tags"},

	// SecurityPolicy and EndpointAccessMode are about TLS, which loopback has not.
	"AWS::ApiGateway::RestApi":    {"Description", "Tags", "SecurityPolicy", "EndpointAccessMode"},
	"AWS::ApiGateway::Deployment": {"Description", "StageDescription"},
	"AWS::ApiGateway::Stage": {
		"Description", "Tags", "TracingEnabled", "DocumentationVersion", "ClientCertificateId",
	},
	"AWS::ApiGateway::Model":     {"Description"},
	"AWS::ApiGateway::ApiKey":    {"Description", "Tags"},
	"AWS::ApiGateway::UsagePlan": {"Description", "Tags", "Quota", "Throttle"},
	"AWS::WAFv2::WebACL": {
		"Description", "Tags", "DefaultAction", "VisibilityConfig", "AssociationConfig", "DataProtectionConfig",
	},
	"AWS::WAFv2::LoggingConfiguration": {"RedactedFields", "LoggingFilter", "ManagedByFirewallManager"},
}

// decode puts the resource's properties into a struct and refuses those the
// struct does not have.
func (res Resource) decode(into any) error {
	properties := make(map[string]any, len(res.Properties))
	for name, v := range res.Properties {
		if !slices.Contains(ignored[res.Type], name) {
			properties[name] = v
		}
	}
	raw, err := encode(properties)
	if err != nil {
		return res.failed(err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return res.failed(err)
	}
	return nil
}

func (res Resource) failed(err error) error {
	return fmt.Errorf("reading %s %s: %w", res.Type, res.LogicalID, err)
}

// encode marshals without escaping <, > and &, which stand in policies and
// patterns literally.
func encode(v any) (json.RawMessage, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return json.RawMessage(bytes.TrimRight(buf.Bytes(), "\n")), nil
}

// CloudFormation takes "30" for 30 and "true" for true, and 5 for "5"; so do
// the types below. The structs they stand in name their fields in Go's
// spelling; encoding/json matches names without regard to case.

type integer int

// UnmarshalJSON takes the value with or without quotes.
func (i *integer) UnmarshalJSON(raw []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(raw), `"`))
	*i = integer(n)
	return err
}

// optional returns nil for a property that is not set.
func (i *integer) optional() *int {
	if i == nil {
		return nil
	}
	n := int(*i)
	return &n
}

type decimal float64

// UnmarshalJSON takes the value with or without quotes.
func (d *decimal) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	*d = decimal(n)
	return err
}

type boolean bool

// UnmarshalJSON takes the value with or without quotes.
func (b *boolean) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseBool(strings.Trim(string(raw), `"`))
	*b = boolean(v)
	return err
}

type text string

// UnmarshalJSON takes the value with or without quotes.
func (t *text) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] != '"' {
		if raw[0] == '{' || raw[0] == '[' {
			return fmt.Errorf("want a string, got %c", raw[0])
		}
		*t = text(raw)
		return nil
	}
	var s string
	err := json.Unmarshal(raw, &s)
	*t = text(s)
	return err
}

func plain(m map[string]text) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = string(v)
	}
	return out
}
