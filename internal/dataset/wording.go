package dataset

import (
	"fmt"
	"slices"
	"strings"
)

// count is a number with its noun, in the plural where that is right:
// "1 record", "2 records".
func count[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// orList is "a, b or c".
func orList(words []string) string { return wordList(words, "or") }

// andList is "a, b and c".
func andList(words []string) string { return wordList(words, "and") }

// wordList has this word before the last one.
func wordList(words []string, before string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " " + before + " " + words[last]
}

func contains(words []string, word string) bool { return slices.Contains(words, word) }

// without are the words that are not among the others.
func without(words, others []string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return contains(others, w) })
}
