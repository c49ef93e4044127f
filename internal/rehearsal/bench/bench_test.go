package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
)

// Ensure an instance hands an event over, takes the answer and its times, and
// ends; with the least function, which is also what is compared with.
func TestInstance(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	g := &ground{dir: t.TempDir()}
	path, err := g.build(t.Context(), root, "hello", "./internal/rehearsal/bench/hello")
	if err != nil {
		t.Fatal(err)
	}
	if size, err := zipped(path); err != nil || size < 1e5 {
		t.Errorf("zipped: got %g, %v", size, err)
	}
	if _, err := start(t.Context(), runtimeapi.Function{Bootstrap: filepath.Join(g.dir, "missing")}); err == nil {
		t.Error("a binary that is missing: got no error")
	}
	runHello(t, path)
}

// runHello starts the function and has it answer.
func runHello(t *testing.T, path string) {
	t.Helper()
	i, err := start(t.Context(), runtimeapi.Function{Name: "hello", Bootstrap: path, MemoryMB: 128})
	if err != nil {
		t.Fatal(err)
	}
	took, err := i.ready(t.Context())
	if err != nil || took <= 0 {
		t.Errorf("ready after %v, %v", took, err)
	}
	for range 3 {
		a, err := i.ask(t.Context(), []byte(`{}`))
		if err != nil || string(a.body) != `"hello"` || a.total <= 0 || a.first <= 0 || a.first > a.total {
			t.Errorf("got %+v, %v", a, err)
		}
	}
	if _, err := os.Stat("/proc/self/status"); err == nil && i.memory() < 1e6 {
		t.Errorf("memory: got %g bytes", i.memory())
	}
	if err := i.stop(); err != nil {
		t.Error(err)
	}
}

// Ensure the metadata of a streamed answer are cut off wherever they end, and
// that the first byte after them is what counts as the first.
func TestStreamedAnswers(t *testing.T) {
	for name, parts := range map[string][]string{
		"in one piece":         {`{"statusCode":200}` + "\x00\x00\x00\x00\x00\x00\x00\x00" + "event"},
		"after the metadata":   {`{"statusCode":200}` + "\x00\x00\x00\x00\x00\x00\x00\x00", "event"},
		"within the delimiter": {`{"statusCode":200}` + "\x00\x00\x00", "\x00\x00\x00\x00\x00eve", "nt"},
	} {
		i := &instance{answers: make(chan answer, 1), started: time.Now()}
		mux := http.NewServeMux()
		mux.HandleFunc("POST /{how}", i.take)
		server := httptest.NewServer(mux)
		request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, server.URL+"/response", &pieces{parts})
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if a := <-i.answers; string(a.head) != `{"statusCode":200}` || string(a.body) != "event" || a.first <= 0 || a.err != nil {
			t.Errorf("%s: got %q, %q, %v, %v", name, a.head, a.body, a.first, a.err)
		}
		server.Close()
	}
}

// pieces is a reader that gives one piece at a time.
type pieces struct{ left []string }

func (p *pieces) Read(to []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(to, p.left[0])
	p.left = p.left[1:]
	return n, nil
}

// Ensure answers that are not complete are no samples.
func TestCheck(t *testing.T) {
	good := map[string]string{
		"Converse": `{"stopReason":"end_turn"}`, "ConverseStream": "...latencyMs...",
		"chat completion": `{"choices":[{"finish_reason":"stop"}]}`, "chat completion, streamed": "data: [DONE]",
	}
	for _, r := range routes {
		if err := r.check([]byte(`{"statusCode":200}`), []byte(good[r.name])); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
		if r.check(nil, []byte("half")) == nil || r.check([]byte(`{"statusCode":429}`), []byte(good[r.name])) == nil {
			t.Errorf("%s: a bad answer passes", r.name)
		}
		event, err := r.event()
		if err != nil || !strings.Contains(string(event), `"resource":"/model/{model}`+r.operation+`"`) {
			t.Errorf("%s: event %s, %v", r.name, event, err)
		}
	}
}

// Ensure a goal that is missed is said to be.
func TestRender(t *testing.T) {
	m := &measured{
		settings: settings{requests: 2000, starts: 30, service: 20 * time.Millisecond},
		routes: []routeResult{
			{route: routes[0], added: []float64{0.4, 0.5, 0.6}, first: []float64{9}, hop: []float64{0.2, 0.3, 0.35}, busy: []float64{0.1}},
			{route: routes[1], added: []float64{0.7, 0.9, 4}, first: []float64{2.5}, hop: []float64{0.3}, busy: []float64{0.2}},
		},
		invokeStart: []float64{14}, helloStart: []float64{10}, invokeSize: 7e6,
		instance: instanceResult{rate: 1000, memory: 30e6, objects: 900, bytes: 80e3},
	}
	text := m.render()
	for _, want := range []string{
		"| the function adds ≤ 1 ms, p50 | 0.90 ms | ok |",
		"| the function adds ≤ 3 ms, p99 | 3.94 ms | **missed** |",
		"| the first token is ≤ 2 ms later, p50 | 2.50 ms | **missed** |",
		"| cold start ≤ 1.5 × that of a bare function | 1.40 × | ok |",
		"| zipped binary ≤ 6 MB | 7.00 MB | **missed** |",
		"| Converse | 0.50 | 0.60 | 9.00 | 9.00 | 0.30 | 0.35 | 0.10 | 0.10 |",
		"| allocations a request (Converse) | 900, 80 kB | – |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the results lack %q:\n%s", want, text)
		}
	}
}
