package main

import "fmt"

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
