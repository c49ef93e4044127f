package finetune

import (
	"strings"
	"testing"
)

// FuzzKeys ensures that every key that is made of an accepted name lies below its
// prefix, as deep as it should, and is one that CheckKey lets through; and that CheckKey
// lets nothing through that leads elsewhere.
func FuzzKeys(f *testing.F) {
	for _, seed := range []string{
		"support", "a-b-1", "0123456789abcdef", "..", ".", "../a", "a/../b", "a//b", "a/b", "a\\b", "%2e%2e", "a%2fb", "a\x00b", "a b", "ä", "a.", ".a", "a\n",
		strings.Repeat("a", MaxModelName), strings.Repeat("a", MaxModelName+1), "arn:aws:states:us-east-1:111122223333:execution:m:..", "runs/", "fine-tuning-datasets/a/../../runs/b.jsonl",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		below := func(prefix, key string, parts int) {
			t.Helper()
			rest, ok := strings.CutPrefix(key, prefix)
			if err := CheckKey(key); err != nil || !ok || strings.Count(rest, "/") != parts-1 {
				t.Errorf("%q makes the key %q below %s: %v", name, key, prefix, err)
			}
		}
		if CheckModelName(name) == nil {
			below(PrefixDatasets, TuningKey(name), 2)
			below(PrefixValidation, ValidationKey(name), 2)
			below(PrefixMedia, MediaPrefix(name), 2)
			below(PrefixRegistry, RegistryKey(name), 1)
		}
		if id := RunID(name); id.Check() == nil {
			for key, prefix := range map[string]string{
				AcceptedTrainingKey(id): PrefixAccepted, AcceptedValidationKey(id, name): PrefixAccepted, OutputPrefix(id): PrefixOutputs,
				DatasetReportKey(id): PrefixReports, RunReportKey(id): PrefixReports,
			} {
				below(prefix, key, 2)
			}
			below(PrefixRuns, RunKey(id), 1)
			for _, purpose := range Purposes() {
				below(PrefixApprovals, ApprovalKey(id, purpose), 1)
			}
		}
		below(PrefixAccepted, AcceptedValidationKey("0123456789abcdef", name), 2)            // whatever S3 calls a version
		if key := ExecutionKey(name); CheckKey(key) == nil && !strings.Contains(name, "/") { // as no execution is called
			below(PrefixRuns+"executions/", key, 1)
		}
	})
}

// FuzzCheckKey ensures that no key is let through that leads elsewhere, and no data set
// that belongs to what cannot be a model.
func FuzzCheckKey(f *testing.F) {
	for _, seed := range []string{"runs/a.json", "runs/../a", "runs/./a", "runs//a", "runs/a\\b", "runs/%2e", "fine-tuning-datasets/a/b.jsonl", "fine-tuning-datasets/../b.jsonl", "fine-tuning-datasets/a/../b.jsonl"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if model, err := ModelName(key); err == nil && CheckModelName(model) != nil {
			t.Errorf("%q is of the model %q, which cannot be one", key, model)
		}
		for _, key := range []string{key, PrefixRuns + key, PrefixRegistry + key + ".json"} {
			if CheckKey(key) == nil && strays(key) {
				t.Errorf("the key %q is let through", key)
			}
		}
	})
}

// strays says whether a key may be read as one that lies elsewhere.
func strays(key string) bool {
	whole := "/" + strings.TrimSuffix(key, "/") + "/"
	for _, part := range []string{"//", "/./", "/../", "\\", "%"} {
		if strings.Contains(whole, part) {
			return true
		}
	}
	return false
}
