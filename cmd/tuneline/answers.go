package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal"
)

// answer is one question, answered by both models.
type answer struct {
	Question string `json:"question"`
	Base     string `json:"base"`
	Tuned    string `json:"tuned"`
}

// ask asks the first n questions of the example: the tuned model through the
// inference API, signed; the base model straight from Bedrock.
func ask(ctx context.Context, cloud *rehearsal.Cloud, e example, run registry.Run, n int) ([]answer, error) {
	questions, err := readQuestions(e, n)
	if err != nil {
		return nil, err
	}
	var answers []answer
	for _, question := range questions {
		tuned, err := askTuned(ctx, cloud, e.Model, question)
		if err != nil {
			return nil, err
		}
		base, err := askBase(ctx, cloud, run.Report.Settings.BaseModel, question)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer{question, base, tuned})
	}
	return answers, nil
}

// converseBody is Converse's request body with one question.
func converseBody(question string) ([]byte, error) {
	body, err := json.Marshal(map[string]any{
		"messages": []any{map[string]any{"role": "user", "content": []any{map[string]any{"text": question}}}},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the question: %w", err)
	}
	return body, nil
}

func askTuned(ctx context.Context, cloud *rehearsal.Cloud, model, question string) (string, error) {
	body, err := converseBody(question)
	if err != nil {
		return "", err
	}
	status, text, err := cloud.Converse(ctx, model, body)
	if err != nil {
		return "", err
	}
	if status != 200 {
		return "", fmt.Errorf("the inference API answered %d: %s", status, text)
	}
	var out struct {
		Output struct {
			Message struct {
				Content []struct {
					Text string `json:"text"`
				} `json:"content"`
			} `json:"message"`
		} `json:"output"`
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return "", fmt.Errorf("reading the answer: %w", err)
	}
	if len(out.Output.Message.Content) == 0 {
		return "", errors.New("the answer has no content")
	}
	return out.Output.Message.Content[0].Text, nil
}

func askBase(ctx context.Context, cloud *rehearsal.Cloud, model, question string) (string, error) {
	out, err := cloud.Administrator().BedrockRuntime.Converse(ctx, &bedrockruntime.ConverseInput{
		ModelId:  aws.String(model),
		Messages: []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: question}}}},
	})
	if err != nil {
		return "", fmt.Errorf("asking the base model: %w", err)
	}
	message, ok := out.Output.(*types.ConverseOutputMemberMessage)
	if !ok || len(message.Value.Content) == 0 {
		return "", errors.New("the base model's answer has no content")
	}
	text, ok := message.Value.Content[0].(*types.ContentBlockMemberText)
	if !ok {
		return "", errors.New("the base model's answer is not text")
	}
	return text.Value, nil
}

// readQuestions returns the first n held-out questions of an example, or, of
// somebody's own data set, those of its first records.
func readQuestions(e example, n int) (_ []string, err error) {
	path := e.heldOut
	if path == "" {
		path = e.training
	}
	file, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, fmt.Errorf("reading questions: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var questions []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() && len(questions) < n {
		question, err := readQuestion(lines.Bytes())
		if err != nil {
			return nil, err
		}
		questions = append(questions, question)
	}
	return questions, lines.Err()
}

// readQuestion reads a held-out line's, a prompt/completion record's or a
// conversation's question.
func readQuestion(line []byte) (string, error) {
	var record struct {
		Question string `json:"question"`
		Prompt   string `json:"prompt"`
		Messages []struct {
			Content []struct {
				Text string `json:"text"`
			} `json:"content"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(line, &record); err != nil {
		return "", fmt.Errorf("reading a question: %w", err)
	}
	switch {
	case record.Question != "":
		return record.Question, nil
	case record.Prompt != "":
		return record.Prompt, nil
	case len(record.Messages) > 0 && len(record.Messages[0].Content) > 0:
		return record.Messages[0].Content[0].Text, nil
	}
	return "", errors.New("reading a question: the record has none")
}
