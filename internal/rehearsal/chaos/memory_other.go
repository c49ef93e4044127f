//go:build !linux

package chaos

// inMemory is "": only Linux has a file system in memory in one known place.
func inMemory() string { return "" }
