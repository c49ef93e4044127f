// Package convert writes a data set in another format.
//
// It knows five: OpenAI's chat form ("Supervised fine-tuning" in OpenAI's
// guides), Anthropic's messages, prompt and completion, Bedrock's
// bedrock-conversation-2024, and the chat form with a reference answer that
// Bedrock's reinforcement fine-tuning takes (Bedrock User Guide, "Prepare your
// training datasets" and "Prepare data for reinforcement fine-tuning"; Nova
// guide, "Preparing data for multimodal fine-tuning"). A row is read into one
// shape that is free of any form, and written from there, so that a format is
// one reader and one writer.
//
// Nothing is left out in silence. What a format has no place for, and what had
// to be said in another way, is a [Loss] with the line and the JSON pointer it
// stood at; a row that cannot be said at all is a [Rejection] with the reason.
// Neither ever holds a value of the data set.
//
// A row is judged as far as it must be understood. Whether the result is a good
// data set is for [dataset.Check] to say: a text that is blank before is blank
// after.
package convert
