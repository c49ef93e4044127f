// Package s3 is the rehearsal's Amazon S3: a real store (versitygw on a
// folder, in a child process) behind a front that does what the store does
// not: it verifies the caller's signature, records every request as the IAM
// actions it needs, lets a scenario inject faults, behaves as a bucket with
// default SSE-KMS encryption, keeps Last-Modified in virtual time, evaluates
// conditional writes, and emits EventBridge's "Object Created" events.
//
// Sources: the Amazon S3 API Reference for operations and errors, "Actions,
// resources, and condition keys for Amazon S3" in the Service Authorization
// Reference for actions, "EventBridge event message structure" in the S3 User
// Guide for events.
//
// What it stands in for: it answers over plain HTTP on loopback and records
// aws:SecureTransport as "true", since real clients come over TLS; it encrypts
// nothing, and records the KMS calls that S3 makes on the caller's behalf
// instead. It asks the log's judge whether policies allow a request. What it
// cannot show: replication, object lock, and the ETag of an SSE-KMS object,
// which at AWS is not the MD5 it is here. Keys with an empty, "." or ".."
// segment, and a key that is another key's folder, are refused because the
// store keeps objects as files.
package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/tuneline/tuneline/internal/loopback"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
)

// Options are what a Server stands for.
type Options struct {
	// Dir is where objects are kept; it must be empty or not exist yet.
	Dir string
	// Buckets are created at the start, versioned, with default encryption.
	Buckets []string
	// Region and AccountID own the buckets.
	Region, AccountID string
	// KeyARN is the KMS key of the buckets' default encryption.
	KeyARN string
	// Clock gives Last-Modified and the event time.
	Clock *clock.Clock
	// Keyring verifies signatures; Log takes the recording and the faults.
	Keyring *calls.Keyring
	Log     *calls.Log
	// OnCreated gets each "Object Created" event, one at a time and after its
	// request was answered. It may be nil.
	OnCreated func(event json.RawMessage)

	// sidecar keeps metadata in files even where the file system has
	// extended attributes; tests set it.
	sidecar bool
}

// Server is a running S3.
type Server struct {
	options  Options
	gateway  *gateway
	http     *http.Server
	url      string
	spoolDir string

	// mu makes a write one step: condition, commit and bookkeeping. Readers
	// hold it until the store has opened the object, not while streaming.
	mu       sync.RWMutex
	versions versions
	events   *dispatcher
}

// Start creates the buckets and serves S3 on a free loopback port, path style.
// ctx bounds the start; Close ends the server.
func Start(ctx context.Context, o Options) (*Server, error) {
	root, err := layOut(o.Dir)
	if err != nil {
		return nil, err
	}
	gw, err := startGateway(ctx, o, root)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options:  o,
		gateway:  gw,
		spoolDir: filepath.Join(root, "spool"),
		versions: versions{},
		events:   newDispatcher(o.OnCreated, o.Clock.Now()),
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, gw.Close())
	}
	return s, nil
}

// maxPut is the largest object or part that S3 takes at once, with room for the frames
// of a signed stream, in bytes
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
const maxPut = 6 << 30

// open creates the buckets and begins to serve.
func (s *Server) open(ctx context.Context) error {
	for _, bucket := range s.options.Buckets {
		if err := s.gateway.createBucket(ctx, bucket, s.options.Region); err != nil {
			return err
		}
	}
	listener, err := loopback.Listen(ctx, loopback.Any)
	if err != nil {
		return fmt.Errorf("listening for S3: %w", err)
	}
	s.url = "http://" + listener.Addr().String()
	s.http = loopback.NewServer(s, maxPut)
	go func() { _ = s.http.Serve(listener) }() // always ErrServerClosed, after Close
	return nil
}

// URL is the endpoint clients are given.
func (s *Server) URL() string { return s.url }

// Close drops open requests, delivers the events of those that took effect and
// ends the gateway process.
func (s *Server) Close() error {
	err := s.http.Close()
	s.events.close()
	return errors.Join(err, s.gateway.Close())
}

func (s *Server) hasBucket(name string) bool {
	return slices.Contains(s.options.Buckets, name)
}

// layOut makes the store's folders in dir and returns its absolute path.
func layOut(dir string) (string, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("resolving the store's folder: %w", err)
	}
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("reading the store's folder: %w", err)
	}
	if len(entries) > 0 {
		return "", fmt.Errorf("the store's folder %s is not empty", dir)
	}
	for _, sub := range []string{"objects", "versions", "metadata", "spool"} {
		if err := os.MkdirAll(filepath.Join(root, sub), 0o750); err != nil {
			return "", fmt.Errorf("making the store's folders: %w", err)
		}
	}
	return root, nil
}
