package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// serve starts a service behind HTTP and returns a signing client.
func serve(t *testing.T, f functions) (*Service, *sfn.Client, *calls.Log) {
	t.Helper()
	var keys calls.Keyring
	var log calls.Log
	s := start(t, f, func(o *Options) {
		o.Log = &log
		o.Verify = func(r *http.Request) (calls.Principal, error) { return keys.Verify(r, "states") }
	})
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	issued := keys.Issue(calls.Principal{Role: "Operator", ARN: "arn:aws:sts::111122223333:assumed-role/Operator/me"})
	client := sfn.New(sfn.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: issued.AccessKeyID, SecretAccessKey: issued.SecretAccessKey, SessionToken: issued.SessionToken}, nil
		}),
	})
	return s, client, &log
}

func TestClientStartsAndDescribes(t *testing.T) {
	s, client, log := serve(t, functions{"f": func(payload string) (string, error) { return payload, nil }})
	machine := create(t, s, "pipeline", machineOf(`"A":{"Type":"Wait","Seconds":60,"Next":"B"},"B":{"Type":"Task","Resource":"`+lambda("f")+`","End":true}`))
	release := s.Hold()
	started, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &machine, Name: aws.String("run"), Input: aws.String(`{"x":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	if got := *started.ExecutionArn; got != "arn:aws:states:us-east-1:111122223333:execution:pipeline:run" || !started.StartDate.Equal(began) {
		t.Errorf("got %s at %v", got, started.StartDate)
	}
	running, err := client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: started.ExecutionArn})
	if err != nil || running.Status != types.ExecutionStatusRunning || running.StopDate != nil || *running.Input != `{"x":1}` {
		t.Errorf("got %+v, %v, want RUNNING", running, err)
	}
	release()
	wait(t, s, *started.ExecutionArn)
	done, err := client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: started.ExecutionArn})
	if err != nil || done.Status != types.ExecutionStatusSucceeded || *done.Output != `{"x":1}` || !done.StopDate.Equal(began.Add(time.Minute)) {
		t.Errorf("got %+v, %v, want SUCCEEDED after a minute", done, err)
	}
	want := []string{
		"states:StartExecution stateMachine:pipeline Operator", "states:DescribeExecution execution:pipeline:run Operator",
		"states:DescribeExecution execution:pipeline:run Operator",
	}
	if got := recorded(log); !slices.Equal(got, want) {
		t.Errorf("got calls %q, want %q", got, want)
	}
}

// recorded shortens the recorded calls to action, resource and role.
func recorded(log *calls.Log) []string {
	var out []string
	for _, c := range log.All() {
		out = append(out, c.Action+" "+strings.TrimPrefix(c.Resource, "arn:aws:states:us-east-1:111122223333:")+" "+c.Principal.Role)
	}
	return out
}

func TestClientMachines(t *testing.T) {
	s, client, log := serve(t, functions{})
	definition := machineOf(`"A":{"Type":"Succeed"}`)
	machine := create(t, s, "pipeline", definition)
	described, err := client.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: &machine})
	if err != nil {
		t.Fatal(err)
	}
	if *described.Definition != definition || *described.RoleArn != "arn:aws:iam::111122223333:role/machine" || described.Type != types.StateMachineTypeStandard {
		t.Errorf("got %+v, want the machine", described)
	}
	machines, err := client.ListStateMachines(t.Context(), &sfn.ListStateMachinesInput{})
	if err != nil || len(machines.StateMachines) != 1 || *machines.StateMachines[0].StateMachineArn != machine {
		t.Errorf("got %+v, %v, want one machine", machines, err)
	}
	want := []string{"states:DescribeStateMachine stateMachine:pipeline Operator", "states:ListStateMachines * Operator"}
	if got := recorded(log); !slices.Equal(got, want) {
		t.Errorf("got calls %q, want %q", got, want)
	}
}

func TestClientHistory(t *testing.T) {
	s, client, _ := serve(t, functions{"f": func(string) (string, error) { return "", lambdaError(`{"errorType":"E"}`) }})
	e := run(t, s, "m", machineOf(`"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}`), `{"x":1}`)
	var events []types.HistoryEvent
	pages := sfn.NewGetExecutionHistoryPaginator(client, &sfn.GetExecutionHistoryInput{ExecutionArn: &e.ARN, MaxResults: 2})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, page.Events...)
	}
	at := aws.Time(began)
	entered := &types.StateEnteredEventDetails{Name: aws.String("A"), Input: aws.String(`{"x":1}`)}
	failed := &types.TaskFailedEventDetails{Error: aws.String("E"), Cause: aws.String(`{"errorType":"E"}`),
		Resource: aws.String("invoke"), ResourceType: aws.String("lambda")}
	want := []types.HistoryEvent{
		{Id: 1, Timestamp: at, Type: types.HistoryEventTypeExecutionStarted, ExecutionStartedEventDetails: &types.ExecutionStartedEventDetails{
			Input: aws.String(`{"x":1}`), RoleArn: aws.String("arn:aws:iam::111122223333:role/machine")}},
		{Id: 2, PreviousEventId: 1, Timestamp: at, Type: types.HistoryEventTypeTaskStateEntered, StateEnteredEventDetails: entered},
		{Id: 3, PreviousEventId: 2, Timestamp: at, Type: types.HistoryEventTypeTaskScheduled, TaskScheduledEventDetails: &types.TaskScheduledEventDetails{
			Parameters: aws.String(`{"FunctionName":"f"}`), Region: aws.String("us-east-1"), Resource: aws.String("invoke"), ResourceType: aws.String("lambda")}},
		{Id: 4, PreviousEventId: 3, Timestamp: at, Type: types.HistoryEventTypeTaskStarted, TaskStartedEventDetails: &types.TaskStartedEventDetails{
			Resource: aws.String("invoke"), ResourceType: aws.String("lambda")}},
		{Id: 5, PreviousEventId: 4, Timestamp: at, Type: types.HistoryEventTypeTaskFailed, TaskFailedEventDetails: failed},
		{Id: 6, PreviousEventId: 5, Timestamp: at, Type: types.HistoryEventTypeExecutionFailed, ExecutionFailedEventDetails: &types.ExecutionFailedEventDetails{
			Error: aws.String("E"), Cause: aws.String(`{"errorType":"E"}`)}},
	}
	if !reflect.DeepEqual(events, want) {
		t.Errorf("got %+v, want %+v", events, want)
	}
	last, err := client.GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: &e.ARN, ReverseOrder: true, MaxResults: 1})
	if err != nil || len(last.Events) != 1 || last.Events[0].Id != 6 {
		t.Errorf("got %+v, %v, want the sixth event", last, err)
	}
}

