package chaos

import (
	"os"
	"testing"
)

// Ensure that the folder for the clouds' objects, where there is one, is the user's
// own and can be written.
func TestInMemory(t *testing.T) {
	dir := inMemory()
	if dir == "" {
		return // there is no file system in memory, or no room in it
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%s has mode %v, %v; want 0700", dir, info.Mode(), err)
	}
	cloud, err := os.MkdirTemp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(cloud); err != nil {
		t.Error(err)
	}
}
