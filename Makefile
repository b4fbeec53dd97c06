# What each target does is in the tools that it calls; make help lists them.
GO     ?= go
KERNEL ?=
RUN    ?=
V      ?= 1
N      ?= 200
TIME   ?= 5m

KERNELS ?=
SHARD   ?=
LOCKED  ?=
COUNT   ?=
RESULTS ?=
VERSION ?=

# Everything that is started below, kmodtest and the go command itself included,
# looks for "go". A GO that is named otherwise has one of its own.
ifneq ($(GO),go)
goroot := $(shell '$(GO)' env GOROOT)
$(if $(goroot),,$(error GO=$(GO) is no go command))
export PATH := $(goroot)/bin:$(PATH)
endif

kmodtest := build/kmodtest
matrix   := $(if $(KERNELS),-kernels '$(KERNELS)') $(if $(SHARD),-shard '$(SHARD)') $(if $(LOCKED),-locked)
flags    := $(if $(KERNEL),-kernel '$(KERNEL)') $(if $(RUN),-run '$(RUN)') $(if $(filter-out 0,$(V)),-v)

.PHONY: help vmtest vmtest-matrix matrix-list matrix-merge ci-results command check lint unit guest build shell bench faulty innocents strangers suites devices examples covered unwind debug-kernel soak fuzz fuzz-module manifests dist dist-check clean setup setup-check

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

vmtest: build ## run the tests in a guest: KERNEL=6.1 RUN=TestEcho V=0
	@$(kmodtest) test $(flags)

vmtest-matrix: build ## run the tests on every kernel: KERNELS=6.1,7.3 SHARD=1/3 LOCKED=1
	@$(kmodtest) matrix -report-dir build/matrix $(matrix) $(if $(RUN),-run '$(RUN)') $(if $(COUNT),-count '$(COUNT)')

matrix-list: command ## print the kernels as a matrix for GitHub Actions
	@printf 'matrix=%s\n' "$$($(kmodtest) matrix -list-json $(matrix))" | tee -a "$${GITHUB_OUTPUT:-/dev/null}"

matrix-merge: command ## make one report of those in build/matrix/kernels
	@$(kmodtest) matrix -merge '$(wildcard build/matrix/kernels/*)' -report-dir build/matrix

ci-results: ## red unless all of RESULTS are "success"
	@scripts/ci-results $(RESULTS)

check: lint guest unit ## everything that a change has to pass

lint: setup-check build ## style and static checks of Go, C and shell
	@scripts/lint

guest: build ## the tests in a guest, and the proof that they ran
	@$(kmodtest) test -verdict build/verdict.json $(if $(KERNEL),-kernel '$(KERNEL)')
	@go run ./vmimage/internal/dev/proof build/verdict.json

unit: setup-check ## the tests of the host side
	@CGO_ENABLED=1 go run ./internal/unit -race -vet=off -timeout 20m ./... # lint vets

build: setup command ## build the command

command:
	@go build -o $(kmodtest) ./cmd/kmodtest

shell: build ## a shell in a guest: KERNEL=6.1
	@$(kmodtest) shell $(if $(KERNEL),-kernel '$(KERNEL)')

bench: build ## measure, and compare with the goals
	@go run ./vmimage/internal/dev/bench

faulty: build ## does every fault get caught? KERNEL=6.1
	@go run ./vmimage/internal/dev/faulty $(if $(KERNEL),-kernel '$(KERNEL)')

innocents: build ## is any module of the kernel accused? KERNEL=6.1 SAMPLE=10 SHARD=1/4 FOR=15m
	@go run ./vmimage/internal/dev/innocents $(if $(KERNEL),-kernel '$(KERNEL)') $(if $(SAMPLE),-sample '$(SAMPLE)') \
		$(if $(SHARD),-shard '$(SHARD)') $(if $(FOR),-for '$(FOR)')

strangers: build ## smoke on Debian's own DKMS packages, compared with tests/strangers: PACKAGES=xtrx-dkms
	@go run ./vmimage/internal/dev/strangers $(PACKAGES)

devices: build ## does a driver find each device of docs/devices.md? KERNEL=6.12-generic NAMES=tpm
	@scripts/devices '$(or $(KERNEL),6.12-generic)' $(NAMES)

examples: build ## the tests of the examples, on devices of QEMU's: KERNEL=6.1
	@$(kmodtest) test -config examples/edu/kmodtest.toml $(flags)

suites: build ## public Go suites in guests, compared with tests/suites: KERNEL=6.12 NAMES=vishvananda
	@go run ./vmimage/internal/dev/suites $(if $(KERNEL),-kernel '$(KERNEL)') $(NAMES)

covered: build ## does every line of vnet_nl run, and every error path clean up? KERNELS=6.1
	@mkdir -p build/matrix
	@$(kmodtest) matrix -ccover build/matrix/tests.info -report-dir build/matrix $(matrix)
	@$(kmodtest) sweep -ccover build/matrix/sweep.info -junit build/matrix/sweep.xml $(if $(KERNELS),-kernels '$(KERNELS)') -run '^(TestEventsSenderJoined|TestLinkUpDown)$$'
	@go run ./vmimage/internal/dev/covered -unreachable tests/unreachable.txt build/matrix/tests.info build/matrix/sweep.info

unwind: build ## does a sweep find the bugs of tests/unwind? KERNELS=6.1
	@rm -f build/unwind.json
	@-$(kmodtest) sweep -o build/unwind.json $(if $(KERNELS),-kernels '$(KERNELS)') tests/unwind
	@go run ./vmimage/internal/dev/unwind build/unwind.json tests/unwind

debug-kernel: build ## compile the kernel with KASAN, lockdep, kmemleak ahead of time: KERNEL=6.1-debug SAVE=FILE, or LOAD=FILE
	@$(kmodtest) kernels $(if $(LOAD),-load '$(LOAD)',-get '$(or $(KERNEL),tag:debug)' $(if $(SAVE),-save '$(SAVE)'))

soak: build ## run the tests N=200 times: a single red run is a bug
	@scripts/soak '$(N)' $(if $(KERNEL),-kernel '$(KERNEL)')

fuzz: setup-check build ## run every fuzz target: TIME=5m for each
	@scripts/fuzz '$(TIME)'

fuzz-module: build ## does a module's coverage steer fuzzing to the bug of tests/fuzzed? EXECS=20000 ROUNDS=3 KERNEL=6.1
	@scripts/fuzz-module $(or $(EXECS),20000) $(or $(ROUNDS),3) $(KERNEL)

manifests: ## does Kubernetes take the manifests of docs/?
	@go test -C internal/manifests -count=1 ./...

dist: ## what a release consists of, in build/dist: VERSION=v1.2.3
	@scripts/dist $(VERSION)

dist-check: ## is what dist made whole?
	@scripts/dist-check

clean: ## remove what was built; kmodtest cache prune empties the cache
	@rm -rf build

setup:
	@scripts/setup

setup-check:
	@scripts/setup check
