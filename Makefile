# What each target does is in the tools that it calls; make help lists them.
GO     ?= go
KERNEL ?=
RUN    ?=
V      ?= 1
N      ?= 200

export GO
kmodtest := build/kmodtest
flags    := $(if $(KERNEL),-kernel '$(KERNEL)') $(if $(RUN),-run '$(RUN)') $(if $(filter-out 0,$(V)),-v)

.PHONY: help vmtest vmtest-matrix check lint unit guest build shell bench faulty soak clean setup setup-check

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

vmtest: build ## run the tests in a guest: KERNEL=6.1 RUN=TestEcho V=0
	@$(kmodtest) test $(flags)

vmtest-matrix: build ## run the tests on every kernel of kmodtest.toml
	@$(kmodtest) matrix $(if $(RUN),-run '$(RUN)')

check: lint guest unit ## everything that a change has to pass

lint: setup-check build ## style and static checks of Go, C and shell
	@scripts/lint

guest: build ## the tests in a guest, and the proof that they ran
	@$(kmodtest) test -verdict build/verdict.json $(if $(KERNEL),-kernel '$(KERNEL)')
	@$(GO) run ./internal/proof build/verdict.json

unit: setup-check ## the tests of the host side
	@$(GO) test -timeout 20m ./...

build: setup ## build the command
	@$(GO) build -o $(kmodtest) ./cmd/kmodtest

shell: build ## a shell in a guest: KERNEL=6.1
	@$(kmodtest) shell $(if $(KERNEL),-kernel '$(KERNEL)')

bench: build ## measure, and compare with the goals
	@$(GO) run ./internal/bench

faulty: build ## does every fault get caught? KERNEL=6.1
	@$(GO) run ./internal/faulty $(if $(KERNEL),-kernel '$(KERNEL)')

soak: build ## run the tests N=200 times: a single red run is a bug
	@scripts/soak '$(N)' $(if $(KERNEL),-kernel '$(KERNEL)')

clean: ## remove what was built; kmodtest cache prune empties the cache
	@rm -rf build

setup:
	@scripts/setup

setup-check:
	@scripts/setup check
