package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/strict"
)

// maxTuning is the longest tuning.json that is read, in bytes.
const maxTuning = 64 << 10

// tuning is a model's tuning.json: what of the stack's settings it changes. It
// is a subset of the stack's configuration, spelled the same.
type tuning struct {
	BaseModel         *string                         `json:"baseModel"`
	CustomizationType *string                         `json:"customizationType"`
	Hyperparameters   map[string]hyperparameterString `json:"hyperparameters"`
	Serving           tuningServing                   `json:"serving"`
}

// tuningServing is the part of tuning.json on serving.
type tuningServing struct {
	Mode       *string `json:"mode"`
	ModelUnits *int    `json:"modelUnits"`
	Commitment *string `json:"commitment"`
}

// tuningKeys and servingKeys are the keys that tuning and tuningServing know.
var (
	tuningKeys  = []string{"baseModel", "customizationType", "hyperparameters", "serving"}
	servingKeys = []string{"mode", "modelUnits", "commitment"}
)

// hyperparameterString is a hyperparameter's value as the API takes it; a JSON
// number is taken as it is written.
type hyperparameterString string

// UnmarshalJSON implements json.Unmarshaler.
func (h *hyperparameterString) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte(`"`)) {
		return json.Unmarshal(data, (*string)(h))
	}
	var number json.Number
	if err := json.Unmarshal(data, &number); err != nil || number == "" {
		return errors.New("a hyperparameter must be a string or a number")
	}
	*h = hyperparameterString(number)
	return nil
}

// settled is how a run is to be tuned, or everything that is wrong with it.
type settled struct {
	settings finetune.Settings
	model    *catalog.BaseModel
	// tuningVersion is the version of tuning.json that was read, "" without one.
	tuningVersion string
	problems      []string
}

// settle puts the stack's settings, the model's tuning.json and the base
// model's defaults together.
func (h handler) settle(ctx context.Context, model string) (settled, error) {
	body, version, err := h.readTuning(ctx, finetune.TuningKey(model))
	if err != nil {
		return settled{}, err
	}
	asked, problems := parseTuning(body)
	all := overlay(h.defaults, asked)
	settings, base, more := resolve(h.catalog, h.region, h.allowed, all)
	if problems != nil || more != nil { // said once more, of what may be told
		settings, base, more = resolve(h.catalog, h.region, h.allowed, tellable(all))
	}
	return settled{settings: settings, model: base, tuningVersion: version, problems: append(problems, more...)}, nil
}

// tellable is settings without what may be something private that got into the
// wrong place. Of settings that are right it leaves all.
func tellable(s finetune.Settings) finetune.Settings {
	told := s
	for _, value := range []*string{&told.BaseModel, &told.CustomizationType, &told.Serving.Mode, &told.Serving.Commitment} {
		if *value != "" && !finetune.MayTell(*value) {
			*value = untold
		}
	}
	told.Hyperparameters = map[string]string{}
	for name, value := range s.Hyperparameters {
		if !finetune.IsPlainName(name) {
			name = untold
		}
		if _, err := strconv.ParseFloat(value, 64); !finetune.MayTell(value) && (err != nil || len(value) > maxNumber) {
			value = untold
		}
		told.Hyperparameters[name] = value
	}
	return told
}

const (
	// untold stands for what is not told.
	untold = "…"
	// maxNumber is the longest number that is told, in digits: such as 0.0000125, and
	// shorter than the numbers that stand for people.
	maxNumber = 12
)

// noTuning stands for a tuning.json that is not there: it changes nothing.
var noTuning = []byte("{}")

// readTuning reads the current tuning.json once, so that what is checked is
// what is used, and answers its version. It reads one byte more than allowed,
// for the check to see.
func (h handler) readTuning(ctx context.Context, key string) (body []byte, version string, err error) {
	out, err := h.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &h.bucket, Key: &key})
	if gone(err) {
		return noTuning, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading %s: %w", key, err)
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	body, err = io.ReadAll(io.LimitReader(out.Body, maxTuning+1))
	if err != nil { // S3 had answered: the connection broke
		return nil, "", finetune.Errorf(finetune.Unavailable, "reading %s: %w", key, err)
	}
	return body, aws.ToString(out.VersionId), nil
}

// parseTuning decodes tuning.json and names every key it does not know, as far as it
// is a plain name.
func parseTuning(body []byte) (tuning, []string) {
	var all, serving map[string]json.RawMessage
	if err := strict.Decode(body, maxTuning, &all); err != nil {
		return tuning{}, []string{"tuning.json is no JSON object: " + err.Error()}
	}
	problems := unknown(all, tuningKeys, "")
	if strict.Decode(all["serving"], maxTuning, &serving) == nil {
		problems = append(problems, unknown(serving, servingKeys, "serving.")...)
	}
	var asked tuning
	if err := strict.DecodeKnown(body, maxTuning, &asked); err != nil {
		problems = append(problems, "tuning.json: "+err.Error())
	}
	return asked, problems
}

// unknown names the keys that are not allowed, in order.
func unknown(object map[string]json.RawMessage, allowed []string, prefix string) []string {
	var problems []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if slices.Contains(allowed, key) {
			continue
		}
		if !finetune.IsPlainName(key) {
			key = untold
		}
		problems = append(problems, fmt.Sprintf("tuning.json has the unknown key %q; allowed are %s", prefix+key, prefix+strings.Join(allowed, ", "+prefix)))
	}
	return problems
}

// overlay changes the stack's settings where tuning.json says so. With another
// base model the stack's hyperparameters are left out, since they were chosen
// for a different one, and with another serving mode its units and commitment.
func overlay(defaults finetune.Settings, asked tuning) finetune.Settings {
	s := defaults
	s.Hyperparameters = map[string]string{}
	if asked.BaseModel == nil || *asked.BaseModel == defaults.BaseModel {
		maps.Copy(s.Hyperparameters, defaults.Hyperparameters)
	}
	if asked.BaseModel != nil {
		s.BaseModel = *asked.BaseModel
	}
	if asked.CustomizationType != nil {
		s.CustomizationType = *asked.CustomizationType
	}
	for name, value := range asked.Hyperparameters {
		s.Hyperparameters[name] = string(value)
	}
	if mode := asked.Serving.Mode; mode != nil && *mode != defaults.Serving.Mode {
		s.Serving = finetune.Serving{Mode: *mode}
	}
	if units := asked.Serving.ModelUnits; units != nil {
		s.Serving.ModelUnits = *units
	}
	if commitment := asked.Serving.Commitment; commitment != nil {
		s.Serving.Commitment = *commitment
	}
	return s
}
