package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// The styles of the terminal; lipgloss drops colours where there are none.
var (
	bold  = lipgloss.NewStyle().Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
	good  = lipgloss.NewStyle().Foreground(lipgloss.Color("2")).Bold(true)
	bad   = lipgloss.NewStyle().Foreground(lipgloss.Color("1")).Bold(true)
	wait  = lipgloss.NewStyle().Foreground(lipgloss.Color("3"))
)

// terminal shows a rehearsal to a person, or, in JSON mode, keeps quiet until
// the end. Its methods may be called from several goroutines.
type terminal struct {
	out    io.Writer
	asJSON bool
	tty    bool
	cloud  *rehearsal.Cloud

	mu       sync.Mutex
	bar      *progressbar.ProgressBar
	phase    string
	uploaded int64
}

func newTerminal(out io.Writer, asJSON bool) *terminal {
	file, isFile := out.(*os.File)
	return &terminal{out: out, asJSON: asJSON, tty: isFile && term.IsTerminal(int(file.Fd()))}
}

// print prints a line for a person.
func (t *terminal) print(format string, args ...any) {
	if !t.asJSON {
		fmt.Fprintf(t.out, format+"\n", args...)
	}
}

func (t *terminal) title(model, file, assumes string) {
	t.print("%s  %s → model %s", bold.Render("tuneline rehearse"), file, bold.Render(model))
	t.print("%s\n", faint.Render("assumed: "+assumes))
}

// working announces something that takes a while; done ends its line.
func (t *terminal) working(what string) (done func(note string)) {
	started := time.Now()
	if !t.asJSON && t.tty {
		fmt.Fprintf(t.out, "  %s …", what)
	}
	return func(note string) {
		if !t.asJSON && t.tty {
			fmt.Fprint(t.out, "\r\x1b[K")
		}
		t.print("  %s %s", what, faint.Render(fmt.Sprintf("%s, %.1f s", note, time.Since(started).Seconds())))
	}
}

func (t *terminal) upload(key string, size int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.uploaded = size
	t.print("  %s s3://…/%s %s", wait.Render("↑"), key, faint.Render(bytesText(size)))
}

func bytesText(n int64) string {
	switch {
	case n >= 10_000_000:
		return fmt.Sprintf("%d MB", n/1_000_000)
	case n >= 10_000:
		return fmt.Sprintf("%d kB", n/1_000)
	}
	return fmt.Sprintf("%d bytes", n)
}

// event shows a state as it is entered, and what it came to as it is left. The
// machine that releases after an end is not shown: it has nothing to do then.
func (t *terminal) event(e stepfunctions.Event) {
	if t.asJSON || !strings.Contains(e.Execution, ":execution:"+t.cloud.Machine().Name+":") {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case e.Type == stepfunctions.Entered && e.StateType != "Choice" && e.StateType != "Wait" && !strings.HasPrefix(e.State, "Poll"):
		t.closeBar()
		t.print("%s  %s", faint.Render(e.Time.Format("15:04:05")), bold.Render(e.State))
	case e.Type == stepfunctions.Retried:
		t.print("          %s", wait.Render("tried again"))
	case e.Type == stepfunctions.StateFailed && e.StateType == "Task":
		t.closeBar()
		t.print("          %s %s", wait.Render(e.Error), shorten(causeText(e.Cause)))
	case e.Type == stepfunctions.Exited:
		t.left(e)
	}
}

// left shows what a state made of the execution document.
func (t *terminal) left(e stepfunctions.Event) {
	var document finetune.Execution
	if err := json.Unmarshal(e.Output, &document); err != nil {
		return
	}
	switch e.State {
	case "PollJob":
		t.progress(document.Job.Phase, document.Job.Waiting)
	case "PollThroughput":
		t.progress(document.Throughput.Status, document.Throughput.Waiting)
	default:
		if note := noteOf(e.State, document); note != "" {
			t.note(note)
		}
	}
}

