package rehearsal

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/canary"
)

// row is a good record with a canary in each field that a person fills.
func (w *watched) row(role string) string {
	put := func(field string) string { return quoted(w.Put(field + " of the " + role + " data").Text()) }
	return `{"schemaVersion":"bedrock-conversation-2024","system":[{"text":` + put("the system prompt") + `}],"messages":[` +
		`{"role":"user","content":[{"text":` + put("a question") + `}]},{"role":"assistant","content":[{"text":` + put("an answer") + `}]}]}` + "\n"
}

// badRows are lines that no check accepts, by what is wrong, each with a canary.
func (w *watched) badRows() string {
	const record = `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"}]}]}`
	message := func(inner string) string { return strings.Replace(record, `{"text":"a"}`, inner, 1) }
	member := func(name, value string) string { return strings.Replace(record, "{", "{"+name+":"+value+",", 1) }
	var all strings.Builder
	for what, line := range map[string]func(c canary.Canary) string{
		"no JSON":                 func(c canary.Canary) string { return c.Words() },
		"half a record":           func(c canary.Canary) string { return message(`{"text":` + quoted(c.Text()))[:len(c.Text())+90] },
		"bad UTF-8":               func(c canary.Canary) string { return message("{\"text\":\"\xff " + c.Words() + "\"}") },
		"a bare control":          func(c canary.Canary) string { return message("{\"text\":\"\x01" + c.Words() + "\"}") },
		"half a pair":             func(c canary.Canary) string { return message(`{"text":"\ud800 ` + c.Words() + `"}`) },
		"an unknown member":       func(c canary.Canary) string { return member(quoted(c.Text()), "1") },
		"an unknown plain member": func(c canary.Canary) string { return member(quoted(c.Word()), "1") },
		"an unknown member's":     func(c canary.Canary) string { return member(`"note"`, quoted(c.Text())) },
		"a member in a message":   func(c canary.Canary) string { return message(`{` + quoted(c.Word()) + `:` + quoted(c.Text()) + `}`) },
		"a name twice":            func(c canary.Canary) string { return member(quoted(c.Text()), `1,`+quoted(c.Text())+`:2`) },
		"a known name twice":      func(c canary.Canary) string { return message(`{"text":"a","text":` + quoted(c.Text()) + `}`) },
		"another version":         func(c canary.Canary) string { return strings.Replace(record, "bedrock-conversation-2024", c.Word(), 1) },
		"another role":            func(c canary.Canary) string { return strings.Replace(record, "assistant", c.Word(), 1) },
		"a text for a list":       func(c canary.Canary) string { return strings.Replace(record, `[{"text":"a"}]`, quoted(c.Text()), 1) },
		"a text for a message":    func(c canary.Canary) string { return `{"messages":[` + quoted(c.Text()) + `]}` },
		"a system text":           func(c canary.Canary) string { return member(`"system"`, quoted(c.Text())) },
		"another format": func(c canary.Canary) string {
			return `{"prompt":` + quoted(c.Text()) + `,"completion":` + quoted(c.Text()) + `}`
		},
		"a list": func(c canary.Canary) string { return `[` + quoted(c.Text()) + `]` },
		"an image elsewhere": func(c canary.Canary) string {
			return message(`{"image":{"format":"png","source":{"s3Location":{"uri":"s3://` + c.Word() + `/a.png"}}}}`)
		},
		"an image's name": func(c canary.Canary) string {
			return message(`{"image":{"format":"png","source":{"s3Location":{"uri":"s3://` + w.Bucket() + `/` + finetune.MediaPrefix("m") + c.Word() + `.png"}}}}`)
		},
		"an image's format": func(c canary.Canary) string {
			return message(`{"image":{"format":` + quoted(c.Word()) + `,"source":{"s3Location":{"uri":"s3://` + w.Bucket() + `/` + finetune.MediaPrefix("m") + `a.png"}}}}`)
		},
		"a document's caption": func(c canary.Canary) string {
			return message(`{"document":{"format":"pdf","name":` + quoted(c.Text()) + `,"source":{"bytes":` + quoted(c.Text()) + `}}}`)
		},
		"an overlong line": func(c canary.Canary) string {
			return message(`{"text":` + quoted(c.Text()+strings.Repeat(" and so on", 200_000)) + `}`)
		},
		"a tool": func(c canary.Canary) string {
			return member(`"toolConfig"`, `{"tools":[{"toolSpec":{"name":`+quoted(c.Word())+`,"description":`+quoted(c.Text())+`,"inputSchema":`+quoted(c.Text())+`}}]}`)
		},
	} {
		all.WriteString(line(w.Put("a line with "+what)) + "\n")
	}
	return all.String()
}

