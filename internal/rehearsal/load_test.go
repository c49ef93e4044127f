package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
)

// inFlight is how many requests are under way at once.
const inFlight = 64

// heavy says whether load is to be tried in full: make test-load.
func heavy() bool { return os.Getenv("TUNELINE_LOAD") == "full" }

// loadClient keeps a connection for each request under way.
func loadClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: inFlight, MaxIdleConns: inFlight}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// exchange sends a signed request and reads its answer; unlike send it may be
// used from any goroutine.
func (f *fixture) exchange(ctx context.Context, client *http.Client, path, body string) (status int, answer []byte, err error) {
	response, err := f.open(ctx, client, path, body)
	if err != nil {
		return 0, nil, err
	}
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, errors.Join(err, response.Body.Close())
}

// open sends a signed request and returns the answer with its body unread.
func (f *fixture) open(ctx context.Context, client *http.Client, path, body string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.APIURL()+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if err := sign(ctx, request, f.Operator().Credentials, f.Stack.Region, []byte(body)); err != nil {
		return nil, err
	}
	return client.Do(request)
}

// Ensure no request is lost or answered with another's answer, whatever goes on
// at the same time, and that a swap and a rollback in the middle fail none: they
// are in the middle because callers ask until they have seen both.
func TestLoad(t *testing.T) {
	total := 900
	if heavy() {
		total = 10_000
	}
	f := start(t, nova, "default")
	f.train("m", conversation("a"), finetune.EndDeployed)
	before := f.invocations()
	load := f.ask64(int64(total))
	f.eventually("a third was answered", func() bool { return load.done.Load() >= int64(total/3) })
	f.train("m", conversation("b"), finetune.EndDeployed)
	f.eventually("all callers get the new model", func() bool { return load.all("b") })
	f.goBack("m", "", finetune.EndDeployed)
	f.eventually("all callers get the model before", func() bool { return load.all("a") })
	load.over.Store(true)
	load.workers.Wait()
	if asked, done := f.invocations()-before, int(load.done.Load()); asked != done || done < total {
		t.Errorf("Bedrock got %d requests of the function for %d of callers, who had to make %d", asked, done, total)
	}
	f.eventually("no environment is busy", func() bool { return !f.host.Busy() })
	if got := f.Bedrock.Inferences(); got.Open != 0 || got.Abandoned != 0 || got.Broken != 0 {
		t.Errorf("Bedrock's answers: %+v, want all taken", got)
	}
}

// load is what callers are at.
type load struct {
	workers sync.WaitGroup
	// done counts answers.
	done atomic.Int64
	// over lets the callers end, once they have asked often enough.
	over atomic.Bool

	mu sync.Mutex
	// set is the data set that the last answers told of, and row how many.
	set string
	row int
}

// told takes notice of the data set that an answer told of.
func (l *load) told(set string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if set != l.set {
		l.set, l.row = set, 0
	}
	l.row++
}

// all says whether a data set is all that callers are told of by now.
func (l *load) all(set string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.set == set && l.row >= 2*inFlight
}

// ask64 asks model m with so many requests or more, 64 at a time.
func (f *fixture) ask64(total int64) *load {
	f.t.Helper()
	l, client := &load{}, loadClient(f.t)
	f.t.Cleanup(func() { // when the test ends before it ends them
		l.over.Store(true)
		l.workers.Wait()
	})
	var next atomic.Int64
	for range inFlight {
		l.workers.Go(func() {
			for n := next.Add(1); n <= total || !l.over.Load() && !f.t.Failed(); n = next.Add(1) {
				set, err := f.askNumber(f.t.Context(), client, int(n))
				if err != nil {
					f.t.Errorf("request %d: %v", n, err)
				}
				if set != "" {
					l.told(set)
				}
				l.done.Add(1)
			}
		})
	}
	return l
}

// askNumber asks the n-th request, each in its own form: half of them about
// something that only it knows, half about what the data sets differ in, and of
// those it returns which set answered.
func (f *fixture) askNumber(ctx context.Context, client *http.Client, n int) (set string, err error) {
	w := everyForm[n%len(everyForm)]
	note := fmt.Sprintf("note %d of %d", n, n*n)
	body, want := w.note("m", note), map[string]string{noted(note): ""}
	if n/len(everyForm)%2 == 0 {
		topic := n % len(topics)
		body, want = w.ask("m", question(topic)), map[string]string{fact("a", topic): "a", fact("b", topic): "b"}
	}
	status, answer, err := f.exchange(ctx, client, "/model/m"+w.path, body)
	if err != nil || status != http.StatusOK {
		return "", fmt.Errorf("%s: status %d, %s: %w", w.name, status, answer, err)
	}
	text, err := w.text(answer)
	if err != nil {
		return "", fmt.Errorf("%s: %w", w.name, err)
	}
	set, known := want[text]
	if !known {
		return "", fmt.Errorf("%s: got %q, want one of %q", w.name, text, want)
	}
	return set, nil
}

