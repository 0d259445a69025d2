# skep: build, see it at work, test, measure. `make help` lists the targets.

PHP        ?= php
CARGO      ?= cargo
TARGET     := $(or $(CARGO_TARGET_DIR),target)
EXTENSION  := php-ext/modules/skep.so

# The bindings are built for the PHP that runs the tests. Looked up when used: `deps` may install it.
FOR_PHP     = PHP="$$(command -v $(PHP))" PHP_CONFIG="$$(command -v php-config8.2 || command -v php-config)"

# Debian's packages: PHP with headers, clang for the bindings, what the demo and the tests call.
PACKAGES := php8.2-cli php8.2-dev php8.2-opcache clang libclang-dev gcc g++ make valgrind psmisc procps netcat-openbsd socat openssl redis-tools
XDEBUG   := php8.2-xdebug

.DEFAULT_GOAL := help
.PHONY: help deps build demo examples test test-rust test-c test-php test-xdebug models check bench chaos fuzz clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install what is missing (Debian 12 packages, cargo-nextest)
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $$missing; \
	fi
	@$(CARGO) nextest --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-nextest

build: deps ## php-ext/modules/skep.so, target/release/libskep.so, include/skep.h
	$(FOR_PHP) $(CARGO) build --release -p skep -p skep-php
	@mkdir -p php-ext/modules
	cp $(TARGET)/release/libskep_php.so $(EXTENSION).new && mv $(EXTENSION).new $(EXTENSION) # a running server keeps the old file
	.ci/header.sh

demo: build ## a PHP server and a real client: process tree, kill, reload, stop
	examples/demo.sh

examples: build ## each example, against a real client: nc, socat, openssl, redis-cli
	$(CARGO) build --release -q -p skep --examples
	PHP="$(PHP)" TARGET="$(TARGET)" examples/check.sh

test: build check models demo examples test-php test-rust ## everything below, with the runners' summaries last

models: ## loom models of lane and doorbell
	.ci/loom.sh

test-rust: ## Rust unit and integration tests, C consumers
	$(CARGO) nextest run --cargo-profile tests -p skep -p skep-tests --no-fail-fast
	$(CARGO) test --release -p skep --doc -q

test-php: ## phpt with PHP's own runner, plain and with both JITs of opcache
	.ci/phpt.sh

test-xdebug: build ## the same under xdebug (develop, debug, coverage), which it installs
	@dpkg-query -W -f='$${Status}' $(XDEBUG) 2>/dev/null | grep -q 'ok installed' || { \
	  sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $(XDEBUG) && \
	  $$sudo phpdismod xdebug; } # for these tests only: every PHP of the machine would be slower
	.ci/phpt.sh --xdebug

check: ## formatting, lints, layers, names of tests in docs/
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path engine/fuzz/Cargo.toml --check
	$(FOR_PHP) $(CARGO) clippy --release --workspace --all-targets -q -- -D warnings
	.ci/layers.sh
	.ci/conformance.sh

# CHAOS_SECONDS, CHAOS_SEED, CHAOS_FAULTS and CHAOS_REDELIVER: see tests/programs/chaos_driver.rs.
chaos: build ## a minute of kills, crashes and reloads under load, for each kind of server, without and with task_redeliver
	$(CARGO) build --release -p skep-tests --bins
	@mkdir -p $(TARGET)/chaos
	for language in php rust; do for redeliver in $${CHAOS_REDELIVER:-0 1}; do \
	  CHAOS_REDELIVER=$$redeliver $(TARGET)/release/skep-test-chaos $$language "$$(realpath $(TARGET))/chaos/$$language-$$redeliver-$$$$" || exit 1; \
	done; done

fuzz: ## each fuzz target for FUZZ_SECONDS (60); installs cargo-fuzz
	.ci/fuzz.sh

bench: build ## table of ratios against bare loops
	bench/run.sh

clean:
	$(CARGO) clean
	rm -rf php-ext/modules
