// Package control is the part of three control planes that deleting a stack
// needs: EventBridge's rules being disabled, the network interfaces and endpoints
// EC2 still has, and CloudFormation deleting the stack, saying how far it is, with
// the presigned URL a custom resource answers to.
//
// It knows the operations that the lifecycle function and "tuneline teardown"
// use and refuses every other. What it cannot show: CloudFormation deleting the
// resources after the custom one, and AWS's order of doing so.
package control

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
)

// maxRequest bounds a request's body, in bytes.
const maxRequest = 1 << 20

// Options configure a Plane.
type Options struct {
	Region, AccountID string
	// StackName and StackID are CloudFormation's for the stack.
	StackName, StackID string
	Clock              *clock.Clock
	Log                *calls.Log
	// Verify checks a request's signature for "events", "ec2" or "cloudformation".
	Verify func(r *http.Request, service string) (calls.Principal, error)
	// Interfaces returns the ids of the network interfaces in a security group.
	Interfaces func(securityGroup string) []string
	// Endpoints are the VPC's endpoints while the stack is there.
	Endpoints []Endpoint
	// Outputs are the stack's.
	Outputs map[string]string
	// ResourceID and ResourceType are the custom resource's logical id and type;
	// DeleteResource asks it to wind up, as a deletion of the stack does first.
	ResourceID, ResourceType string
	DeleteResource           func(context.Context) (Response, error)
	// Background runs what goes on after a request was answered.
	Background func(func())
}

// Plane is the state of the three control planes.
type Plane struct {
	options Options

	mu        sync.Mutex
	status    string
	protected bool
	events    []event
	disabled  map[string]bool
	responses map[string]chan Response
}

// Response is a custom resource's answer, in CloudFormation's words
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html).
type Response struct {
	Status             string
	Reason             string
	PhysicalResourceID string `json:"PhysicalResourceId"`
	StackID            string `json:"StackId"`
	RequestID          string `json:"RequestId"`
	LogicalResourceID  string `json:"LogicalResourceId"`
}

// createComplete is the status of a stack that was created.
const createComplete = "CREATE_COMPLETE"

// New returns a control plane with a stack that was created.
func New(o Options) *Plane {
	return &Plane{options: o, status: createComplete, disabled: map[string]bool{}, responses: map[string]chan Response{}}
}

// Reset brings back the stack that was created, its rules enabled.
func (p *Plane) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.protected, p.events = createComplete, false, nil
	clear(p.disabled)
	clear(p.responses)
}

// SetStackStatus sets what DescribeStacks answers, such as "DELETE_IN_PROGRESS".
func (p *Plane) SetStackStatus(status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
}

// Disabled says whether a rule was disabled.
func (p *Plane) Disabled(rule string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.disabled[rule]
}

// Expect returns the channel on which the answer to a custom resource request
// arrives; its URL is the plane's URL and ResponsePath.
func (p *Plane) Expect(requestID string) <-chan Response {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.responses[requestID] = make(chan Response, 1)
	return p.responses[requestID]
}

// ResponsePath is the path of the presigned URL of one request.
func ResponsePath(requestID string) string { return "/custom-resource/" + requestID }

// Handler serves the three control planes and the presigned URLs.
func (p *Plane) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /custom-resource/{request}", p.answered)
	mux.HandleFunc("POST /", p.call)
	return mux
}

