// Package awsmodel holds AWS's own description of the Amazon Bedrock
// operations the rehearsal serves, and checks requests and answers against it.
//
// The JSON files beside this source are extracts of the service models that
// botocore ships (see NOTICE and extract.py). They describe the restJson1
// protocol: a request's members travel as path labels, query parameters,
// headers and one JSON body. What the model says about a member (required,
// type, pattern, enum, minimum and maximum) is enforced here, so that the
// double of Bedrock is as strict as the published API and no stricter, with
// one exception: a member the model does not know is refused too.
package awsmodel

import (
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

//go:embed bedrock.json bedrock-runtime.json
var extracts embed.FS

// Service is one service's operations, ready to route and check requests.
type Service struct {
	// Name is the endpoint prefix: "bedrock" or "bedrock-runtime".
	Name string
	// Source names the botocore version and file the extract was made of.
	Source string

	operations map[string]*Operation
	shapes     map[string]*shape
}

// Operation is one API operation.
type Operation struct {
	// Name is the operation's name, which is also the last part of its IAM
	// action for every control-plane operation.
	Name string
	// Service is the endpoint prefix of the service it belongs to.
	Service string
	// Status is the HTTP status of a success.
	Status int

	method   string
	segments []string
	input    *shape
	output   *shape
	errors   map[string]int
}

// shape is one entry of a service model's "shapes".
type shape struct {
	Type        string             `json:"type"`
	Members     map[string]*member `json:"members"`
	Required    []string           `json:"required"`
	Member      *member            `json:"member"`
	Key         *member            `json:"key"`
	Value       *member            `json:"value"`
	Min         *float64           `json:"min"`
	Max         *float64           `json:"max"`
	Pattern     string             `json:"pattern"`
	Enum        []string           `json:"enum"`
	Payload     string             `json:"payload"`
	Union       bool               `json:"union"`
	Document    bool               `json:"document"`
	EventStream bool               `json:"eventstream"`
	Format      string             `json:"timestampFormat"`
	Error       *struct {
		HTTPStatusCode int `json:"httpStatusCode"`
	} `json:"error"`

	pattern *regexp.Regexp
}

// member is a reference to a shape, with its place in the HTTP message.
type member struct {
	Shape        string `json:"shape"`
	Location     string `json:"location"`
	LocationName string `json:"locationName"`

	target *shape
}

// document is the layout of an extract file.
type document struct {
	Source   string `json:"source"`
	Metadata struct {
		EndpointPrefix string `json:"endpointPrefix"`
	} `json:"metadata"`
	Operations map[string]struct {
		HTTP struct {
			Method       string `json:"method"`
			RequestURI   string `json:"requestUri"`
			ResponseCode int    `json:"responseCode"`
		} `json:"http"`
		Input  *member  `json:"input"`
		Output *member  `json:"output"`
		Errors []member `json:"errors"`
	} `json:"operations"`
	Shapes map[string]*shape `json:"shapes"`
}

var loadOnce = sync.OnceValues(func() ([]*Service, error) {
	var services []*Service
	for _, name := range []string{"bedrock.json", "bedrock-runtime.json"} {
		s, err := load(name)
		if err != nil {
			return nil, fmt.Errorf("loading API model %s: %w", name, err)
		}
		services = append(services, s)
	}
	return services, nil
})

// Load returns the two services, control plane first. The models are read
// once a process and shared; a Service is never changed after that.
func Load() (bedrock, runtime *Service, err error) {
	services, err := loadOnce()
	if err != nil {
		return nil, nil, err
	}
	return services[0], services[1], nil
}

// Operation returns the named operation, or nil.
func (s *Service) Operation(name string) *Operation { return s.operations[name] }

// Operations returns the names of the operations, in no particular order.
func (s *Service) Operations() []string {
	names := make([]string, 0, len(s.operations))
	for name := range s.operations {
		names = append(names, name)
	}
	return names
}

// ErrorStatus returns the HTTP status of an error the operation may answer
// with; ok is false for an error the model does not list for it.
func (o *Operation) ErrorStatus(code string) (status int, ok bool) {
	status, ok = o.errors[code]
	return status, ok
}

func load(file string) (*Service, error) {
	raw, err := extracts.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the extract: %w", err)
	}
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("parsing the extract: %w", err)
	}
	s := &Service{
		Name:       doc.Metadata.EndpointPrefix,
		Source:     doc.Source,
		operations: map[string]*Operation{},
		shapes:     doc.Shapes,
	}
	if err := s.link(); err != nil {
		return nil, err
	}
	for name, op := range doc.Operations {
		s.operations[name] = &Operation{
			Name:     name,
			Service:  s.Name,
			Status:   op.HTTP.ResponseCode,
			method:   op.HTTP.Method,
			segments: strings.Split(strings.TrimPrefix(op.HTTP.RequestURI, "/"), "/"),
			input:    s.target(op.Input),
			output:   s.target(op.Output),
			errors:   s.errorStatuses(op.Errors),
		}
	}
	return s, nil
}

// link resolves every reference between shapes and compiles the patterns.
func (s *Service) link() error {
	for name, sh := range s.shapes {
		refs := []*member{sh.Member, sh.Key, sh.Value}
		for _, m := range sh.Members {
			refs = append(refs, m)
		}
		for _, m := range refs {
			if m == nil {
				continue
			}
			if m.target = s.shapes[m.Shape]; m.target == nil {
				return fmt.Errorf("shape %s refers to %s, which the extract lacks", name, m.Shape)
			}
		}
		if sh.Pattern == "" {
			continue
		}
		re, err := compilePattern(sh.Pattern)
		if err != nil {
			return fmt.Errorf("compiling the pattern of shape %s: %w", name, err)
		}
		sh.pattern = re
	}
	return nil
}

// compilePattern makes a Go regexp of a model's pattern, which is written for
// Java and means the whole value.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}

func (s *Service) target(m *member) *shape {
	if m == nil {
		return nil
	}
	return s.shapes[m.Shape]
}

func (s *Service) errorStatuses(errors []member) map[string]int {
	statuses := map[string]int{}
	for _, e := range errors {
		if sh := s.shapes[e.Shape]; sh != nil && sh.Error != nil {
			statuses[e.Shape] = sh.Error.HTTPStatusCode
		}
	}
	return statuses
}