// noteOf says what a state wrote into the document; "" when it failed, which
// was shown already, or has nothing to say.
func noteOf(state string, d finetune.Execution) string {
	switch {
	case state == "ValidateDataset" && d.Report.Outcome == finetune.OutcomeAccepted:
		return fmt.Sprintf("%d records accepted, %s, run %s", d.Report.Training.Records, bytesText(d.Report.Training.Bytes), d.Report.Run.ID)
	case state == "ValidateDataset":
		return d.Report.Outcome
	case state == "SubmitJob" && d.Job.Name != "":
		return fmt.Sprintf("job %s on %s", d.Job.Name, d.Report.Settings.BaseModel)
	case state == "AnalyzeResults" && d.Results.Verdict != "":
		return fmt.Sprintf("%s: %s", d.Results.Verdict, d.Results.Reason)
	case state == "SecureThroughput" && d.Throughput.ARN != "":
		return fmt.Sprintf("%s %s: %s", strings.ToLower(d.Throughput.Change), d.Throughput.Kind, d.Throughput.ARN)
	case state == "SmokeTest" && d.SmokeTest.StopReason != "":
		return fmt.Sprintf("answered with %d tokens", d.SmokeTest.OutputTokens)
	case state == "PublishEndpoint" && d.Endpoint.ModelID != "":
		return fmt.Sprintf("model %s is served by %s", d.Endpoint.Model, d.Endpoint.ModelID)
	}
	return ""
}

func (t *terminal) note(text string) {
	t.closeBar()
	t.print("          %s", faint.Render(text))
}

// progress moves the bar of a wait: how far the virtual time has come between
// the beginning of the wait and the double's next change.
func (t *terminal) progress(phase string, waiting finetune.Waiting) {
	if !t.tty || t.cloud == nil {
		if phase != t.phase && phase != "" {
			t.phase = phase
			t.print("          %s", faint.Render(phase))
		}
		return
	}
	next, ok := t.cloud.Bedrock.NextChange()
	remaining := 0
	if ok {
		remaining = max(0, int(next.Sub(t.cloud.Clock.Now()).Seconds()))
	}
	if t.bar == nil {
		t.bar = t.newBar()
	}
	t.bar.ChangeMax(waiting.WaitedSeconds + remaining + 1)
	t.bar.Describe(fmt.Sprintf("          %-14s %8s", phase, (time.Duration(waiting.WaitedSeconds) * time.Second).String()))
	_ = t.bar.Set(waiting.WaitedSeconds) // a bar that cannot be drawn is no reason to stop
}

func (t *terminal) closeBar() {
	if t.bar != nil {
		_ = t.bar.Clear() // as above
		t.bar = nil
	}
	t.phase = ""
}

// causeText is the message in a Lambda error's cause.
func causeText(cause string) string {
	var failure struct {
		ErrorMessage string `json:"errorMessage"`
	}
	if json.Unmarshal([]byte(cause), &failure) == nil && failure.ErrorMessage != "" {
		return failure.ErrorMessage
	}
	return cause
}

// logs returns a writer for the functions' log lines. What is shown of them is
// how far a check has come, and what a function could not say as an error.
func (t *terminal) logs() io.Writer { return logFilter{t} }

type logFilter struct{ t *terminal }

func (f logFilter) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		var entry struct {
			Message string `json:"msg"`
			Bytes   int64  `json:"bytes"`
			Of      int64  `json:"of"`
			Records int64  `json:"records"`
			Error   string `json:"error"`
		}
		switch err := json.Unmarshal(line, &entry); {
		case err == nil && entry.Message == finetune.LogChecking:
			f.t.checking(entry.Bytes, entry.Of, entry.Records)
		case err != nil && bytes.Contains(line, []byte("panic:")), err == nil && entry.Message == "starting":
			f.t.alarm(strings.TrimSpace(string(line)))
		}
	}
	return len(p), nil
}

// alarm shows a line no function should ever log.
func (t *terminal) alarm(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closeBar()
	t.print("          %s", bad.Render(line))
}

// checking moves the bar of the data check.
func (t *terminal) checking(bytes, of, records int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.tty || t.asJSON {
		return
	}
	if t.bar == nil {
		t.bar = t.newBar()
	}
	t.bar.ChangeMax64(max(of, 1))
	t.bar.Describe(fmt.Sprintf("          checking %9d records", records))
	_ = t.bar.Set64(bytes) // a bar that cannot be drawn is no reason to stop
}

