package advice

import (
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

// texts are what is measured: 2 kB of prose, the same with words that make the
// rules look closer, and with numbers.
var texts = map[string]string{
	"prose":    strings.Repeat("Thank you for your letter; the parcel left our house on Monday. ", 32),
	"keywords": strings.Repeat("The client lost the api key, the access token and the password. ", 32),
	"numbers":  strings.Repeat("Order 10482 of 2024-03-01: 12 pieces at 4.90 each, 58.80 in all. ", 32),
}

func benchmark(b *testing.B, inspector dataset.Inspector) {
	for name, text := range texts {
		b.Run(name, func(b *testing.B) {
			content := []byte(text)
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				inspector.Inspect(content)
			}
		})
	}
}

func BenchmarkSecrets(b *testing.B) { benchmark(b, inspector(b)) }

func BenchmarkPersonalData(b *testing.B) { benchmark(b, PersonalData()) }
