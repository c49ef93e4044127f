package main

import (
	"io"
	"os"
	"path"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/tuneline/tuneline/internal/datafile"
)

const (
	// barAfter is how long the reading of a file must take for a bar.
	barAfter = 300 * time.Millisecond
	// barEvery is how often it is drawn.
	barEvery = 100 * time.Millisecond
)

// bars draws at a terminal how far the reading of a file has come; the zero value
// draws nothing. What else is printed there is printed under mu, after clear.
type bars struct {
	w   io.Writer
	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

func newBars(w io.Writer) *bars {
	if isTerminal(w) {
		return &bars{w: w}
	}
	return &bars{}
}

// barsBeside draws no bar where records go to a terminal: it would stand in them.
func barsBeside(records, w io.Writer) *bars {
	if isTerminal(records) {
		return &bars{}
	}
	return newBars(w)
}

// isTerminal says whether w is a terminal that understands more than lines.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

// clear takes the bar off the terminal; the next move draws it again.
func (b *bars) clear() {
	if b.bar != nil {
		_ = b.bar.Clear() // a bar that cannot be drawn is no reason to stop
	}
}

// begin shows a bar for the file, where there is a terminal for it.
func (b *bars) begin(f *datafile.File) progress {
	if b.w == nil {
		return progress{}
	}
	return progress{b, f, time.Now()}
}

// newBar draws bytes, and the time left if the size is known, and leaves nothing behind.
func newBar(w io.Writer, size int64) *progressbar.ProgressBar {
	if size == 0 {
		size = -1 // not known
	}
	return progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(20), progressbar.OptionThrottle(barEvery),
		progressbar.OptionShowBytes(true), progressbar.OptionShowTotalBytes(true), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(size > 0), progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetSpinnerChangeInterval(0), progressbar.OptionSetTheme(progressbar.ThemeASCII), progressbar.OptionClearOnFinish())
}

// progress is how far the reading of a file has come; the zero value shows nothing.
type progress struct {
	bars  *bars
	file  *datafile.File
	begun time.Time
}

// move shows how many records were seen, 0 where they are not counted.
func (p progress) move(records int64) {
	if p.bars == nil || time.Since(p.begun) < barAfter {
		return
	}
	p.bars.mu.Lock()
	defer p.bars.mu.Unlock()
	read, of := p.file.Progress()
	if p.bars.bar == nil {
		p.bars.bar = newBar(p.bars.w, of)
	}
	what := path.Base(p.file.Name)
	if records > 0 {
		what += " " + numbered(records, "record")
	}
	p.bars.bar.Describe(what)
	_ = p.bars.bar.Set64(read) // a bar that cannot be drawn is no reason to stop
}

// end takes the bar away.
func (p progress) end() {
	if p.bars == nil {
		return
	}
	p.bars.mu.Lock()
	defer p.bars.mu.Unlock()
	p.bars.clear()
	p.bars.bar = nil
}

// reader moves the bar with what is read.
func (p progress) reader(r io.Reader) io.Reader {
	if p.bars == nil {
		return r
	}
	return moving{r, p}
}

type moving struct {
	io.Reader
	progress progress
}

// Read implements io.Reader.
func (m moving) Read(into []byte) (int, error) {
	n, err := m.Reader.Read(into)
	m.progress.move(0)
	return n, err
}
