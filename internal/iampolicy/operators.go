package iampolicy

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"time"
)

// operator is a condition operator without prefix and suffix.
type operator struct {
	name    string
	negated bool
	// test makes the test for one value of the policy.
	test func(want pattern) (test, error)
	// variables: the policy's values may have policy variables.
	variables bool
}

func (o operator) isNull() bool { return o.name == "Null" }

// operators are those of the IAM User Guide.
var operators = func() map[string]operator {
	table := map[string]operator{}
	add := func(name string, negated bool, test func(pattern) (test, error)) {
		variables := strings.HasPrefix(name, "String") || strings.HasPrefix(name, "Arn")
		table[name] = operator{name: name, negated: negated, test: test, variables: variables}
	}
	add("StringEquals", false, stringEquals)
	add("StringNotEquals", true, stringEquals)
	add("StringEqualsIgnoreCase", false, stringEqualsIgnoreCase)
	add("StringNotEqualsIgnoreCase", true, stringEqualsIgnoreCase)
	add("StringLike", false, stringLike)
	add("StringNotLike", true, stringLike)
	// Equals and Like are the same for ARNs.
	add("ArnEquals", false, arnLike)
	add("ArnNotEquals", true, arnLike)
	add("ArnLike", false, arnLike)
	add("ArnNotLike", true, arnLike)
	add("BinaryEquals", false, binaryEquals)
	add("Bool", false, boolean)
	add("Null", false, boolean)
	add("IpAddress", false, address)
	add("NotIpAddress", true, address)
	for suffix, holds := range map[string]func(int) bool{
		"Equals":            func(order int) bool { return order == 0 },
		"LessThan":          func(order int) bool { return order < 0 },
		"LessThanEquals":    func(order int) bool { return order <= 0 },
		"GreaterThan":       func(order int) bool { return order > 0 },
		"GreaterThanEquals": func(order int) bool { return order >= 0 },
	} {
		add("Numeric"+suffix, false, ordered(number, (*big.Rat).Cmp, holds))
		add("Date"+suffix, false, ordered(date, time.Time.Compare, holds))
	}
	add("NumericNotEquals", true, table["NumericEquals"].test)
	add("DateNotEquals", true, table["DateEquals"].test)
	return table
}()

func stringEquals(p pattern) (test, error) {
	want := p.text()
	return func(value string) (bool, error) { return value == want, nil }, nil
}

func stringEqualsIgnoreCase(p pattern) (test, error) {
	want := p.text()
	return func(value string) (bool, error) { return strings.EqualFold(value, want), nil }, nil
}

func stringLike(p pattern) (test, error) {
	return func(value string) (bool, error) { return p.matches(value), nil }, nil
}

// binaryEquals compares bytes, both sides in base64.
func binaryEquals(p pattern) (test, error) {
	want, err := base64.StdEncoding.DecodeString(p.text())
	if err != nil {
		return nil, fmt.Errorf("%q is not base64", p.text())
	}
	return func(value string) (bool, error) {
		got, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return false, fmt.Errorf("%q is not base64", value)
		}
		return bytes.Equal(got, want), nil
	}, nil
}

// arnLike compares the six segments of an ARN one by one.
func arnLike(p pattern) (test, error) {
	want := p.segments()
	if len(want) != lastSegment+1 || want[0].text() != "arn" {
		return nil, fmt.Errorf("%q is not an ARN", p.text())
	}
	return func(value string) (bool, error) {
		got, err := segmentsOf(value)
		if err != nil {
			return false, err
		}
		for i, p := range want {
			if !p.matches(got[i]) {
				return false, nil
			}
		}
		return true, nil
	}, nil
}

func segmentsOf(arn string) ([]string, error) {
	segments := strings.SplitN(arn, ":", lastSegment+1)
	if len(segments) != lastSegment+1 || segments[0] != "arn" {
		return nil, fmt.Errorf("%q is not an ARN", arn)
	}
	return segments, nil
}

func boolean(want pattern) (test, error) {
	wanted, err := truth(want.text())
	if err != nil {
		return nil, err
	}
	return func(value string) (bool, error) {
		got, err := truth(value)
		return err == nil && got == wanted, err
	}, nil
}

func truth(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", text)
}

// address takes an IP address or a range in CIDR notation.
func address(p pattern) (test, error) {
	want := p.text()
	prefix, err := netip.ParsePrefix(want)
	if err != nil {
		single, err := netip.ParseAddr(want)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an IP address nor a range of them", want)
		}
		prefix = netip.PrefixFrom(single, single.BitLen())
	}
	return func(value string) (bool, error) {
		got, err := netip.ParseAddr(value)
		if err != nil {
			return false, fmt.Errorf("%q is not an IP address", value)
		}
		return prefix.Contains(got.Unmap()), nil
	}, nil
}

// ordered makes the tests of a type whose values have an order: of the
// request's value relative to the policy's.
func ordered[T any](parse func(string) (T, error), compare func(T, T) int, holds func(order int) bool) func(pattern) (test, error) {
	return func(want pattern) (test, error) {
		wanted, err := parse(want.text())
		if err != nil {
			return nil, err
		}
		return func(value string) (bool, error) {
			got, err := parse(value)
			return err == nil && holds(compare(got, wanted)), err
		}, nil
	}
}

func number(text string) (*big.Rat, error) {
	n, ok := new(big.Rat).SetString(text)
	if !ok || strings.ContainsAny(text, "/eEpPxX_") || len(text) > 40 {
		return nil, fmt.Errorf("%q is not a number", text)
	}
	return n, nil
}

// date takes the profiles of ISO 8601 that the guide allows, and seconds since
// 1970.
func date(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	var seconds int64
	if n, err := number(text); err == nil && n.IsInt() && n.Num().IsInt64() {
		seconds = n.Num().Int64()
		return time.Unix(seconds, 0), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a date", text)
}
