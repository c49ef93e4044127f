package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// assembly is the part of a cloud assembly one stack needs.
type assembly struct {
	dir       string
	stackName string
	document  *document
	files     map[string]fileAsset
}

// document is a CloudFormation template as written. Transform, and any
// section not listed here, is refused by decodeDocument.
type document struct {
	AWSTemplateFormatVersion string
	Description              string
	Metadata                 map[string]any
	Parameters               map[string]parameter
	Rules                    map[string]any
	Mappings                 map[string]map[string]map[string]any
	Conditions               map[string]any
	Resources                map[string]rawResource
	Outputs                  map[string]rawOutput
}

type parameter struct {
	Type                  string
	Default               any
	AllowedValues         []any
	AllowedPattern        string
	Description           string
	ConstraintDescription string
	NoEcho                any
}

type rawResource struct {
	Type                string
	Condition           string
	DependsOn           any
	Properties          map[string]any
	Metadata            map[string]any
	DeletionPolicy      string
	UpdateReplacePolicy string
}

type rawOutput struct {
	Description string
	Value       any
	Condition   string
	Export      *struct{ Name any }
}

// manifest is the cloud assembly's manifest.json (schema package
// @aws-cdk/cloud-assembly-schema), as far as it is read here.
type manifest struct {
	Artifacts map[string]artifact `json:"artifacts"`
	Missing   []struct {
		Key string `json:"key"`
	} `json:"missing"`
}

type artifact struct {
	Type         string   `json:"type"`
	Environment  string   `json:"environment"`
	Dependencies []string `json:"dependencies"`
	Properties   struct {
		TemplateFile string            `json:"templateFile"`
		StackName    string            `json:"stackName"`
		Parameters   map[string]string `json:"parameters"`
		File         string            `json:"file"`
	} `json:"properties"`
}

// fileAsset is one entry of a stack's asset manifest.
type fileAsset struct {
	Source struct {
		Path       string   `json:"path"`
		Packaging  string   `json:"packaging"`
		Executable []string `json:"executable"`
	} `json:"source"`
	Destinations map[string]struct {
		ObjectKey string `json:"objectKey"`
	} `json:"destinations"`
}

func readAssembly(dir string, o Options) (*assembly, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	files := os.DirFS(abs)
	var m manifest
	if err := readJSON(files, "manifest.json", &m); err != nil {
		return nil, err
	}
	if len(m.Missing) > 0 {
		return nil, fmt.Errorf("synthesis needs a lookup: context key %s is missing", m.Missing[0].Key)
	}
	id, stack, err := m.stack(o.StackName)
	if err != nil {
		return nil, err
	}
	if err := checkEnvironment(stack.Environment, o); err != nil {
		return nil, fmt.Errorf("stack %s: %w", id, err)
	}
	if len(stack.Properties.Parameters) > 0 {
		return nil, fmt.Errorf("stack %s: parameters given in the manifest are not modelled", id)
	}
	a := &assembly{dir: abs, stackName: stack.Properties.StackName, files: map[string]fileAsset{}}
	if a.stackName == "" {
		a.stackName = id
	}
	if err := a.readAssets(files, m, stack); err != nil {
		return nil, err
	}
	a.document, err = readDocument(files, stack.Properties.TemplateFile)
	return a, err
}

// stack finds the stack artifact by artifact id or stack name.
func (m manifest) stack(name string) (string, artifact, error) {
	var ids []string
	for id, a := range m.Artifacts {
		if a.Type != "aws:cloudformation:stack" {
			continue
		}
		if name == "" || name == id || name == a.Properties.StackName {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	switch len(ids) {
	case 1:
		return ids[0], m.Artifacts[ids[0]], nil
	case 0:
		return "", artifact{}, fmt.Errorf("no stack %q in the manifest", name)
	}
	return "", artifact{}, fmt.Errorf("several stacks match %q: %s", name, strings.Join(ids, ", "))
}

// checkEnvironment compares aws://account/region, as far as synthesis knew
// them, with the pretend account.
func checkEnvironment(environment string, o Options) error {
	account, region, ok := strings.Cut(strings.TrimPrefix(environment, "aws://"), "/")
	if !ok {
		return fmt.Errorf("environment %q is not aws://account/region", environment)
	}
	if account != "unknown-account" && account != o.AccountID {
		return fmt.Errorf("synthesized for account %s, not %s", account, o.AccountID)
	}
	if region != "unknown-region" && region != o.Region {
		return fmt.Errorf("synthesized for region %s, not %s", region, o.Region)
	}
	return nil
}

func (a *assembly) readAssets(files fs.FS, m manifest, stack artifact) error {
	for _, id := range stack.Dependencies {
		dep := m.Artifacts[id]
		if dep.Type != "cdk:asset-manifest" {
			continue
		}
		var assets struct {
			Files        map[string]fileAsset       `json:"files"`
			DockerImages map[string]json.RawMessage `json:"dockerImages"`
		}
		if err := readJSON(files, dep.Properties.File, &assets); err != nil {
			return err
		}
		if len(assets.DockerImages) > 0 {
			return fmt.Errorf("%s: docker image assets are not modelled", dep.Properties.File)
		}
		for _, f := range assets.Files {
			for _, d := range f.Destinations {
				a.files[d.ObjectKey] = f
			}
		}
	}
	return nil
}

// asset returns where the file asset with this S3 object key lies on disk and
// whether it is a directory still to be zipped.
func (a *assembly) asset(objectKey string) (path string, directory bool, err error) {
	f, ok := a.files[objectKey]
	if !ok {
		return "", false, fmt.Errorf("no asset has the object key %q", objectKey)
	}
	if len(f.Source.Executable) > 0 {
		return "", false, fmt.Errorf("asset %s is built by a command, which is not modelled", objectKey)
	}
	path = f.Source.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(a.dir, path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", false, fmt.Errorf("finding asset %s: %w", objectKey, err)
	}
	wantDirectory := f.Source.Packaging == "zip"
	if info.IsDir() != wantDirectory {
		return "", false, fmt.Errorf("asset %s: packaging %q does not fit what lies at %s", objectKey, f.Source.Packaging, f.Source.Path)
	}
	return path, wantDirectory, nil
}

func readDocument(files fs.FS, name string) (*document, error) {
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	d, err := decodeDocument(raw)
	if err != nil {
		return nil, fmt.Errorf("decoding %s: %w", name, err)
	}
	return d, nil
}

func decodeDocument(raw []byte) (*document, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	var d document
	if err := dec.Decode(&d); err != nil {
		return nil, err
	}
	if len(d.Resources) == 0 {
		return nil, errors.New("template has no resources")
	}
	return &d, nil
}

func readJSON(files fs.FS, name string, into any) error {
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("decoding %s: %w", name, err)
	}
	return nil
}
