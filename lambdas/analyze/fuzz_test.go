package main

import "testing"

// FuzzParse ensures that any file is read as metrics or refused, and that whatever was
// read is judged.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "step_number,training_loss\n1,2\n2,1\n", "\ufefftraining_loss\n1\n", "training_loss,training_loss\nNaN,1\n-Inf,2\n1e999,3\n",
		"step_number,training_loss\n1e400,1\n,2\nx,3\n4\n", "\"", "a,\"b\nc", "training_loss\r\n\x00\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		points, err := parse(file, "training_loss")
		if err != nil {
			return
		}
		if results := judge(metrics{training: points, validation: points}); results.Verdict == "" || results.Reason == "" {
			t.Errorf("%q is judged %+v", file, results)
		}
	})
}
