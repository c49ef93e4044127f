package repair

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/tuneline/tuneline/internal/dataset"
)

// firstBytes is how much of a data set is looked at for its first record.
const firstBytes = 2 * dataset.DefaultMaxLineBytes

// First returns the first JSON object of a data set that may need repair, to
// tell its format by, and a reader that begins at the beginning again. The
// record is nil where none is found near the beginning.
func First(ctx context.Context, r io.Reader) (record []byte, whole io.Reader, err error) {
	var head bytes.Buffer
	j := newJournal(1)
	near := io.TeeReader(io.LimitReader(r, firstBytes), &head)
	f := framer{w: newWindow(ctx, decoded(near, j)), journal: j, max: dataset.DefaultMaxLineBytes}
	for record == nil {
		found, ok := f.next()
		if !ok {
			break
		}
		switch {
		case found.tooLong:
			if _, err := f.drain(io.Discard); err != nil {
				return nil, nil, fmt.Errorf("looking for the first record: %w", err)
			}
		case !found.broken && found.text[0] == '{':
			record = bytes.Clone(found.text)
		}
	}
	if err := f.w.failed(); err != nil {
		return nil, nil, fmt.Errorf("looking for the first record: %w", err)
	}
	return record, io.MultiReader(&head, r), nil
}
