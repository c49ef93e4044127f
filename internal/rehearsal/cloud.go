package rehearsal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tuneline/tuneline/internal/loopback"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
	"github.com/tuneline/tuneline/internal/rehearsal/control"
	"github.com/tuneline/tuneline/internal/rehearsal/guard"
	"github.com/tuneline/tuneline/internal/rehearsal/kms"
	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
	"github.com/tuneline/tuneline/internal/rehearsal/s3"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// AccountID is the pretended account: the one AWS's documentation uses.
const AccountID = "111122223333"

// Options say what to rehearse.
type Options struct {
	// Root is the repository's root; what is written goes below its ScratchDir, but
	// for the cloud's objects where Objects names a folder.
	Root, Objects string
	// Assembly is the cloud assembly's folder, from Synth.
	Assembly string
	// Scenario is the account's state: quotas, life cycles, outcomes, faults.
	Scenario bedrock.Scenario
	// OnEvent is told every state that is entered and left; it may be nil.
	OnEvent func(stepfunctions.Event)
	// Output takes what the functions print; nil drops it.
	Output io.Writer
	// Pace is the real time one virtual wait takes; 0 is as fast as it goes.
	Pace time.Duration
	// FunctionEnvironment is added to every function's own variables.
	FunctionEnvironment map[string]string
	// Boundary is the document of the permissions boundary that the configuration
	// names, which no template has; nil if it names none.
	Boundary json.RawMessage
	// Bootstraps are executables to run in place of functions' own, by the name
	// of the function's folder under lambdas/.
	Bootstraps map[string]string
}

// Cloud is a running local cloud with one deployed stack.
type Cloud struct {
	Stack         *template.Stack
	Clock         *clock.Clock
	Log           *calls.Log
	Keyring       *calls.Keyring
	Bedrock       *bedrock.Double
	StepFunctions *stepfunctions.Service

	options Options
	dir     string
	guard   *guard.Guard
	s3      *s3.Server
	kms     *kms.Server
	host    *runtimeapi.Host
	rules   []rule
	servers []*http.Server
	apiURL  string

	control    *control.Plane
	controlURL string

	background sync.WaitGroup
	// async counts the releases under way.
	async sync.WaitGroup

	mu            sync.Mutex
	permissions   map[string]policies // of the principals that are no role of the stack, by ARN
	urls          map[string]string
	uploads       map[string]chan struct{}
	started       []string
	delivered     []json.RawMessage
	notices       []Notice
	asyncFailures []string
	// kept are events that KeepUploads keeps from the bus.
	keeping bool
	kept    []json.RawMessage
}

