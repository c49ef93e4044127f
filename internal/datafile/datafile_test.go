package datafile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const text = `{"prompt":"a","completion":"b"}` + "\n"

// write writes a file of the test's own and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(t *testing.T, content string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func zstandard(t *testing.T, content string, options ...zstd.EOption) string {
	t.Helper()
	w, err := zstd.NewWriter(nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(content), nil))
}

// opened opens a file for the rest of the test.
func opened(t *testing.T, name string) *File {
	t.Helper()
	f, err := Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checkNil(t, f.Close()) })
	return f
}

func checkNil(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// checkError ensures that an error is of a kind and says what to do.
func checkError(t *testing.T, err, kind error, want ...string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) {
		t.Fatalf("got error %v, want one of %v", err, kind)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q lacks %q", err, w)
		}
	}
}

// TestOpen ensures that a file gives the same bytes, however it is packed and
// whatever it is called.
func TestOpen(t *testing.T) {
	tests := map[string]struct {
		file, content string
		packing       Packing
		size          int64
	}{
		"plain":            {"a.jsonl", text, "", int64(len(text))},
		"gzip":             {"a.jsonl.gz", gzipped(t, text), Gzip, 0},
		"gzip by its mark": {"a.jsonl", gzipped(t, text), Gzip, 0},
		"gzip in members":  {"a.jsonl.gz", gzipped(t, text[:9]) + gzipped(t, text[9:]), Gzip, 0},
		"zstd":             {"a.jsonl.zst", zstandard(t, text), Zstd, 0},
		"zstd by its mark": {"a", zstandard(t, text), Zstd, 0},
		"zstd skips first": {"a", "\x5A\x2A\x4D\x18\x02\x00\x00\x00xx" + zstandard(t, text), Zstd, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := write(t, test.file, test.content)
			f := opened(t, path)
			got, err := io.ReadAll(f)
			if err != nil || string(got) != text {
				t.Fatalf("read %q, %v; want %q", got, err, text)
			}
			if f.Name != path || f.Packing != test.packing || f.Size != test.size {
				t.Errorf("got %s, packing %q, %d bytes; want %s, %q, %d", f.Name, f.Packing, f.Size, path, test.packing, test.size)
			}
			if read, of := f.Progress(); read != int64(len(test.content)) || of != read {
				t.Errorf("progress is %d of %d, want %d of it", read, of, len(test.content))
			}
			checkNil(t, f.Finish())
		})
	}
}

// TestOpenEmpty ensures that an empty file is read as one.
func TestOpenEmpty(t *testing.T) {
	if got, err := io.ReadAll(opened(t, write(t, "empty.jsonl", ""))); len(got) != 0 || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	tests := map[string]struct {
		path string
		kind error
		want string
	}{
		"nothing there": {filepath.Join(dir, "none.jsonl"), fs.ErrNotExist, "check the path"},
		"a directory":   {dir, nil, filepath.Join(dir, "*.jsonl")},
		"not gzip":      {write(t, "a.jsonl.gz", text), nil, "take .gz off the name"},
		"not zstd":      {write(t, "a.jsonl.zst", text), nil, "take .zst off the name"},
		"a zip archive": {write(t, "a.zip", "PK\x03\x04...."), nil, "gzip or zstd"},
		"half a header": {write(t, "a.gz", "\x1F\x8B\x08"), io.ErrUnexpectedEOF, "unpacking"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), test.path)
			checkError(t, err, test.kind, test.path, test.want)
		})
	}
}

// TestExplainPath covers the permissions, which do not bind a test that runs as root.
func TestExplainPath(t *testing.T) {
	checkError(t, explainPath("a.jsonl", &fs.PathError{Op: "open", Path: "a.jsonl", Err: fs.ErrPermission}), fs.ErrPermission, "have its permissions changed")
	checkError(t, explainPath("a.jsonl", io.ErrClosedPipe), io.ErrClosedPipe, "opening a.jsonl")
}

// TestDamaged ensures that what cannot be unpacked to its end says so.
func TestDamaged(t *testing.T) {
	long := strings.Repeat(text, 1000)
	packed := map[Packing]string{Gzip: gzipped(t, long), Zstd: zstandard(t, long)}
	for packing, content := range packed {
		t.Run(string(packing), func(t *testing.T) {
			cut := write(t, "cut", content[:len(content)-5])
			_, err := io.ReadAll(opened(t, cut))
			checkError(t, err, io.ErrUnexpectedEOF, cut, "cut off")

			// In the middle as well, and closing it is no second mistake.
			half := write(t, "half", content[:len(content)/2])
			_, err = io.ReadAll(opened(t, half))
			checkError(t, err, io.ErrUnexpectedEOF, half, "cut off")

			flipped := []byte(content)
			flipped[len(flipped)-2] ^= 0x55
			wrong := write(t, "wrong", string(flipped))
			_, err = io.ReadAll(opened(t, wrong))
			checkError(t, err, nil, wrong, "is damaged")
		})
	}
}

// TestZstdWindow ensures that a file cannot ask for any amount of memory: this
// frame's header wants a window of 1 GiB.
func TestZstdWindow(t *testing.T) {
	path := write(t, "a.zst", "\x28\xB5\x2F\xFD\x00\xA0\x01\x00\x00")
	_, err := io.ReadAll(opened(t, path))
	checkError(t, err, zstd.ErrWindowSizeExceeded, "128 MiB", "without --long")
}

