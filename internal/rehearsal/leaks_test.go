package rehearsal

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbedrock "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/canary"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// The channels by which something leaves the pipeline.
const (
	inLog       = "a function's log or metrics"
	inEvent     = "an event, which is what a dead letter is"
	inNotice    = "a notice"
	inExecution = "an execution: its input, output, error and cause"
	inHistory   = "an execution's history, of which its log is a part"
	inRecord    = "a record or a report"
	inKey       = "an object's key"
	inMetadata  = "an object's metadata or tags"
	inBedrock   = "a name or a tag in Bedrock"
	inCall      = "a recorded call, as CloudTrail would have it"
	inAnswer    = "an answer to a caller"
)

// exhibit is something that left by a channel.
type exhibit struct {
	channel, name, text string
	// sent are the canaries in the path and the body that an answer answers: a caller
	// may be told of them, and nobody else.
	sent []string
}

// watched is a cloud with canaries about, and what callers were told there.
type watched struct {
	*fixture
	*canary.Cage
	answers []exhibit
}

// watch begins to look after canaries of a test.
func watch(f *fixture) *watched { return &watched{fixture: f, Cage: canary.NewCage(f.t.Name())} }

// channels collect what left by each. Not among it is what holds data because it is
// there for that: what people uploaded, the accepted copies, and models.
var channels = map[string]func(*watched) []exhibit{
	inLog: func(w *watched) []exhibit { return []exhibit{{name: "all of them", text: w.printed()}} },
	inEvent: func(w *watched) []exhibit {
		all := []exhibit{{name: "lost ones", text: strings.Join(w.AsyncFailures(), "\n")}}
		for _, event := range w.Delivered() {
			all = append(all, exhibit{text: string(event)})
		}
		return all
	},
	inNotice: func(w *watched) []exhibit {
		var all []exhibit
		for _, n := range w.Notices() {
			all = append(all, exhibit{name: n.Subject, text: n.Subject + "\n" + string(n.Message)})
		}
		return all
	},
	inExecution: func(w *watched) []exhibit {
		var all []exhibit
		for _, e := range w.everyExecution() {
			all = append(all, exhibit{name: e.Name, text: fmt.Sprintf("%s\n%s\n%s\n%s\n%s", e.Name, e.Input, e.Output, e.Error, e.Cause)})
		}
		return all
	},
	inHistory: func(w *watched) []exhibit {
		var all []exhibit
		for _, e := range w.everyExecution() {
			all = append(all, exhibit{name: e.Name, text: strings.Join(w.historyTexts(e.ARN), "\n")})
		}
		return all
	},
	inRecord:   (*watched).records,
	inKey:      func(w *watched) []exhibit { return []exhibit{{text: strings.Join(w.keys(""), "\n")}} },
	inMetadata: (*watched).metadata,
	inBedrock:  (*watched).madeInBedrock,
	inCall:     (*watched).calls,
	inAnswer:   func(w *watched) []exhibit { return w.answers },
}

// meant says that a canary may be where it was found; a test says why.
type meant func(e exhibit, where string) bool

// tight fails the test when a canary left by any channel and was not meant to, or
// when there was nothing to look at in a channel that something must have left by.
func (w *watched) tight(exceptions ...meant) {
	w.t.Helper()
	for _, leak := range w.leaks(exceptions...) {
		w.t.Error(leak)
	}
}

func (w *watched) leaks(exceptions ...meant) []string {
	w.t.Helper()
	var leaks []string
	for _, channel := range slices.Sorted(maps.Keys(channels)) {
		seen := 0
		for _, e := range channels[channel](w) {
			e.channel = channel
			seen += len(e.text)
			for _, where := range w.Find(e.text) {
				if !slices.Contains(e.sent, where) && !slices.ContainsFunc(exceptions, func(m meant) bool { return m(e, where) }) {
					leaks = append(leaks, fmt.Sprintf("what came in as %s left in %s (%s)", where, channel, e.name))
				}
			}
		}
		if seen < canary.Part && channel != inAnswer && channel != inNotice && channel != inBedrock {
			w.t.Errorf("there is nothing to look at in %s", channel)
		}
	}
	return leaks
}

