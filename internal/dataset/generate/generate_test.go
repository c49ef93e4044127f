package generate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"hash/maphash"
	"io"
	"math"
	"testing"
	"testing/iotest"
)

// TestStatistics holds the shapes to what was measured on data sets people use,
// so that a rate in docs/performance.md means something for theirs.
func TestStatistics(t *testing.T) {
	tests := []struct {
		shape                               Shape
		average, nonASCII, backslashes, run float64
	}{
		{ShortPC, 310, 1.6, 0.5, 24},
		{Short, 326, 0.6, 0.1, 8.5},
		{Medium, 2102, 18, 1.3, 13},
		{Long, 41013, 2.2, 2.8, 25},
	}
	for _, tt := range tests {
		t.Run(string(tt.shape), func(t *testing.T) {
			s, err := Measure(Reader(tt.shape, 24e6))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%.0f bytes a record, %.2f %% beyond ASCII, %.2f %% backslashes, runs of %.1f bytes",
				s.AverageBytes(), 100*s.NonASCIIShare(), 100*s.BackslashShare(), s.MeanRun())
			near(t, "bytes a record", s.AverageBytes(), tt.average, 0.05*tt.average)
			near(t, "% beyond ASCII", 100*s.NonASCIIShare(), tt.nonASCII, 0.1*tt.nonASCII)
			near(t, "% backslashes", 100*s.BackslashShare(), tt.backslashes, 0.1*tt.backslashes+0.05)
			near(t, "mean run", s.MeanRun(), tt.run, 0.1*tt.run)
		})
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s: got %.2f, want %.2f within %.2f", what, got, want, tolerance)
	}
}

// TestReader: whole records, no more than the size, another number in each.
func TestReader(t *testing.T) {
	for _, shape := range Shapes() {
		t.Run(string(shape), func(t *testing.T) {
			const size = 100e6
			blocks := newStream(shape, size, false)
			if blockSize := len(blocks.block); blockSize > size/2 || blockSize < 5e6 {
				t.Fatalf("a block has %d bytes: nothing would repeat", blockSize)
			}
			sum := maphash.MakeSeed()
			seen := map[uint64]bool{}
			var bytesRead, records, copies int64
			in := bufio.NewScanner(Reader(shape, size))
			in.Buffer(nil, 1<<20)
			for in.Scan() {
				bytesRead += int64(len(in.Bytes())) + 1
				records++
				hash := maphash.Bytes(sum, in.Bytes())
				if seen[hash] {
					copies++
				}
				seen[hash] = true
			}
			if err := in.Err(); err != nil || bytesRead > size || bytesRead < size-200e3 {
				t.Errorf("read %d bytes, %v; want nearly %d", bytesRead, err, int64(size))
			}
			if want := records / duplicateEvery; copies != want {
				t.Errorf("%d of %d records are copies, want %d", copies, records, want)
			}
		})
	}
}

func TestReaderRepeatsItself(t *testing.T) {
	for _, shape := range Shapes() {
		first, second := read(t, Reader(shape, 1e6)), read(t, iotest.OneByteReader(Reader(shape, 1e6)))
		if !bytes.Equal(first, second) {
			t.Errorf("%s: two readers gave different bytes", shape)
		}
		if longer := read(t, Reader(shape, 2e6)); !bytes.HasPrefix(longer, first) {
			t.Errorf("%s: a longer stream begins with other bytes", shape)
		}
	}
}

// TestBadReader: every record of the bad stream has what is wrong at its end.
func TestBadReader(t *testing.T) {
	for _, shape := range Shapes() {
		end := `"role":"asistant"}]}`
		if !shape.Conversation() {
			end = `"completion":"a second one"}`
		}
		lines := bytes.Split(bytes.TrimSpace(read(t, BadReader(shape, 1e6))), []byte("\n"))
		for i, line := range lines {
			if !json.Valid(line) || !bytes.HasSuffix(line, []byte(end)) {
				t.Fatalf("%s: record %d of %d does not end with %s", shape, i, len(lines), end)
			}
		}
	}
}

func TestHostile(t *testing.T) {
	tests := []struct {
		name string
		r    io.Reader
		want string
	}{
		{"newlines", Repeat("", "\n", 5), "\n\n\n\n\n"},
		{"one line without an end", Repeat(`{"a":"`, "ab", 11), `{"a":"ababa`},
		{"nested", Nested(`{"a":`, "1", "}", 2), `{"a":{"a":1}}` + "\n"},
		{"never closed", Nested("[", "", "", 3), "[[[\n"},
		{"wide", Wide(2), `{"k0":0,"k1":0}` + "\n"},
	}
	for _, tt := range tests {
		if got := string(read(t, tt.r)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if n, err := io.Copy(io.Discard, Repeat("x", "abc", 10e6)); n != 10e6 || err != nil {
		t.Errorf("read %d bytes, %v; want 10 MB", n, err)
	}
}

// BenchmarkReader: the generator must not be what a measurement waits for.
func BenchmarkReader(b *testing.B) {
	for _, shape := range Shapes() {
		b.Run(string(shape), func(b *testing.B) {
			b.SetBytes(1e9)
			buf := make([]byte, 256<<10)
			for b.Loop() {
				for r := Reader(shape, 1e9); ; {
					if _, err := r.Read(buf); err != nil {
						break
					}
				}
			}
		})
	}
}

func read(t *testing.T, r io.Reader) []byte {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil || len(data) == 0 {
		t.Fatalf("read %d bytes, %v", len(data), err)
	}
	return data
}
