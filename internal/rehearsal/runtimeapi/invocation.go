package runtimeapi

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

// unhandled is X-Amz-Function-Error for every error of a custom runtime.
const unhandled = "Unhandled"

// invocation is one event on its way to a process and back.
type invocation struct {
	id, trace string
	payload   []byte
	fault     Fault
	result    chan Result // takes exactly one
	// stream is set for an invocation whose response is passed on as it comes.
	stream *passage

	// What follows is set under the environment's lock.
	timer    *time.Timer
	deadline time.Time
	answer   *Result // given, but the process has not asked for more
	begun    bool    // the process has begun to respond; for a stream only
}

func newInvocation(payload []byte, fault Fault) *invocation {
	return &invocation{
		id:      uuid(),
		trace:   fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=1", time.Now().Unix(), randomHex(12), randomHex(8)),
		payload: payload,
		fault:   fault,
		result:  make(chan Result, 1),
	}
}

// finish tells the caller how the invocation ended. It is called once.
func (i *invocation) finish(result Result) {
	if i.stream != nil {
		i.stream.end(result)
	}
	i.result <- result
}

func (i *invocation) stop() {
	if i.timer != nil {
		i.timer.Stop()
	}
}

// failed is the result of an error that Lambda itself reports.
func failed(id, errorType, message string) Result {
	return Result{Payload: errorDocument(errorType, message), FunctionError: unhandled, ContentType: "application/json", RequestID: id}
}

// uuid is a random (version 4) UUID, as Lambda's request ids are.
func uuid() string {
	var b [16]byte
	random(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func randomHex(n int) string {
	b := make([]byte, n)
	random(b)
	return hex.EncodeToString(b)
}

func random(b []byte) {
	if _, err := rand.Read(b); err != nil {
		panic(err) // crypto/rand never fails on a supported platform
	}
}
