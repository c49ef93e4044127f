//go:build prove

package security

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// claim says that no request is as its formula has it.
type claim struct {
	name string
	// document is the policy that it is about.
	document document
	formula  formula
	// bad are the requests that there must be none of.
	bad string
	// let says that a bad request is one that the policy lets through; otherwise it
	// is one that the policy does not refuse.
	let bool
}

// claims are those about a template's bucket, key and endpoints, and that no policy
// admits another account.
func claims(tm *Template) ([]claim, error) {
	var list []claim
	add := func(d document, let bool, name, bad string) error {
		f, err := translate(d.body, &variables{kinds: map[string]string{}})
		if err != nil {
			return fmt.Errorf("%s: %w", d.where, err)
		}
		// Keys that a claim speaks of and the policy does not are free.
		for key, kind := range spokenOf {
			if f.vars.kinds[key] == "" && strings.Contains(bad, "|"+key+"|") || f.vars.kinds[key] == "any" {
				f.vars.kinds[key] = kind
			}
		}
		list = append(list, claim{name: name + " (" + d.where + ")", document: d, formula: f, bad: bad, let: let})
		return nil
	}
	for _, d := range tm.documents() {
		if d.identity || d.owner.Type == "AWS::EC2::VPCEndpoint" && serviceOf(d.owner) == "execute-api" && tm.takesTokens() {
			continue
		}
		if err := add(d, true, "no policy admits another account", and(not("isService"), not(and("signed", equal("account", Account))), not(or(tm.configured(d))))); err != nil {
			return nil, err
		}
		if d.owner.Type == "AWS::S3::BucketPolicy" {
			bad := tm.withoutTLS(d)
			for _, name := range sortedKeys(bad) {
				if err := add(d, false, name, bad[name]); err != nil {
					return nil, err
				}
			}
		}
		if d.owner == tm.find("StoragePolicy") {
			bad := tm.insideAndOurs()
			for _, name := range sortedKeys(bad) {
				if err := add(d, false, name, bad[name]); err != nil {
					return nil, err
				}
			}
		}
	}
	return list, nil
}

// configured are the people whom a configuration names, in their role's trust policy: each
// one of an account, and not the account.
func (t *Template) configured(d document) []string {
	var people []string
	if d.owner != t.find("AccessOperator") && d.owner != t.find("AccessUploader") {
		return people
	}
	for _, s := range statementsOf(d.body) {
		principals, _ := s.object["Principal"].(object)
		for _, arn := range texts(principals["AWS"]) {
			if strings.Contains(arn, ":role/") || strings.Contains(arn, ":user/") {
				people = append(people, and("signed", equal("arn", arn)))
			}
		}
	}
	return people
}

// spokenOf are the keys that claims speak of, by their kind.
var spokenOf = map[string]string{
	"aws:securetransport": "truth", "s3:tlsversion": "number", "aws:sourcevpce": "text",
	"s3:x-amz-server-side-encryption": "text", "s3:x-amz-server-side-encryption-aws-kms-key-id": "text", "s3:x-amz-server-side-encryption-customer-algorithm": "text",
}

func is(key, text string) string { return and("|has "+key+"|", equal("|"+key+"|", text)) }

// objects is the formula of what is in a bucket under prefixes.
func objectsUnder(bucket string, prefixes ...string) string {
	var any []string
	for _, p := range prefixes {
		any = append(any, startsWith("resource", bucket+"/"+p))
	}
	return or(any)
}

const anyS3 = `(str.prefixof "s3:" action)`

// withoutTLS are requests on a bucket and its objects without TLS, or with an old one.
func (t *Template) withoutTLS(d document) map[string]string {
	all := map[string]string{}
	for _, bucket := range t.ofType("AWS::S3::Bucket") {
		if !slices.Contains(t.policiesOfBucket(bucket), d.owner) {
			continue
		}
		arn := attribute(bucket, t.Region, "Arn")
		on := and(anyS3, or([]string{equal("resource", arn), objectsUnder(arn, "")}))
		all["no request without TLS"] = and(on, is("aws:securetransport", "false"))
		all["no request with an old TLS"] = and(on, "|has s3:tlsversion|", "(< |s3:tlsversion| 1.2)")
	}
	return all
}

