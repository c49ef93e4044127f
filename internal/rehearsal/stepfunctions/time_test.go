package stepfunctions

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// journal notes things together with virtual time.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(at time.Time, text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf("%g %s", at.Sub(began).Seconds(), text))
}

func (j *journal) want(t *testing.T, lines ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.lines, lines) {
		t.Errorf("got\n%q, want\n%q", j.lines, lines)
	}
}

func TestTwoExecutionsShareTime(t *testing.T) {
	var j journal
	var s *Service
	s = start(t, functions{"note": func(payload string) (string, error) {
		j.note(s.opts.Clock.Now(), payload)
		return payload, nil
	}})
	machine := create(t, s, "m", machineOf(`
		"A":{"Type":"Wait","SecondsPath":"$.first","Next":"B"},
		"B":{"Type":"Task","Resource":"`+lambda("note")+`","Parameters":{"n.$":"$.n"},"ResultPath":null,"Next":"C"},
		"C":{"Type":"Wait","Seconds":100,"Next":"D"},
		"D":{"Type":"Task","Resource":"`+lambda("note")+`","Parameters":{"n.$":"$.n"},"End":true}`))
	release := s.Hold()
	one := launch(t, s, machine, "one", `{"n":1,"first":30}`)
	two := launch(t, s, machine, "two", `{"n":2,"first":50}`)
	release()
	wait(t, s, one)
	e := wait(t, s, two)
	j.want(t, `30 {"n":1}`, `50 {"n":2}`, `130 {"n":1}`, `150 {"n":2}`)
	if got := e.Stop.Sub(e.Start); got != 150*time.Second {
		t.Errorf("got %v from start to stop, want 150s", got)
	}
}

func TestRetriesWaitInVirtualTime(t *testing.T) {
	var j journal
	var s *Service
	s = start(t, functions{"busy": func(string) (string, error) {
		j.note(s.opts.Clock.Now(), "try")
		return "", lambdaError(`{"errorMessage":"later","errorType":"Busy"}`)
	}})
	before := time.Now()
	e := run(t, s, "m", machineOf(`"A":{"Type":"Task","Resource":"`+lambda("busy")+`","End":true,
		"Retry":[{"ErrorEquals":["Other"]},{"ErrorEquals":["Busy"],"IntervalSeconds":120,"BackoffRate":1.5,"MaxAttempts":5,"MaxDelaySeconds":300}]}`), `{}`)
	// 120, 180, 270, then 405 and 607.5 cut to 300.
	j.want(t, "0 try", "120 try", "300 try", "570 try", "870 try", "1170 try")
	if e.Status != Failed || e.Error != "Busy" || e.Cause != `{"errorMessage":"later","errorType":"Busy"}` {
		t.Errorf("got %s %s %s, want the last error", e.Status, e.Error, e.Cause)
	}
	if took := time.Since(before); took > time.Minute {
		t.Errorf("took %v of real time", took)
	}
}

func TestRetryCountersBelongToTheEntry(t *testing.T) {
	tries := 0
	s := start(t, functions{"poll": func(string) (string, error) {
		tries++
		if tries%3 != 0 { // two failures each time the state is entered
			return "", lambdaError(`{"errorType":"Throttled","errorMessage":""}`)
		}
		if tries < 12 {
			return `{"status":"InProgress"}`, nil
		}
		return `{"status":"Completed"}`, nil
	}})
	e := run(t, s, "m", machineOf(`
		"A":{"Type":"Wait","Seconds":60,"Next":"PollJob"},
		"PollJob":{"Type":"Task","Resource":"`+lambda("poll")+`","ResultPath":"$.job","Next":"Check",
			"Retry":[{"ErrorEquals":["Throttled"],"IntervalSeconds":2,"BackoffRate":2,"MaxAttempts":2,"JitterStrategy":"FULL"}]},
		"Check":{"Type":"Choice","Choices":[{"Variable":"$.job.status","StringEquals":"Completed","Next":"Done"}],"Default":"A"},
		"Done":{"Type":"Succeed"}`), `{}`)
	if e.Status != Succeeded || tries != 12 {
		t.Errorf("got %s after %d tries (%s), want SUCCEEDED after 12", e.Status, tries, e.Error)
	}
	round := []string{"A", "PollJob", "Check"}
	want := append(slices.Concat(round, round, round, round), "Done")
	if !slices.Equal(e.States, want) {
		t.Errorf("got states %v, want %v", e.States, want)
	}
}

func TestWaits(t *testing.T) {
	s := start(t, functions{})
	tests := []struct {
		name, wait, input string
		want              time.Duration
	}{
		{"seconds", `"Seconds":3600`, `{}`, time.Hour},
		{"seconds-path", `"SecondsPath":"$.s"`, `{"s":99999999}`, 99999999 * time.Second},
		{"zero", `"SecondsPath":"$.s"`, `{"s":0}`, 0},
		{"timestamp-path", `"TimestampPath":"$.t"`, `{"t":"DATE"}`, 90 * time.Minute},
		{"timestamp-past", `"Timestamp":"2020-01-01T00:00:00Z"`, `{}`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			input := tt.input
			if input == `{"t":"DATE"}` {
				input = `{"t":"` + s.opts.Clock.Now().Add(tt.want).Format(time.RFC3339Nano) + `"}`
			}
			e := run(t, s, tt.name, machineOf(`"A":{"Type":"Wait",`+tt.wait+`,"End":true}`), input)
			if got := e.Stop.Sub(e.Start); e.Status != Succeeded || got != tt.want {
				t.Errorf("got %s after %v (%s), want SUCCEEDED after %v", e.Status, got, e.Cause, tt.want)
			}
		})
	}
}