// Ensure that clients who read slowly get all of their answer, that clients who
// leave disturb nobody, and that of neither anything is left: no goroutine, no
// connection, no environment at work, no answer of Bedrock's under way.
func TestSlowReadersAndHangUps(t *testing.T) {
	const slowReaders, leavers = 8, inFlight / 2
	hangUps := 200
	if heavy() {
		hangUps = 1000
	}
	f := start(t, nova, "default")
	f.train("m", conversation("a"), finetune.EndDeployed)
	f.rest()
	idle := runtime.NumGoroutine()
	client := loadClient(t)

	f.Bedrock.SetInference(bedrock.Inference{AnswerTokens: 20_000}) // some 5 MB, more than buffers on the way hold
	begun, release := make(chan struct{}, slowReaders), make(chan struct{})
	var slow, leaving sync.WaitGroup
	for n := range slowReaders {
		slow.Go(func() {
			if err := f.readSlowly(t.Context(), client, everyForm[n%2*4+1], begun, release); err != nil {
				t.Errorf("slow reader %d: %v", n, err)
			}
		})
	}
	for range slowReaders {
		<-begun
	}
	t.Logf("while the slow readers wait, %d of %d answers are held up", f.Bedrock.Inferences().Open, slowReaders)
	f.Bedrock.SetInference(bedrock.Inference{AnswerTokens: 100})
	places := make(chan struct{}, leavers)
	for n := range hangUps {
		places <- struct{}{}
		leaving.Go(func() {
			defer func() { <-places }()
			if err := f.hangUp(t.Context(), client, everyForm[n%len(everyForm)]); err != nil {
				t.Errorf("hang-up %d: %v", n, err)
			}
		})
	}
	leaving.Wait()
	f.Bedrock.SetInference(bedrock.Inference{})
	f.mustAnswer("m", question(1), fact("a", 1))
	close(release)
	slow.Wait()

	f.eventually("Bedrock's answers are over", func() bool { return f.Bedrock.Inferences().Open == 0 })
	client.CloseIdleConnections()
	f.rest()
	// S3's front keeps a connection for each environment there was at once, with
	// two goroutines; of every client who left, less than one may be there.
	kept := 2 * (slowReaders + leavers)
	f.eventually("no goroutine is left", func() bool { return runtime.NumGoroutine() <= idle+kept })
	if t.Failed() {
		_ = pprof.Lookup("goroutine").WriteTo(os.Stdout, 1) // for whoever looks into it
	}
}

// rest waits until nothing is at work, and ends what is kept for later.
func (f *fixture) rest() {
	f.t.Helper()
	f.eventually("no environment is busy", func() bool { return !f.host.Busy() })
	for _, function := range f.Stack.Functions {
		f.host.Recycle(function.Name)
	}
	http.DefaultClient.CloseIdleConnections()
	last := 0
	f.eventually("the goroutines are as many as before", func() bool {
		same := runtime.NumGoroutine() == last
		last = runtime.NumGoroutine()
		time.Sleep(20 * time.Millisecond)
		return same
	})
}

// readSlowly opens a stream, reads its beginning, and the rest only when it is
// released.
func (f *fixture) readSlowly(ctx context.Context, client *http.Client, w form, begun chan<- struct{}, release <-chan struct{}) (err error) {
	tell := sync.OnceFunc(func() { begun <- struct{}{} })
	defer tell()
	response, err := f.open(ctx, client, "/model/m"+w.path, w.ask("m", question(3)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	begin := make([]byte, 64)
	if _, err := io.ReadFull(response.Body, begin); err != nil {
		return fmt.Errorf("reading the beginning: %w", err)
	}
	tell()
	<-release
	rest, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the rest: %w", err)
	}
	text, err := w.text(append(begin, rest...))
	if err != nil || !strings.HasPrefix(text, fact("a", 3)) || len(text) < 100_000 {
		return fmt.Errorf("got %d bytes of text: %w", len(text), err)
	}
	return nil
}

// hangUp opens an answer, reads a byte of it and closes the connection.
func (f *fixture) hangUp(ctx context.Context, client *http.Client, w form) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	response, err := f.open(ctx, client, "/model/m"+w.path, w.ask("m", question(4)))
	if err != nil {
		return err
	}
	if _, err := io.ReadFull(response.Body, make([]byte, 1)); err != nil {
		return fmt.Errorf("reading the first byte: %w", err)
	}
	leave()
	_ = response.Body.Close() // the connection is broken, as it should be
	return nil
}
