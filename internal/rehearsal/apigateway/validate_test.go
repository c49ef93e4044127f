package apigateway

import (
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

const requestSchema = `{
  "$schema": "http://json-schema.org/draft-04/schema#", "title": "Request", "type": "object",
  "definitions": {"text": {"type": "string", "minLength": 1, "maxLength": 5}},
  "required": ["messages"], "additionalProperties": false,
  "properties": {
    "messages": {"type": "array", "minItems": 1, "maxItems": 2, "items": {
      "type": "object", "required": ["role"], "properties": {
        "role": {"enum": ["user", "assistant"]}, "text": {"$ref": "#/definitions/text"}}}},
    "n": {"type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 2},
    "id": {"type": "string", "pattern": "^[a-z]+$"},
    "either": {"oneOf": [{"type": "string"}, {"type": "boolean"}]},
    "tags": {"type": "object", "minProperties": 1, "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false},
    "set": {"type": "array", "uniqueItems": true, "items": {"not": {"type": "null"}}}
  }
}`

func validating(schema string, contentType string) template.RestAPI {
	return api(resource("/x", method(func(m *template.Method) {
		m.AuthorizationType, m.ValidateBody, m.ValidateParameters = "NONE", true, true
		m.RequestModels = map[string]template.Model{contentType: {Name: "Request", Schema: []byte(schema)}}
		m.RequestParameters = map[string]bool{
			"method.request.header.X-Tenant": true, "method.request.querystring.page": true, "method.request.querystring.size": false,
		}
	})))
}

func TestBodyValidation(t *testing.T) {
	c := open(t, validating(requestSchema, "application/json"))
	tests := map[string]struct {
		body        string
		contentType string
		want        int
	}{
		"fits":               {`{"messages":[{"role":"user","text":"a"}],"n":2,"id":"ab","either":true,"tags":{"x-a":"b"},"set":[1,2]}`, "application/json", 200},
		"charset":            {`{"messages":[]}`, "application/json; charset=utf-8", 400},
		"no content type":    {`{}`, "", 400},
		"other content type": {`anything`, "text/plain", 200},
		"empty":              {``, "application/json", 400},
		"no JSON":            {`{`, "application/json", 400},
		"more after":         {`{"messages":[{"role":"user"}]} {}`, "application/json", 400},
		"required":           {`{}`, "application/json", 400},
		"additional":         {`{"messages":[{"role":"user"}],"other":1}`, "application/json", 400},
		"type":               {`{"messages":{}}`, "application/json", 400},
		"minItems":           {`{"messages":[]}`, "application/json", 400},
		"maxItems":           {`{"messages":[{"role":"user"},{"role":"user"},{"role":"user"}]}`, "application/json", 400},
		"enum":               {`{"messages":[{"role":"system"}]}`, "application/json", 400},
		"minLength":          {`{"messages":[{"role":"user","text":""}]}`, "application/json", 400},
		"maxLength":          {`{"messages":[{"role":"user","text":"abcdef"}]}`, "application/json", 400},
		"maximum":            {`{"messages":[{"role":"user"}],"n":10}`, "application/json", 400},
		"multipleOf":         {`{"messages":[{"role":"user"}],"n":3}`, "application/json", 400},
		"pattern":            {`{"messages":[{"role":"user"}],"id":"A"}`, "application/json", 400},
		"oneOf":              {`{"messages":[{"role":"user"}],"either":1}`, "application/json", 400},
		"patternProperties":  {`{"messages":[{"role":"user"}],"tags":{"y":"b"}}`, "application/json", 400},
		"uniqueItems":        {`{"messages":[{"role":"user"}],"set":[1,1]}`, "application/json", 400},
		"not":                {`{"messages":[{"role":"user"}],"set":[null]}`, "application/json", 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := c.request("POST", "/v1/x?page=1", test.body)
			r.Header.Set("X-Tenant", "t")
			if test.contentType != "" {
				r.Header.Set("Content-Type", test.contentType)
			}
			got := c.send(r)
			equal(t, "status", got.status, test.want)
			if test.want == 400 {
				wantReply(t, got, 400, "BadRequestException", `{"message":"Invalid request body"}`)
			}
		})
	}
}

func TestDefaultModelChecksEveryContentType(t *testing.T) {
	c := open(t, validating(requestSchema, "$default"))
	r := c.request("POST", "/v1/x?page=1", "anything")
	r.Header.Set("X-Tenant", "t")
	r.Header.Set("Content-Type", "text/plain")
	equal(t, "status", c.send(r).status, 400)
}

func TestParameterValidation(t *testing.T) {
	c := open(t, validating(requestSchema, "application/json"))
	got := c.send(c.request("POST", "/v1/x?page=", `{}`))
	wantReply(t, got, 400, "BadRequestException", `{"message":"Missing required request parameters: [X-Tenant, page]"}`)
	equal(t, "invocations", len(c.events), 0)
}

func TestRefusedModels(t *testing.T) {
	tests := map[string]struct{ schema, want string }{
		"unknown keyword":   {`{"properties": {"a": {"type": "string", "format": "date"}}}`, "Request.properties.a.format: the keyword is not modelled"},
		"later draft":       {`{"$schema": "http://json-schema.org/draft-07/schema#"}`, "draft 4"},
		"const":             {`{"const": 1}`, "Request.const"},
		"in a list":         {`{"allOf": [{"if": {}}]}`, "Request.allOf[0].if"},
		"in items":          {`{"items": [{"default": 1}]}`, "Request.items[0].default"},
		"other model":       {`{"$ref": "https://apigateway.amazonaws.com/restapis/a/models/b"}`, "a reference out of the model"},
		"broken reference":  {`{"$ref": "#/definitions/none"}`, "compiling the schema"},
		"bad type":          {`{"type": "text"}`, "compiling the schema"},
		"draft 4 exclusive": {`{"exclusiveMinimum": true, "minimum": 1}`, "exclusiveMinimum"},
		"no object":         {`[]`, "a schema is an object"},
		"no JSON":           {`{`, "decoding the schema"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New((&cloud{t: t, api: validating(test.schema, "application/json")}).options())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
