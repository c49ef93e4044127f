package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/formodel"
)

// defaultCustomizationType is what a base model is checked for when nothing
// else is asked for.
const defaultCustomizationType = "FINE_TUNING"

// checkable are the formats that --format takes.
var checkable = []string{
	string(dataset.FormatPromptCompletion), string(dataset.FormatConversation), string(dataset.FormatAnthropic),
	string(dataset.FormatDistillation), string(dataset.FormatReinforcement), string(dataset.FormatImageCaption),
}

// target is what a data set is checked as.
type target struct {
	options dataset.Options
	// why says for a person what it is, and how it came to be.
	why string
	// unlimited: no base model's limits are known.
	unlimited bool
}

// targetFlags say what a data set is for.
type targetFlags struct{ baseModel, customizationType, format, role string }

// register adds the flags to a command.
func (t *targetFlags) register(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&t.baseModel, "base-model", "", "the base model the data is for: its format, rules and limits are binding (default "+catalog.DefaultBaseModel+", if that takes the format)")
	flags.StringVar(&t.customizationType, "customization-type", "", "how the base model is to be customized, in the API's words (default "+defaultCustomizationType+")")
	flags.StringVar(&t.format, "format", auto, "the format to check for, instead of the first record's: "+strings.Join(checkable, ", "))
	flags.StringVar(&t.role, "role", string(dataset.RoleTraining), "what the data is to the job: training or validation")
}

// target returns what to check a data set as. known is false when the first
// record has to be seen for that.
func (t *targetFlags) target() (found target, known bool, err error) {
	roles := []string{string(dataset.RoleTraining), string(dataset.RoleValidation)}
	switch {
	case !slices.Contains(roles, t.role):
		return target{}, true, fmt.Errorf("--role %s: use one of %s", t.role, strings.Join(roles, ", "))
	case t.customizationType != "" && t.baseModel == "":
		return target{}, true, errors.New("--customization-type says what to do with a base model: name it with --base-model")
	case t.format != auto && !slices.Contains(checkable, t.format):
		return target{}, true, fmt.Errorf("--format %s: use one of %s, %s", t.format, auto, strings.Join(checkable, ", "))
	case t.baseModel != "":
		found, err = t.forBaseModel()
	case t.format != auto:
		found, err = forFormat(dataset.Format(t.format), "as --format says")
	default:
		return target{}, false, nil
	}
	return found, true, err
}

// of returns what to check a data set as whose first record is this one, nil
// where there is none.
func (t *targetFlags) of(first []byte) (target, error) {
	found, known, err := t.target()
	if err == nil && !known {
		found, err = forRecord(first)
	}
	found.options.Role = dataset.Role(t.role)
	return found, err
}

// forBaseModel checks for the base model the user names, whose format is
// binding: a record in another one is a finding.
func (t *targetFlags) forBaseModel() (target, error) {
	found, err := forModel(t.baseModel, t.customizationType)
	if err != nil {
		return target{}, fmt.Errorf("--base-model: %w", err)
	}
	if t.format != auto && t.format != string(found.options.Format) {
		return target{}, fmt.Errorf("--format %s: base model %s takes %s; leave --format out, or choose another base model", t.format, t.baseModel, found.options.Format)
	}
	return found, nil
}

// forModel is the target of a base model and a customization type, "" for the
// default one.
func forModel(id, kind string) (target, error) {
	if kind == "" {
		kind = defaultCustomizationType
	}
	models, err := catalog.Load()
	if err != nil {
		return target{}, err
	}
	model, err := models.Find(id)
	if err != nil {
		return target{}, err
	}
	options, err := formodel.Options(model, kind)
	if err != nil {
		return target{}, err
	}
	return target{options: options, why: fmt.Sprintf("%s for %s of %s", options.Format, kind, id)}, nil
}

// forFormat is the target of a format: the default base model if that takes it,
// or the format's own rules, without the limits of any base model.
func forFormat(format dataset.Format, because string) (target, error) {
	t, err := forModel(catalog.DefaultBaseModel, "")
	if err != nil {
		return target{}, err
	}
	if t.options.Format == format {
		t.why += ", " + because + "; the base model is the default, name yours with --base-model"
		return t, nil
	}
	why := fmt.Sprintf("%s, %s; name your base model with --base-model to have its limits checked, too", format, because)
	return target{options: formodel.ForFormat(format), why: why, unlimited: true}, nil
}

// forRecord is the target that a data set's first record asks for.
//
// What has no rules of its own is held against the default base model. So are
// distillation prompts, unless they are asked for: they differ from training
// data in nothing but answers that may be missing, and one that is missing by
// mistake is not to change what all the others are checked for.
func forRecord(line []byte) (target, error) {
	format, ok := dataset.Detect(line)
	var why string
	switch {
	case !ok:
		why = "the first record does not tell its format; name a base model with --base-model"
	case format == dataset.FormatDistillation:
		why = "the first record has no answer; if it is a prompt for distillation, say --format " + string(format)
	case !slices.Contains(checkable, string(format)):
		why = "the first record is written as " + string(format) + ", which Bedrock does not take; convert it with tuneline convert"
	default:
		return forFormat(format, "as the first record is written")
	}
	t, err := forModel(catalog.DefaultBaseModel, "")
	t.why += ", the default: " + why
	return t, err
}

// mostPeeked is how much of a data set is looked at for its first record; more
// than a line may have.
const mostPeeked = dataset.DefaultMaxLineBytes + 1

// firstRecord reads up to the end of the first line that is not blank, and
// returns that line, and a reader that begins at the beginning again. The line
// is nil where there is none, or it is too long to be a record.
func firstRecord(r io.Reader) (line []byte, whole io.Reader, err error) {
	var head []byte
	block := make([]byte, 64<<10)
	for len(head) < mostPeeked && err == nil {
		var n int
		n, err = r.Read(block)
		head = append(head, block[:n]...)
		rest := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line = rest[:end]
			break
		}
		if errors.Is(err, io.EOF) && len(rest) > 0 {
			line = rest
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("reading the first record: %w", err)
	}
	return line, io.MultiReader(bytes.NewReader(head), r), nil
}
