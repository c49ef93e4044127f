package s3

import "sync"

const tailSize = 4096

// tail is a writer that keeps the last bytes written to it: what a dead
// gateway had to say.
type tail struct {
	mu   sync.Mutex
	data []byte
}

// Write appends p and forgets what is older than the tail.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if len(t.data) > tailSize {
		t.data = append([]byte(nil), t.data[len(t.data)-tailSize:]...)
	}
	return len(p), nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}
