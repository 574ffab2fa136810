# Hyper. `make help` lists what there is; `make demo` and `make test` do everything on a fresh machine.
SHELL := /bin/bash
.DEFAULT_GOAL := build
.NOTPARALLEL:

step := tools/step.sh
certificates := settings/dev/certs
records := settings/dev/directory/002_certificates.json
prefix ?= /usr/local
# More flags for every build, for instance SWIFT_FLAGS=--jobs=1.
SWIFT_FLAGS ?=

# Seconds for each fuzz target.
FUZZ_SECONDS ?= 600
# Which real clients: light, all, or their names.
CLIENTS ?= all


# Of `make bench`: quick or full; pure, relay (bulk streams trips first idle), broker, refusals, instructions.
PARTS ?= full pure relay broker

.PHONY: build release examples demo test test-unit e2e fuzz sanitize clients hello-table bench chaos fmt check certs proto clean install help setup

build: setup ## build hyper and proxy (optimised) into bin/, and the development certificates when there are none
	@$(step) "build hyper (release)" swift build -c release --product hyper $(SWIFT_FLAGS)
	@$(step) "build proxy (release)" swift build -c release --product proxy $(SWIFT_FLAGS)
	@mkdir -p bin && install -m 755 "$$(swift build -c release --show-bin-path)"/{hyper,proxy} bin/
	@test -e $(certificates)/root.crt || $(MAKE) --no-print-directory certs

examples: setup ## build the example service internal-server into bin/, and the development certificates
	@$(step) "build internal-server (release)" swift build -c release --product internal-server $(SWIFT_FLAGS)
	@mkdir -p bin && install -m 755 "$$(swift build -c release --show-bin-path)"/internal-server bin/
	@test -x bin/hyper || $(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory certs
	@tools/setup.sh by-hand || true

demo: ## everything: check, build, make certificates, start all five processes, send a request, stop (KEEP=1: keep them running until Ctrl-C)
	@$(MAKE) --no-print-directory build examples
	@KEEP=$(KEEP) tools/demo.sh

test: setup-test ## everything: unit, integration and end-to-end tests with real processes (debug build)
	@$(step) "build with tests (debug)" swift build --build-tests $(SWIFT_FLAGS)
	@$(step) "python peer" tools/python-peer.sh
	@$(step) "unit and integration tests" tools/tests.sh 8 --skip EndToEndTests $(SWIFT_FLAGS)
	@$(step) "end-to-end tests" tools/tests.sh 4 --filter EndToEndTests $(SWIFT_FLAGS)

test-unit: setup ## only the tests that start no process
	@$(step) "build with tests (debug)" swift build --build-tests $(SWIFT_FLAGS)
	@$(step) "unit and integration tests" tools/tests.sh 8 --skip EndToEndTests $(SWIFT_FLAGS)

e2e: setup-test ## only the end-to-end tests
	@$(step) "build with tests (debug)" swift build --build-tests $(SWIFT_FLAGS)
	@$(step) "python peer" tools/python-peer.sh
	@$(step) "end-to-end tests" tools/tests.sh 4 --filter EndToEndTests $(SWIFT_FLAGS)

release: setup ## a stripped archive in dist/ that needs no Swift on the target machine
	@tools/release.sh

fuzz: setup ## fuzz the hello reader with libFuzzer (FUZZ_SECONDS=600 for each of three targets; KEEP=1 keeps the corpus)
	@$(step) "fuzz" tools/fuzz.sh $(FUZZ_SECONDS)

clients: ## real clients through the whole chain: curl, openssl, gnutls, Python, Node, Java, Go, Chromium … (CLIENTS=light: the small ones)
	@$(MAKE) --no-print-directory build examples
	@$(step) "real clients" tools/clients.sh $(CLIENTS)

hello-table: ## fill the tables of docs/hello.md: what we, HAProxy and nginx do with the same bytes
	@$(MAKE) --no-print-directory build examples
	@$(step) "hello table" tools/hello-table.sh

bench: setup ## what it costs: pure targets against limits, the relay against others, calls through nodes (PARTS="quick bulk"; docs/performance.md)
	@$(step) "benchmarks" tools/bench.sh $(PARTS)

chaos: PARTS = full
chaos: ## the whole chain under faults: kills, cuts, full disks, bad clients (PARTS=short; PARTS="kill --times 1"; docs/chaos.md)
	@$(MAKE) --no-print-directory build examples
	@$(step) "chaos" tools/chaos.sh $(PARTS)

sanitize: setup ## run the tests of the data plane and the pure targets under the thread and the address sanitizer
	@$(step) "sanitizers" tools/sanitize.sh

fmt: ## format the sources
	@swift format -i -p -r Package.swift Sources Tests

check: ## what CI checks besides the tests: format, imports, generated code, no machine paths
	@$(step) "check" tools/check.sh

certs: ## make or renew the development certificates and their directory records (keeps what is valid)
	@test -x bin/hyper || $(MAKE) --no-print-directory build
	@bin/hyper certs make --certificates $(certificates) --records $(records)

proto: setup ## regenerate the gRPC code from proto/ (needs protoc)
	@$(step) "generate gRPC code" tools/proto.sh

install: build ## install hyper and proxy below prefix (/usr/local)
	install -d $(DESTDIR)$(prefix)/bin
	install -m 755 bin/hyper bin/proxy $(DESTDIR)$(prefix)/bin/

clean: ## remove everything that was built, and what the demo left in run/
	rm -rf .build bin dist run Benchmarks/.build

setup:
	@tools/setup.sh build

setup-test:
	@tools/setup.sh test

.PHONY: setup-test

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
