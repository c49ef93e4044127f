package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
)

// Context keys, as in cdk.json or on the command line ("cdk synth -c key=value").
const (
	// ContextConfig is a path of a JSON file that is taken in place of
	// ContextTuneline.
	ContextConfig = "config"
	// ContextTuneline holds the configuration itself.
	ContextTuneline = "tuneline"
	// ContextArchitecture overrides the configuration's architecture, so that
	// the functions can be run on the machine at hand.
	ContextArchitecture = "architecture"
)

// Load reads the configuration from the app's context. lookup returns the value
// of a context key, or nil. Whatever is not said keeps its default.
func Load(lookup func(key string) any) (Config, error) {
	c, err := load(lookup)
	if err != nil {
		return Config{}, err
	}
	if architecture := lookup(ContextArchitecture); architecture != nil {
		c.Architecture = Architecture(fmt.Sprint(architecture))
	}
	return c, c.check()
}

func load(lookup func(key string) any) (Config, error) {
	if path := lookup(ContextConfig); path != nil {
		text, err := os.ReadFile(fmt.Sprint(path))
		if err != nil {
			return Config{}, fmt.Errorf("reading the configuration that context key %q names: %w", ContextConfig, err)
		}
		return parse(fmt.Sprint(path), text)
	}
	value := lookup(ContextTuneline)
	if value == nil {
		return Default(), nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return Config{}, fmt.Errorf("encoding context key %q: %w", ContextTuneline, err)
	}
	return parse("context key "+ContextTuneline, text)
}

// Parse reads one configuration and checks it; source names it in errors.
func Parse(source string, text []byte) (Config, error) {
	c, err := parse(source, text)
	if err != nil {
		return Config{}, err
	}
	return c, c.check()
}

func parse(source string, text []byte) (Config, error) {
	c := Default()
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return c, fmt.Errorf("parsing %s: %w", source, err)
	}
	if err := errors.Join(checkKeys(tree, reflect.TypeFor[Config](), ""), checkOnce(text)); err != nil {
		return c, fmt.Errorf("reading %s: %w", source, err)
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&c); err != nil {
		return c, fmt.Errorf("reading %s: %w", source, explain(err))
	}
	return c, nil
}

// checkKeys compares the keys of a JSON tree with the fields of t. Unlike
// encoding/json it tells where the unknown key is, minds upper and lower case,
// and says which keys there are.
func checkKeys(tree any, t reflect.Type, path string) error {
	if tree == nil && path != "" {
		return fmt.Errorf("%s is null: give it a value, or leave the key out for its default", path)
	}
	object, ok := tree.(map[string]any)
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[Zones]() {
		return nil
	}
	if !ok {
		return fmt.Errorf("%s is %s: want an object", name(path, ""), quote(tree))
	}
	fields := map[string]reflect.Type{}
	var allowed []string
	for i := range t.NumField() {
		key := t.Field(i).Tag.Get("json")
		fields[key] = t.Field(i).Type
		allowed = append(allowed, key)
	}
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		field, known := fields[key]
		if !known {
			return fmt.Errorf("%s is not a key: allowed are %s", name(path, key), strings.Join(allowed, ", "))
		}
		if err := checkKeys(object[key], field, name(path, key)); err != nil {
			return err
		}
	}
	return nil
}

// checkOnce refuses a key that an object holds twice: encoding/json takes the
// last one, and whoever reads the file may take the first.
func checkOnce(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	// open are the objects and lists around the token; a list has no keys.
	var open []map[string]bool
	wantKey := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'):
			open = append(open, map[string]bool{})
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		default:
			if key, ok := token.(string); ok && wantKey {
				if open[len(open)-1][key] {
					return fmt.Errorf("%s is given twice: want each key once", key)
				}
				open[len(open)-1][key], wantKey = true, false
				continue
			}
		}
		wantKey = len(open) > 0 && open[len(open)-1] != nil
	}
}

// explain turns a JSON type error into key, value and what is allowed.
func explain(err error) error {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return fmt.Errorf("%s is a %s: want %s", mismatch.Field, mismatch.Value, jsonWord(mismatch.Type))
	}
	return err
}

// jsonWord is a Go type in JSON's words.
func jsonWord(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list of strings"
	case reflect.Map:
		return "an object with string values"
	default:
		return "a " + t.Kind().String()
	}
}

// UnmarshalJSON takes a number or a list of names.
func (z *Zones) UnmarshalJSON(text []byte) error {
	*z = Zones{}
	if json.Unmarshal(text, &z.Count) == nil {
		return nil
	}
	z.Count = 0
	if json.Unmarshal(text, &z.Names) == nil {
		return nil
	}
	return fmt.Errorf("availabilityZones is %s: want a number of zones, or a list of their names", text)
}

func name(path, key string) string {
	switch {
	case path == "" && key == "":
		return "the configuration"
	case path == "" || key == "":
		return path + key
	default:
		return path + "." + key
	}
}

func quote(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
