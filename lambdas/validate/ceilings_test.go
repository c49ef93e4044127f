package main

import "testing"

// Ensure whoever drops data raises no ceiling and waives no approval: a tuning.json
// that tries is refused by the key.
func TestTuningRaisesNoCeiling(t *testing.T) {
	for _, text := range []string{
		`{"serving":{"maxHourlyUSD":1000}}`,
		`{"training":{"maxUSD":1000}}`,
		`{"training":{"maxEpochs":1000}}`,
		`{"acceptUnknownPrice":true}`,
		`{"approval":{"giveUpAfter":"1h"}}`,
	} {
		if _, problems := parseTuning([]byte(text)); len(problems) == 0 {
			t.Errorf("%s was taken", text)
		}
	}
}
