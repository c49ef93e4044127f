package apigateway

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// route is one method of one resource, ready to serve.
type route struct {
	template.Method
	resourceID   string
	resourcePath string
	// tokenForm is what the authorizer's tokens look like.
	tokenForm *regexp.Regexp
	// models by media type, or "$default"; only when the body is validated.
	models map[string]model
	// required request parameters, by place and name.
	required []parameter
}

// node is one resource in the tree of path parts.
type node struct {
	static map[string]*node
	// variable is the child "{name}", greedy the child "{name+}".
	variable, greedy         *node
	variableName, greedyName string
	// methods by HTTP method, or "ANY".
	methods map[string]*route
}

func newNode() *node {
	return &node{static: map[string]*node{}, methods: map[string]*route{}}
}

// match is what a request path leads to.
type match struct {
	method *route
	// parameters are the path parameters as they stand in the URL: a REST
	// API hands them to Lambda still percent-encoded, other than the query
	// string (seen on AWS: aws/aws-sam-cli issues 771 and 3524,
	// serverless/serverless issue 5037).
	parameters map[string]string
}

func buildRoutes(api template.RestAPI) (*node, error) {
	root := newNode()
	for _, resource := range api.Resources {
		at, err := root.add(resource.Path)
		if err != nil {
			return nil, err
		}
		for _, m := range resource.Methods {
			rt, err := newRoute(resource, m)
			if err != nil {
				return nil, fmt.Errorf("method %s %s: %w", m.HTTPMethod, resource.Path, err)
			}
			at.methods[m.HTTPMethod] = rt
		}
	}
	return root, nil
}

// newRoute refuses what the handler does not model.
func newRoute(resource template.APIResource, m template.Method) (*route, error) {
	switch {
	case m.Integration.Type != "AWS_PROXY" || m.Integration.FunctionARN == "":
		return nil, fmt.Errorf("a %s integration is not modelled, only a Lambda proxy is", m.Integration.Type)
	case m.Integration.Timeout < 50*time.Millisecond:
		return nil, fmt.Errorf("integration timeout %v is below the least, 50 ms", m.Integration.Timeout)
	}
	if err := errors.Join(checkTransfer(m.Integration), checkAuthorization(m)); err != nil {
		return nil, err
	}
	form, err := tokenForm(m)
	if err != nil {
		return nil, err
	}
	rt := &route{Method: m, resourceID: resource.ID, resourcePath: resource.Path, tokenForm: form, models: map[string]model{}}
	if m.ValidateBody {
		for contentType, source := range m.RequestModels {
			compiled, err := compileModel(source)
			if err != nil {
				return nil, fmt.Errorf("model %s: %w", source.Name, err)
			}
			rt.models[contentType] = compiled
		}
	}
	if m.ValidateParameters {
		rt.required, err = requiredParameters(m.RequestParameters)
	}
	return rt, err
}

// add makes the nodes of a resource path and returns the last.
func (n *node) add(path string) (*node, error) {
	for _, part := range strings.Split(strings.Trim(path, "/"), "/") {
		switch {
		case part == "":
		case strings.HasPrefix(part, "{") && strings.HasSuffix(part, "+}"):
			if n.greedy == nil {
				n.greedy, n.greedyName = newNode(), part[1:len(part)-2]
			}
			n = n.greedy
		case strings.HasPrefix(part, "{") && strings.HasSuffix(part, "}"):
			name := part[1 : len(part)-1]
			if n.variable != nil && n.variableName != name {
				return nil, fmt.Errorf("resource %s: a sibling is {%s}", path, n.variableName)
			}
			if n.variable == nil {
				n.variable, n.variableName = newNode(), name
			}
			n = n.variable
		default:
			if n.static[part] == nil {
				n.static[part] = newNode()
			}
			n = n.static[part]
		}
	}
	return n, nil
}

// find leads a path (below the stage, still percent-encoded) and a method to a
// route: a literal part wins over a variable, a variable over a greedy one.
func (n *node) find(path, method string) (match, bool) {
	var parts []string
	if path != "" {
		parts = strings.Split(path, "/")
	}
	parameters := map[string]string{}
	rt := n.walk(parts, method, parameters)
	return match{method: rt, parameters: parameters}, rt != nil
}

func (n *node) walk(parts []string, method string, parameters map[string]string) *route {
	if len(parts) == 0 {
		if rt := n.methods[method]; rt != nil {
			return rt
		}
		return n.methods["ANY"]
	}
	literal, err := url.PathUnescape(parts[0])
	if err != nil || literal == "" {
		return nil
	}
	if child := n.static[literal]; child != nil {
		if rt := child.walk(parts[1:], method, parameters); rt != nil {
			return rt
		}
	}
	if n.variable != nil {
		if rt := n.variable.walk(parts[1:], method, parameters); rt != nil {
			parameters[n.variableName] = parts[0]
			return rt
		}
	}
	if n.greedy != nil {
		if rt := n.greedy.walk(nil, method, parameters); rt != nil {
			parameters[n.greedyName] = strings.Join(parts, "/")
			return rt
		}
	}
	return nil
}