func TestClientStopAndList(t *testing.T) {
	s, client, _ := serve(t, functions{})
	machine := create(t, s, "m", machineOf(`"A":{"Type":"Wait","Seconds":60,"End":true}`))
	defer s.Hold()()
	for _, name := range []string{"one", "two", "three"} {
		launch(t, s, machine, name, `{}`)
	}
	two := strings.Replace(machine, "stateMachine", "execution", 1) + ":two"
	stopped, err := client.StopExecution(t.Context(), &sfn.StopExecutionInput{ExecutionArn: &two, Error: aws.String("E"), Cause: aws.String("C")})
	if err != nil || !stopped.StopDate.Equal(began) {
		t.Errorf("got %+v, %v", stopped, err)
	}
	e, err := client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &two})
	if err != nil || e.Status != types.ExecutionStatusAborted || *e.Error != "E" || *e.Cause != "C" {
		t.Errorf("got %+v, %v, want ABORTED with E and C", e, err)
	}
	var names []string
	pages := sfn.NewListExecutionsPaginator(client, &sfn.ListExecutionsInput{StateMachineArn: &machine, StatusFilter: types.ExecutionStatusRunning, MaxResults: 1})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Executions {
			names = append(names, *item.Name)
		}
	}
	if want := []string{"three", "one"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestClientErrors(t *testing.T) {
	s, client, log := serve(t, functions{})
	machine := create(t, s, "m", machineOf(`"A":{"Type":"Succeed"}`))
	wait(t, s, launch(t, s, machine, "taken", `{}`))
	unknown := machine + "x"
	ctx := t.Context()
	tests := []struct {
		name, code string
		call       func() error
	}{
		{"unknown machine", "StateMachineDoesNotExist", func() error {
			_, err := client.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &unknown})
			return err
		}},
		{"taken name", "ExecutionAlreadyExists", func() error {
			_, err := client.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &machine, Name: aws.String("taken")})
			return err
		}},
		{"unknown execution", "ExecutionDoesNotExist", func() error {
			_, err := client.StopExecution(ctx, &sfn.StopExecutionInput{ExecutionArn: &unknown})
			return err
		}},
		{"unknown machine to list", "StateMachineDoesNotExist", func() error {
			_, err := client.ListExecutions(ctx, &sfn.ListExecutionsInput{StateMachineArn: &unknown})
			return err
		}},
		{"bad token", "InvalidToken", func() error {
			_, err := client.ListStateMachines(ctx, &sfn.ListStateMachinesInput{NextToken: aws.String("7")})
			return err
		}},
		{"operation not modelled", "UnknownOperationException", func() error {
			_, err := client.ListActivities(ctx, &sfn.ListActivitiesInput{})
			return err
		}},
	}
	for _, tt := range tests {
		var failure smithy.APIError
		if err := tt.call(); !errors.As(err, &failure) || failure.ErrorCode() != tt.code {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.code)
		}
		all := log.All()
		if last := all[len(all)-1]; last.Status != http.StatusBadRequest || last.Error != tt.code {
			t.Errorf("%s: recorded %+v, want status 400 and %s", tt.name, last, tt.code)
		}
	}
}

