package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine is where and when a run was made.
type machine struct {
	date      time.Time
	processor string
	// loads are the load averages of the last minute, taken between the steps: 1
	// is the benchmark itself.
	loads []string
}

func thisMachine() machine {
	m := machine{date: time.Now().UTC(), processor: runtime.GOOS + "/" + runtime.GOARCH}
	if model := field("/proc/cpuinfo", "model name"); model != "" {
		m.processor = model + ", " + m.processor
	}
	m.processor = fmt.Sprintf("%s, %d processors", m.processor, runtime.NumCPU())
	var kB int64
	if _, err := fmt.Sscanf(field("/proc/meminfo", "MemTotal"), "%d kB", &kB); err == nil {
		m.processor += fmt.Sprintf(", %.0f GB memory", float64(kB)*1024/1e9)
	}
	return m
}

// field returns the value of the first line "name: value" of a file, or "".
func field(file, name string) string {
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

// load is the load average of the last minute, "?" where it is not known.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if first, _, ok := strings.Cut(string(data), " "); err == nil && ok {
		return first
	}
	return "?"
}
