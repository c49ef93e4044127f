package s3

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// exchange is one request on its way through the front.
type exchange struct {
	*Server
	r         *http.Request
	op        operation
	principal calls.Principal
	payload   *payload
	requestID string
	created   *created // the event to send once answered
	reset     bool     // a fault: close the connection instead of answering
}

// ServeHTTP answers one S3 request. Its call is recorded before the answer is
// sent, so that a client that has the answer finds it in the log; its event is
// sent after.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Server: s, r: r, requestID: rand.Text()[:16]}
	defer func() { s.events.send(x.created) }()
	a := x.run()
	if a.body != nil {
		defer func() { _ = a.body.Close() }() // read to its end, or given up with the connection
	}
	x.record(a)
	if x.reset {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), a.header)
	w.Header().Set("X-Amz-Request-Id", x.requestID)
	w.Header().Set("Server", "AmazonS3")
	w.WriteHeader(a.status)
	if a.body != nil && r.Method != http.MethodHead {
		if _, err := io.Copy(w, a.body); err != nil {
			panic(http.ErrAbortHandler) // half an object must not look like a whole one
		}
	}
	_ = http.NewResponseController(w).Flush() // the client has gone; nothing to answer
}

// run takes the request through its checks in the order S3 has them.
func (x *exchange) run() answer {
	op, apiErr := classify(x.r)
	x.op = op
	principal, err := x.options.Keyring.Verify(x.r, "s3")
	if err != nil {
		return x.fail(fromError(err))
	}
	x.principal = principal
	if apiErr != nil {
		return x.fail(apiErr)
	}
	if x.payload, err = x.receive(); err != nil {
		return x.fail(fromError(err))
	}
	defer x.payload.close()
	if apiErr := x.prepareDelete(); apiErr != nil {
		return x.fail(apiErr)
	}
	fault := x.options.Log.Fault(x.primary())
	if fault != nil && !fault.After {
		return x.failWith(fault)
	}
	if apiErr := x.admit(); apiErr != nil {
		return x.fail(apiErr)
	}
	a := x.hideMissing(x.perform())
	if fault != nil {
		if a.body != nil {
			_ = a.body.Close() // the answer is lost on purpose
		}
		return x.failWith(fault)
	}
	return a
}

func (x *exchange) fail(e *apiError) answer {
	return answerError(e, x.r.URL.Path, x.requestID)
}

func (x *exchange) failWith(f *calls.Fault) answer {
	x.reset = f.Reset
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	return x.fail(&apiError{status, f.Code, f.Message})
}

// admit checks what S3 checks before it touches the object.
func (x *exchange) admit() *apiError {
	if denied := x.authorize(); denied != nil {
		return denied
	}
	if x.op.bucket != "" && !x.hasBucket(x.op.bucket) || x.op.source != nil && !x.hasBucket(x.op.source.bucket) {
		return &apiError{http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist"}
	}
	for _, name := range []string{"X-Amz-Expected-Bucket-Owner", "X-Amz-Source-Expected-Bucket-Owner"} {
		if owner := x.r.Header.Get(name); owner != "" && owner != x.options.AccountID {
			return accessDenied("Access Denied")
		}
	}
	if acl := x.r.Header.Get("X-Amz-Acl"); acl != "" && acl != "bucket-owner-full-control" {
		return &apiError{http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs"}
	}
	return x.checkEncryption()
}

// checkEncryption refuses a write that names another encryption than the
// bucket's: its policy denies those. A bare "aws:kms" is another one too, since
// S3 then takes the account's aws/s3 key, not the bucket's.
func (x *exchange) checkEncryption() *apiError {
	h := x.r.Header
	algorithm, key := h.Get("X-Amz-Server-Side-Encryption"), h.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id")
	_, id, _ := strings.Cut(x.options.KeyARN, ":key/")
	switch {
	case h.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "":
		return accessDenied("the bucket takes no customer-provided keys (SSE-C)")
	case algorithm == "" && key == "":
		return nil
	case algorithm != "aws:kms":
		return accessDenied(fmt.Sprintf("the bucket takes aws:kms with its own key only, not %q", algorithm))
	case key == "":
		return accessDenied("aws:kms without a key id means the account's aws/s3 key; the bucket takes its own key only")
	case key != x.options.KeyARN && key != id:
		return accessDenied("the bucket takes its own KMS key only")
	}
	return nil
}

// perform serves the operation: here, or at the gateway.
func (x *exchange) perform() answer {
	switch x.op.name {
	case "GetBucketLocation", "GetBucketVersioning", "GetBucketEncryption":
		return x.describeBucket()
	case "DeleteObjects":
		return x.deleteObjects()
	}
	ctx := x.r.Context()
	if x.op.writes() {
		// What is written is entered in the books, even when the client has gone.
		ctx = context.WithoutCancel(ctx)
		x.mu.Lock()
		defer x.mu.Unlock()
		if apiErr := x.checkWrite(); apiErr != nil {
			return x.fail(apiErr)
		}
	} else {
		x.mu.RLock()
		defer x.mu.RUnlock()
		if done := x.checkRead(); done != nil {
			return *done
		}
	}
	return x.forward(ctx)
}

// forward asks the gateway and makes its answer the bucket's.
func (x *exchange) forward(ctx context.Context) answer {
	body, err := x.payload.open()
	if err != nil {
		return x.fail(fromError(err))
	}
	resp, err := x.gateway.do(ctx, gatewayRequest{
		method: x.r.Method, bucket: x.op.bucket, key: x.op.key, query: x.op.query,
		header: x.gatewayHeader(), body: body, size: x.payload.size,
	})
	if err != nil {
		return x.fail(fromError(err))
	}
	a, err := x.adopt(ctx, resp)
	if err != nil {
		_ = resp.Body.Close() // superseded by the error
		return x.fail(fromError(err))
	}
	return a
}

// dropped are the headers that are the front's business, not the gateway's.
var dropped = []string{
	"Authorization", "X-Amz-Date", "Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256", "X-Amz-Acl",
	"X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id",
	"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled", "X-Amz-Server-Side-Encryption-Context",
	"X-Amz-Expected-Bucket-Owner", "X-Amz-Source-Expected-Bucket-Owner",
	"X-Amz-Trailer", "X-Amz-Decoded-Content-Length", "Content-Length", "Expect", "Connection", "Te", "Trailer",
	"Transfer-Encoding", "If-Modified-Since", "If-Unmodified-Since", "Accept-Encoding",
}

// gatewayHeader is the request's header without what is checked here, and with
// the checksum that came behind an aws-chunked body.
func (x *exchange) gatewayHeader() http.Header {
	h := x.r.Header.Clone()
	for _, name := range dropped {
		h.Del(name)
	}
	if x.op.writes() {
		h.Del("If-Match")
		h.Del("If-None-Match")
	}
	if encoding := withoutChunked(h.Get("Content-Encoding")); encoding != "" {
		h.Set("Content-Encoding", encoding)
	} else {
		h.Del("Content-Encoding")
	}
	if src := x.op.source; src != nil {
		value := escapePath(src.bucket + "/" + src.key)
		if src.version != "" {
			value += "?versionId=" + src.version
		}
		h.Set("X-Amz-Copy-Source", value)
	}
	maps.Copy(h, x.payload.trailer)
	return h
}
