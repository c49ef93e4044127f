package rehearsal

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
)

// hostileBodies are what nobody can answer, by what is wrong with each.
func hostileBodies(valid string) map[string]string {
	text := func(inner string) string { return strings.Replace(valid, quoted("?"), inner, 1) }
	return map[string]string{
		"nothing":            "",
		"white space":        " \n\t",
		"half an object":     valid[:len(valid)/2],
		"two objects":        valid + valid,
		"a list":             "[" + valid + "]",
		"a text":             quoted(valid),
		"no JSON":            "model=m&messages=hello",
		"XML":                "<messages/>",
		"not UTF-8":          text("\"\xff\xfe\xfd\""),
		"UTF-16":             "\xff\xfe{\x00}\x00",
		"a byte order mark":  "\xef\xbb\xbf" + valid,
		"half a pair":        text(`"\ud800"`),
		"a zero byte":        text("\"\x00\""),
		"a bare control":     text("\"\x01\""),
		"unknown escape":     text(`"\x41"`),
		"deep lists":         text(strings.Repeat("[", 100_000)),
		"deep closed lists":  text(strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000)),
		"deep objects":       text(strings.Repeat(`{"a":`, 50_000) + "1" + strings.Repeat("}", 50_000)),
		"a huge number":      text("1e999999"),
		"a long number":      text(strings.Repeat("9", 100_000)),
		"the same key twice": strings.Replace(valid, `"messages":`, `"messages":1,"messages":`, 1),
		"messages no list":   `{"model":"m","messages":{"0":1}}`,
		"null":               `{"model":"m","messages":null}`,
		"empty":              `{"model":"m","messages":[]}`,
		"beyond Lambda":      text(quoted(strings.Repeat("x", 7<<20))),
		"beyond API Gateway": text(quoted(strings.Repeat("x", 11<<20))),
	}
}

// Ensure what cannot be answered is refused with a 4xx that says why in the
// client's own form, by whichever part of the API sees it first.
func TestHostileBodies(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	f.train("m", conversation("a"), finetune.EndDeployed)
	for _, w := range everyForm {
		for name, body := range hostileBodies(w.ask("m", "?")) {
			got := f.send(f.caller(), http.MethodPost, f.APIURL()+"/model/m"+w.path, body)
			if got.status < 400 || got.status > 499 {
				t.Errorf("%s to %s: %d %.200s, want a 4xx", name, w.name, got.status, got.body)
			}
			var told map[string]any
			if err := json.Unmarshal(got.body, &told); err != nil || (told["message"] == nil && told["error"] == nil) {
				t.Errorf("%s to %s: the answer is %.200s, want an error in JSON", name, w.name, got.body)
			}
			if len(got.body) > 10_000 {
				t.Errorf("%s to %s: the answer has %d bytes", name, w.name, len(got.body))
			}
		}
	}
	f.mustAnswer("m", question(1), fact("a", 1))
}

// Ensure no change to a good body makes anything of the API fail: whatever comes
// of it, it is an answer or a 4xx.
func TestMutatedBodies(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	f.train("m", conversation("a"), finetune.EndDeployed)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // the seed is printed, so that a run can be repeated
	rounds := 40
	if heavy() {
		rounds = 2000
	}
	for n := range rounds {
		for _, w := range everyForm {
			body := mutate(random, []string{w.ask("m", question(n)), w.note("m", "a note")}[n%2])
			got := f.send(f.caller(), http.MethodPost, f.APIURL()+"/model/m"+w.path, body)
			if got.status != http.StatusOK && (got.status < 400 || got.status > 499) {
				t.Errorf("seed %d, %s, %q: %d %s", seed, w.name, body, got.status, got.body)
			}
		}
	}
}

// mutate changes a body in a few places: bytes and JSON's own signs are put in,
// taken out, repeated and exchanged.
func mutate(random *rand.Rand, body string) string {
	signs := []string{"{", "}", "[", "]", ",", ":", `"`, `\`, "null", "true", "-1", "1e400", "0", `"role"`, `"text"`, "\xff", "\x00", "é", " ", `{"text":"x"}`, `[]`, `"n":2,`}
	for range 1 + random.IntN(4) {
		at := random.IntN(len(body) + 1)
		end := min(len(body), at+random.IntN(6))
		switch random.IntN(4) {
		case 0:
			body = body[:at] + body[end:]
		case 1:
			body = body[:at] + signs[random.IntN(len(signs))] + body[at:]
		case 2:
			body = body[:at] + signs[random.IntN(len(signs))] + body[end:]
		default:
			body = body[:end] + body[at:]
		}
	}
	return body
}
