package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/loopback"
	"github.com/tuneline/tuneline/internal/proxy"
)

// proxyOptions are the command's flags.
type proxyOptions struct {
	apiFlags
	model, listen, key string
	asJSON             bool
}

func proxyCommand() *cobra.Command {
	var o proxyOptions
	command := &cobra.Command{
		Use:   "proxy",
		Short: "Let any client ask the API: sign its requests on this machine",
		Long: `Let any client ask the API: sign its requests on this machine.

It listens on loopback and passes every request to the stack's API, signed with
your AWS credentials, and every answer back as it comes. The AWS CLI, the AWS
SDKs, OpenAI's clients, LangChain and LiteLLM then need one setting, which is
printed at the start. Whatever the client itself put into Authorization is
dropped.

` + askWhence + `
An API that takes bearer tokens needs no proxy.

It lends your permission to ask models to the programs of this machine: other
machines, and web pages in a browser, are refused. Programs of your own could as
well read your credentials, so no key is wanted of them; where other people use
the machine, too, set one with --key.

Exit codes: 0 it was stopped with Ctrl-C, 2 the command itself failed.`,
		Example: `  tuneline proxy
  tuneline proxy --model support --listen 127.0.0.1:9000
  TUNELINE_PROXY_KEY=$(openssl rand -hex 16) tuneline proxy --api https://a1b2c3.execute-api.us-east-1.amazonaws.com/live`,
		Args: nothing,
		RunE: func(command *cobra.Command, _ []string) error {
			return runProxy(command, o)
		},
	}
	o.register(command)
	flags := command.Flags()
	flags.StringVar(&o.model, "model", "", "the model that answers at /v1 as well, for clients whose path cannot be set")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8787", "the loopback address to listen on; port 0 takes any that is free")
	flags.StringVar(&o.key, "key", "", "what clients must send as a bearer token (or TUNELINE_PROXY_KEY, which other users of the machine cannot see)")
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON document at the start, and nothing else")
	return command
}

func runProxy(command *cobra.Command, o proxyOptions) error {
	ctx := command.Context()
	if o.model != "" {
		if err := finetune.CheckModelName(o.model); err != nil {
			return fmt.Errorf("--model %q: %w", o.model, err)
		}
	}
	if os.Getenv("TUNELINE_TOKEN") != "" {
		return errors.New("TUNELINE_TOKEN is set, which is for an API that takes bearer tokens: it needs no proxy; unset it for one that takes signatures")
	}
	if o.key == "" { // no default of the flag, which --help would print
		o.key = os.Getenv("TUNELINE_PROXY_KEY")
	}
	// An address that will not do is told before AWS is asked anything.
	listener, err := loopback.Listen(ctx, o.listen)
	if errors.Is(err, loopback.ErrReachable) {
		return fmt.Errorf("--listen: %w; they would ask with your permissions", err)
	}
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer func() { _ = listener.Close() }() // Serve has closed it by then, if it came to that
	api, err := o.find(ctx)
	if err != nil {
		return err
	}
	names, err := api.proxied(command)
	if err != nil {
		return err
	}
	start := proxyStart{URL: "http://" + listener.Addr().String(), API: api.url.String(), Region: api.cfg.Region, Models: names, model: o.model, key: o.key}
	if err := start.tell(command, o.asJSON); err != nil {
		return err
	}
	p := proxy.Proxy{Target: api.url, Region: api.cfg.Region, Credentials: api.cfg.Credentials, Model: o.model, Key: o.key, APIKey: api.key}
	return proxy.Serve(ctx, listener, p.Handler())
}

// proxied finds out whether the API can be reached and takes signatures, and which
// models it serves. Who may ask a model need not be allowed to list them.
func (a inferenceAPI) proxied(command *cobra.Command) ([]string, error) {
	status, text, err := a.get(command.Context(), "/models")
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusUnauthorized:
		return nil, fmt.Errorf("this API takes bearer tokens and needs no proxy: give clients %s/model/<model>/v1 as base URL, or %s as endpoint, and a token as API key or AWS_BEARER_TOKEN_BEDROCK", a.url, a.url)
	case status != http.StatusOK:
		fmt.Fprintf(command.ErrOrStderr(), "tuneline: the models cannot be listed: %v\n", a.explain("<model>", status, said(text)))
		return []string{}, nil
	}
	var list struct {
		Models []servedModel `json:"models"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("the API's list of models cannot be read: is --api a tuneline's of another version? %w", err)
	}
	names := []string{}
	for _, m := range list.Models {
		names = append(names, m.Model)
	}
	return names, nil
}

// proxyStart is what is told of a proxy that has begun.
type proxyStart struct {
	// URL is where the proxy listens, API what it passes requests to.
	URL    string `json:"url"`
	API    string `json:"api"`
	Region string `json:"region"`
	// Models are those that are served, if they may be listed.
	Models []string `json:"models"`

	model, key string
}

// tell says where the proxy is, and what to paste for each client.
func (s proxyStart) tell(command *cobra.Command, asJSON bool) error {
	out := &remembering{Writer: command.OutOrStdout()}
	if asJSON {
		return encode(out, s)
	}
	model, given, inPython := "MODEL", "unused", `"unused"`
	if s.key != "" {
		given, inPython = "$TUNELINE_PROXY_KEY", `os.environ["TUNELINE_PROXY_KEY"]`
	}
	if s.model != "" {
		model = s.model
	} else if len(s.Models) > 0 {
		model = s.Models[0]
	}
	fmt.Fprintf(out, "%s  %s → %s\n", bold.Render("tuneline proxy"), s.URL, s.API)
	if len(s.Models) > 0 {
		fmt.Fprintf(out, "%s\n", faint.Render("served: "+strings.Join(s.Models, ", ")))
	}
	base := s.URL + "/model/" + model + "/v1"
	if s.model != "" {
		base = s.URL + "/v1"
	}
	for _, client := range []struct{ name, line string }{
		{"AWS CLI", awsKey(s.key) + "aws bedrock-runtime converse --endpoint-url " + s.URL + " --region " + s.Region + " --model-id " + model +
			` --messages '[{"role":"user","content":[{"text":"Hello?"}]}]'`},
		{"boto3", fmt.Sprintf(`boto3.client("bedrock-runtime", region_name="%s", endpoint_url="%s").converse(modelId="%s", …)`, s.Region, s.URL, model)},
		{"OpenAI's", fmt.Sprintf(`export OPENAI_BASE_URL=%s OPENAI_API_KEY=%s`, base, given)},
		{"LangChain", fmt.Sprintf(`ChatOpenAI(base_url="%s", api_key=%s, model="%s")`, base, inPython, model)},
		{"LiteLLM", fmt.Sprintf(`litellm.completion("openai/%s", api_base="%s", api_key=%s, …)`, model, base, inPython)},
		{"curl", fmt.Sprintf(`curl %s%s/chat/completions -H 'content-type: application/json' -d '{"model":"%s","messages":[{"role":"user","content":"Hello?"}]}'`, curlKey(s.key), base, model)},
	} {
		fmt.Fprintf(out, "  %-9s  %s\n", client.name, client.line)
	}
	fmt.Fprintf(out, "%s\n", faint.Render("Ctrl-C stops it."))
	return out.err
}

// awsKey is what stands before a command of the AWS CLI so that it sends the key.
func awsKey(key string) string {
	if key == "" {
		return ""
	}
	return "AWS_BEARER_TOKEN_BEDROCK=$TUNELINE_PROXY_KEY "
}

func curlKey(key string) string {
	if key == "" {
		return ""
	}
	return `-H "authorization: Bearer $TUNELINE_PROXY_KEY" `
}