// Start deploys the assembly's stack into a new local cloud. Close must be
// called, also when it is an error that says why the stack cannot run.
func Start(ctx context.Context, o Options) (_ *Cloud, err error) {
	if o.Output == nil {
		o.Output = io.Discard
	}
	stack, err := template.Load(o.Assembly, template.Options{Region: o.Scenario.Region, AccountID: AccountID})
	if err != nil {
		return nil, fmt.Errorf("reading the synthesized stack: %w", err)
	}
	c := &Cloud{
		Stack:   stack,
		Clock:   clock.New(o.Scenario.Start),
		Log:     new(calls.Log),
		Keyring: &calls.Keyring{Region: stack.Region},
		options: o,

		permissions: map[string]policies{},
		urls:        map[string]string{},
		uploads:     map[string]chan struct{}{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if err := c.makeDir(); err != nil {
		return nil, err
	}
	if c.rules, err = readRules(stack); err != nil {
		return nil, err
	}
	if err = c.enforce(); err != nil {
		return nil, err
	}
	return c, c.startServices(ctx)
}

// startServices starts the services in two waves: those with a process of
// their own at once, then those that need the addresses of the first.
func (c *Cloud) startServices(ctx context.Context) error {
	var s3Err, sfnErr error
	var starting sync.WaitGroup
	starting.Go(func() { s3Err = c.startS3(ctx) })
	starting.Go(func() { sfnErr = c.startStepFunctions(ctx) })
	starting.Wait()
	if err := errors.Join(s3Err, sfnErr); err != nil {
		return err
	}
	steps := []func(context.Context) error{c.startBedrock, c.startCloudWatch, c.startKMS, c.startControl, c.startFunctions, c.createMachines, c.startAPI}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes this cloud's own folder below the scratch folder.
func (c *Cloud) makeDir() error {
	clouds := cmp.Or(c.options.Objects, filepath.Join(c.options.Root, ScratchDir, "clouds"))
	if err := os.MkdirAll(clouds, 0o750); err != nil {
		return fmt.Errorf("making the rehearsal's folder: %w", err)
	}
	if err := removeStale(clouds); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(clouds, "")
	if err != nil {
		return fmt.Errorf("making the rehearsal's folder: %w", err)
	}
	c.dir = dir
	return nil
}

// removeStale removes what a rehearsal that was killed left behind, a day ago
// or more: a younger one may be another that still runs.
func removeStale(clouds string) error {
	entries, err := os.ReadDir(clouds)
	if err != nil {
		return fmt.Errorf("looking for earlier rehearsals: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || time.Since(info.ModTime()) < 24*time.Hour {
			continue
		}
		if err := os.RemoveAll(filepath.Join(clouds, entry.Name())); err != nil {
			return fmt.Errorf("removing an earlier rehearsal: %w", err)
		}
	}
	return nil
}

// maxRequest is the largest body of a request, in bytes: more than API Gateway and
// Bedrock take, so that their doubles say so themselves.
const maxRequest = 64 << 20

// serve serves a handler on loopback and returns its URL.
func (c *Cloud) serve(handler http.Handler) (string, error) {
	listener, err := loopback.Listen(context.Background(), loopback.Any)
	if err != nil {
		return "", fmt.Errorf("listening on loopback: %w", err)
	}
	server := loopback.NewServer(handler, maxRequest)
	c.servers = append(c.servers, server)
	c.background.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(c.options.Output, "serving:", err)
		}
	})
	return "http://" + listener.Addr().String(), nil
}

// verify returns the signature check of one service.
func (c *Cloud) verify(service string) func(*http.Request) (calls.Principal, error) {
	return func(r *http.Request) (calls.Principal, error) { return c.Keyring.Verify(r, service) }
}

// onStatus puts a status change of an execution on the event bus.
func (c *Cloud) onStatus(event json.RawMessage) {
	if err := c.Deliver(context.Background(), event); err != nil {
		c.failDelivery(err)
	}
}

// onCreated puts an "Object Created" event on the event bus, and tells Upload.
func (c *Cloud) onCreated(event json.RawMessage) {
	var created struct {
		Detail struct {
			Object struct {
				Key       string `json:"key"`
				VersionID string `json:"version-id"`
			} `json:"object"`
		} `json:"detail"`
	}
	if err := json.Unmarshal(event, &created); err != nil {
		c.failDelivery(err)
		return
	}
	object := created.Detail.Object
	if !c.keep(object.Key, event) {
		if err := c.Deliver(context.Background(), event); err != nil {
			c.failDelivery(err)
		}
	}
	close(c.uploaded(object.VersionID))
}

// uploaded returns the channel that is closed once the event of an object
// version was delivered.
func (c *Cloud) uploaded(version string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uploads[version] == nil {
		c.uploads[version] = make(chan struct{})
	}
	return c.uploads[version]
}

func (c *Cloud) failDelivery(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asyncFailures = append(c.asyncFailures, err.Error())
}

// Close stops everything Start started, and removes what it wrote.
func (c *Cloud) Close() error {
	var errs []error
	if c.StepFunctions != nil {
		c.StepFunctions.Close()
	}
	if c.host != nil {
		errs = append(errs, c.host.Close())
	}
	c.async.Wait()
	for _, server := range c.servers {
		errs = append(errs, server.Close())
	}
	if c.kms != nil {
		errs = append(errs, c.kms.Close())
	}
	if c.s3 != nil {
		errs = append(errs, c.s3.Close())
	}
	c.background.Wait()
	if c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}
