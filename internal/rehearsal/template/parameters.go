package template

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// bootstrapVersion is what the pretend account answers for the parameter
// "cdk bootstrap" leaves in Systems Manager: the account is bootstrapped.
const bootstrapVersion = "30"

var (
	accountPattern   = regexp.MustCompile(`^[0-9]{12}$`)
	regionPattern    = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	bootstrapPattern = regexp.MustCompile(`^/cdk-bootstrap/[a-z0-9]+/version$`)
)

func checkAccount(o Options) error {
	if !accountPattern.MatchString(o.AccountID) {
		return fmt.Errorf("account id %q is not 12 digits", o.AccountID)
	}
	if !regionPattern.MatchString(o.Region) {
		return fmt.Errorf("region %q is not an AWS Region", o.Region)
	}
	return nil
}

// partitionOf answers AWS::Partition and AWS::URLSuffix.
func partitionOf(region string) (partition, urlSuffix string) {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn", "amazonaws.com.cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov", "amazonaws.com"
	}
	return "aws", "amazonaws.com"
}

func (r *resolver) pseudoParameter(name string) (any, bool) {
	switch name {
	case "AWS::Region":
		return r.region, true
	case "AWS::AccountId":
		return r.account, true
	case "AWS::Partition":
		return r.partition, true
	case "AWS::URLSuffix":
		return r.urlSuffix, true
	case "AWS::StackName":
		return r.stackName, true
	case "AWS::StackId":
		return r.stackID(), true
	case "AWS::NoValue":
		return noValue{}, true
	}
	return nil, false
}

func (r *resolver) stackID() string {
	return fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/%s",
		r.partition, r.region, r.account, r.stackName, uuid(r.stackName, "", "stack"))
}

// parameterValues gives every parameter its value: the override, else the
// default.
func parameterValues(declared map[string]parameter, given map[string]string) (map[string]any, error) {
	for name := range given {
		if _, ok := declared[name]; !ok {
			return nil, fmt.Errorf("parameter %s does not exist in the template", name)
		}
	}
	values := map[string]any{}
	for _, name := range sortedKeys(declared) {
		text, ok := given[name]
		if !ok {
			var err error
			if text, err = defaultValue(declared[name]); err != nil {
				return nil, fmt.Errorf("parameter %s: %w", name, err)
			}
		}
		v, err := typedParameter(declared[name], text)
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", name, err)
		}
		values[name] = v
	}
	return values, nil
}

func defaultValue(p parameter) (string, error) {
	text, ok := scalarText(p.Default)
	if !ok {
		return "", fmt.Errorf("has no value")
	}
	if !strings.HasPrefix(p.Type, "AWS::SSM::Parameter::Value<") {
		return text, nil
	}
	if bootstrapPattern.MatchString(text) {
		return bootstrapVersion, nil
	}
	return "", fmt.Errorf("the value of the Systems Manager parameter %s is not given", text)
}

func typedParameter(p parameter, text string) (any, error) {
	if len(p.AllowedValues) > 0 && !slices.ContainsFunc(p.AllowedValues, func(v any) bool {
		allowed, ok := scalarText(v)
		return ok && allowed == text
	}) {
		return nil, fmt.Errorf("value %q is not allowed", text)
	}
	if p.AllowedPattern != "" {
		pattern, err := regexp.Compile(`^(?:` + p.AllowedPattern + `)$`)
		if err != nil {
			return nil, fmt.Errorf("compiling AllowedPattern: %w", err)
		}
		if !pattern.MatchString(text) {
			return nil, fmt.Errorf("value %q does not match %s", text, p.AllowedPattern)
		}
	}
	switch {
	case p.Type == "String", p.Type == "Number", p.Type == "AWS::SSM::Parameter::Value<String>":
		return text, nil
	case strings.HasPrefix(p.Type, "AWS::EC2::"):
		return text, nil
	case p.Type == "CommaDelimitedList", strings.HasPrefix(p.Type, "List<"):
		var items []any
		for _, item := range strings.Split(text, ",") {
			items = append(items, strings.TrimSpace(item))
		}
		return items, nil
	}
	return nil, fmt.Errorf("type %s is not modelled", p.Type)
}

// The generators below make ids that look like AWS's and are always the same
// for the same stack, logical id and purpose.

const (
	hexDigits  = "0123456789abcdef"
	lowerAlnum = "abcdefghijklmnopqrstuvwxyz0123456789"
	upperAlnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	upperBase  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	mixedAlnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// characters returns n characters (at most 32) of an alphabet.
func characters(alphabet string, n int, stack, logicalID, purpose string) string {
	sum := sha256.Sum256([]byte(stack + "\x00" + logicalID + "\x00" + purpose))
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(out)
}

// uuid returns a version 4 UUID.
func uuid(stack, logicalID, purpose string) string {
	sum := sha256.Sum256([]byte(stack + "\x00" + logicalID + "\x00" + purpose))
	b := sum[:16]
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