// newBar returns a bar that leaves nothing behind.
func (t *terminal) newBar() *progressbar.ProgressBar {
	return progressbar.NewOptions(1,
		progressbar.OptionSetWriter(t.out), progressbar.OptionSetWidth(30),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetTheme(progressbar.ThemeASCII), progressbar.OptionClearOnFinish())
}

// end shows how the run ended, what was made, and what both models answer.
func (t *terminal) end(r result, e example) error {
	if t.asJSON {
		encoder := json.NewEncoder(t.out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(r); err != nil {
			return fmt.Errorf("printing the result: %w", err)
		}
		return nil
	}
	style := good
	if r.End != finetune.EndDeployed {
		style = bad
	}
	t.print("\n%s in %.1f s %s", style.Render(r.End), r.Seconds, faint.Render("("+r.Virtual+" of virtual time), run "+string(r.RunID)))
	if !t.findings(r.data, e) && r.Cause != "" { // the cause repeats the first findings
		t.print("%s: %s", r.Error, r.Cause)
	}
	for _, made := range r.Created {
		t.print("  %-12s %s %s", made.Kind, made.ARN, faint.Render(made.Status))
	}
	if len(r.Answers) > 0 && r.trainingQuestions {
		t.print("\n%s", faint.Render("asked: the first records of the data set itself"))
	}
	for _, a := range r.Answers {
		t.print("\n%s %s", bold.Render("?"), a.Question)
		t.print("  %s  %s", faint.Render("base "), shorten(a.Base))
		t.print("  %s  %s", good.Render("tuned"), shorten(a.Tuned))
	}
	if len(r.Reports) > 0 {
		t.print("\nthe full reports are kept: %s", strings.Join(r.Reports, ", "))
	}
	return nil
}

// shorten cuts an answer to one line of a terminal.
func shorten(text string) string {
	text = strings.ReplaceAll(text, "\n", " ")
	if runes := []rune(text); len(runes) > 140 {
		return string(runes[:139]) + "…"
	}
	return text
}

// stay prints what can be done while everything stays up.
func (t *terminal) stay(cloud *rehearsal.Cloud, r result, dataset string) {
	if t.asJSON {
		return
	}
	credentials, urls := cloud.Operator().Credentials, cloud.URLs()
	t.print("\n%s  paste into another terminal:", bold.Render("Everything stays up on loopback until Ctrl-C."))
	t.print("export AWS_REGION=%s AWS_DEFAULT_REGION=%s AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s",
		cloud.Stack.Region, cloud.Stack.Region, credentials.AccessKeyID, credentials.SecretAccessKey, credentials.SessionToken)
	t.print("export AWS_ENDPOINT_URL_S3=%s AWS_ENDPOINT_URL_BEDROCK=%s AWS_ENDPOINT_URL_BEDROCK_RUNTIME=%s AWS_ENDPOINT_URL_SFN=%s",
		urls["S3"], urls["BEDROCK"], urls["BEDROCK_RUNTIME"], urls["SFN"])
	t.print("export TUNELINE_API_URL=%s", cloud.APIURL())
	t.print("\naws s3 cp %s s3://%s/%s%s/again.jsonl", dataset, cloud.Bucket(), finetune.PrefixDatasets, r.Model)
	t.print("aws bedrock list-model-customization-jobs")
	t.print("aws stepfunctions describe-execution --execution-arn %s", r.ExecutionARN)
	t.print("tuneline ask %s \"How do I reset it?\" --stream", r.Model)
	t.print("tuneline proxy --model %s", r.Model)
	t.print("curl --aws-sigv4 aws:amz:%s:execute-api --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\" -H \"x-amz-security-token: $AWS_SESSION_TOKEN\" \\\n"+
		"  -H 'content-type: application/json' %s/model/%s/converse -d '{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"How do I reset it?\"}]}]}'",
		cloud.Stack.Region, cloud.APIURL(), r.Model)
}
