package dataset

import (
	"fmt"
	"slices"
)

// Format is how a record is written.
type Format string

const (
	// FormatPromptCompletion is {"prompt": string, "completion": string}.
	FormatPromptCompletion Format = "prompt-completion"
	// FormatConversation is Bedrock's conversation form: schemaVersion, system
	// and messages.
	FormatConversation Format = "bedrock-conversation-2024"
)

// schemaVersion is the constant of the conversation form.
const schemaVersion = "bedrock-conversation-2024"

// Role says which of a job's two data sets a file is.
type Role string

const (
	// RoleTraining is the data a job trains on.
	RoleTraining Role = "training"
	// RoleValidation is Bedrock's second data set, which the validation loss is
	// measured on.
	RoleValidation Role = "validation"
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
}

// Rules are what the model families differ in.
type Rules struct {
	// AnySchemaVersion: schemaVersion may be any string.
	AnySchemaVersion bool
	// SystemItems is how many items a system list must have; 0 means one or more.
	SystemItems int
	// ReservedWords: Nova's reserved words are looked for.
	ReservedWords bool
	// TextOnly: the base model takes nothing but text, in any version.
	TextOnly bool
}

// RulesFor returns the rules of a model family, "nova" or "llama". Whether the
// base model is text only is for the caller to add.
func RulesFor(family string) (Rules, error) {
	switch family {
	case "nova":
		return Rules{AnySchemaVersion: true, ReservedWords: true}, nil
	case "llama":
		return Rules{SystemItems: 1}, nil
	}
	return Rules{}, fmt.Errorf("choosing data set rules: no model family %q, use nova or llama", family)
}

// Defaults of Options.
const (
	// DefaultMaxFindings is how many findings a code are kept.
	DefaultMaxFindings = 100
	// DefaultMaxLineBytes is the longest line that is read: more than the
	// largest allowed record with every character written as a \u escape.
	DefaultMaxLineBytes = 4 << 20
	// MaxFingerprints is how many records are remembered to find duplicates, so
	// that memory stays bounded.
	MaxFingerprints = 1 << 20

	defaultCharactersPerToken = 6
)

// Options says how to check. The zero value of a field is its default; Format
// has none.
type Options struct {
	Format Format
	Limits Limits
	Rules  Rules
	// Role is RoleTraining by default.
	Role Role
	// Validation is the report on the job's validation data, made before by
	// Check in this process: its records count against the same limits, and
	// training records that stand there too are found. Nil when there is none.
	Validation *Report
	// MaxFindings is how many findings a code are kept; Counts has them all.
	MaxFindings int
	// MaxLineBytes is the longest line that is read.
	MaxLineBytes int
	// Progress is called now and then, and once at the end, with the bytes read
	// and the records seen so far.
	Progress func(bytes, records int64)
}

// complete fills in the defaults and refuses what makes no sense.
func (o Options) complete() (Options, error) {
	if _, ok := forms[o.Format]; !ok {
		return o, fmt.Errorf("checking a data set: no format %q, use %s or %s", o.Format, FormatPromptCompletion, FormatConversation)
	}
	if o.Role == "" {
		o.Role = RoleTraining
	}
	if !slices.Contains([]Role{RoleTraining, RoleValidation}, o.Role) {
		return o, fmt.Errorf("checking a data set: no role %q, use %s or %s", o.Role, RoleTraining, RoleValidation)
	}
	if o.Validation != nil && o.Role != RoleTraining {
		return o, fmt.Errorf("checking a data set: a report on validation data belongs to training data, not to %s data", o.Role)
	}
	if o.MaxFindings <= 0 {
		o.MaxFindings = DefaultMaxFindings
	}
	if o.MaxLineBytes <= 0 {
		o.MaxLineBytes = DefaultMaxLineBytes
	}
	if o.Limits.CharactersPerToken <= 0 {
		o.Limits.CharactersPerToken = defaultCharactersPerToken
	}
	return o, nil
}
