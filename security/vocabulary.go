package security

import (
	_ "embed"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed vocabulary/vocabulary.json
var vocabularyText []byte

// words are AWS's actions, resource types and condition keys, of the services
// that the stack's policies speak of: see vocabulary/NOTICE.
type words struct {
	Source   string
	Global   []string
	Services map[string]struct {
		// Actions are the resource types that each action knows; none for an action
		// that only knows all resources.
		Actions   map[string][]string
		Resources map[string]string
		Keys      []string
		// Encrypting are S3's actions that write and may say with which key.
		Encrypting []string
	}
}

var vocabulary = sync.OnceValue(func() words {
	var w words
	if err := json.Unmarshal(vocabularyText, &w); err != nil {
		panic("security: vocabulary.json is damaged: " + err.Error())
	}
	return w
})

var vocabularyAssertions = []Assertion{
	{"ActionsExist", 19, actionsExist},
	{"ConditionKeysExist", 19, conditionKeysExist},
	{"ActionsKnowTheirResources", 19, actionsKnowTheirResources},
}

// actionsOf are all actions of a service, "service:Name". The list is shared.
func actionsOf(service string) []string { return match(service + ":*") }

// match are the actions a pattern stands for.
func match(pattern string) []string {
	if found, ok := matches.Load(pattern); ok {
		return found.([]string)
	}
	service, name, _ := strings.Cut(pattern, ":")
	expression := wildcard(strings.ToLower(name))
	var list []string
	for action := range vocabulary().Services[service].Actions {
		if expression.MatchString(strings.ToLower(action)) {
			list = append(list, service+":"+action)
		}
	}
	slices.Sort(list)
	matches.Store(pattern, list)
	return list
}

// matches and wildcards remember what patterns stand for.
var matches, wildcards sync.Map

// wildcard is a pattern of IAM as an expression.
func wildcard(pattern string) *regexp.Regexp {
	if found, ok := wildcards.Load(pattern); ok {
		return found.(*regexp.Regexp)
	}
	quoted := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	expression := regexp.MustCompile("^" + quoted + "$")
	wildcards.Store(pattern, expression)
	return expression
}

// eachAction calls with every action that stands in a policy.
func (t *Template) eachAction(do func(d document, s statement, action string)) {
	for _, d := range t.documents() {
		for _, s := range statementsOf(d.body) {
			for _, action := range slices.Concat(s.actions(), texts(s.object["NotAction"])) {
				do(d, s, action)
			}
		}
	}
}

func actionsExist(t *Template) (f Findings) {
	t.eachAction(func(d document, s statement, action string) {
		if action != "*" && len(match(action)) == 0 {
			f.add(d.owner.ID, "%s: there is no action %s", s.sid(), action)
		}
	})
	return f
}

// conditionKeysExist: a key that does not exist is in no request, so a condition on
// it silently never holds, or always.
func conditionKeysExist(t *Template) (f Findings) {
	known := map[string]bool{}
	w := vocabulary()
	for _, key := range w.Global {
		known[strings.ToLower(key)] = true
	}
	for _, service := range w.Services {
		for _, key := range service.Keys {
			known[strings.ToLower(key)] = true
		}
	}
	for _, d := range t.documents() {
		for _, s := range statementsOf(d.body) {
			for _, c := range s.conditions() {
				if key := strings.ToLower(c.key); !known[key] && !isPattern(known, key) {
					f.add(d.owner.ID, "%s: there is no condition key %s", s.sid(), c.key)
				}
			}
		}
	}
	return f
}

// isPattern says whether a key is one of a family, such as aws:RequestTag/Name.
func isPattern(known map[string]bool, key string) bool {
	for name := range known {
		if prefix, _, ok := strings.Cut(name, "${"); ok && strings.HasPrefix(key, prefix) && len(key) > len(prefix) {
			return true
		}
	}
	return false
}

// undocumented are resources that an action is written to know though the reference
// does not have them, with the reason: by action and the beginning of the resource.
var undocumented = map[string]string{
	// The Step Functions guide's policy for this call names jobs beside models.
	"bedrock:CreateModelCustomizationJob": "model-customization-job/",
}

// actionsKnowTheirResources: a statement on a resource that its action does not know
// allows nothing, and denies nothing.
func actionsKnowTheirResources(t *Template) (f Findings) {
	for _, d := range t.documents() {
		for _, s := range statementsOf(d.body) {
			for _, action := range s.actions() {
				if len(match(action)) != 1 || len(s.resources()) == 0 || slices.Contains(s.resources(), "*") {
					continue
				}
				if !knowsOne(action, s.resources()) {
					f.add(d.owner.ID, "%s: %s knows none of the resources it is on", s.sid(), action)
				}
			}
			for _, resource := range s.resources() {
				known := slices.ContainsFunc(s.actions(), func(a string) bool {
					return knowsOne(a, []string{resource}) || undocumented[a] != "" && strings.Contains(resource, ":"+undocumented[a])
				})
				if resource != "*" && len(s.actions()) > 0 && !known {
					f.add(d.owner.ID, "%s: no action of it knows %s", s.sid(), resource)
				}
			}
		}
	}
	return f
}

// knowsOne says whether one of the actions of a pattern has a resource type that one
// of the ARNs is of.
func knowsOne(pattern string, arns []string) bool {
	service, _, _ := strings.Cut(pattern, ":")
	w := vocabulary().Services[service]
	for _, action := range match(pattern) {
		for _, kind := range w.Actions[strings.TrimPrefix(action, service+":")] {
			for _, arn := range arns {
				if isOf(w.Resources[kind], arn) {
					return true
				}
			}
		}
	}
	return false
}

var variable = regexp.MustCompile(`\$\{[^}]+\}`)

// isOf says whether an ARN, perhaps a pattern, can be of a resource type. A wildcard
// stays in its segment, as in what people mean by it.
func isOf(kind, arn string) bool {
	kind = strings.ReplaceAll(kind, "${BucketName}", bucketName)
	kinds, arns := strings.SplitN(variable.ReplaceAllString(kind, "*"), ":", arnSegments), strings.SplitN(arn, ":", arnSegments)
	if len(kinds) < arnSegments || len(arns) < arnSegments {
		return false
	}
	for i := range kinds {
		if !meet(kinds[i], arns[i]) {
			return false
		}
	}
	return true
}

// arnSegments is how many parts an ARN has; only the last may have colons in it.
const arnSegments = 6

// bucketName stands for a bucket's name in a pattern: what has no slash.
const bucketName = "\x01"

// meet says whether there is a text that both patterns match; "*" stands for any text.
func meet(a, b string) bool {
	switch {
	case a == "" && b == "":
		return true
	case starts(a, bucketName):
		return meet(a[1:], b) || b != "" && b[0] != '/' && meet(a, b[1:])
	case starts(a, "*"):
		return meet(a[1:], b) || b != "" && meet(a, b[1:])
	case starts(b, "*"):
		return meet(b, a)
	}
	return a != "" && b != "" && a[0] == b[0] && meet(a[1:], b[1:])
}

func starts(pattern, with string) bool { return strings.HasPrefix(pattern, with) }

// sortedKeys are the keys of a set in order.
func sortedKeys[V any](set map[string]V) []string { return slices.Sorted(maps.Keys(set)) }
