// Command nag holds synthesized templates against the rule packs of cdk-nag:
//
//	nag <configuration>=<template file> ...
//
// It prints, as JSON, what the packs have against which resource. The templates
// are read with the CDK's own CfnInclude, so that any template can be looked at,
// also one with a defect seeded into it, and no construct has to know of it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/cloudformationinclude"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	defer jsii.Close()
	out, err := os.MkdirTemp("", "nag-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(out)) }()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(out), AnalyticsReporting: jsii.Bool(false)})
	for _, arg := range args {
		name, file, named := strings.Cut(arg, "=")
		if !named {
			return fmt.Errorf("%q is no <configuration>=<template file>", arg)
		}
		include(app, name, file)
	}
	addPacks(app)
	app.Synth(nil)
	findings, err := read(out)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(findings)
}

// include makes a stack of a template. The template has the parameter and the
// rule of the bootstrap version already.
func include(app awscdk.App, name, file string) {
	stack := awscdk.NewStack(app, jsii.String(name), &awscdk.StackProps{
		Synthesizer: awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{GenerateBootstrapVersionRule: jsii.Bool(false)}),
	})
	cloudformationinclude.NewCfnInclude(stack, jsii.String("Template"), &cloudformationinclude.CfnIncludeProps{TemplateFile: jsii.String(file)})
}

func addPacks(app awscdk.App) {
	props := &cdknag.NagPackProps{Reports: jsii.Bool(false)}
	aspects := awscdk.Aspects_Of(app)
	aspects.Add(cdknag.NewAwsSolutionsChecks(props), nil)
	aspects.Add(cdknag.NewNIST80053R5Checks(props), nil)
	aspects.Add(cdknag.NewHIPAASecurityChecks(props), nil)
	aspects.Add(cdknag.NewPCIDSS321Checks(props), nil)
	aspects.Add(cdknag.NewServerlessChecks(props), nil)
}

// finding is what a pack has against one resource of one configuration's
// template; the message begins with the rule.
type finding struct{ Configuration, Resource, Message string }

// read collects the annotations that the packs leave in the cloud assembly. They
// name each finding of a rule, such as each wildcard of a policy; the packs' own
// reports name the rule only.
func read(assembly string) ([]finding, error) {
	var manifest struct {
		Artifacts map[string]struct {
			Metadata               metadata
			AdditionalMetadataFile string
		}
	}
	if err := readJSON(filepath.Join(assembly, "manifest.json"), &manifest); err != nil {
		return nil, err
	}
	findings := []finding{}
	for name, artifact := range manifest.Artifacts {
		if artifact.AdditionalMetadataFile != "" {
			if err := readJSON(filepath.Join(assembly, artifact.AdditionalMetadataFile), &artifact.Metadata); err != nil {
				return nil, err
			}
		}
		for path, entries := range artifact.Metadata {
			for _, entry := range entries {
				if message, isText := entry.Data.(string); isText && levels[entry.Type] {
					findings = append(findings, finding{name, filepath.Base(path), strings.TrimSpace(message)})
				}
			}
		}
	}
	return findings, nil
}

// metadata is what the CDK keeps of each construct, by its path.
type metadata map[string][]struct {
	Type string
	Data any
}

// levels are the kinds of annotations a finding can be.
var levels = map[string]bool{"aws:cdk:error": true, "aws:cdk:warning": true}

func readJSON(file string, to any) error {
	text, err := os.ReadFile(file) //nolint:gosec // a file of the assembly that was named
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	return nil
}
