package main

import (
	"fmt"
	"strings"

	"github.com/tuneline/tuneline/internal/dataset/generate"
)

// What the estimate for Lambda assumes.
const (
	// fullProcessor is the memory in MB at which a function has one processor
	// (AWS Lambda Developer Guide, "Configure Lambda function memory").
	fullProcessor = 1769
	// perGBSecond is the price in USD of arm64 in us-east-1 (AWS Lambda pricing).
	perGBSecond = 0.0000133334
	// network is what one stream from S3 gives, in bytes a second (Amazon S3 User
	// Guide, "Performance design patterns": 85 to 90 MB/s for a request).
	network = 88e6
	// slowest and fastest say how fast one of Lambda's arm64 processors is, as a
	// share of the processor measured on. It is estimated from equal instruction
	// counts and an assumed rate of instructions; nobody measured it yet.
	slowest, fastest = 0.35, 0.55
	// receiving is what decrypting TLS 1.3 costs with Go's crypto/tls, in bytes by
	// CPU-second, measured once over loopback.
	receiving = 1141e6
)

// lambdaRow is the estimate for one candidate, for 1 GB (1e9 bytes).
type lambdaRow struct {
	name string
	// here is the rate with receiving, in bytes by CPU-second of this machine.
	here float64
	// The others are for the slowest and the fastest processor assumed: CPU-seconds,
	// the memory in MB from which the network is the limit, GB-seconds and USD.
	seconds, memory, gbSeconds, usd [2]float64
}

func estimate(name string, rate float64) lambdaRow {
	row := lambdaRow{name: name, here: 1 / (1/rate + 1/receiving)}
	for i, factor := range []float64{slowest, fastest} {
		there := row.here * factor
		row.seconds[i] = 1e9 / there
		row.memory[i] = network / there * fullProcessor
		row.gbSeconds[i] = row.seconds[i] * fullProcessor / 1024
		row.usd[i] = row.gbSeconds[i] * perGBSecond
	}
	return row
}

// lambda renders the estimate on the medium shape.
func (m *measured) lambda() string {
	var out strings.Builder
	fmt.Fprintln(&out, "| check of 1 GB of `medium` | MB per CPU-s here, TLS included | CPU-s in Lambda | memory from which the network is the limit | GB-s | USD |")
	fmt.Fprintln(&out, "|---|---|---|---|---|---|")
	for _, s := range m.shapes {
		if s.shape != generate.Medium {
			continue
		}
		for _, name := range []string{nameTuneline, nameDigest, nameJX, nameAuthority, nameStandard, namePython} {
			rate := s.rate(name)
			if rate == 0 {
				continue
			}
			r := estimate(name, rate)
			fmt.Fprintf(&out, "| %s | %.0f | %.1f–%.1f | %.0f–%.0f MB | %.1f–%.1f | %.5f–%.5f |\n", r.name, r.here/1e6,
				r.seconds[1], r.seconds[0], r.memory[1], r.memory[0], r.gbSeconds[1], r.gbSeconds[0], r.usd[1], r.usd[0])
		}
	}
	fmt.Fprintf(&out, "\nAssumed: arm64 at USD %.10f a GB-s; one processor at %d MB and CPU in proportion below; a processor of Lambda "+
		"%.2f to %.2f times as fast as this one (estimated, not measured); %.0f MB/s from S3 in one stream; receiving over TLS costs a CPU-second "+
		"for each %.0f MB. When the network is the limit, 1 GB takes %.1f s: a function of 1024 MB then uses %.1f GB-s, USD %.5f.\n",
		perGBSecond, fullProcessor, slowest, fastest, network/1e6, receiving/1e6, 1e9/network, 1e9/network, 1e9/network*perGBSecond)
	return out.String()
}
