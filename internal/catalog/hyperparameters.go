package catalog

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Kinds of hyperparameters.
const (
	KindInt   = "int"
	KindFloat = "float"
)

// Hyperparameter is one entry of CreateModelCustomizationJob's hyperParameters
// map, as the "Custom model hyperparameters" page lists it.
type Hyperparameter struct {
	// Name is the API's.
	Name string `json:"name"`
	// Kind is KindInt or KindFloat; the API takes either as a string.
	Kind string `json:"kind"`
	// Min and Max are allowed themselves.
	Min float64 `json:"min"`
	Max float64 `json:"max"`
	// Default is the value in the form that is sent.
	Default string `json:"default"`
	// Unverified: no page lists it for this model. It is sent only when asked
	// for, so that Bedrock's own default holds otherwise.
	Unverified bool `json:"unverified,omitempty"`
}

// HyperparameterError is one hyperparameter that Bedrock would refuse.
type HyperparameterError struct {
	// Model is the base model's identifier.
	Model string
	// Name and Value are what was asked for.
	Name, Value string
	// Allowed says what may be asked for instead.
	Allowed string
}

// Error names the hyperparameter, its value and what is allowed.
func (e *HyperparameterError) Error() string {
	return fmt.Sprintf("hyperparameter %s = %q of base model %s: %s", e.Name, e.Value, e.Model, e.Allowed)
}

// CheckHyperparameters checks what was asked for and returns the map to send:
// every value in plain decimal notation, and the default of each hyperparameter
// that was not given. Each error is a *HyperparameterError, in the order of the
// names; with any error the map is nil.
func (m *BaseModel) CheckHyperparameters(asked map[string]string) (map[string]string, []error) {
	complete := make(map[string]string, len(m.Hyperparameters))
	for _, h := range m.Hyperparameters {
		if !h.Unverified {
			complete[h.Name] = h.Default
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		value, err := m.checkHyperparameter(name, asked[name])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		complete[name] = value
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return complete, nil
}

func (m *BaseModel) checkHyperparameter(name, value string) (string, error) {
	i := slices.IndexFunc(m.Hyperparameters, func(h Hyperparameter) bool { return h.Name == name })
	if i < 0 {
		return "", &HyperparameterError{m.ID, name, value, "no such hyperparameter; allowed are " + strings.Join(m.hyperparameterNames(), ", ")}
	}
	h := m.Hyperparameters[i]
	plain, ok := h.normalize(value)
	if !ok {
		return "", &HyperparameterError{m.ID, name, value, h.allowed()}
	}
	return plain, nil
}

// normalize returns the value in plain decimal notation: the page and AWS's
// samples send 0.00001, and nothing says that 1e-5 is read.
func (h Hyperparameter) normalize(value string) (string, bool) {
	if h.Kind == KindInt {
		n, err := strconv.ParseInt(value, 10, 64)
		return strconv.FormatInt(n, 10), err == nil && h.contains(float64(n))
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(f) || strings.ContainsAny(value, "xX_") {
		return "", false
	}
	return strconv.FormatFloat(f, 'f', -1, 64), h.contains(f)
}

func (h Hyperparameter) contains(f float64) bool { return f >= h.Min && f <= h.Max }

func (h Hyperparameter) allowed() string {
	low, high := strconv.FormatFloat(h.Min, 'f', -1, 64), strconv.FormatFloat(h.Max, 'f', -1, 64)
	noun := "a number"
	if h.Kind == KindInt {
		noun = "a whole number"
	}
	if low == high {
		return "must be " + low
	}
	return fmt.Sprintf("must be %s from %s to %s", noun, low, high)
}

func (m *BaseModel) hyperparameterNames() []string {
	names := make([]string, len(m.Hyperparameters))
	for i, h := range m.Hyperparameters {
		names[i] = h.Name
	}
	return names
}
