package apigateway

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

const draft4 = "http://json-schema.org/draft-04/schema#"

// model is a compiled request model.
type model struct{ schema *jsonschema.Schema }

// The keywords of JSON Schema draft 4 that API Gateway's models know, by what
// their value holds. Left out, and so refused: those the "Important notes"
// name as unsupported (default, exclusiveMinimum, readOnly ...) and format,
// of which no source says whether it is checked.
var (
	plainKeywords = []string{
		"$schema", "id", "title", "description", "type", "enum", "required", "pattern", "minLength", "maxLength",
		"minimum", "maximum", "multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
	}
	// schemaKeywords hold a schema; additionalProperties, additionalItems and
	// items may hold something else too.
	schemaKeywords = []string{"additionalProperties", "additionalItems", "items", "not"}
	listKeywords   = []string{"allOf", "anyOf", "oneOf"}
	mapKeywords    = []string{"properties", "patternProperties", "definitions"}
)

func compileModel(source template.Model) (model, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(source.Schema))
	if err != nil {
		return model{}, fmt.Errorf("decoding the schema: %w", err)
	}
	if err := checkKeywords(document, source.Name); err != nil {
		return model{}, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	c.UseLoader(jsonschema.SchemeURLLoader{}) // no schema from outside the model
	const name = "model:request"
	if err := c.AddResource(name, document); err != nil {
		return model{}, fmt.Errorf("adding the schema: %w", err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		return model{}, fmt.Errorf("compiling the schema: %w", err)
	}
	return model{schema: schema}, nil
}

// checkKeywords refuses a schema with a keyword API Gateway would not apply.
func checkKeywords(v any, at string) error {
	schema, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: a schema is an object", at)
	}
	for keyword, value := range schema {
		if err := checkKeyword(keyword, value, at+"."+keyword); err != nil {
			return err
		}
	}
	return nil
}

func checkKeyword(keyword string, value any, at string) error {
	switch {
	case keyword == "$schema" && value != draft4:
		return fmt.Errorf("%s: API Gateway's models are JSON Schema draft 4", at)
	case keyword == "$ref":
		if target, _ := value.(string); !strings.HasPrefix(target, "#/") {
			return fmt.Errorf("%s: a reference out of the model is not modelled", at)
		}
	case slices.Contains(plainKeywords, keyword):
	case slices.Contains(schemaKeywords, keyword):
		if _, isBool := value.(bool); isBool {
			return nil
		}
		if list, isList := value.([]any); isList {
			return checkEach(list, at)
		}
		return checkKeywords(value, at)
	case slices.Contains(listKeywords, keyword):
		list, _ := value.([]any)
		return checkEach(list, at)
	case slices.Contains(mapKeywords, keyword):
		members, _ := value.(map[string]any)
		for name, member := range members {
			if err := checkKeywords(member, at+"."+name); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%s: the keyword is not modelled", at)
	}
	return nil
}

func checkEach(list []any, at string) error {
	for i, item := range list {
		if err := checkKeywords(item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
			return err
		}
	}
	return nil
}

// check tells why a body is no JSON that fits the model, in other words than API
// Gateway's; nil when it fits.
func (m model) check(body []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return m.schema.Validate(v)
}

// parameter is a required request parameter.
type parameter struct{ place, name string }

func requiredParameters(declared map[string]bool) ([]parameter, error) {
	var required []parameter
	for key, isRequired := range declared {
		place, name, ok := strings.Cut(strings.TrimPrefix(key, "method.request."), ".")
		if !ok || !slices.Contains([]string{"header", "querystring", "path"}, place) {
			return nil, fmt.Errorf("request parameter %s is not modelled", key)
		}
		if isRequired {
			required = append(required, parameter{place, name})
		}
	}
	sort.Slice(required, func(i, j int) bool { return required[i].name < required[j].name })
	return required, nil
}

func (p parameter) value(q *request) string {
	switch p.place {
	case "header":
		return q.Header.Get(p.name)
	case "querystring":
		return q.URL.Query().Get(p.name)
	}
	return q.match.parameters[p.name]
}

// validate returns the gateway's refusal of a request, nil when it may pass.
func (q *request) validate() *answer {
	var missing []string
	for _, p := range q.match.method.required {
		if p.value(q) == "" {
			missing = append(missing, p.name)
		}
	}
	if len(missing) > 0 {
		a := gatewayAnswer(typeBadParameters, http.StatusBadRequest, "BadRequestException",
			"Missing required request parameters: ["+strings.Join(missing, ", ")+"]")
		return &a
	}
	m, ok := q.match.method.models[q.mediaType()]
	if !ok {
		m, ok = q.match.method.models["$default"]
	}
	if !ok {
		return nil
	}
	err := m.check(q.body)
	if err == nil {
		return nil
	}
	a := gatewayAnswer(typeBadBody, http.StatusBadRequest, "BadRequestException", "Invalid request body")
	a.invalid = "[" + strings.Join(strings.Split(err.Error(), "\n"), " ") + "]"
	return &a
}

// mediaType is the request's content type without its parameters; without one
// API Gateway assumes JSON. A type no model has is not validated.
func (q *request) mediaType() string {
	header := q.Header.Get("Content-Type")
	if header == "" {
		return "application/json"
	}
	mediaType, _, err := mime.ParseMediaType(header)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return header
	}
	return mediaType
}

// matchesBinary tells whether a media type is one of the API's binary ones.
func matchesBinary(binary []string, mediaType string) bool {
	kind, _, _ := strings.Cut(mediaType, "/")
	return slices.Contains(binary, mediaType) || slices.Contains(binary, kind+"/*") || slices.Contains(binary, "*/*")
}