// answered takes a custom resource's answer.
func (p *Plane) answered(w http.ResponseWriter, r *http.Request) {
	var response Response
	if err := json.NewDecoder(io.LimitReader(r.Body, maxRequest)).Decode(&response); err != nil {
		http.Error(w, "the answer is not JSON", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	answer, ok := p.responses[r.PathValue("request")]
	if !ok {
		http.Error(w, "no such request", http.StatusForbidden)
		return
	}
	delete(p.responses, r.PathValue("request"))
	answer <- response
}

// operation is one request, read as far as its service's protocol allows.
type operation struct {
	service  string
	action   string
	resource string
	serve    func(w http.ResponseWriter)
}

// call serves one signed API request.
func (p *Plane) call(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	service := signedService(r)
	principal, err := p.options.Verify(r, service)
	if err != nil {
		status, code, message := calls.AuthCode(err, service)
		fail(w, service, status, code, message)
		return
	}
	op, err := p.read(r, service)
	if err != nil {
		fail(w, service, http.StatusBadRequest, "InvalidAction", err.Error())
		return
	}
	call := calls.Call{
		Time: p.options.Clock.Now(), Principal: principal, Action: service + ":" + op.action, Resource: op.resource,
	}
	denial := p.options.Log.Authorize(call)
	if fault := p.options.Log.Fault(call); fault != nil && denial == nil {
		p.fault(w, service, call, fault, op)
		return
	}
	if denial != nil {
		d := denials[service]
		call.Status, call.Error = d.status, d.code
		p.options.Log.Record(call)
		fail(w, service, d.status, d.code, denial.Message)
		return
	}
	op.serve(w)
	call.Status = http.StatusOK
	p.options.Log.Record(call)
}

// denials are how each service refuses what policies do not allow.
var denials = map[string]struct {
	status int
	code   string
}{
	"events":         {http.StatusBadRequest, "AccessDeniedException"},
	"ec2":            {http.StatusForbidden, "UnauthorizedOperation"},
	"cloudformation": {http.StatusForbidden, "AccessDenied"},
}

// fault answers as the scenario wants, after the effect if it wants that.
func (p *Plane) fault(w http.ResponseWriter, service string, call calls.Call, fault *calls.Fault, op operation) {
	if fault.After {
		op.serve(discard{})
	}
	call.Status, call.Error = fault.Status, fault.Code
	p.options.Log.Record(call)
	if fault.Reset {
		panic(http.ErrAbortHandler)
	}
	fail(w, service, fault.Status, fault.Code, fault.Message)
}

// signedService is the service in the signature's credential scope.
func signedService(r *http.Request) string {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	scope, _, _ = strings.Cut(scope, ",")
	if parts := strings.Split(scope, "/"); len(parts) == 5 {
		return parts[3]
	}
	return ""
}

// read finds out what a request asks for.
func (p *Plane) read(r *http.Request, service string) (operation, error) {
	if service == "events" {
		return p.readEvents(r)
	}
	if err := r.ParseForm(); err != nil {
		return operation{}, fmt.Errorf("reading the request: %w", err)
	}
	switch action := r.Form.Get("Action"); service + ":" + action {
	case "ec2:DescribeNetworkInterfaces":
		return operation{service, action, "*", func(w http.ResponseWriter) { p.describeInterfaces(w, filtersOf(r)["group-id"]) }}, nil
	case "ec2:DescribeVpcEndpoints":
		return operation{service, action, "*", func(w http.ResponseWriter) { p.describeEndpoints(w, r) }}, nil
	case "cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents", "cloudformation:DeleteStack":
		return operation{service, action, p.options.StackID, p.stackOperation(action, r.Form.Get("StackName"), r.Form.Get("ClientRequestToken"))}, nil
	default:
		return operation{}, fmt.Errorf("the rehearsal does not know %s:%s", service, action)
	}
}

func (p *Plane) readEvents(r *http.Request) (operation, error) {
	var input struct{ Name, EventBusName string }
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		return operation{}, fmt.Errorf("reading the request: %w", err)
	}
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if action != "DisableRule" {
		return operation{}, fmt.Errorf("the rehearsal does not know events:%s", action)
	}
	resource := fmt.Sprintf("arn:aws:events:%s:%s:rule/%s", p.options.Region, p.options.AccountID, input.Name)
	return operation{"events", action, resource, func(w http.ResponseWriter) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.disabled[input.Name] = true
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	}}, nil
}

type networkInterface struct {
	ID     string `xml:"networkInterfaceId"`
	Status string `xml:"status"`
}

// describeInterfaces answers as EC2's DescribeNetworkInterfaces does.
func (p *Plane) describeInterfaces(w http.ResponseWriter, groups []string) {
	answer := struct {
		XMLName    xml.Name           `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ DescribeNetworkInterfacesResponse"`
		RequestID  string             `xml:"requestId"`
		Interfaces []networkInterface `xml:"networkInterfaceSet>item"`
	}{RequestID: "rehearsal"}
	for _, group := range groups {
		for _, id := range p.options.Interfaces(group) {
			answer.Interfaces = append(answer.Interfaces, networkInterface{id, "in-use"})
		}
	}
	writeXML(w, answer)
}

func writeXML(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "text/xml")
	body, err := xml.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(body) // the caller has gone if this fails
}

// fail answers an error in the service's protocol.
func fail(w http.ResponseWriter, service string, status int, code, message string) {
	if service == "events" {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("X-Amzn-Errortype", code)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	type detail struct{ Code, Message string }
	if service == "ec2" {
		body, _ := xml.Marshal(struct {
			XMLName xml.Name `xml:"Response"`
			Errors  []detail `xml:"Errors>Error"`
		}{Errors: []detail{{code, message}}})
		_, _ = w.Write(body)
		return
	}
	body, _ := xml.Marshal(struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Error   detail
	}{Error: detail{code, message}})
	_, _ = w.Write(body)
}

// discard is a ResponseWriter nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
