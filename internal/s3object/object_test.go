package s3object

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/smithy-go"
)

// read reads an object to its end, as a data set is read.
func read(t *testing.T, s *server, o Options) ([]byte, error) {
	t.Helper()
	client := s.client()
	r := s.object(client).Open(t.Context(), client, o)
	got, err := io.ReadAll(r)
	closing(t, r)
	return got, err
}

// Ensure objects of any size arrive whole and in order, in as few requests as
// were asked for, with the version and the ETag on each.
func TestRead(t *testing.T) {
	tests := map[string]struct {
		size    int
		options Options
		want    []string
	}{
		"empty":                    {0, small, nil},
		"one byte":                 {1, small, []string{""}},
		"just short of parallel":   {1999, small, []string{""}},
		"two whole parts":          {2000, small, []string{"bytes=0-999", "bytes=1000-1999"}},
		"a last part of one byte":  {2001, small, []string{"bytes=0-999", "bytes=1000-1999", "bytes=2000-2000"}},
		"large, as one stream":     {50_000, single, []string{""}},
		"the defaults of a stream": {50_000, Options{}, []string{""}},
		"one part for all":         {3000, Options{ParallelFrom: 1, PartBytes: 9000}, []string{""}},
		"parts, one at once":       {2000, Options{ParallelFrom: 1, PartBytes: 1000, Parts: 1}, []string{"bytes=0-999", "bytes=1000-1999"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &server{t: t, body: bytesOf(test.size)}
			got, err := read(t, s, test.options)
			if err != nil || !bytes.Equal(got, s.body) {
				t.Errorf("read %d bytes, %v; want the object's %d", len(got), err, test.size)
			}
			asked := s.asked()
			slices.Sort(asked)
			if !slices.Equal(asked, test.want) {
				t.Errorf("asked for %q, want %q", asked, test.want)
			}
		})
	}
}

// Ensure the reader keeps io.Reader's word, whatever buffer it is read with.
func TestReaderContract(t *testing.T) {
	for name, o := range map[string]Options{"stream": single, "parts": small} {
		t.Run(name, func(t *testing.T) {
			s := &server{t: t, body: bytesOf(4321), head: map[string]string{"x-amz-checksum-crc64nvme": sum(crc64.New(nvme), bytesOf(4321))}}
			client := s.client()
			r := s.object(client).Open(t.Context(), client, o)
			defer closing(t, r)
			if err := iotest.TestReader(r, s.body); err != nil {
				t.Error(err)
			}
		})
	}
}

// breakAt breaks the n-th answer off at the n-th byte.
func (s *server) breakAt(at ...int) {
	s.answer = func(n int, w http.ResponseWriter, _ *http.Request, from, to int) bool {
		if n < len(at) {
			s.send(w, from, to, at[n])
			hangUp()
		}
		return false
	}
}

// Ensure a connection that breaks is resumed from the byte reached.
func TestBrokenConnection(t *testing.T) {
	t.Run("twice", func(t *testing.T) {
		s := &server{t: t, body: bytesOf(100_000)}
		s.breakAt(30_000, 70_000)
		got, err := read(t, s, single)
		if err != nil || !bytes.Equal(got, s.body) {
			t.Errorf("read %d bytes, %v; want the object's", len(got), err)
		}
		if want := []string{"", "bytes=30000-99999", "bytes=70000-99999"}; !slices.Equal(s.asked(), want) {
			t.Errorf("asked for %q, want %q", s.asked(), want)
		}
	})
	t.Run("before its first byte", func(t *testing.T) {
		s := &server{t: t, body: bytesOf(100)}
		s.breakAt(0)
		if got, err := read(t, s, single); err != nil || !bytes.Equal(got, s.body) {
			t.Errorf("read %d bytes, %v; want the object's", len(got), err)
		}
	})
	t.Run("too often", func(t *testing.T) {
		s := &server{t: t, body: bytesOf(100_000)}
		s.breakAt(10_000, 20_000, 30_000, 40_000)
		got, err := read(t, s, single)
		if !errors.Is(err, ErrBroken) || !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(got, s.body[:30_000]) || len(s.asked()) != 3 {
			t.Errorf("read %d bytes in %d requests, %v; want 30000 in 3 and ErrBroken", len(got), len(s.asked()), err)
		}
	})
}

