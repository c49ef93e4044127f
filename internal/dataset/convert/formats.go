package convert

import (
	"slices"

	"github.com/tuneline/tuneline/internal/dataset"
)

// form is how one format is read and written.
type form struct {
	format dataset.Format
	read   func(*reading) (record, error)
	write  func(*writing) ([]any, error)
}

// forms are in the order in which they are listed to people. They are a
// function because their readers and writers refer to Options, and those to
// them.
func forms() []form {
	return []form{
		{dataset.FormatOpenAIChat, readOpenAI, writeOpenAI},
		{dataset.FormatAnthropic, readAnthropic, writeAnthropic},
		{dataset.FormatPromptCompletion, readPromptCompletion, writePromptCompletion},
		{dataset.FormatConversation, readConversation, writeConversation},
		{dataset.FormatDistillation, readConversation, writeDistillation},
		{dataset.FormatReinforcement, readOpenAI, writeReinforcement},
	}
}

// Formats are the formats that can be read and written.
func Formats() []dataset.Format {
	var names []dataset.Format
	for _, f := range forms() {
		names = append(names, f.format)
	}
	return names
}

func formOf(name dataset.Format) (form, bool) {
	all := forms()
	i := slices.IndexFunc(all, func(f form) bool { return f.format == name })
	if i < 0 {
		return form{}, false
	}
	return all[i], true
}
