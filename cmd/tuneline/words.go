package main

import (
	"fmt"
	"strings"
	"unicode"
)

// numbered is a number with its noun.
func numbered(n int64, noun string) string {
	return fmt.Sprintf("%d %s", n, plural(n, noun))
}

// plural is the noun for a number.
func plural(n int64, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// times is how often something happened.
func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// quoted is a file's name as a shell takes it, for commands that are to be pasted.
func quoted(name string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-+=:,./@%", r)
	}
	if name != "" && strings.TrimFunc(name, plain) == "" {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// modelFlags are the flags that have a check hold data against a base model, ""
// for none.
func modelFlags(model, customizationType string) string {
	flags := ""
	if model != "" {
		flags = " --base-model " + model
	}
	if customizationType != "" {
		flags += " --customization-type " + customizationType
	}
	return flags
}
