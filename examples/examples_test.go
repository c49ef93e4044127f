// Package examples_test holds the shipped example data sets to the rules of the base model they are meant
// for and to the promises their READMEs make: the rehearsal trains on them and asks the held-out questions.
package examples_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// exchange is one record in a form-free shape: what the user said, turn by turn, and what was answered.
type exchange struct {
	users   []string
	answers []string
}

// example is one shipped example: its folder, the reader of its record form, and the rows it promises.
type example struct {
	folder     string
	read       func(line []byte) (exchange, error)
	train      int
	validation int
	heldout    int
}

var examples = []example{
	{folder: "support-nova-on-demand", read: readConversation, train: 240, validation: 24, heldout: 20},
	{folder: "article-llama-provisioned", read: readPrompt, train: 220, validation: 20, heldout: 20},
}

// reservedWords fail a Nova job wherever they occur, in any case. The list is that of the Nova user guide
// plus the two words that only AWS's sample validator refuses.
var reservedWords = []string{
	"user:", "bot:", "assistant:", "system:", "<image>", "<video>", "[eos]", "thought:", "<unk>",
}

// novaFileName is the alphabet the Nova guide allows for file and object names.
var novaFileName = regexp.MustCompile(`^[A-Za-z0-9_\-/.]+$`)

type textBlock struct {
	Text string `json:"text"`
}

type message struct {
	Role    string      `json:"role"`
	Content []textBlock `json:"content"`
}

type conversation struct {
	SchemaVersion string      `json:"schemaVersion"`
	System        []textBlock `json:"system"`
	Messages      []message   `json:"messages"`
}

type promptRow struct {
	Prompt     string `json:"prompt"`
	Completion string `json:"completion"`
}

type heldoutRow struct {
	Question   string `json:"question"`
	Completion string `json:"completion"`
}

func TestRowsFollowTheirForm(t *testing.T) {
	for _, ex := range examples {
		for _, file := range []struct {
			name string
			min  int
		}{{"train.jsonl", ex.train}, {"validation.jsonl", ex.validation}} {
			t.Run(ex.folder+"/"+file.name, func(t *testing.T) {
				if got := len(exchanges(t, ex, file.name)); got < file.min {
					t.Errorf("got %d rows, want at least %d", got, file.min)
				}
			})
		}
	}
}

func TestNoReservedWords(t *testing.T) {
	for _, ex := range examples {
		for _, name := range []string{"train.jsonl", "validation.jsonl", "heldout.jsonl"} {
			for number, line := range lines(t, ex.folder, name) {
				// Decoding first: the raw bytes could hide a word behind JSON escapes.
				text := strings.ToLower(strings.Join(strs(decoded(t, line)), "\n"))
				for _, word := range reservedWords {
					if strings.Contains(text, word) {
						t.Errorf("%s/%s line %d holds the reserved word %q", ex.folder, name, number+1, word)
					}
				}
			}
		}
	}
}

func TestFileNames(t *testing.T) {
	for _, ex := range examples {
		paths, err := filepath.Glob(filepath.Join(ex.folder, "*.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		if len(paths) < 3 {
			t.Errorf("%s: got the data files %v, want train, validation and heldout", ex.folder, paths)
		}
		for _, path := range paths {
			if !novaFileName.MatchString(filepath.ToSlash(path)) {
				t.Errorf("%s holds a character Nova refuses in object names", path)
			}
		}
	}
}

func TestNoQuestionTwice(t *testing.T) {
	for _, ex := range examples {
		seen := map[string]string{}
		for _, name := range []string{"train.jsonl", "validation.jsonl"} {
			for number, row := range exchanges(t, ex, name) {
				place := fmt.Sprintf("%s line %d", name, number+1)
				for _, question := range row.users {
					if first, taken := seen[plain(question)]; taken {
						t.Errorf("%s: %s repeats the question of %s", ex.folder, place, first)
					}
					seen[plain(question)] = place
				}
			}
		}
	}
}

// TestAnswersAreLearnable asks that every answer can be learnt from more than one wording, and that the
// facts are many: otherwise a tuned model and a guess would be hard to tell apart.
func TestAnswersAreLearnable(t *testing.T) {
	const facts = 100
	for _, ex := range examples {
		wordings := trainedAnswers(t, ex)
		if got := len(wordings); got < facts {
			t.Errorf("%s: got %d distinct answers, want at least %d", ex.folder, got, facts)
		}
		for answer, count := range wordings {
			if count < 2 {
				t.Errorf("%s: %q has %d wording in train.jsonl, want at least 2", ex.folder, answer, count)
			}
		}
		for number, row := range exchanges(t, ex, "validation.jsonl") {
			for _, answer := range row.answers {
				if wordings[answer] == 0 {
					t.Errorf("%s: validation.jsonl line %d has an answer no training row gives", ex.folder, number+1)
				}
			}
		}
	}
}

func TestHeldOutQuestionsAreNewAndAnswersAreNot(t *testing.T) {
	for _, ex := range examples {
		answers := trainedAnswers(t, ex)
		known := knownQuestions(t, ex)
		asked := map[string]bool{}
		rows := lines(t, ex.folder, "heldout.jsonl")
		if got := len(rows); got != ex.heldout {
			t.Errorf("%s: got %d held-out rows, want %d", ex.folder, got, ex.heldout)
		}
		for number, line := range rows {
			var row heldoutRow
			if err := strict(line, &row); err != nil {
				t.Fatalf("%s: heldout.jsonl line %d: %v", ex.folder, number+1, err)
			}
			if answers[row.Completion] == 0 {
				t.Errorf("%s: heldout.jsonl line %d: no training row answers exactly so", ex.folder, number+1)
			}
			if strings.TrimSpace(row.Question) == "" || known[plain(row.Question)] {
				t.Errorf("%s: heldout.jsonl line %d: the question is empty or already known", ex.folder, number+1)
			}
			if asked[row.Completion] {
				t.Errorf("%s: heldout.jsonl line %d: this fact is asked twice", ex.folder, number+1)
			}
			asked[row.Completion] = true
		}
	}
}

// trainedAnswers counts, for each answer of the training data, the questions it is given to.
func trainedAnswers(t *testing.T, ex example) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, row := range exchanges(t, ex, "train.jsonl") {
		for _, answer := range row.answers {
			count[answer]++
		}
	}
	return count
}