// insideAndOurs are requests on the bucket from outside, and writes with another key.
func (t *Template) insideAndOurs() map[string]string {
	bucket, uploads := t.arn("StorageBucket"), []string{"fine-tuning-datasets/", "validation-datasets/", "media/"}
	outside := []string{not(is("aws:sourcevpce", t.ref("NetworkS3Endpoint"))), not(and("signed", equal("arn", t.arn("AccessOperator"))))}
	if t.exemptsTheJob() {
		outside = append(outside, not(and("signed", equal("arn", t.arn("CustomizationRole")))))
	}
	from := and(outside...)
	one := func(actions ...string) string {
		var any []string
		for _, a := range actions {
			any = append(any, equal("action", strings.ToLower(a)))
		}
		return or(any)
	}
	const algorithm, name, customer = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-server-side-encryption-customer-algorithm"
	ours := and(not("|has "+customer+"|"), or([]string{
		and(not("|has "+algorithm+"|"), or([]string{not("|has " + name + "|"), equal("|"+name+"|", t.arn("Key"))})),
		and(is(algorithm, "aws:kms"), is(name, t.arn("Key"))),
	}))
	var encrypting []string
	for _, a := range vocabulary().Services["s3"].Encrypting {
		encrypting = append(encrypting, "s3:"+a)
	}
	return map[string]string{
		"no object is reached from outside": and(anyS3, from, objectsUnder(bucket, ""), not(objectsUnder(bucket, uploads...))),
		"no list from outside":              and(one("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"), from, equal("resource", bucket)),
		"nothing but uploads from outside":  and(anyS3, from, objectsUnder(bucket, uploads...), not(one(uploading...))),
		"no key but ours":                   and(one(encrypting...), objectsUnder(bucket, ""), not(ours)),
	}
}

// exemptsTheJob says whether the configuration lets the job's role in from outside.
func (t *Template) exemptsTheJob() bool {
	for _, s := range statementsOf(t.find("StoragePolicy").Properties["PolicyDocument"]) {
		for _, b := range s.conditions() {
			if b.operator == "ArnNotEquals" && slices.Contains(b.values, t.arn("CustomizationRole")) {
				return true
			}
		}
	}
	return false
}

// declared are the variables of every request: who makes it, and what it is. An
// action is in lower case. Who is not signed is anonymous; a service has no account.
const declared = `(set-logic ALL)
(declare-const action String)
(declare-const resource String)
(declare-const signed Bool)
(declare-const isService Bool)
(declare-const service String)
(declare-const account String)
(declare-const name String)
(define-fun arn () String (str.++ "arn:aws:iam::" account ":" name))
(assert (str.in_re account ((_ re.loop 12 12) (re.range "0" "9"))))
(assert (str.in_re name (re.++ (re.union (str.to_re "role/") (str.to_re "user/")) (re.+ (re.range "!" "~")))))
(assert (not (and signed isService)))
(assert (str.in_re action (re.++ (re.+ (re.union (re.range "a" "z") (re.range "0" "9") (str.to_re "-"))) (str.to_re ":") (re.+ (re.range "a" "z")))))
(assert (str.in_re resource (re.+ (re.range " " "~"))))
`

// declare declares the variables of the condition keys.
func (v *variables) declare() string {
	var b strings.Builder
	b.WriteString(declared)
	for _, key := range sortedKeys(v.kinds) {
		fmt.Fprintf(&b, "(declare-const |has %s| Bool)\n", key)
		switch v.kinds[key] {
		case "number":
			fmt.Fprintf(&b, "(declare-const |%s| Real)\n", key)
		case "truth":
			fmt.Fprintf(&b, "(declare-const |%[1]s| String)\n(assert (or (= |%[1]s| \"true\") (= |%[1]s| \"false\")))\n", key)
		default:
			fmt.Fprintf(&b, "(declare-const |%[1]s| String)\n(assert (str.in_re |%[1]s| (re.* (re.range \" \" \"~\"))))\n", key)
		}
	}
	return b.String()
}

// allowed are the requests that the policy allows, and does not deny.
func (f formula) allowed() string { return and(or(f.allows), not(f.denied())) }

// script is the claim as a question: a bad request that the policy lets through, or
// does not refuse.
func (c claim) script() string {
	ends := not(c.formula.denied())
	if c.let {
		ends = c.formula.allowed()
	}
	return c.formula.vars.declare() + "(assert " + c.bad + ")\n(assert " + ends + ")\n(check-sat)\n"
}

// solvers are those that can answer, the better one at texts first.
var solvers = [][]string{{"cvc5", "--lang=smt2", "--strings-exp", "--produce-models", "--tlimit=600000"}, {"z3", "-in", "-T:600"}}

// solve asks a solver. What it finds is a counterexample: values of the variables.
func solve(c claim) (holds bool, values map[string]string, err error) {
	names := []string{"action", "resource", "signed", "isService", "service", "arn"}
	for _, key := range sortedKeys(c.formula.vars.kinds) {
		names = append(names, "|has "+key+"|", "|"+key+"|")
	}
	script := c.script()
	out, err := run(script)
	if err != nil || out == "unsat" {
		return out == "unsat", nil, err
	}
	if out != "sat" {
		return false, nil, fmt.Errorf("the solver says %s", out)
	}
	for _, name := range names {
		script += "(get-value (" + name + "))\n"
	}
	if out, err = run(script); err != nil {
		return false, nil, err
	}
	values = map[string]string{}
	for i, line := range strings.Split(out, "\n")[1:] {
		_, value, _ := strings.Cut(line, names[i]+" ")
		values[strings.Trim(names[i], "|")] = plain(strings.TrimSuffix(value, "))"))
	}
	return false, values, nil
}

