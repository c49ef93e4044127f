// Package chat speaks OpenAI's chat completions in terms of Bedrock's Converse:
// it turns a request into the body of Converse or ConverseStream, and what
// Bedrock answers into what an OpenAI client reads. It calls nothing.
//
// The rule of it all: nothing that would change the answer is left out silently.
// A member that Converse can carry is carried; one that only concerns OpenAI's
// own house (who the user is, what is stored, what is cached) is accepted and
// ignored; every other is refused with 400 and named. [Parameters] lists which
// is which, and docs/inference.md says it to people. A member that is null is as
// one that is not there, as OpenAI's own clients mean it.
//
// The wire formats:
// https://platform.openai.com/docs/api-reference/chat/create,
// https://platform.openai.com/docs/api-reference/chat-streaming,
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
// and API_runtime_ConverseStream.html there.
package chat
