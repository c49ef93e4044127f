package dataset

// Format is how a record is written.
type Format string

const (
	// FormatPromptCompletion is {"prompt": string, "completion": string}.
	FormatPromptCompletion Format = "prompt-completion"
	// FormatConversation is Bedrock's conversation form: schemaVersion, system
	// and messages.
	FormatConversation Format = "bedrock-conversation-2024"
	// FormatAnthropic is {"system": string, "messages": [{"role", "content": string}]}.
	FormatAnthropic Format = "anthropic-messages"
	// FormatDistillation is the conversation form of prompts for a teacher: the
	// assistant's answer may be missing.
	FormatDistillation Format = "distillation-prompts"
	// FormatReinforcement is OpenAI's chat form with a reference_answer.
	FormatReinforcement Format = "reinforcement-fine-tuning"
	// FormatImageCaption is {"image-ref": "s3://...", "caption": string}.
	FormatImageCaption Format = "image-caption"
	// FormatOpenAIChat is OpenAI's chat form. It is recognised only: no base
	// model of Bedrock is fine-tuned with it.
	FormatOpenAIChat Format = "openai-chat"
)

// schemaVersion is the constant of the conversation form.
const schemaVersion = "bedrock-conversation-2024"

// forms walk one record, which begins with an object, and file what they find.
var forms = map[Format]func(*cursor){
	FormatPromptCompletion: promptCompletion,
	FormatConversation:     conversation,
	FormatAnthropic:        anthropic,
	FormatDistillation:     distillation,
	FormatReinforcement:    reinforcement,
	FormatImageCaption:     imageCaption,
}

// answering are the formats of which every record has the answer that the model
// is trained to give.
var answering = map[Format]bool{
	FormatPromptCompletion: true,
	FormatConversation:     true,
	FormatAnthropic:        true,
}

// convertible are the formats that tuneline convert writes.
var convertible = map[Format]bool{
	FormatPromptCompletion: true,
	FormatConversation:     true,
	FormatAnthropic:        true,
	FormatOpenAIChat:       true,
}