// knownQuestions is the set of all user turns of training and validation data, in plain form.
func knownQuestions(t *testing.T, ex example) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, name := range []string{"train.jsonl", "validation.jsonl"} {
		for _, row := range exchanges(t, ex, name) {
			for _, question := range row.users {
				known[plain(question)] = true
			}
		}
	}
	return known
}

// exchanges reads every record of one file; a record that breaks its form ends the test.
func exchanges(t *testing.T, ex example, name string) []exchange {
	t.Helper()
	var rows []exchange
	for number, line := range lines(t, ex.folder, name) {
		row, err := ex.read(line)
		if err != nil {
			t.Fatalf("%s/%s line %d: %v", ex.folder, name, number+1, err)
		}
		rows = append(rows, row)
	}
	return rows
}

// lines splits a JSONL file: one object a line, each line ended, none blank.
func lines(t *testing.T, folder, name string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, name)) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	body, ended := bytes.CutSuffix(data, []byte("\n"))
	if !ended {
		t.Fatalf("%s/%s does not end in a newline", folder, name)
	}
	return bytes.Split(body, []byte("\n"))
}

// readConversation reads one bedrock-conversation-2024 record by Nova's rules: text blocks only, one system
// block, user and assistant in strict turns, nothing empty.
func readConversation(line []byte) (exchange, error) {
	var record conversation
	if err := strict(line, &record); err != nil {
		return exchange{}, err
	}
	if record.SchemaVersion != "bedrock-conversation-2024" {
		return exchange{}, fmt.Errorf("schemaVersion is %q", record.SchemaVersion)
	}
	if len(record.System) != 1 || blank(record.System[0].Text) {
		return exchange{}, errors.New("want one system block with text")
	}
	if n := len(record.Messages); n < 2 || n%2 != 0 {
		return exchange{}, fmt.Errorf("%d messages: want pairs that end with the assistant", n)
	}
	var row exchange
	for i, turn := range record.Messages {
		if len(turn.Content) != 1 || blank(turn.Content[0].Text) {
			return exchange{}, fmt.Errorf("message %d: want one block with text", i)
		}
		if want := [...]string{"user", "assistant"}[i%2]; turn.Role != want {
			return exchange{}, fmt.Errorf("message %d: role %q, want %q", i, turn.Role, want)
		}
		if i%2 == 0 {
			row.users = append(row.users, turn.Content[0].Text)
		} else {
			row.answers = append(row.answers, turn.Content[0].Text)
		}
	}
	return row, nil
}

// readPrompt reads one prompt/completion record.
func readPrompt(line []byte) (exchange, error) {
	var record promptRow
	if err := strict(line, &record); err != nil {
		return exchange{}, err
	}
	if blank(record.Prompt) || blank(record.Completion) {
		return exchange{}, errors.New("prompt or completion is empty")
	}
	return exchange{users: []string{record.Prompt}, answers: []string{record.Completion}}, nil
}

// strict decodes exactly one JSON object and refuses fields the form does not have.
func strict(line []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("decoding the record: %w", err)
	}
	if rest := len(line) - int(decoder.InputOffset()); rest != 0 {
		return fmt.Errorf("%d bytes follow the object", rest)
	}
	return nil
}

// decoded is the line as plain JSON values.
func decoded(t *testing.T, line []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(line, &value); err != nil {
		t.Fatalf("decoding a record: %v", err)
	}
	return value
}

// strs collects every string value inside a decoded JSON value.
func strs(value any) []string {
	var found []string
	switch value := value.(type) {
	case string:
		found = append(found, value)
	case []any:
		for _, item := range value {
			found = append(found, strs(item)...)
		}
	case map[string]any:
		for _, item := range value {
			found = append(found, strs(item)...)
		}
	}
	return found
}

// plain folds case, spacing and closing marks, so that a copied question is still recognised as a copy.
func plain(text string) string {
	return strings.Trim(strings.Join(strings.Fields(strings.ToLower(text)), " "), "?!. ")
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