// learnt are a model's answers, which callers get: that is what a model is for.
func learnt(e exhibit, where string) bool {
	return e.channel == inAnswer && where == "an answer of the training data"
}

// Ensure nothing of a data set leaves it, but for the copies the job reads and the
// model itself, whether it is accepted, refused, or the validation data is: nor what
// its objects' metadata and tags say. The stack is swept and taken down after that.
func TestNothingOfADataSetLeaks(t *testing.T) {
	for name, test := range map[string]struct {
		training, validation func(w *watched) string
		end                  string
	}{
		"accepted": {
			func(w *watched) string { return conversation("a") + w.row("training") },
			func(w *watched) string { return conversation("v") + w.row("validation") }, finetune.EndDeployed,
		},
		"refused":                 {func(w *watched) string { return conversation("a") + w.badRows() }, nil, finetune.EndRejected},
		"refused validation data": {func(w *watched) string { return conversation("a") + w.row("training") }, (*watched).badRows, finetune.EndRejected},
		"accepted with warnings":  {func(w *watched) string { return conversation("a") + w.row("training") }, func(w *watched) string { return conversation("a") + w.row("training") }, finetune.EndDeployed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(start(t, nova, "default"))
			if test.validation != nil {
				w.putMarked(finetune.ValidationKey("m"), test.validation(w))
			}
			w.putMarked(finetune.PrefixDatasets+"m/train.jsonl", test.training(w))
			run := w.run(w.runOf(w.end().ARN))
			if run.End != test.end {
				t.Fatalf("the run ended %s (%s), want %s", run.End, run.Cause, test.end)
			}
			if test.end == finetune.EndDeployed {
				w.hearAnswer()
			}
			if _, err := w.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
			w.tight(learnt)
			w.deleteStack("SUCCESS")
			w.tight(learnt)
		})
	}
}