// TestBomb ensures that reading stops soon after the limit, and that text which
// merely packs well is no bomb.
func TestBomb(t *testing.T) {
	const size = 4 << 20
	limits := bombLimits{Bytes: 1 << 20, Ratio: 500}
	zeros := strings.Repeat("\x00", size)
	for packing, content := range map[Packing]string{Gzip: gzipped(t, zeros), Zstd: zstandard(t, zeros)} {
		t.Run(string(packing), func(t *testing.T) {
			f, err := opener{limits: limits}.open(t.Context(), write(t, "bomb", content))
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, f)
			checkError(t, errors.Join(err, f.Close()), ErrBomb, "zip bomb")
			if n < limits.Bytes/2 || n > 2*limits.Bytes {
				t.Errorf("read %d bytes, want about %d", n, limits.Bytes)
			}
		})
	}
	// Every line another number of spaces: about 100:1.
	var tabular strings.Builder
	for i := 0; tabular.Len() < size; i++ {
		tabular.WriteString(strings.Repeat(" ", i%997) + "x\n")
	}
	f, err := opener{limits: limits}.open(t.Context(), write(t, "text", gzipped(t, tabular.String())))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, f)
	if err := errors.Join(err, f.Close()); err != nil || n != int64(tabular.Len()) {
		t.Errorf("read %d of %d bytes: %v", n, tabular.Len(), err)
	}
}

// TestFinish ensures that whatever happens to a file meanwhile is noticed.
func TestFinish(t *testing.T) {
	changes := map[string]func(path string) error{
		"appended to": func(path string) error { return os.WriteFile(path, []byte(text+text), 0o600) },
		"touched":     func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) },
		"replaced": func(path string) error {
			other := path + ".new"
			if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
				return err
			}
			return os.Rename(other, path)
		},
		"removed": os.Remove,
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			path := write(t, "a.jsonl", text)
			f := opened(t, path)
			if _, err := io.ReadAll(f); err != nil {
				t.Fatal(err)
			}
			checkNil(t, f.Finish())
			checkNil(t, change(path))
			checkError(t, f.Finish(), ErrChanged, path, "check again")
		})
	}
}

// useStdin makes a file standard input for the rest of the test.
func useStdin(t *testing.T, file *os.File) {
	t.Helper()
	before := os.Stdin
	os.Stdin = file
	t.Cleanup(func() { os.Stdin = before })
}

// TestStdin ensures that "-" reads a pipe, a packed one too, and a redirected file.
func TestStdin(t *testing.T) {
	for name, content := range map[string]string{"plain": text, "gzip": gzipped(t, text)} {
		t.Run(name, func(t *testing.T) {
			out, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			useStdin(t, out)
			if _, err := in.WriteString(content); err != nil {
				t.Fatal(err)
			}
			checkNil(t, in.Close())
			f := opened(t, Stdin)
			got, err := io.ReadAll(f)
			if err != nil || string(got) != text || f.Name != "stdin" || f.Size != 0 {
				t.Errorf("read %q of %s with %d bytes, %v", got, f.Name, f.Size, err)
			}
			checkNil(t, f.Finish())
		})
	}
	t.Run("a file", func(t *testing.T) {
		file, err := os.Open(write(t, "a.jsonl", text))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { checkNil(t, file.Close()) })
		useStdin(t, file)
		f := opened(t, Stdin)
		got, err := io.ReadAll(f)
		if err != nil || string(got) != text || f.Size != int64(len(text)) {
			t.Errorf("read %q with %d bytes, %v", got, f.Size, err)
		}
		checkNil(t, f.Finish())
	})
}

// TestStdinInterrupted ensures that a pipe nobody writes to ends with the context.
func TestStdinInterrupted(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checkNil(t, in.Close()) })
	useStdin(t, out)
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := in.WriteString(text); err != nil {
		t.Fatal(err)
	}
	f, err := Open(ctx, Stdin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(f, make([]byte, len(text))); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	checkNil(t, f.Close())
}

func TestExpand(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"b.jsonl", "a.jsonl", "a[1].jsonl", "c.txt"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	checkNil(t, os.Mkdir("d.jsonl", 0o700))
	tests := map[string]struct {
		args, want []string
	}{
		"as they are":     {[]string{"b.jsonl", "none.jsonl", "-"}, []string{"b.jsonl", "none.jsonl", "-"}},
		"a pattern":       {[]string{"?.jsonl"}, []string{"a.jsonl", "b.jsonl"}},
		"in its place":    {[]string{"c.txt", "[ab].jsonl"}, []string{"c.txt", "a.jsonl", "b.jsonl"}},
		"a file's name":   {[]string{"a[1].jsonl"}, []string{"a[1].jsonl"}},
		"an object":       {[]string{"s3://bucket/a*.jsonl"}, []string{"s3://bucket/a*.jsonl"}},
		"a version of it": {[]string{"s3://bucket/a.jsonl?versionId=1"}, []string{"s3://bucket/a.jsonl?versionId=1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := Expand(test.args); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("Expand(%q) = %q, %v; want %q", test.args, got, err, test.want)
			}
		})
	}
}

func TestExpandRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	tests := map[string]struct {
		args []string
		want string
	}{
		"nothing":         {[]string{""}, "is empty"},
		"no match":        {[]string{"*.jsonl"}, "no file matches *.jsonl"},
		"no pattern":      {[]string{"[.jsonl"}, "escape the ["},
		"stdin twice":     {[]string{"-", "-"}, "once"},
		"a prefix":        {[]string{"s3://bucket/data/"}, "name one object"},
		"a bucket":        {[]string{"s3://bucket"}, "s3://bucket/key"},
		"no bucket":       {[]string{"s3:///key"}, "s3://bucket/key"},
		"no version":      {[]string{"s3://bucket/key?versionId="}, "names no version"},
		"a prefix's root": {[]string{"s3://bucket/"}, "s3://bucket/key"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Expand(test.args)
			checkError(t, err, nil, test.want)
		})
	}
}