// plain is a solver's value as a request has it: a text without quotes, and a number,
// which may be a fraction in Lisp's way, with its decimals.
func plain(value string) string {
	if text, ok := strings.CutPrefix(value, `"`); ok {
		return strings.NewReplacer(`""`, `"`, `\u{5c}`, `\`).Replace(strings.TrimSuffix(text, `"`))
	}
	number, numbers := 1.0, 0
	for _, word := range strings.Fields(strings.NewReplacer("(", " ", ")", " ").Replace(value)) {
		n, err := strconv.ParseFloat(word, 64)
		switch {
		case word == "-":
			number = -number
		case err == nil && numbers == 0:
			number, numbers = number*n, 1
		case err == nil:
			number /= n
		}
	}
	if numbers == 0 {
		return value
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
}

func run(script string) (string, error) {
	i := slices.IndexFunc(solvers, func(s []string) bool { _, err := exec.LookPath(s[0]); return err == nil })
	if i < 0 {
		return "", errors.New("there is no solver: install cvc5 or z3")
	}
	cmd := exec.Command(solvers[i][0], solvers[i][1:]...)
	cmd.Stdin = strings.NewReader(script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	text := strings.TrimSpace(out.String())
	if err != nil {
		return "", fmt.Errorf("running %s: %w: %s", solvers[i][0], err, text)
	}
	return text, nil
}

// shown is a counterexample as a request.
func shown(values map[string]string, kinds map[string]string) ask {
	a := ask{action: values["action"], resource: values["resource"], keys: keys()}
	switch {
	case values["signed"] == "true":
		a.who.arn = values["arn"]
		a.keys["kms:CallerAccount"] = []string{strings.Split(values["arn"], ":")[4]}
	case values["isService"] == "true":
		a.who.service = values["service"]
	}
	for key := range kinds {
		if values["has "+key] == "true" {
			a.keys[key] = []string{values[key]}
		}
	}
	return a
}

// TestProve proves the claims of each variant of the stack, for all requests and not
// only for those that were thought of.
func TestProve(t *testing.T) {
	for _, variant := range variants {
		t.Run(variant, func(t *testing.T) {
			list, err := claims(templateOf(t, assembly(t, variant)))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range list {
				if holds, values, err := solve(c); err != nil || !holds {
					t.Errorf("%s: %v: not so of %v", c.name, err, values)
				}
			}
			t.Logf("%d claims proved", len(list))
		})
	}
}

// TestProveBroken: a template that breaks a claim gives a request that shows it, which
// the evaluator decides in the same way.
func TestProveBroken(t *testing.T) {
	for _, want := range []string{
		"the bucket answers without TLS", "TLS is not wanted of actions on the bucket", "TLS 1.1 is good enough", "objects are read from anywhere",
		"versions are read from outside", "the registry is outside", "the bucket is listed from outside", "uploaded versions are read from outside",
		"objects may be written with another key", "objects may be written with AWS's key", "an object may be given another key later",
		"another account reads objects", "an organization's accounts read objects", "another account may use the key",
		"another account's people with a tag of their own may use the key", "the S3 endpoint admits other accounts", "the S3 endpoint admits an organization",
		"another account's people become operators",
	} {
		t.Run(want, func(t *testing.T) {
			all := mutations()
			i := slices.IndexFunc(all, func(m mutation) bool { return m.what == want })
			if i < 0 {
				t.Fatal("there is no such defect")
			}
			sources, err := mutate(assembly(t, variants[0]), all[i].edit)
			if err != nil {
				t.Fatal(err)
			}
			tm := templateOf(t, sources)
			list, err := claims(tm)
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, c := range list {
				holds, values, err := solve(c)
				if err != nil {
					t.Fatal(err)
				}
				if holds {
					continue
				}
				found++
				p, err := tm.read(c.document.where, c.document.body, true)
				if err != nil {
					t.Fatal(err)
				}
				a := shown(values, c.formula.vars.kinds)
				if got := p.evaluate(a); c.let && !got.may() || !c.let && got == refused {
					t.Errorf("%s: the solver has the request %+v, and the evaluator ends with %v", c.name, a, got)
				}
				t.Logf("%s: %+v", c.name, a)
			}
			if found == 0 {
				t.Error("every claim is proved")
			}
		})
	}
}

// Ensure a solver's values are read.
func TestProveReads(t *testing.T) {
	for value, want := range map[string]string{
		"true": "true", `"a""b"`: `a"b`, `"a\u{5c}"`: `a\`, "1.0": "1", "(/ 233.0 200.0)": "1.165", "(- 1.5)": "-1.5", "(/ (- 1) 2)": "-0.5", "1.05": "1.05",
	} {
		if got := plain(value); got != want {
			t.Errorf("%s is read as %s", value, got)
		}
	}
}
