package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// question is what is asked, 0.5 KB of it: a question and something to base the
// answer on.
var question = "How do I bleed the radiators of my heating? " + strings.Repeat("It is an old house and the pipes are loud. ", 10)

// route is a way to ask.
type route struct {
	name string
	// operation is the path below the model, direct that of Bedrock's own which
	// does the same.
	operation, direct string
	body              string
	// streamed says that the answer comes in events.
	streamed bool
}

var (
	converseBody = `{"messages":[{"role":"user","content":[{"text":` + quoted(question) + `}]}]}`
	chatBody     = `{"model":` + quoted(model) + `,"messages":[{"role":"user","content":` + quoted(question) + `}]`
)

// routes are what is measured.
var routes = []route{
	{"Converse", "/converse", "/converse", converseBody, false},
	{"ConverseStream", "/converse-stream", "/converse-stream", converseBody, true},
	{"chat completion", "/v1/chat/completions", "/converse", chatBody + "}", false},
	{"chat completion, streamed", "/v1/chat/completions", "/converse-stream", chatBody + `,"stream":true}`, true},
}

func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text always encodes
	}
	return string(raw)
}

// event is the route's request as API Gateway hands it to the function.
func (r route) event() ([]byte, error) {
	resource, path := "/model/{model}"+r.operation, "/model/"+model+r.operation
	raw, err := json.Marshal(events.APIGatewayProxyRequest{
		Resource: resource, Path: path, HTTPMethod: http.MethodPost,
		Headers:           map[string]string{"Content-Type": "application/json", "Host": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com", "User-Agent": "bench"},
		MultiValueHeaders: map[string][]string{"Content-Type": {"application/json"}, "Host": {"a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"}, "User-Agent": {"bench"}},
		PathParameters:    map[string]string{"model": model},
		RequestContext: events.APIGatewayProxyRequestContext{
			AccountID: "111122223333", APIID: "a1b2c3d4e5", Stage: "live", RequestID: "11111111-2222-3333-4444-555555555555",
			HTTPMethod: http.MethodPost, ResourcePath: resource, Path: "/live" + path, Protocol: "HTTP/1.1",
		},
		Body: r.body,
	})
	if err != nil {
		return nil, fmt.Errorf("making an event: %w", err)
	}
	return raw, nil
}

// check holds that an answer is a complete one.
func (r route) check(head, body []byte) error {
	if len(head) > 0 && !strings.Contains(string(head), `"statusCode":200`) {
		return fmt.Errorf("%s was answered with %s: %.300s", r.name, head, body)
	}
	last := map[bool]map[string]string{
		false: {"/converse": `"stopReason"`, "/v1/chat/completions": `"finish_reason"`},
		true:  {"/converse-stream": `latencyMs`, "/v1/chat/completions": `[DONE]`},
	}[r.streamed][r.operation]
	if !strings.Contains(string(body), last) {
		return fmt.Errorf("the answer to %s is not complete: %.300s", r.name, body)
	}
	return nil
}
