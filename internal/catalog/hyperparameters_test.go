package catalog

import (
	"errors"
	"maps"
	"testing"
)

func TestCheckHyperparameters(t *testing.T) {
	const nova, nova2 = "amazon.nova-micro-v1:0:128k", "amazon.nova-2-lite-v1:0:256k"
	tests := []struct {
		name, id    string
		asked, want map[string]string
	}{
		{"defaults", nova, nil, map[string]string{"epochCount": "2", "learningRate": "0.00001", "learningRateWarmupSteps": "10"}},
		{"plain decimal", nova, map[string]string{"learningRate": "2e-5", "epochCount": "+3"}, map[string]string{"epochCount": "3", "learningRate": "0.00002", "learningRateWarmupSteps": "10"}},
		{"bounds are allowed", nova, map[string]string{"learningRate": "0.0001", "epochCount": "5", "learningRateWarmupSteps": "0"}, map[string]string{"epochCount": "5", "learningRate": "0.0001", "learningRateWarmupSteps": "0"}},
		{"unverified defaults are not sent", nova2, nil, map[string]string{}},
		{"unverified is sent when asked for", nova2, map[string]string{"epochCount": "1"}, map[string]string{"epochCount": "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, errs := find(t, tt.id).CheckHyperparameters(tt.asked)
			if len(errs) > 0 {
				t.Fatal(errors.Join(errs...))
			}
			if !maps.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCheckHyperparametersRefuses(t *testing.T) {
	tests := []struct {
		name, value, want string
	}{
		{"epochCount", "6", "must be a whole number from 1 to 5"},
		{"epochCount", "0", "must be a whole number from 1 to 5"},
		{"epochCount", "2.0", "must be a whole number from 1 to 5"},
		{"epochCount", "", "must be a whole number from 1 to 5"},
		{"learningRate", "NaN", "must be a number from 0.000001 to 0.0001"},
		{"learningRate", "Inf", "must be a number from 0.000001 to 0.0001"},
		{"learningRate", "0x1p-16", "must be a number from 0.000001 to 0.0001"},
		{"learningRate", "0.1", "must be a number from 0.000001 to 0.0001"},
		{"batchSize", "1", "no such hyperparameter; allowed are epochCount, learningRate, learningRateWarmupSteps"},
	}
	for _, tt := range tests {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			got, errs := find(t, "amazon.nova-micro-v1:0:128k").CheckHyperparameters(map[string]string{tt.name: tt.value})
			if got != nil || len(errs) != 1 {
				t.Fatalf("got %v and %d errors, want one error", got, len(errs))
			}
			var wrong *HyperparameterError
			if !errors.As(errs[0], &wrong) {
				t.Fatalf("got %T, want *HyperparameterError", errs[0])
			}
			if wrong.Name != tt.name || wrong.Value != tt.value || wrong.Allowed != tt.want {
				t.Errorf("got %+v, want allowed %q", wrong, tt.want)
			}
		})
	}
}

func TestCheckHyperparametersNamesEveryError(t *testing.T) {
	_, errs := find(t, "meta.llama3-1-8b-instruct-v1:0:128k").CheckHyperparameters(map[string]string{"epochCount": "11", "batchSize": "2"})
	if len(errs) != 2 {
		t.Fatalf("got %v, want both errors", errs)
	}
	want := `hyperparameter batchSize = "2" of base model meta.llama3-1-8b-instruct-v1:0:128k: must be 1`
	if errs[0].Error() != want {
		t.Errorf("got %q, want %q", errs[0], want)
	}
}
