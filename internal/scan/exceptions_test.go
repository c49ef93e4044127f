package scan

import (
	"slices"
	"strings"
	"testing"
)

const table = `
# a comment

It was decided so,
long ago.

  R1 Bucket all
  R2[a b] Key bearer,default

Another reason.
  R1 Key strict
`

func TestParseExceptions(t *testing.T) {
	got, err := ParseExceptions([]byte(table))
	want := []Exception{
		{"R1", "Bucket", []string{All}, "It was decided so, long ago."},
		{"R2[a b]", "Key", []string{"bearer", "default"}, "It was decided so, long ago."},
		{"R1", "Key", []string{"strict"}, "Another reason."},
	}
	if err != nil || !slices.EqualFunc(got, want, func(a, b Exception) bool { return a.String() == b.String() && a.Reason == b.Reason }) {
		t.Errorf("got %v, %v", got, err)
	}
	for want, text := range map[string]string{
		"line 1: R1 Bucket all has no reason":       "  R1 Bucket all",
		"is no rule, resource and configurations":   "Because.\n  R1 Bucket",
		"no configurations in the order":            "Because.\n  R1 Bucket strict,default",
		"line 3: R1 Bucket is there twice":          "Because.\n  R1 Bucket all\n  R1 Bucket strict",
		`the reason "Because." has no exception`:    "Because.\n",
		`"all,strict" are no configurations in the`: "Because.\n  R1 Bucket all,strict",
	} {
		if got, err := ParseExceptions([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want %q", text, got, err, want)
		}
	}
}

func TestHold(t *testing.T) {
	in := []string{"default", "strict"}
	both := []Finding{{"R1", "Bucket", "strict", "m"}, {"R1", "Bucket", "default", "m"}, {"R1", "Bucket", "default", "m"}}
	for name, tc := range map[string]struct {
		found             []Finding
		exceptions        []Exception
		unexplained, idle string
	}{
		"nothing":             {},
		"explained":           {both, []Exception{{Rule: "R1", Resource: "Bucket", Configurations: []string{All}}}, "", ""},
		"unexplained":         {both, nil, "R1 Bucket all\n\tm", ""},
		"another resource":    {both, []Exception{{Rule: "R1", Resource: "Key", Configurations: []string{All}}}, "R1 Bucket all\n\tm", "R1 Key all: nothing is found any more"},
		"another rule":        {both, []Exception{{Rule: "R", Resource: "Bucket", Configurations: []string{All}}}, "R1 Bucket all\n\tm", "R Bucket all: nothing is found any more"},
		"found in more":       {both, []Exception{{Rule: "R1", Resource: "Bucket", Configurations: []string{"strict"}}}, "", "R1 Bucket strict: found in all"},
		"found in less":       {both[1:], []Exception{{Rule: "R1", Resource: "Bucket", Configurations: []string{All}}}, "", "R1 Bucket all: found in default"},
		"found in one of two": {both[1:], []Exception{{Rule: "R1", Resource: "Bucket", Configurations: []string{"default"}}}, "", ""},
		"not looked at":       {nil, []Exception{{Rule: "R1", Resource: "Bucket", Configurations: []string{"bearer"}}}, "", ""},
		"looked at in part":   {both, []Exception{{Rule: "R1", Resource: "Bucket", Configurations: []string{"bearer", "default", "strict"}}}, "", ""},
	} {
		unexplained, idle := Hold(tc.found, in, tc.exceptions)
		if strings.Join(unexplained, ";") != tc.unexplained || strings.Join(idle, ";") != tc.idle {
			t.Errorf("%s: got %q and %q", name, unexplained, idle)
		}
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"FunctionsSubmitRole7C3E2715":                                "FunctionsSubmitRole",
		"AwsSolutions-IAM5[Resource::<StorageBucket13B7643F.Arn>/*]": "AwsSolutions-IAM5[Resource::<StorageBucket.Arn>/*]",
		"arn:aws:logs:us-east-1:<AWS::AccountId>:*":                  "arn:aws:logs:<AWS::Region>:<AWS::AccountId>:*",
		"Bare": "Bare", "CT.S3.PR.10": "CT.S3.PR.10",
	} {
		if got := plain(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