func TestUnsignedIsRefused(t *testing.T) {
	s, _, log := serve(t, functions{})
	machine := create(t, s, "m", machineOf(`"A":{"Type":"Succeed"}`))
	post := func(h http.Handler) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"stateMachineArn":"`+machine+`"}`))
		r.Header.Set("X-Amz-Target", "AWSStepFunctions.StartExecution")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	w := post(s.Handler())
	var body map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusBadRequest || body["__type"] != "MissingAuthenticationTokenException" {
		t.Errorf("got %d %v, want 400 MissingAuthenticationTokenException", w.Code, body)
	}
	if got := log.All(); len(got) != 1 || got[0].Principal != (calls.Principal{}) || got[0].Error == "" {
		t.Errorf("recorded %+v, want the refused call", got)
	}
	if len(s.order) != 0 {
		t.Error("an unsigned request started an execution")
	}
	s.opts.Verify = nil
	if w := post(s.Handler()); w.Code < 400 {
		t.Errorf("without keys: got %d, want a refusal", w.Code)
	}
}

func TestFaults(t *testing.T) {
	s, client, log := serve(t, functions{})
	machine := create(t, s, "m", machineOf(`"A":{"Type":"Succeed"}`))
	tests := []struct {
		name  string
		fault calls.Fault
		takes bool
	}{
		{"before", calls.Fault{Status: 400, Code: "ThrottlingException", Message: "slow down"}, false},
		{"after", calls.Fault{After: true, Status: 500, Code: "InternalServerException"}, true},
		{"reset", calls.Fault{Reset: true}, false},
		{"reset-after", calls.Fault{Reset: true, After: true}, true},
	}
	for _, tt := range tests {
		log.SetHook(func(c calls.Call) *calls.Fault {
			if c.Action != "states:StartExecution" || c.Resource != machine {
				t.Errorf("hook got %+v", c)
			}
			return &tt.fault
		})
		_, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &machine, Name: &tt.name})
		var failure smithy.APIError
		if tt.fault.Reset == errors.As(err, &failure) || !tt.fault.Reset && failure.ErrorCode() != tt.fault.Code {
			t.Errorf("%s: got %v, want the fault", tt.name, err)
		}
		log.SetHook(nil)
		_, err = s.Describe(strings.Replace(machine, "stateMachine", "execution", 1) + ":" + tt.name)
		if took := err == nil; took != tt.takes {
			t.Errorf("%s: took effect %v, want %v", tt.name, took, tt.takes)
		}
	}
	if got := len(log.All()); got != len(tests) {
		t.Errorf("recorded %d calls, want %d", got, len(tests))
	}
}

// Ensure what is denied has no effect, and that reading an execution takes the
// machine's key.
func TestDenials(t *testing.T) {
	s, client, log := serve(t, functions{"f": func(payload string) (string, error) { return payload, nil }})
	s.opts.KeyARN = "arn:aws:kms:us-east-1:111122223333:key/k"
	machine := create(t, s, "pipeline", machineOf(`"A":{"Type":"Pass","End":true}`))
	deny := func(action string) {
		log.SetJudge(func(c calls.Call) *calls.Denial {
			if c.Action != action || action == "kms:Decrypt" && c.Context["kms:EncryptionContext:aws:states:stateMachineArn"] != machine {
				return nil
			}
			return &calls.Denial{Message: "not " + action}
		})
	}
	code := func(err error) string {
		var api smithy.APIError
		if errors.As(err, &api) {
			return api.ErrorCode()
		}
		return fmt.Sprint(err)
	}
	deny("states:StartExecution")
	if _, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &machine}); code(err) != "AccessDeniedException" {
		t.Errorf("StartExecution: %v, want AccessDeniedException", err)
	}
	if started := s.Executions(machine); len(started) != 0 {
		t.Errorf("%d executions were started", len(started))
	}
	deny("kms:Decrypt")
	started, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &machine})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: started.ExecutionArn}); code(err) != "AccessDeniedException" {
		t.Errorf("DescribeExecution without the key: %v, want AccessDeniedException", err)
	}
	if _, err := client.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &machine}); err != nil {
		t.Errorf("ListExecutions without the key: %v", err)
	}
}
