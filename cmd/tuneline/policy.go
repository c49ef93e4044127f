package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/guard"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

func policyCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "policy",
		Short: "Ask what the stack's policies allow",
		Args:  nothing,
		RunE: func(command *cobra.Command, _ []string) error {
			return command.Help()
		},
	}
	command.AddCommand(explainCommand())
	return command
}

// explainOptions are the command's flags.
type explainOptions struct {
	config   string
	region   string
	boundary string
	context  []string
	asJSON   bool
}

func explainCommand() *cobra.Command {
	var o explainOptions
	command := &cobra.Command{
		Use:   "explain <role> <action> <resource>",
		Short: "Say whether a role of the stack may do something, and by which statements",
		Long: `Say whether a role of the stack may do something, and by which statements.

The stack is synthesized as "cdk deploy" would, and the policies in it are
evaluated as AWS does: those of the role with its permissions boundary, of the
bucket, the key or the topic, and of the VPC endpoint that a function's calls come
through. No AWS account is asked.

The role is a part of its logical id, such as "Operator"; the resource an ARN, *,
or a part of a logical id with what follows the ARN, such as
StorageBucket/accepted/x. The condition keys that AWS sets on every call are
there; others, such as aws:ResourceTag/tuneline:stack, are given with --context,
several values of one key joined by commas.

Exit codes: 0 allowed, 1 denied, 2 the question could not be answered, for
example because a condition asks about a key that nobody has said anything about.`,
		Example: `  tuneline policy explain Operator s3:PutObject StorageBucket/approvals/x
  tuneline policy explain FunctionsInvoke bedrock:InvokeModel 'arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/abc' --context aws:ResourceTag/tuneline:stack=tuneline`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 3 {
				return errors.New("name a role, an action and a resource: \"tuneline policy explain --help\" shows how")
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			return explain(command.Context(), o, guard.Question{Role: args[0], Action: args[1], Resource: args[2], At: time.Now()}, command.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.config, "config", "", "the stack's configuration file, as with \"cdk deploy -c config=FILE\"")
	flags.StringVar(&o.region, "region", "us-east-1", "the Region the stack is synthesized for")
	boundaryFlag(flags, &o.boundary)
	flags.StringArrayVar(&o.context, "context", nil, "a condition key of the request, key=value; key= for one that is absent")
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON document")
	return command
}

// explain answers a question about the synthesized stack.
func explain(ctx context.Context, o explainOptions, q guard.Question, stdout io.Writer) error {
	var err error
	if q.Context, err = contextKeys(o.context); err != nil {
		return err
	}
	root, err := repositoryRoot()
	if err != nil {
		return err
	}
	boundary, err := readBoundary(o.boundary)
	if err != nil {
		return err
	}
	config, err := fromRoot(root, o.config)
	if err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	assembly, _, err := rehearsal.Synth(ctx, root, config)
	if err != nil {
		return err
	}
	answer, err := answerFrom(assembly, o.region, boundary, q)
	if err != nil {
		return err
	}
	if err := showExplanation(stdout, answer, o.asJSON); err != nil {
		return err
	}
	if answer.Decision != iampolicy.Allowed.String() {
		return toldError{exitFindings}
	}
	return nil
}

// fromRoot is the path of a file as a synthesis wants it, from the repository's root;
// "" stays so.
func fromRoot(root, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(file); err != nil {
		return "", err
	}
	return filepath.Rel(root, file)
}

// answerFrom puts the question to the stack of an assembly.
func answerFrom(assembly, region string, boundary json.RawMessage, q guard.Question) (guard.Explanation, error) {
	stack, err := template.Load(assembly, template.Options{Region: region, AccountID: rehearsal.AccountID})
	if err != nil {
		return guard.Explanation{}, fmt.Errorf("reading the synthesized stack: %w", err)
	}
	g, err := guard.New(guard.Options{Stack: stack, Boundary: boundary, Others: func(calls.Principal) ([]iampolicy.Policy, error) {
		return nil, errors.New("only roles of the stack can be asked about")
	}})
	if err != nil {
		return guard.Explanation{}, err
	}
	return g.Answer(q)
}

// boundaryFlag is the flag of commands that evaluate the stack's policies.
func boundaryFlag(flags *pflag.FlagSet, file *string) {
	flags.StringVar(file, "boundary", "", "the file of the permissions boundary that the configuration names in permissionsBoundary: no template has its document")
}

// readBoundary reads the file of a permissions boundary, if one is named.
func readBoundary(file string) (json.RawMessage, error) {
	if file == "" {
		return nil, nil
	}
	document, err := os.ReadFile(file) //nolint:gosec // the user names the file
	if err != nil {
		return nil, fmt.Errorf("--boundary: %w", err)
	}
	return document, nil
}

// contextKeys reads the values of --context.
func contextKeys(pairs []string) (map[string]string, error) {
	keys := map[string]string{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || !strings.Contains(key, ":") {
			return nil, fmt.Errorf("--context %q: want key=value, such as aws:ResourceTag/tuneline:stack=tuneline", pair)
		}
		keys[key] = value
	}
	return keys, nil
}

// showExplanation prints the decision, and the statements that are about the
// request.
func showExplanation(stdout io.Writer, e guard.Explanation, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(e)
	}
	words := map[string]string{"allowed": "allowed", "implicitDeny": "denied: nothing allows it", "explicitDeny": "denied by a statement"}
	text := fmt.Sprintf("%s\n  %s\n  %s\n  %s\n", words[e.Decision], e.Role, e.Action, e.Resource)
	if e.Missing != "" {
		text = strings.Replace(text, "nothing allows it", "no "+e.Missing+" allows it", 1)
	}
	for _, s := range e.Statements {
		text += fmt.Sprintf("%s by %s of %s (%s policy)\n", map[string]string{"Allow": "allowed", "Deny": "denied"}[s.Effect], s.Sid, s.Policy, s.Kind)
	}
	if _, err := io.WriteString(stdout, text); err != nil {
		return fmt.Errorf("printing the explanation: %w", err)
	}
	return nil
}
