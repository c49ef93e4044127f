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
// at the same time, and that a swap and a rollback in the middle fail none.
func TestLoad(t *testing.T) {
	total := 900
	if heavy() {
		total = 10_000
	}
	f := start(t, nova, "default")
	f.train("m", conversation("a"), finetune.EndDeployed)
	before := f.invocations()
	client := loadClient(t)
	var next, done atomic.Int64
	var workers sync.WaitGroup
	for range inFlight {
		workers.Go(func() {
			for n := next.Add(1); n <= int64(total); n = next.Add(1) {
				if err := f.askNumber(t.Context(), client, int(n)); err != nil {
					t.Errorf("request %d of %d: %v", n, total, err)
				}
				done.Add(1)
			}
		})
	}
	f.eventually("a third was answered", func() bool { return done.Load() >= int64(total/3) })
	f.train("m", conversation("b"), finetune.EndDeployed)
	f.eventually("half were answered", func() bool { return done.Load() >= int64(total/2) })
	f.goBack("m", "", finetune.EndDeployed)
	workers.Wait()
	if asked := f.invocations() - before; asked != total {
		t.Errorf("Bedrock got %d requests of the function for %d of callers", asked, total)
	}
	f.eventually("no environment is busy", func() bool { return !f.host.Busy() })
	if got := f.Bedrock.Inferences(); got.Open != 0 || got.Abandoned != 0 || got.Broken != 0 {
		t.Errorf("Bedrock's answers: %+v, want all taken", got)
	}
}

// askNumber asks the n-th request, each in its own form: half of them about
// something that only it knows, half about what the data sets differ in.
func (f *fixture) askNumber(ctx context.Context, client *http.Client, n int) error {
	w := everyForm[n%len(everyForm)]
	note := fmt.Sprintf("note %d of %d", n, n*n)
	body, want := w.note("m", note), []string{noted(note)}
	if n/len(everyForm)%2 == 0 {
		topic := n % len(topics)
		body, want = w.ask("m", question(topic)), []string{fact("a", topic), fact("b", topic)}
	}
	status, answer, err := f.exchange(ctx, client, "/model/m"+w.path, body)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("%s: status %d, %s: %w", w.name, status, answer, err)
	}
	text, err := w.text(answer)
	if err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	for _, one := range want {
		if text == one {
			return nil
		}
	}
	return fmt.Errorf("%s: got %q, want one of %q", w.name, text, want)
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
