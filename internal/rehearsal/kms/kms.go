// Package kms is the rehearsal's AWS KMS: DescribeKey for one customer managed
// key, which is the only call the pipeline makes itself (before it submits a
// job with the key). It speaks awsJson1.1 as the KMS API Reference has it,
// verifies the caller's signature, records the call and asks the fault hook.
//
// What it cannot show: encryption. No data key is generated, nothing is
// decrypted, and no grant is made or used; whether Bedrock and S3 may use the key
// for a caller is asked, and recorded, by the doubles of those. Any other
// operation is answered with UnknownOperationException.
package kms

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tuneline/tuneline/internal/loopback"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
)

// KeyState is a key's state as DescribeKey names it.
type KeyState string

// The states a scenario can put the key in.
const (
	Enabled         KeyState = "Enabled"
	Disabled        KeyState = "Disabled"
	PendingDeletion KeyState = "PendingDeletion"
)

// Options are what a Server stands for.
type Options struct {
	// KeyARN is the key; Aliases ("alias/...") are its other names.
	KeyARN  string
	Aliases []string
	// AccountID owns the key.
	AccountID string
	// Clock gives the key's creation and deletion dates.
	Clock *clock.Clock
	// Keyring verifies signatures; Log takes the recording and the faults.
	Keyring *calls.Keyring
	Log     *calls.Log
}

// Server is a running KMS.
type Server struct {
	options Options
	created time.Time
	http    *http.Server
	url     string

	mu      sync.Mutex
	state   KeyState
	deleted time.Time
}

// Start serves KMS on a free loopback port, with the key enabled. ctx bounds
// the start; Close ends the server.
func Start(ctx context.Context, o Options) (*Server, error) {
	listener, err := loopback.Listen(ctx, loopback.Any)
	if err != nil {
		return nil, fmt.Errorf("listening for KMS: %w", err)
	}
	s := &Server{options: o, created: o.Clock.Now(), url: "http://" + listener.Addr().String(), state: Enabled}
	s.http = loopback.NewServer(s, 1<<20)
	go func() { _ = s.http.Serve(listener) }() // always ErrServerClosed, after Close
	return s, nil
}

// URL is the endpoint clients are given.
func (s *Server) URL() string { return s.url }

// Close ends the server.
func (s *Server) Close() error {
	if err := s.http.Close(); err != nil {
		return fmt.Errorf("closing KMS: %w", err)
	}
	return nil
}

// SetState puts the key in a state. PendingDeletion takes AWS's default
// waiting period of 30 days from the virtual time.
func (s *Server) SetState(state KeyState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
	s.deleted = s.options.Clock.Now().AddDate(0, 0, 30)
}

// failure is an error answer; KMS answers all of the client's with 400.
type failure struct {
	status        int
	code, message string
}

func refuse(code, format string, args ...any) *failure {
	return &failure{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

const maxBody = 1 << 20

// ServeHTTP answers one KMS request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	call := calls.Call{Time: s.options.Clock.Now(), Action: "kms:" + operation(r), Resource: "*", Context: map[string]string{}}
	document, fail := s.serve(r, &call)
	fault := s.fault(call, fail)
	if fault != nil {
		fail = &failure{fault.Status, fault.Code, fault.Message}
	}
	call.Status = http.StatusOK
	if fail != nil {
		if fail.status == 0 {
			fail.status = http.StatusInternalServerError
		}
		call.Status, call.Error = fail.status, fail.code
		document = map[string]string{"__type": fail.code, "message": fail.message}
	}
	s.options.Log.Record(call)
	if fault != nil && fault.Reset {
		panic(http.ErrAbortHandler)
	}
	body, err := json.Marshal(document)
	if err != nil {
		panic(fmt.Sprintf("encoding an answer of strings, numbers and booleans: %v", err))
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(call.Status)
	_, _ = w.Write(body) // the client has gone; nothing to answer
}

// fault asks the hook about a call that was signed. DescribeKey changes
// nothing, so before and after are the same.
func (s *Server) fault(call calls.Call, fail *failure) *calls.Fault {
	if fail != nil && call.Principal == (calls.Principal{}) {
		return nil
	}
	return s.options.Log.Fault(call)
}

func operation(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")
}

// serve verifies and answers, and completes the call for the recording.
func (s *Server) serve(r *http.Request, call *calls.Call) (any, *failure) {
	principal, err := s.options.Keyring.Verify(r, "kms")
	if err != nil {
		_, code, message := calls.AuthCode(err, "kms")
		return nil, refuse(code, "%s", message)
	}
	call.Principal, call.Context = principal, map[string]string{}
	if r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("X-Amz-Target") != "TrentService.DescribeKey" {
		return nil, refuse("UnknownOperationException", "the rehearsal's KMS models DescribeKey only, not %q", r.Header.Get("X-Amz-Target"))
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, refuse("SerializationException", "reading the request: %v", err)
	}
	var input struct {
		KeyID string `json:"KeyId"`
	}
	if err := json.Unmarshal(body, &input); err != nil {
		return nil, refuse("SerializationException", "decoding the request: %v", err)
	}
	if input.KeyID == "" {
		return nil, refuse("ValidationException", "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null")
	}
	return s.describe(input.KeyID, call)
}

// describe finds the key by any of its names.
func (s *Server) describe(name string, call *calls.Call) (any, *failure) {
	prefix, id, _ := strings.Cut(s.options.KeyARN, ":key/")
	alias, isAlias := strings.CutPrefix(name, prefix+":")
	if !isAlias {
		alias = name
	}
	known := name == s.options.KeyARN || name == id
	for _, a := range s.options.Aliases {
		if a == alias {
			known = true
			call.Context["kms:RequestAlias"] = a
		}
	}
	if !known {
		return nil, refuse("NotFoundException", "Key '%s' does not exist", name)
	}
	call.Resource = s.options.KeyARN
	if denial := s.options.Log.Authorize(*call); denial != nil {
		return nil, refuse("AccessDeniedException", "%s", denial.Message)
	}
	return map[string]any{"KeyMetadata": s.metadata(id)}, nil
}

// metadata is the KeyMetadata shape; dates are seconds since 1970.
func (s *Server) metadata(id string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := map[string]any{
		"AWSAccountId":          s.options.AccountID,
		"KeyId":                 id,
		"Arn":                   s.options.KeyARN,
		"CreationDate":          s.created.Unix(),
		"Enabled":               s.state == Enabled,
		"KeyState":              s.state,
		"KeyUsage":              "ENCRYPT_DECRYPT",
		"KeyManager":            "CUSTOMER",
		"KeySpec":               "SYMMETRIC_DEFAULT",
		"CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
		"EncryptionAlgorithms":  []string{"SYMMETRIC_DEFAULT"},
		"Origin":                "AWS_KMS",
		"MultiRegion":           false,
		"Description":           "",
	}
	if s.state == PendingDeletion {
		m["DeletionDate"] = s.deleted.Unix()
	}
	return m
}
