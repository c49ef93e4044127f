package dataset

import (
	"fmt"
	"slices"
	"strings"
)

// Limits bound a job's data sets. 0 means no bound. Record counts are of the
// training and the validation data together, unless named otherwise. Fields and
// their order are those of catalog.Limits, so that one converts to the other.
type Limits struct {
	MinRecords           int64
	MaxRecords           int64
	MaxValidationRecords int64
	// AdvisedRecords is how many AWS advises to have at least.
	AdvisedRecords int64
	// TokensPerRecord bounds the input and output tokens of one record together.
	TokensPerRecord int64
	// CharactersPerToken turns tokens into characters; 0 means 6.
	CharactersPerToken int64
	// MaxBytes bounds the training data's file, MaxValidationBytes the validation data's.
	MaxBytes           int64
	MaxValidationBytes int64
	// DoubtfulRecords, DoubtfulValidationRecords and DoubtfulBytes are what the
	// strictest of AWS's pages and sample validators takes, where another page takes
	// more or is silent. More is worth a warning.
	DoubtfulRecords           int64
	DoubtfulValidationRecords int64
	DoubtfulBytes             int64
	// MaxLineBytes bounds one line.
	MaxLineBytes int64
	// MinCaption and MaxCaption bound the Unicode characters of an image's caption.
	MinCaption int64
	MaxCaption int64
}

// longestLine is the longest line to read when the reader would take this many bytes.
func (l Limits) longestLine(read int) int {
	if l.MaxLineBytes > 0 && l.MaxLineBytes < int64(read) {
		return int(l.MaxLineBytes)
	}
	return read
}

// Rules are what the base models that share a format differ in.
type Rules struct {
	// BaseModel names the base model in messages; "" when none was chosen.
	BaseModel string
	// AnySchemaVersion: schemaVersion may be any string.
	AnySchemaVersion bool
	// SystemItems is how many items a system list must have; 0 means one or more.
	SystemItems int
	// ReservedWords: Nova's reserved words are looked for.
	ReservedWords bool
	// TextOnly: the base model takes neither images nor video nor documents.
	TextOnly bool
	// Video: the base model takes video and PDF documents, not only images.
	Video bool
	// Tools: the base model takes toolConfig, toolUse and toolResult.
	Tools bool
	// ToolsInDoubt: AWS's pages disagree on whether it does.
	ToolsInDoubt bool
	// Reasoning: the base model takes reasoningContent.
	Reasoning bool
	// NarrowMedia: webp and webm are in doubt.
	NarrowMedia bool
	// PlainNames: object names may hold A-Z, a-z, 0-9, _, -, / and . only.
	PlainNames bool
	// MaxImages is how many images a record may hold; 0 means no bound.
	MaxImages int
	// MaxImageBytes, MaxVideoBytes and MaxDocumentBytes bound one file, where its
	// size is known; 0 means no bound.
	MaxImageBytes    int64
	MaxVideoBytes    int64
	MaxDocumentBytes int64
	// NoValidation: the base model does not use validation data.
	NoValidation bool
	// SingleTurn: a record of distillation prompts is one user message with one
	// text block, and perhaps the assistant's answer.
	SingleTurn bool
	// Bucket is the data set's bucket, which media must be in as well; "" when it
	// is not known or does not matter.
	Bucket string
	// MediaPrefix is what the keys of media must begin with; "" when any key will do.
	MediaPrefix string
}

// familyRules are the rules of the model families. Sources: Nova guide,
// "Preparing data for multimodal fine-tuning"; Nova 2 guide, "Preparing data for
// SFT on Amazon Nova 2"; Bedrock User Guide, "Prepare your training datasets";
// AWS's sample validators for Nova and Llama. The pages write MB; it is taken as
// 2^20 bytes, so that none is refused that may be taken. Documents are written
// of for Nova 2 only, and taken the same way by the validator for Nova.
var familyRules = map[string]Rules{
	"nova": {
		AnySchemaVersion: true, ReservedWords: true,
		Video: true, Tools: true, ToolsInDoubt: true, PlainNames: true,
		MaxImages: 10, MaxImageBytes: 10 << 20, MaxVideoBytes: 50 << 20, MaxDocumentBytes: 10 << 20,
	},
	"nova-2": {
		AnySchemaVersion: true, ReservedWords: true,
		Video: true, Tools: true, ToolsInDoubt: true, PlainNames: true,
		MaxImages: 10, MaxImageBytes: 10 << 20, MaxVideoBytes: 50 << 20, MaxDocumentBytes: 10 << 20,
		Reasoning: true, NarrowMedia: true, NoValidation: true,
	},
	"llama":     {SystemItems: 1, MaxImageBytes: 10 << 20},
	"anthropic": {TextOnly: true},
}

// RulesFor returns the rules of a model family: "nova", "nova-2", "llama" or
// "anthropic". Whether the base model is text only, its name and the bucket are
// for the caller to add.
func RulesFor(family string) (Rules, error) {
	if rules, ok := familyRules[family]; ok {
		return rules, nil
	}
	return Rules{}, fmt.Errorf("choosing data set rules: no model family %q, use nova, nova-2, llama or anthropic", family)
}

// takesMedia says whether a record may hold a block of this kind: "image",
// "video" or "document".
func (r Rules) takesMedia(kind string) bool {
	return !r.TextOnly && (kind == "image" || r.Video)
}

// model names the base model in a message.
func (r Rules) model() string {
	if r.BaseModel != "" {
		return r.BaseModel
	}
	return "the base model"
}

// formatNames lists the formats that can be checked.
func formatNames() string {
	var names []string
	for f := range forms {
		names = append(names, string(f))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
