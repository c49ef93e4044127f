# Everything a person or the CI does with this repository. Only Go, Node.js 20
# or later with npm, and git are needed; each target sets up what it uses.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The npm package of Node.js that package.json pins for this machine: the CDK
# wants a newer Node.js than many machines have.
NODE_OS := $(shell uname -s | tr '[:upper:]' '[:lower:]')
NODE_CPU := $(shell uname -m | sed -e 's/x86_64/x64/' -e 's/aarch64/arm64/')
export PATH := $(CURDIR)/node_modules/node-$(NODE_OS)-$(NODE_CPU)/bin:$(CURDIR)/node_modules/node-bin-$(NODE_OS)-$(NODE_CPU)/bin:$(PATH)

TUNELINE := .tuneline/bin/tuneline
LINT := .tuneline/bin/golangci-lint
NODE_MODULES := node_modules/.package-lock.json

# suite runs one suite of "make test" and prints how long it took.
define suite
	@echo "--- $(1)"; started=$$(date +%s) && $(2) && echo "--- $(1): $$(( $$(date +%s) - started )) s"
endef

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  %-14s %s\n", $$1, $$2 }'

.PHONY: setup
setup: $(NODE_MODULES) ## install the pinned Node.js tools (node_modules)

$(NODE_MODULES): package.json package-lock.json
	@echo "--- npm ci" >&2
	@npm ci --no-audit --no-fund --loglevel=error >&2
	@touch $@

.PHONY: rehearse
rehearse: setup build ## run the whole pipeline locally: DATASET=file.jsonl CONFIG=examples/<name> ARGS="--stay"
	@$(TUNELINE) rehearse $(if $(CONFIG),--config '$(CONFIG)') $(if $(DATASET),--dataset '$(DATASET)') $(ARGS)

.PHONY: build
build: ## build the operator's command line into .tuneline/bin
	@mkdir -p .tuneline/bin
	@go build -o $(TUNELINE) ./cmd/tuneline

.PHONY: test
test: setup $(LINT) ## run every test and the linter, as CI does
	$(call suite,lint,$(LINT) run ./...)
	$(call suite,unit,go test $$(go list ./... | grep -v -e /infra$$ -e /internal/rehearsal$$))
	$(call suite,infra,go test ./infra)
	$(call suite,rehearsal,go test -timeout 20m ./internal/rehearsal)

.PHONY: golden
golden: setup ## rewrite the golden files from what the code does now; read the diff
	@go test $$(git grep -l 'flag.Bool("update"' -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|') -update

.PHONY: fuzz
fuzz: ## fuzz each parser for FUZZTIME (default 30s)
	@go test -run '^$$' -fuzz FuzzCheck -fuzztime $(or $(FUZZTIME),30s) ./internal/dataset
	@go test -run '^$$' -fuzz FuzzMatch -fuzztime $(or $(FUZZTIME),30s) ./internal/rehearsal/eventrule

.PHONY: synth
synth: setup ## synthesize the stack into cdk.out, without credentials or network
	@npx cdk synth --quiet

.PHONY: deploy
deploy: setup ## deploy the stack to the account your credentials name
	@npx cdk deploy

$(LINT): internal/lint/go.mod internal/lint/go.sum
	@echo "--- building golangci-lint"
	@mkdir -p .tuneline/bin
	@cd internal/lint && go build -o ../../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: clean
clean: ## remove everything these targets made
	@rm -rf .tuneline cdk.out dist node_modules
