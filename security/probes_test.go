package security

import (
	"maps"
	"slices"
	"testing"
)

// Ensure requests are made of what a policy says: one in which a statement's conditions
// hold, by each value, and one in which each of them does not.
func TestContexts(t *testing.T) {
	for _, tc := range []struct {
		operator      string
		values        []any
		holds, breaks []string // values of the key; "" for none
	}{
		{"StringEquals", []any{"a", "b"}, []string{"a", "b"}, []string{"something"}},
		{"StringLikeIfExists", []any{"a*"}, []string{"ax"}, []string{"something"}},
		{"StringNotEquals", []any{"a", "b"}, []string{"something"}, []string{"a", "b"}},
		{"ForAnyValue:ArnNotLike", []any{"arn:aws:s3:::${aws:PrincipalAccount}?"}, []string{"arn:aws:iam::" + Account + ":role/somebody"}, []string{"arn:aws:s3:::" + Account + "x"}},
		{"Bool", []any{"false"}, []string{"false"}, []string{"true"}},
		{"Null", []any{"true"}, []string{""}, []string{"x"}},
		{"Null", []any{"false"}, []string{"x"}, []string{""}},
		{"NumericLessThan", []any{"1.2"}, []string{"0"}, []string{"1000000000"}},
		{"DateGreaterThan", []any{"2099-01-01T00:00:00Z"}, []string{"2190-01-01T00:00:00Z"}, []string{"1990-01-01T00:00:00Z"}},
		{"NotIpAddress", []any{"10.0.0.0/8"}, []string{"203.0.113.9"}, []string{"10.0.0.0"}},
	} {
		p, err := parse("test", object{"Version": "2012-10-17", "Statement": []any{
			object{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": object{tc.operator: object{"aws:PrincipalTag/a": tc.values}}},
		}}, true)
		if err != nil {
			t.Fatalf("%s: %v", tc.operator, err)
		}
		got := map[answer]map[string]bool{refused: {}, silent: {}}
		for _, context := range p.contexts(keys("aws:SecureTransport", "true")) {
			if !slices.Equal(context["aws:SecureTransport"], []string{"true"}) {
				t.Errorf("%s: the request's own key is lost in %v", tc.operator, context)
			}
			value := ""
			if values := context["aws:PrincipalTag/a"]; len(values) > 0 {
				value = values[0]
			}
			got[p.evaluate(ask{who: colleague, action: "s3:GetObject", resource: "arn:aws:s3:::a/b", keys: context})][value] = true
		}
		for _, value := range tc.holds {
			if !got[refused][value] {
				t.Errorf("%s %v: no request in which it holds by %q, only %v", tc.operator, tc.values, value, slices.Sorted(maps.Keys(got[refused])))
			}
		}
		for _, value := range tc.breaks {
			if !got[silent][value] {
				t.Errorf("%s %v: no request in which it does not by %q, only %v", tc.operator, tc.values, value, slices.Sorted(maps.Keys(got[silent])))
			}
		}
	}
}

// Ensure whom a policy names is asked about, a role for an account.
func TestNamedPrincipals(t *testing.T) {
	p, err := parse("test", object{"Version": "2012-10-17", "Statement": []any{
		object{"Effect": "Allow", "Principal": object{"AWS": []any{"arn:aws:iam::" + elsewhere + ":root", "111111111111", roleOf("A")}, "Service": "s3.amazonaws.com"}, "Action": "s3:*", "Resource": "*"},
		object{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": object{"ArnNotLike": object{"aws:PrincipalArn": roleOf("B*")}, "StringEquals": object{"aws:PrincipalAccount": "222222222222"}}},
	}}, true)
	if err != nil {
		t.Fatal(err)
	}
	strangers, members, services := strangersOf(p.named()), membersOf(p.named()), servicesOf(p.named())
	for _, id := range []string{elsewhere, "111111111111", "222222222222"} {
		if !slices.Contains(strangers, who{arn: "arn:aws:iam::" + id + ":role/x"}) {
			t.Errorf("%s is not among the strangers: %v", id, strangers)
		}
	}
	if !slices.Contains(members, who{arn: roleOf("A")}) || !slices.Contains(members, who{arn: roleOf("Bx")}) || len(members) != 2 {
		t.Errorf("got the members %v", members)
	}
	if len(services) != 1 || services[0].service != "s3.amazonaws.com" || len(strangers) != 3 {
		t.Errorf("got the services %v, the strangers %v", services, strangers)
	}
}
