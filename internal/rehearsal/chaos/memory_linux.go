package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// memory is a file system that Linux keeps in memory.
const memory = "/dev/shm"

// memoryNeeded is the room there must be, in bytes: a cloud's objects take tens of
// megabytes by the end of its batch, and containers often have no more than 64 for all.
const memoryNeeded = 1 << 30

// inMemory is a folder in memory for the clouds' objects, "" where there is no
// room for them. Each scenario writes and deletes thousands of small files, and
// ext4 gives no inode away again within a minute of its deletion: the more were
// deleted, the longer it looks for another.
func inMemory() string {
	var room syscall.Statfs_t
	if syscall.Statfs(memory, &room) != nil || room.Bavail*uint64(room.Bsize) < memoryNeeded { //nolint:gosec // a block's size is positive
		return ""
	}
	dir := filepath.Join(memory, fmt.Sprintf("tuneline-%d", os.Getuid()))
	if os.MkdirAll(dir, 0o700) != nil {
		return ""
	}
	return dir
}