// Ensure each part is resumed by itself.
func TestBrokenParts(t *testing.T) {
	t.Run("every part, once", func(t *testing.T) {
		s := &server{t: t, body: bytesOf(5500)}
		s.answer = func(_ int, w http.ResponseWriter, _ *http.Request, from, to int) bool {
			if from%1000 == 0 {
				s.send(w, from, to, from+(to-from)/2)
				hangUp()
			}
			return false
		}
		got, err := read(t, s, small)
		if err != nil || !bytes.Equal(got, s.body) || len(s.asked()) != 12 {
			t.Errorf("read %d bytes in %d requests, %v; want the object's in 12", len(got), len(s.asked()), err)
		}
	})
	t.Run("one part, too often", func(t *testing.T) {
		s := &server{t: t, body: bytesOf(5500)}
		s.answer = func(_ int, w http.ResponseWriter, _ *http.Request, from, to int) bool {
			if from == 3000 {
				s.send(w, from, to, from)
				hangUp()
			}
			return false
		}
		got, err := read(t, s, small)
		if !errors.Is(err, ErrBroken) || !bytes.Equal(got, s.body[:3000]) {
			t.Errorf("read %d bytes, %v; want the 3000 before that part and ErrBroken", len(got), err)
		}
	})
}

func closing(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// Ensure a connection that brings nothing, before its answer or within it, is
// given up and resumed.
func TestStall(t *testing.T) {
	for name, after := range map[string]int{"before the answer": -1, "within the answer": 30_000} {
		t.Run(name, func(t *testing.T) {
			s := &server{t: t, body: bytesOf(100_000)}
			s.answer = func(n int, w http.ResponseWriter, r *http.Request, from, to int) bool {
				if n > 0 {
					return false
				}
				if after >= 0 {
					s.send(w, from, to, after)
				}
				<-r.Context().Done() // the client hangs up
				return true
			}
			got, err := read(t, s, Options{Stall: 300 * time.Millisecond})
			if err != nil || !bytes.Equal(got, s.body) || len(s.asked()) < 2 {
				t.Errorf("read %d bytes in %d requests, %v; want the object's in more than one", len(got), len(s.asked()), err)
			}
		})
	}
}

// sum is a checksum as S3 writes it.
func sum(h hash.Hash, body []byte) string {
	h.Write(body)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// Ensure the checksum S3 keeps is compared with what was read, in one stream,
// in parts and after a break; and that one of the parts' checksums is not taken
// for the object's.
func TestChecksum(t *testing.T) {
	body := bytesOf(5500)
	right := map[string]string{
		"x-amz-checksum-crc32":     sum(crc32.NewIEEE(), body),
		"x-amz-checksum-crc32c":    sum(crc32.New(crc32.MakeTable(crc32.Castagnoli)), body),
		"x-amz-checksum-crc64nvme": sum(crc64.New(nvme), body),
		"x-amz-checksum-sha256":    sum(sha256.New(), body),
	}
	wrong := map[string]string{}
	for name := range right {
		wrong[name] = map[string]string{
			"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-crc32c": "AAAAAA==", "x-amz-checksum-crc64nvme": "AAAAAAAAAAA=",
			"x-amz-checksum-sha256": sum(sha256.New(), nil),
		}[name]
	}
	for name := range right {
		for way, o := range map[string]Options{"stream": single, "parts": small} {
			t.Run(name+", "+way, func(t *testing.T) {
				s := &server{t: t, body: body, head: map[string]string{name: right[name], "x-amz-checksum-type": "FULL_OBJECT"}}
				s.answer = func(n int, w http.ResponseWriter, _ *http.Request, from, to int) bool {
					if n == 0 {
						s.send(w, from, to, from+10)
						hangUp()
					}
					return false
				}
				if got, err := read(t, s, o); err != nil || !bytes.Equal(got, body) {
					t.Errorf("read %d bytes, %v; want the object's", len(got), err)
				}
				s = &server{t: t, body: body, head: map[string]string{name: wrong[name]}}
				if got, err := read(t, s, o); !errors.Is(err, ErrChecksum) || !bytes.Equal(got, body) {
					t.Errorf("with the checksum of other bytes: read %d bytes, %v; want all and then ErrChecksum", len(got), err)
				}
			})
		}
	}
	for name, head := range map[string]map[string]string{
		"marked composite":   {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-type": "COMPOSITE"},
		"composite by value": {"x-amz-checksum-crc32": "AAAAAA==-3"},
		"none":               nil,
		"unknown":            {"x-amz-checksum-sha1": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{t: t, body: body, head: head}
			client := s.client()
			object := s.object(client)
			got, err := io.ReadAll(object.Open(t.Context(), client, single))
			if err != nil || !bytes.Equal(got, body) || object.Checksum() != "" {
				t.Errorf("read %d bytes, %v, verified by %q; want the object's, by nothing", len(got), err, object.Checksum())
			}
		})
	}
}

// Ensure the polynomial is that of CRC-64/NVME, by the check value of its
// specification.
func TestCRC64NVME(t *testing.T) {
	if got := crc64.Checksum([]byte("123456789"), nvme); got != 0xAE8B14860A799888 {
		t.Errorf("got %X, want AE8B14860A799888", got)
	}
}

// Ensure a refusal of S3 after a break is told with S3's own word, and not taken
// for another broken connection.
func TestRefusedAfterBreak(t *testing.T) {
	for code, status := range map[string]int{"PreconditionFailed": 412, "NoSuchVersion": 404, "AccessDenied": 403} {
		t.Run(code, func(t *testing.T) {
			s := &server{t: t, body: bytesOf(100_000)}
			s.answer = func(n int, w http.ResponseWriter, _ *http.Request, from, to int) bool {
				if n == 0 {
					s.send(w, from, to, 30_000)
					hangUp()
				}
				refuse(w, status, code)
				return true
			}
			_, err := read(t, s, single)
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != code || len(s.asked()) != 2 {
				t.Errorf("got %v after %d requests, want %s after 2", err, len(s.asked()), code)
			}
		})
	}
}

// Ensure an answer that is not the range asked for is refused, and not put
// behind the bytes of before.
func TestRangeIgnored(t *testing.T) {
	s := &server{t: t, body: bytesOf(5500)}
	s.answer = func(_ int, w http.ResponseWriter, _ *http.Request, _, _ int) bool {
		s.send(w, 0, len(s.body), len(s.body))
		return true
	}
	if got, err := read(t, s, small); err == nil || len(got) != 0 {
		t.Errorf("read %d bytes, %v; want an error", len(got), err)
	}
}

// Ensure no more is fetched ahead than the buffers hold.
func TestWindow(t *testing.T) {
	s := &server{t: t, body: bytesOf(40_000)}
	var handedOut atomic.Int64
	s.answer = func(_ int, _ http.ResponseWriter, _ *http.Request, _, to int) bool {
		if ahead := int64(to) - handedOut.Load(); ahead > small.PartBytes*int64(small.Parts) {
			t.Errorf("byte %d is fetched %d bytes ahead, want %d at most", to, ahead, small.PartBytes*int64(small.Parts))
		}
		return false
	}
	client := s.client()
	r := s.object(client).Open(t.Context(), client, small)
	defer closing(t, r)
	part := make([]byte, small.PartBytes)
	for range len(s.body) / len(part) {
		if _, err := io.ReadFull(r, part); err != nil {
			t.Fatal(err)
		}
		handedOut.Add(int64(len(part)))
	}
}

// Ensure reading takes the memory of the buffers, and not that of the object.
func TestMemoryIsFlat(t *testing.T) {
	const size, most = 64 << 20, 16 << 20
	for name, o := range map[string]Options{"stream": single, "parts": {ParallelFrom: 1, PartBytes: 1 << 20, Parts: 4}} {
		t.Run(name, func(t *testing.T) {
			s := &server{t: t, body: make([]byte, size)}
			client := s.client()
			r := s.object(client).Open(t.Context(), client, o)
			defer closing(t, r)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			n, err := io.Copy(io.Discard, struct{ io.Reader }{r})
			runtime.ReadMemStats(&after)
			if err != nil || n != size || after.TotalAlloc-before.TotalAlloc > most {
				t.Errorf("read %d bytes, %v, allocating %d in all; want %d and no more than %d allocated", n, err, after.TotalAlloc-before.TotalAlloc, size, most)
			}
		})
	}
}

// Ensure a version that is not there is told with S3's own word.
func TestHeadMissing(t *testing.T) {
	s := &server{t: t, missing: true}
	var api smithy.APIError
	if _, err := Head(t.Context(), s.client(), "bucket", "key.jsonl", testVersion); !errors.As(err, &api) || api.ErrorCode() != "NotFound" {
		t.Errorf("got %v, want NotFound", err)
	}
}