func TestTimeStandsStill(t *testing.T) {
	entered := make(chan string, 10)
	answer := make(chan struct{})
	s := start(t, functions{"slow": func(string) (string, error) { <-answer; return "{}", nil }},
		func(o *Options) { o.OnEvent = func(e Event) { entered <- string(e.Type) + " " + e.State } })
	waiter := create(t, s, "waiter", machineOf(`"A":{"Type":"Wait","Seconds":60,"End":true}`))
	tasker := create(t, s, "tasker", machineOf(`"A":{"Type":"Task","Resource":"`+lambda("slow")+`","End":true}`))

	release := s.Hold()
	arn := launch(t, s, waiter, "held", `{}`)
	<-entered
	stillRunning(t, s, arn)
	task := launch(t, s, tasker, "task", `{}`)
	<-entered
	release()
	release() // a second release must not let go of somebody else's hold
	stillRunning(t, s, arn)
	close(answer)
	wait(t, s, task)
	wait(t, s, arn)
	if got := s.opts.Clock.Now().Sub(began); got != time.Minute {
		t.Errorf("got %v of virtual time, want a minute", got)
	}
}

// stillRunning gives time a chance to run away.
func stillRunning(t *testing.T, s *Service, arn string) {
	t.Helper()
	time.Sleep(50 * time.Millisecond)
	e, err := s.Describe(arn)
	if err != nil || e.Status != Running || !s.opts.Clock.Now().Equal(began) {
		t.Errorf("got %s at %v, %v, want RUNNING and no time passed", e.Status, s.opts.Clock.Now(), err)
	}
}

func TestPace(t *testing.T) {
	s := start(t, functions{}, func(o *Options) { o.Pace = 40 * time.Millisecond })
	before := time.Now()
	run(t, s, "m", machineOf(`"A":{"Type":"Wait","Seconds":60,"Next":"B"},"B":{"Type":"Wait","Seconds":60,"End":true}`), `{}`)
	if took := time.Since(before); took < 80*time.Millisecond {
		t.Errorf("took %v, want two paces of 40ms", took)
	}
}

func TestTaskTimeout(t *testing.T) {
	tries := 0
	s := start(t, functions{"lost": func(string) (string, error) {
		tries++
		return "", fmt.Errorf("invoking: %w", ErrNoAnswer)
	}})
	e := run(t, s, "m", machineOf(`"A":{"Type":"Task","Resource":"`+lambda("lost")+`","TimeoutSeconds":900,"Next":"B",
		"Retry":[{"ErrorEquals":["States.TaskFailed"],"MaxAttempts":9},{"ErrorEquals":["States.Timeout"],"MaxAttempts":1,"IntervalSeconds":10}],
		"Catch":[{"ErrorEquals":["States.TaskFailed"],"Next":"B"},{"ErrorEquals":["States.ALL"],"ResultPath":"$.error","Next":"C"}]},
		"B":{"Type":"Fail"},"C":{"Type":"Succeed"}`), `{"x":1}`)
	if want := `{"x":1,"error":{"Error":"States.Timeout","Cause":""}}`; !sameJSON(t, e.Output, []byte(want)) {
		t.Errorf("got %s, want %s", e.Output, want)
	}
	if got, want := e.Stop.Sub(e.Start), 1810*time.Second; got != want || tries != 2 {
		t.Errorf("got %v and %d tries, want %v and 2", got, tries, want)
	}
}

func TestTaskWithoutTimeoutWaits(t *testing.T) {
	s := start(t, functions{"lost": func(string) (string, error) { return "", ErrNoAnswer }})
	e := run(t, s, "m", machineOf(`"A":{"Type":"Task","Resource":"`+lambda("lost")+`","End":true}`), `{}`)
	if got := e.Stop.Sub(e.Start); e.Error != "States.Timeout" || got != noTimeout*time.Second {
		t.Errorf("got %s after %v, want States.Timeout after AWS's default", e.Error, got)
	}
}

func TestServiceErrors(t *testing.T) {
	var fail error
	s := start(t, functions{"f": func(string) (string, error) { return "{}", fail }})
	machine := create(t, s, "m", machineOf(`"A":{"Type":"Task","Resource":"`+lambda("f")+`","End":true}`))
	tests := []struct {
		name         string
		fail         error
		error, cause string
	}{
		{"throttled", &InvokeError{Name: "Lambda.TooManyRequestsException", Message: "Rate Exceeded."}, "Lambda.TooManyRequestsException", "Rate Exceeded."},
		{"wrapped", fmt.Errorf("x: %w", &InvokeError{Name: "Lambda.ServiceException", Message: "m"}), "Lambda.ServiceException", "m"},
		{"connection", errors.New("connection reset"), "Lambda.SdkClientException", "connection reset"},
		{"typed", lambdaError(`{"errorMessage":"no","errorType":"Rejected"}`), "Rejected", `{"errorMessage":"no","errorType":"Rejected"}`},
		{"timed-out", lambdaError(`{"errorMessage":"2026-11-23 Task timed out after 3.00 seconds"}`), "Sandbox.Timedout",
			`{"errorMessage":"2026-11-23 Task timed out after 3.00 seconds"}`},
		{"untyped", lambdaError(`{"errorMessage":"?"}`), "Lambda.Unknown", `{"errorMessage":"?"}`},
	}
	for _, tt := range tests {
		fail = tt.fail
		e := wait(t, s, launch(t, s, machine, tt.name, `{}`))
		if e.Status != Failed || e.Error != tt.error || e.Cause != tt.cause {
			t.Errorf("%s: got %s %s %s, want FAILED %s %s", tt.name, e.Status, e.Error, e.Cause, tt.error, tt.cause)
		}
	}
}
