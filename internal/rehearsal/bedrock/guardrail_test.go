package bedrock

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	rt "github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

// guarded is an account with a guardrail against a word of a base answer and
// one of questions.
func guarded(s *Scenario) {
	s.Guardrails = []Guardrail{{
		ID: "gr1", Version: "2", Words: []string{"Dragon", strings.Fields(baseAnswer("Hello"))[1]},
		InputMessage: "I may not hear that.", OutputMessage: "I may not say that.",
	}}
}

func TestGuardrailsOfConverse(t *testing.T) {
	r := newRig(t, "default", guarded)
	config := &rt.GuardrailConfiguration{GuardrailIdentifier: aws.String("gr1"), GuardrailVersion: aws.String("2"), Trace: rt.GuardrailTraceEnabled}
	for text, want := range map[string]string{"Tell me of dragons": "I may not hear that.", "Hello": "I may not say that."} {
		out, blocks := r.converse(&bedrockruntime.ConverseInput{Messages: userSays(text), GuardrailConfig: config})
		if got := blocks[0].(*rt.ContentBlockMemberText).Value; got != want || out.StopReason != rt.StopReasonGuardrailIntervened {
			t.Errorf("%s: got %q %s, want %q", text, got, out.StopReason, want)
		}
		if out.Trace == nil || len(out.Trace.Guardrail.InputAssessment)+len(out.Trace.Guardrail.OutputAssessments) != 1 {
			t.Errorf("%s: trace: got %+v", text, out.Trace)
		}
		stream := r.converseStream(t.Context(), &bedrockruntime.ConverseStreamInput{Messages: userSays(text), GuardrailConfig: &rt.GuardrailStreamConfiguration{
			GuardrailIdentifier: config.GuardrailIdentifier, GuardrailVersion: config.GuardrailVersion,
		}})
		if got, _ := textOf(stream); got != want {
			t.Errorf("%s, streamed: got %q, want %q", text, got, want)
		}
	}
	only := []rt.Message{{Role: rt.ConversationRoleUser, Content: []rt.ContentBlock{
		&rt.ContentBlockMemberText{Value: "Of dragons"},
		&rt.ContentBlockMemberGuardContent{Value: &rt.GuardrailConverseContentBlockMemberText{Value: rt.GuardrailConverseTextBlock{Text: aws.String("I ask nothing")}}},
	}}}
	if out, _ := r.converse(&bedrockruntime.ConverseInput{Messages: only, GuardrailConfig: config}); out.StopReason == rt.StopReasonGuardrailIntervened && len(out.Trace.Guardrail.InputAssessment) > 0 {
		t.Errorf("what is not guarded was blocked: %+v", out.Trace)
	}
}

func TestGuardrailsAreNeededAndKnown(t *testing.T) {
	r := newRig(t, "default", guarded)
	const arn = "arn:aws:bedrock:us-east-1:" + account + ":guardrail/gr1"
	r.converse(&bedrockruntime.ConverseInput{Messages: userSays("Good day"), GuardrailConfig: &rt.GuardrailConfiguration{
		GuardrailIdentifier: aws.String(arn), GuardrailVersion: aws.String("2"),
	}})
	if got := find(r, "bedrock:ApplyGuardrail"); !slices.Equal(got, []string{arn}) {
		t.Errorf("bedrock:ApplyGuardrail: got %v", got)
	}
	if got := r.log.Find("bedrock:InvokeModel"); len(got) != 1 || got[0].Context["bedrock:GuardrailIdentifier"] != arn+":2" {
		t.Errorf("bedrock:InvokeModel: got %+v", got)
	}
	for name, config := range map[string]rt.GuardrailConfiguration{
		"unknown id":      {GuardrailIdentifier: aws.String("other"), GuardrailVersion: aws.String("2")},
		"unknown version": {GuardrailIdentifier: aws.String("gr1"), GuardrailVersion: aws.String("DRAFT")},
		"no version":      {GuardrailIdentifier: aws.String("gr1")},
		"no id":           {GuardrailVersion: aws.String("2")},
	} {
		_, err := r.runtime.Converse(t.Context(), &bedrockruntime.ConverseInput{ModelId: aws.String(novaPlan), Messages: userSays("Hello"), GuardrailConfig: &config})
		checkError[*rt.ValidationException](t, name, err)
	}
}

func TestGuardrailsOfInvokeModel(t *testing.T) {
	r := newRig(t, "default", guarded)
	for text, want := range map[string]string{"dragons": "INTERVENED", "Good day": "NONE"} {
		body, err := json.Marshal(map[string]any{"messages": []any{map[string]any{"role": "user", "content": []any{map[string]any{"text": text}}}}})
		if err != nil {
			t.Fatal(err)
		}
		out, err := r.runtime.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{
			ModelId: aws.String(novaPlan), Body: body, ContentType: aws.String("application/json"),
			GuardrailIdentifier: aws.String("gr1"), GuardrailVersion: aws.String("2"), Trace: rt.TraceEnabled,
		})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out.Body), `"amazon-bedrock-guardrailAction":"`+want+`"`) || strings.Contains(string(out.Body), "amazon-bedrock-trace") != (want == "INTERVENED") {
			t.Errorf("%s: got %s, want %s", text, out.Body, want)
		}
	}
	_, err := r.runtime.InvokeModelWithResponseStream(t.Context(), &bedrockruntime.InvokeModelWithResponseStreamInput{
		ModelId: aws.String(novaPlan), Body: []byte(sayHello), ContentType: aws.String("application/json"), GuardrailIdentifier: aws.String("gr1"),
	})
	checkError[*rt.ValidationException](t, "no version", err)
}

func TestGuardrailsOfAScenario(t *testing.T) {
	const text = `{"assumes":"a","start":"2026-11-23T09:00:00Z","region":"us-east-1","guardrails":[{"id":"g","version":"1","words":["w"]%s}]}`
	for rest, ok := range map[string]bool{"": false, `,"inputMessage":"i","outputMessage":"o"`: true} {
		if _, err := ReadScenario(strings.NewReader(strings.Replace(text, "%s", rest, 1))); (err == nil) != ok {
			t.Errorf("guardrail with %q: got %v, want ok=%v", rest, err, ok)
		}
	}
}
