package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/spf13/cobra"
)

// askOptions are the command's flags.
type askOptions struct {
	apiFlags
	system, baseID  string
	maxTokens       int32
	stream, compare bool
	asJSON          bool
}

func askCommand() *cobra.Command {
	var o askOptions
	command := &cobra.Command{
		Use:   "ask <model> <question>",
		Short: "Ask a tuned model, alone or side by side with its base model",
		Long: `Ask a tuned model, alone or side by side with its base model.

The question goes through the stack's API, as callers' do; "-" reads it from
standard input. With --stream the answer is printed as it comes. With --compare
the base model is asked the same, straight at Bedrock: it must be one that is
served on demand, and the credentials must allow bedrock:InvokeModel on it. What
it took, and how many tokens, is told with each answer.

` + askWhence + `

Exit codes: 0 every model that was asked has answered, 2 one has not, or the
command itself failed.`,
		Example: `  tuneline ask support "How do I reset it?"
  tuneline ask support "How do I reset it?" --stream --max-tokens 200
  tuneline ask support "How do I reset it?" --compare --system "Answer in one sentence."`,
		Args: func(command *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name one model, and ask one question, in quotation marks")
			}
			return oneModel(command, args[:1])
		},
		RunE: func(command *cobra.Command, args []string) error {
			return runAsk(command, o, args[0], args[1])
		},
	}
	o.register(command)
	flags := command.Flags()
	flags.StringVar(&o.system, "system", "", "instructions that go before the question")
	flags.Int32Var(&o.maxTokens, "max-tokens", 0, "the most tokens that an answer may have (default: the model's own bound)")
	flags.BoolVar(&o.stream, "stream", false, "print the answer as it comes")
	flags.BoolVar(&o.compare, "compare", false, "ask the base model, too")
	flags.StringVar(&o.baseID, "base-id", "", "with --compare, the id or inference profile that the base model is asked by (default: its own id)")
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON document")
	return command
}

func runAsk(command *cobra.Command, o askOptions, model, text string) error {
	switch {
	case o.stream && o.compare:
		return errors.New("--stream prints one answer as it comes, and --compare two side by side: choose one")
	case o.baseID != "" && !o.compare:
		return errors.New("--base-id is for --compare")
	case o.maxTokens < 0:
		return fmt.Errorf("--max-tokens %d: 1 or more, or leave it out", o.maxTokens)
	}
	q, err := o.question(command, text)
	if err != nil {
		return err
	}
	api, err := o.find(command.Context())
	if err != nil {
		return err
	}
	view := newAskView(command.OutOrStdout(), command.ErrOrStderr(), o.asJSON)
	if o.compare {
		return compare(command.Context(), api, o, model, q, view)
	}
	client := api.client()
	var got told
	if o.stream {
		got, err = q.stream(command.Context(), client, model, view.piece)
		view.endPieces()
	} else {
		got, err = q.whole(command.Context(), client, model)
	}
	if err != nil {
		return api.asCaller(model, err)
	}
	return view.one(got, o.stream)
}

// question is what models are asked.
type question struct {
	text, system string
	maxTokens    int32
}

// question reads the question.
func (o askOptions) question(command *cobra.Command, text string) (question, error) {
	if text == standardIO {
		piped, err := io.ReadAll(command.InOrStdin())
		if err != nil {
			return question{}, fmt.Errorf("reading the question: %w", err)
		}
		text = string(piped)
	}
	if strings.TrimSpace(text) == "" {
		return question{}, errors.New("the question is empty")
	}
	return question{text: text, system: o.system, maxTokens: o.maxTokens}, nil
}

// message is the question in Converse's terms.
func (q question) message() ([]types.Message, []types.SystemContentBlock, *types.InferenceConfiguration) {
	messages := []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: q.text}}}}
	var system []types.SystemContentBlock
	if q.system != "" {
		system = []types.SystemContentBlock{&types.SystemContentBlockMemberText{Value: q.system}}
	}
	if q.maxTokens == 0 {
		return messages, system, nil
	}
	return messages, system, &types.InferenceConfiguration{MaxTokens: &q.maxTokens}
}

// told is an answer, and what it took.
type told struct {
	// Model is what was asked: a name of the API's, or Bedrock's id.
	Model        string `json:"model"`
	Answer       string `json:"answer"`
	StopReason   string `json:"stopReason,omitempty"`
	InputTokens  int32  `json:"inputTokens"`
	OutputTokens int32  `json:"outputTokens"`
	// Seconds is how long the whole answer took, FirstTokenSeconds, of one that was
	// streamed, its beginning.
	Seconds           float64 `json:"seconds"`
	FirstTokenSeconds float64 `json:"firstTokenSeconds,omitempty"`
	// Error is why there is no answer.
	Error string `json:"error,omitempty"`
}

func (t *told) count(usage *types.TokenUsage) {
	if usage != nil {
		t.InputTokens, t.OutputTokens = aws.ToInt32(usage.InputTokens), aws.ToInt32(usage.OutputTokens)
	}
}

// whole asks and waits for the whole answer.
func (q question) whole(ctx context.Context, client *bedrockruntime.Client, model string) (told, error) {
	messages, system, config := q.message()
	started := time.Now()
	out, err := client.Converse(ctx, &bedrockruntime.ConverseInput{ModelId: &model, Messages: messages, System: system, InferenceConfig: config})
	if err != nil {
		return told{}, err
	}
	got := told{Model: model, StopReason: string(out.StopReason), Seconds: time.Since(started).Seconds()}
	got.count(out.Usage)
	message, ok := out.Output.(*types.ConverseOutputMemberMessage)
	if !ok {
		return told{}, errors.New("the answer has no message")
	}
	for _, block := range message.Value.Content {
		if text, ok := block.(*types.ContentBlockMemberText); ok { // what it thought before is left out
			got.Answer += text.Value
		}
	}
	return got, nil
}

// stream asks and hands on each piece of the answer as it comes.
func (q question) stream(ctx context.Context, client *bedrockruntime.Client, model string, piece func(string)) (told, error) {
	messages, system, config := q.message()
	started := time.Now()
	out, err := client.ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{ModelId: &model, Messages: messages, System: system, InferenceConfig: config})
	if err != nil {
		return told{}, err
	}
	events := out.GetStream()
	defer func() { _ = events.Close() }() // its error is the stream's own, asked for below
	got := told{Model: model}
	var answer strings.Builder
	for event := range events.Events() {
		switch e := event.(type) {
		case *types.ConverseStreamOutputMemberContentBlockDelta:
			text, ok := e.Value.Delta.(*types.ContentBlockDeltaMemberText)
			if !ok || text.Value == "" {
				continue
			}
			if got.FirstTokenSeconds == 0 {
				got.FirstTokenSeconds = time.Since(started).Seconds()
			}
			answer.WriteString(text.Value)
			piece(text.Value)
		case *types.ConverseStreamOutputMemberMessageStop:
			got.StopReason = string(e.Value.StopReason)
		case *types.ConverseStreamOutputMemberMetadata:
			got.count(e.Value.Usage)
		}
	}
	got.Answer, got.Seconds = answer.String(), time.Since(started).Seconds()
	switch err := events.Err(); {
	case err != nil:
		return got, err
	case ctx.Err() != nil:
		return got, ctx.Err()
	case got.StopReason == "":
		return got, errBrokenOff
	}
	return got, nil
}

// errBrokenOff says that a stream ended before its answer did.
var errBrokenOff = errors.New("the answer broke off before its end: ask again")
