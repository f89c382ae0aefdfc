# run and build need Go and nothing else. test needs Java 17 and Maven too, and says so when they
# are missing.
GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME ?= 30s

.DEFAULT_GOAL := help
.PHONY: help run build test test-unit test-fuzz test-integration test-clients test-attacks
.PHONY: check check-quick measure fix bench bench-packages fuzz clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: build ## a one-node quorum in ./yakt-data, with what to try next
	./bin/yakt start

build: ## the static binary, bin/yakt
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/yakt ./cmd/yakt

test: test-unit test-fuzz test-integration ## everything, real Kafka brokers included
	@$(MAKE) --no-print-directory test-attacks ATTACK_SLACK=4

test-unit: ## unit tests under the race detector, fuzz seeds, simulation
	$(GO) test -race -timeout 20m $$($(GO) list ./... | grep -v /integration)

# Bounded by inputs, not by time: a target whose time ends in the middle of an input may fail.
test-fuzz: ## every fuzz target, briefly
	@$(MAKE) --no-print-directory fuzz FUZZTIME=30000x

JAVA_PACKAGE = openjdk-17-jre-headless
need-java = command -v java >/dev/null || { echo '$@ starts Apache Kafka: \
  install Java 17 or newer (Debian: apt-get install $(JAVA_PACKAGE))'; exit 1; }
need-python = python3 -m pip --version >/dev/null 2>&1 || { echo '$@ fetches client libraries: \
  install pip (Debian: apt-get install python3-pip)'; exit 1; }
need-npm = command -v npm >/dev/null || { echo '$@ fetches client libraries: \
  install Node.js and npm (Debian: apt-get install npm)'; exit 1; }
need-maven = command -v mvn >/dev/null || { echo '$@ fetches Apache Kafka: \
  install Maven (Debian: apt-get install maven)'; exit 1; }

# Two tests at a time, whatever the machine: each starts up to seven JVMs. -count 1 keeps the test
# cache out, which does not know the binary that the tests start.
test-integration: ## real brokers and clients; needs Java 17, Maven, Python, npm
	@$(need-java)
	@$(need-maven)
	@$(need-python)
	@$(need-npm)
	$(GO) test -count 1 -p 1 -parallel 2 -timeout 60m \
	  $$($(GO) list ./integration/... | grep -v /attack$$)

test-clients: ## client libraries in four languages; needs Java, Maven, Python, npm
	@$(need-java)
	@$(need-maven)
	@$(need-python)
	@$(need-npm)
	$(GO) test -count 1 -parallel 2 -timeout 30m -v ./integration/clients -clients.apache

# The bounds of time are multiplied by ATTACK_SLACK; those of memory and descriptors are not. make
# test allows for a machine that is shared.
ATTACK_SLACK ?= 1
test-attacks: ## floods and hostile clients, measured; on a machine that does nothing else
	@$(need-java)
	@$(need-maven)
	YAKT_TEST_ATTACK_SLACK=$(ATTACK_SLACK) $(GO) test -count 1 -p 1 -parallel 1 -timeout 60m ./integration/attack

check: check-quick ## all that must hold before a commit: linters, known vulnerabilities
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(GOLANGCI) run
	$(GO) run ./tools/vulncheck

check-quick: ## formatting and go vet
	@unformatted=$$(gofmt -l .); \
	  test -z "$$unformatted" || { echo "not formatted (make fix): $$unformatted"; exit 1; }
	$(GO) vet ./...

measure: ## sizes, branches, comments and tests of each package
	@$(GO) run ./tools/measure

fix: ## format the code
	gofmt -w .

# BENCH='-scale small -case a,k' runs less; go run ./bench -help lists its flags.
bench: ## YAKt beside Apache's controllers, on this machine; BENCH has flags
	@$(need-java)
	$(GO) run ./bench $(BENCH)

bench-packages: ## benchmarks of the packages
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz: ## every fuzz target for FUZZTIME
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$pkg; \
	  done; \
	done

clean: ## remove what build made
	rm -rf bin
