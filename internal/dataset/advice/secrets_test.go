package advice

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

// Secrets for tests are invented, and written in parts: a scanner of this
// repository is not to find them.
var (
	awsKey     = "AKIA" + "Z7Q4XN2MWK5RJ3TB"
	gitHubKey  = "ghp_" + "x7Qm2vT9" + "Lr4Kd8Wz" + "N5cY1hBj" + "G6sPf3Ra" + "E0uo"
	slackKey   = "xoxb-" + "730191371025-" + "834512907713-" + "Kq8vT2mZr5Xw9LdB4nYc7HsJ"
	stripeKey  = "sk_" + "live_" + "9vT2mKq8Zr5Xw4LdB7nYc3Hs"
	privateKey = "-----BEGIN " + "RSA PRIVATE KEY-----\n" + strings.Repeat("q7Zr5Xw9LdB4nYc7HsJ2Kq8vT1mPf3RaG6uEo0tNi5bVxCzA\n", 4) + "-----END " + "RSA PRIVATE KEY-----"
)

func inspector(t testing.TB) dataset.Inspector {
	t.Helper()
	i, err := Secrets()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestSecrets(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"nothing":             {"", ""},
		"prose":               {"What is the capital of France? Paris.", ""},
		"prose about secrets": {"Never share the password, the api key or the access token of your client.", ""},
		"AWS key":             {"my key is " + awsKey + " ok?", "aws-access-token"},
		"AWS's example key":   {"AKIA" + "IOSFODNN7" + "EXAMPLE", ""},
		"key too short":       {awsKey[:19], ""},
		"GitHub token":        {"use " + gitHubKey, "github-pat"},
		"Slack token":         {slackKey, "slack-bot-token"},
		"Stripe key":          {"stripe: " + stripeKey, "stripe-access-token"},
		"private key":         {privateKey, "private-key"},
		"excused":             {"my key is " + awsKey + " gitleaks:allow", "aws-access-token"},
		"two kinds, one twice": {
			gitHubKey + "\n" + awsKey + "\n" + awsKey, "aws-access-token, github-pat",
		},
		"after much prose": {strings.Repeat("Paris is large. ", 10_000) + awsKey, "aws-access-token"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := kinds(t, inspector(t), dataset.CodeSecret, test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestEveryRuleHasKeywords: a text without a keyword is not given to the rules,
// so each rule for texts must have one.
func TestEveryRuleHasKeywords(t *testing.T) {
	s := inspector(t).(*secrets)
	if len(s.detector.Config.Rules) < 100 {
		t.Fatalf("%d rules, want gitleaks' own, which are more than 100", len(s.detector.Config.Rules))
	}
	for id, rule := range s.detector.Config.Rules {
		if rule.Regex != nil && len(rule.Keywords) == 0 {
			t.Errorf("rule %s has no keyword", id)
		}
	}
}

// TestWindows: a secret is found wherever it stands on the edge of a window, and
// windows hold the whole text.
func TestWindows(t *testing.T) {
	for shift := range 64 {
		text := strings.Repeat("x ", windowBytes/2-shift) + awsKey + strings.Repeat(" x", windowBytes)
		if got, want := kinds(t, inspector(t), dataset.CodeSecret, text), "aws-access-token"; got != want {
			t.Errorf("%d bytes before the edge: got %q, want %q", 2*shift, got, want)
		}
	}
	// One with white space in it can be cut at the edge, and is whole in the next window.
	long := strings.Replace(privateKey, "\n", "\n"+strings.Repeat("q7Zr5Xw9LdB4nYc7HsJ2Kq8vT1mPf3RaG6uEo0tNi5bVxCzA\n", 60), 1)
	for shift := 0; shift < len(long); shift += 128 {
		text := strings.Repeat("x ", windowBytes/2-shift/2) + long + strings.Repeat(" x", windowBytes)
		if got, want := kinds(t, inspector(t), dataset.CodeSecret, text), "private-key"; got != want {
			t.Errorf("a long one %d bytes before the edge: got %q, want %q", shift, got, want)
		}
	}
	for name, text := range map[string][]byte{
		"words":    bytes.Repeat([]byte("four "), windowBytes),
		"no space": bytes.Repeat([]byte("x"), 3*windowBytes),
		"one":      bytes.Repeat([]byte("x"), windowBytes),
	} {
		covered := 0
		for window, rest := cut(text); len(window) > 0; window, rest = cut(rest) {
			if len(window) > windowBytes {
				t.Errorf("%s: a window of %d bytes", name, len(window))
			}
			covered += len(window)
			if len(rest) > 0 {
				covered -= overlapOf(window, rest, text)
			}
		}
		if covered != len(text) {
			t.Errorf("%s: the windows cover %d of %d bytes", name, covered, len(text))
		}
	}
}

// overlapOf is how many bytes of a window stand at the beginning of the rest too.
func overlapOf(window, rest, text []byte) int {
	begin := cap(text) - cap(window)
	return begin + len(window) - (len(text) - len(rest))
}

// TestSecretsFromManyGoroutines is for the race detector.
func TestSecretsFromManyGoroutines(t *testing.T) {
	text := []byte(gitHubKey + "\n" + awsKey + "\n" + privateKey)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			i, err := Secrets()
			if err != nil {
				t.Error(err)
				return
			}
			for range 5 {
				if got := len(i.Inspect(text)); got != 3 {
					t.Errorf("%d suspicions, want 3", got)
				}
			}
		})
	}
	group.Wait()
}

func FuzzSecrets(f *testing.F) {
	for _, seed := range []string{awsKey, gitHubKey, privateKey, "password=\xff", "api_key: K"} {
		f.Add([]byte(seed))
	}
	s := inspector(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, suspicion := range s.Inspect(text) {
			if suspicion.Code != dataset.CodeSecret || suspicion.What == "" {
				t.Errorf("got %v", suspicion)
			}
		}
	})
}