// everyExecution are the executions of all state machines.
func (w *watched) everyExecution() []stepfunctions.Execution {
	w.t.Helper()
	var all []stepfunctions.Execution
	for _, machine := range w.Stack.StateMachines {
		pages := sfn.NewListExecutionsPaginator(w.Operator().SFN, &sfn.ListExecutionsInput{StateMachineArn: aws.String(machine.ARN)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(w.t.Context())
			if err != nil {
				w.t.Fatal(err)
			}
			for _, e := range page.Executions {
				execution, err := w.StepFunctions.Wait(w.t.Context(), aws.ToString(e.ExecutionArn))
				if err != nil {
					w.t.Fatal(err)
				}
				all = append(all, execution)
			}
		}
	}
	return all
}

// historyTexts are all strings in an execution's history.
func (f *fixture) historyTexts(executionARN string) []string {
	f.t.Helper()
	var texts []string
	pages := sfn.NewGetExecutionHistoryPaginator(f.Operator().SFN, &sfn.GetExecutionHistoryInput{ExecutionArn: &executionARN})
	for pages.HasMorePages() {
		page, err := pages.NextPage(f.t.Context())
		if err != nil {
			f.t.Fatal(err)
		}
		texts = append(texts, asJSON(f.t, page.Events))
	}
	return texts
}

// ours says whether an object is the pipeline's own and no copy of an upload.
func ours(key string) bool {
	for _, prefix := range []string{finetune.PrefixDatasets, finetune.PrefixValidation, finetune.PrefixMedia, finetune.PrefixAccepted} {
		if strings.HasPrefix(key, prefix) {
			return false
		}
	}
	return true
}

// records are the contents of every object that is the pipeline's own. Bedrock's are
// among them: it writes figures.
func (w *watched) records() []exhibit {
	w.t.Helper()
	var all []exhibit
	for _, key := range w.keys("") {
		if !ours(key) {
			continue
		}
		text, err := w.ReadObject(w.t.Context(), key)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, exhibit{name: key, text: string(text)})
	}
	return all
}

// metadata are the metadata and tags of every object but uploads.
func (w *watched) metadata() []exhibit {
	w.t.Helper()
	var all []exhibit
	bucket, client := w.Bucket(), w.Administrator().S3
	for _, key := range w.keys("") {
		if !ours(key) && !strings.HasPrefix(key, finetune.PrefixAccepted) {
			continue
		}
		head, err := client.HeadObject(w.t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			w.t.Fatal(err)
		}
		tags, err := client.GetObjectTagging(w.t.Context(), &s3.GetObjectTaggingInput{Bucket: &bucket, Key: &key})
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, exhibit{name: key, text: asJSON(w.t, head.Metadata) + asJSON(w.t, tags.TagSet) + aws.ToString(head.ContentType) + aws.ToString(head.ContentDisposition)})
	}
	return all
}

// calls are the different things that calls were about, and what they said.
func (w *watched) calls() []exhibit {
	different := map[string]bool{}
	for _, c := range w.Log.All() {
		different[c.Action+" "+c.Resource+" "+c.Error+" "+c.Principal.ARN] = true
		for key, value := range c.Context {
			different[key+" "+value] = true
		}
	}
	return []exhibit{{text: strings.Join(slices.Sorted(maps.Keys(different)), "\n")}}
}

// madeInBedrock are the names and tags of everything that was made in Bedrock.
func (w *watched) madeInBedrock() []exhibit {
	w.t.Helper()
	var all []exhibit
	for _, made := range w.Created() {
		tags, err := w.Operator().Bedrock.ListTagsForResource(w.t.Context(), &awsbedrock.ListTagsForResourceInput{ResourceARN: aws.String(made.ARN)})
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, exhibit{name: made.ARN, text: made.Name + made.ARN + asJSON(w.t, tags.Tags)})
	}
	return all
}

// asJSON encodes a value to be searched.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
