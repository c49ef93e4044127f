// Package bench is what the project's benchmarks have in common: the machine
// they ran on, how samples are summed up, and the place in a document that
// results are written to.
package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Machine is where and when a run was made.
type Machine struct {
	Date      time.Time
	Processor string
	// Loads are the load averages of the last minute, taken between the steps: 1
	// is the benchmark itself.
	Loads []string
}

// ThisMachine describes the machine, and takes its load.
func ThisMachine() Machine {
	m := Machine{Date: time.Now().UTC(), Processor: runtime.GOOS + "/" + runtime.GOARCH}
	if model := Field("/proc/cpuinfo", "model name"); model != "" {
		m.Processor = model + ", " + m.Processor
	}
	m.Processor = fmt.Sprintf("%s, %d processors", m.Processor, runtime.NumCPU())
	var kB int64
	if _, err := fmt.Sscanf(Field("/proc/meminfo", "MemTotal"), "%d kB", &kB); err == nil {
		m.Processor += fmt.Sprintf(", %.0f GB memory", float64(kB)*1024/1e9)
	}
	m.TakeLoad()
	return m
}

// TakeLoad takes the load average of the last minute, "?" where it is not known.
func (m *Machine) TakeLoad() {
	load := "?"
	data, err := os.ReadFile("/proc/loadavg")
	if first, _, ok := strings.Cut(string(data), " "); err == nil && ok {
		load = first
	}
	m.Loads = append(m.Loads, load)
}

// Field returns the value of the first line "name: value" of a file, or "".
func Field(file, name string) string {
	f, err := os.Open(file) //nolint:gosec // a file of the kernel
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Quantile returns the sample below which a share of the samples lies, 0.5 for
// the median (of an even number the mean of the two in the middle), and 0 of
// none.
func Quantile(samples []float64, share float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	place := share * float64(len(sorted)-1)
	below := int(place)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (place-float64(below))*(sorted[above]-sorted[below])
}

// Splice replaces what stands between the lines of a document that say
// "<!-- name: begin -->" and "<!-- name: end -->".
func Splice(document, name, text string) error {
	begin, end := "<!-- "+name+": begin -->", "<!-- "+name+": end -->"
	old, err := os.ReadFile(document) //nolint:gosec // the file the caller names
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	before, rest, ok := bytes.Cut(old, []byte(begin))
	_, after, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		return fmt.Errorf("%s: the results go between the lines %s and %s, which it lacks", document, begin, end)
	}
	doc := fmt.Appendf(nil, "%s%s\n\n%s\n%s%s", before, begin, text, end, after)
	//nolint:gosec // a file of the repository
	if err := os.WriteFile(document, doc, 0o644); err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}