// putMarked uploads an object with canaries in its metadata and tags, as somebody
// who may set any, and waits for its event.
func (w *watched) putMarked(key, text string) {
	w.t.Helper()
	bucket := w.Bucket()
	started := len(w.Started())
	_, err := w.Administrator().S3.PutObject(w.t.Context(), &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: strings.NewReader(text), ContentType: aws.String("text/" + w.Put("a content type").Word()),
		Metadata: map[string]string{"note": w.Put("an upload's metadata").Word()},
		Tagging:  aws.String("note=" + w.Put("an upload's tag").Word()),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if strings.HasPrefix(key, finetune.PrefixDatasets) {
		w.eventually("the upload started an execution", func() bool { return len(w.Started()) > started })
	}
}

// hearAnswer asks what the training data answers with a canary, which the model must
// have learnt: there is something that could leak.
func (w *watched) hearAnswer() {
	w.t.Helper()
	asked := w.Put("a question of the training data")
	got := w.send(w.caller(), http.MethodPost, w.APIURL()+"/model/m/converse", ask(asked.Text()))
	w.answers = append(w.answers, exhibit{name: "converse", text: string(got.body)})
	if heard := w.Find(string(got.body)); got.status != http.StatusOK || len(heard) != 1 || heard[0] != "an answer of the training data" {
		w.t.Errorf("asked for a canary: %d, heard %q", got.status, heard)
	}
}

// Ensure nothing that somebody wrote into a tuning.json by mistake is told: neither
// names nor values that may be private.
func TestNothingOfSettingsLeaks(t *testing.T) {
	t.Parallel()
	w := watch(start(t, nova, "default"))
	for what, tuning := range map[string]func(c canary.Canary) string{
		"an unknown key":            func(c canary.Canary) string { return `{` + quoted(c.Word()) + `:1}` },
		"an unknown text":           func(c canary.Canary) string { return `{` + quoted(c.Text()) + `:1}` },
		"an unknown key's value":    func(c canary.Canary) string { return `{"note":` + quoted(c.Text()) + `}` },
		"an unknown key in serving": func(c canary.Canary) string { return `{"serving":{` + quoted(c.Word()) + `:1}}` },
		"a key twice":               func(c canary.Canary) string { return `{` + quoted(c.Word()) + `:1,` + quoted(c.Word()) + `:2}` },
		"a base model":              func(c canary.Canary) string { return `{"baseModel":` + quoted(c.Word()) + `}` },
		"a base model like one":     func(c canary.Canary) string { return `{"baseModel":` + quoted("amazon nova "+c.Words()) + `}` },
		"a customization type":      func(c canary.Canary) string { return `{"customizationType":` + quoted(c.Text()) + `}` },
		"a hyperparameter":          func(c canary.Canary) string { return `{"hyperparameters":{` + quoted(c.Word()) + `:1}}` },
		"a hyperparameter's value":  func(c canary.Canary) string { return `{"hyperparameters":{"epochCount":` + quoted(c.Word()) + `}}` },
		"a list of values":          func(c canary.Canary) string { return `{"hyperparameters":{"epochCount":[` + quoted(c.Word()) + `]}}` },
		"a serving mode":            func(c canary.Canary) string { return `{"serving":{"mode":` + quoted(c.Word()) + `}}` },
		"a commitment":              func(c canary.Canary) string { return `{"serving":{"commitment":` + quoted(c.Text()) + `}}` },
		"text for units":            func(c canary.Canary) string { return `{"serving":{"modelUnits":` + quoted(c.Word()) + `}}` },
		"text for an object":        func(c canary.Canary) string { return quoted(c.Text()) },
		"no JSON":                   func(c canary.Canary) string { return c.Words() },
		"bad UTF-8":                 func(c canary.Canary) string { return "{\"baseModel\":\"\xff" + c.Words() + `"}` },
		"too much":                  func(c canary.Canary) string { return `{"note":"` + strings.Repeat(c.Words()+" ", 3000) + `"}` },
	} {
		w.put(finetune.TuningKey("m"), tuning(w.Put("settings with "+what)))
		run, _ := w.train("m", conversation("a"), finetune.EndRejected)
		if run.Error != string(finetune.SettingsRejected) {
			t.Errorf("%s: %s: %s", what, run.Error, run.Cause)
		}
	}
	w.tight()
}

// Ensure nothing out of an approval that somebody wrote by hand is told, nor out of a
// metric file that is no such file.
func TestNothingOfApprovalsAndMetricsLeaks(t *testing.T) {
	t.Parallel()
	w := watch(start(t, asking, "article"))
	words := []func(c canary.Canary) string{
		func(c canary.Canary) string { return c.Words() },
		func(c canary.Canary) string { return `{` + quoted(c.Word()) + `:1}` },
		func(c canary.Canary) string { return `{"decision":` + quoted(c.Text()) + `}` },
		func(c canary.Canary) string {
			return `{"run":` + quoted(c.Word()) + `,"purpose":` + quoted(c.Text()) + `,"decision":"reject","usd":null,"by":"` + string(ann) + `","at":"2026-11-29T00:00:00Z"}`
		},
		func(c canary.Canary) string {
			return `{"decision":"reject","by":` + quoted(c.Text()) + `,"at":"2026-11-29T00:00:00Z"}`
		},
		func(c canary.Canary) string { return `{"decision":"reject","usd":` + quoted(c.Text()) + `}` },
		func(c canary.Canary) string { return `{"decision":"reject","at":` + quoted(c.Text()) + `}` },
	}
	w.whenWaiting(func(n int, execution string) {
		id := w.runOf(execution)
		asks := w.run(id).Asks()
		if len(asks) != 1 {
			t.Errorf("run %s asks %+v", id, asks)
			return
		}
		if n <= len(words) {
			w.putAsOperator(finetune.ApprovalKey(id, asks[0].Purpose), words[n-1](w.Put(fmt.Sprintf("approval %d", n))))
			return
		}
		if _, err := w.reply(id, "approve"); err != nil {
			t.Error(err)
		}
	})
	w.whenEntered("AnalyzeResults", func(execution string) {
		bucket := w.Bucket()
		for _, key := range w.keys(finetune.OutputPrefix(w.runOf(execution))) {
			if !strings.HasSuffix(key, ".csv") {
				continue
			}
			text := w.Put("a metric file").Words()
			_, err := w.Administrator().S3.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &bucket, Key: &key, Body: strings.NewReader(text + ",\"" + text + "\n" + text + `,"` + text + `" x`),
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	run, _ := w.train("m", promptCompletion("a"), finetune.EndDeployed)
	if run.Results == nil || run.Results.Verdict != finetune.VerdictUsable {
		t.Errorf("the results are %+v", run.Results)
	}
	w.tight(func(e exhibit, _ string) bool { // what was put there, and not what was made of it
		return e.channel == inRecord && (strings.HasPrefix(e.name, finetune.PrefixApprovals) || strings.HasPrefix(e.name, finetune.PrefixOutputs))
	})
}
