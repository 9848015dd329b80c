# Thin: each target calls the tool that does the work. `make demo` and `make test` install what they need.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.tools/bin:$(PATH)

.PHONY: help demo test web programs check configuration access rust-test page-test clients-test browser-test deny audit musl-test image-test images reproducible release
.PHONY: demo-cluster pictures soak attack simulate fuzz fuzz-test conformance-test openapi-test proxies-test prometheus-test counts

# What `make fuzz` gives each target, in seconds.
FUZZ_SECONDS ?= 300
# How many cases `make fuzz` gives each property test.
PROPERTY_CASES ?= 4096

help: ## Shows this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: web ## Runs a simulated concentrator, an agent and a relay on loopback, and prints the addresses of a list of their lines and of the console
	cargo build --locked --bins -p linelight-agent -p linelight-relay -p linelight-tests
	@exec target/debug/demo

demo-cluster: web ## Runs three relays on a bus, kills one each half minute, and prints what viewers saw of that
	@tests/setup nats
	cargo build --locked --bins -p linelight-agent -p linelight-relay -p linelight-tests
	@exec target/debug/demo-cluster

test: ## Runs everything, and prints how long each part took
	@tests/each check rust-test page-test clients-test browser-test deny musl-test image-test fuzz-test conformance-test openapi-test proxies-test prometheus-test counts

# The page is built again when one of its files has changed, and then the relay, which has it inside.
PAGE := relay/web/dist/index.html
web: $(PAGE) ## Builds the page into relay/web/dist
$(PAGE): $(shell find relay/web -name node_modules -prune -o -path relay/web/dist -prune -o -type f -print)
	@tests/setup node rust
	cd relay/web && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error; }
	cd relay/web && npm run --silent build
	@touch $(PAGE)

# The programs as the tests have them. With fewer packages, or without their tests, cargo would build most crates once more.
PROGRAMS := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)/debug
BUILT := RELAY_PROGRAM=$(PROGRAMS)/linelight-relay \
	AGENT_PROGRAM=$(PROGRAMS)/linelight-agent \
	SIMULATED_ROUTER_PROGRAM=$(PROGRAMS)/simulated-router
programs: web
	cargo test --quiet --locked --workspace --no-run

check: web ## Format and lints
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

rust-test: programs ## Rust tests, the built programs end to end among them
	@tests/setup nextest documents postgresql acme nats
	cargo nextest run --locked --workspace

configuration: web ## Writes docs/configuration.md from the flags and variables of both programs
	LINELIGHT_TEST_WRITE_CONFIGURATION=1 cargo nextest run --locked -p linelight-tests --test documents configuration

access: web ## Writes docs/access.md from a relay that is asked at every door as every kind of caller
	LINELIGHT_TEST_WRITE_ACCESS=1 cargo nextest run --locked -p linelight-relay --test access

page-test: web ## The page's own tests
	cd relay/web && npm test --silent

clients-test: programs ## Independent RouterOS clients against the simulated router
	@tests/setup python
	SIMULATED_ROUTER=$(PROGRAMS)/simulated-router tests/clients/run

browser-test: programs ## The page in Chromium, Firefox and WebKit, by itself and with the whole system behind it
	@tests/setup browsers
	cd tests/browser && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error; }
	cd tests/browser && npm test --silent

pictures: web ## The README's pictures of the page, from the demo, into docs/pictures
	@tests/setup pictures
	cargo build --locked --bins -p linelight-agent -p linelight-relay -p linelight-tests
	cd tests/browser && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error; }
	cd tests/browser && node readme-pictures.mjs

deny: ## Licences, banned crates, sources
	@tests/setup deny
	cargo deny check bans licenses sources

audit: ## Known holes in the packages of all lock files. Needs the network
	@tests/setup rust node deny
	tests/audit

musl-test: web ## The agent static: its size and the program's own tests; all tests of agent and protocol under qemu as an arm926
	@tests/setup musl nextest
	container/build --arch x86-64
	LINELIGHT_TEST_AGENT=$(CURDIR)/target/static/x86-64/linelight-agent cargo nextest run --locked --workspace -E 'binary(program) & package(linelight-agent)'
	container/build --arch armv5 --test

image-test: programs ## The x86-64 image, read by skopeo and umoci, run by runc against a simulated router and a relay
	@tests/setup musl images
	tests/images/settings
	container/build --arch x86-64
	container/image agent x86-64=target/static/x86-64/linelight-agent --out target/images
	tests/images/run target/images x86-64

AGENTS := $(foreach arch,x86-64 arm64 armv7 armv5,$(arch)=target/static/$(arch)/linelight-agent)
RELAYS := $(foreach arch,x86-64 arm64,$(arch)=target/static/$(arch)/linelight-relay)

images: programs ## All images and Debian packages: built, run (ARM under qemu), installed in a Debian; sizes and memory. Long
	@tests/setup musl images debian
	tests/images/settings
	container/build
	container/build --program relay
	container/image agent $(AGENTS) --out target/images
	container/image relay $(RELAYS) --out target/images
	container/debian/build agent $(AGENTS) --out target/debian
	container/debian/build relay $(RELAYS) --out target/debian
	tests/images/run target/images x86-64 arm64 armv7 armv5 --relay-image --figures
	tests/images/packages target/debian

reproducible: web ## Builds the x86-64 agent, its image and its package of this commit in two places, and compares the bytes
	@tests/setup musl
	tests/images/reproducible --arch x86-64

release: ## What is attached to a release, from what `make images` built, into target/attachments
	@tests/setup sbom
	container/release

# How long the churn of `make soak` lasts, in seconds; with SOAK_ATTACK=1 strangers attack all the while.
export SOAK_SECONDS ?= 600
export SOAK_ATTACK ?= 0

soak: web ## 200 agents and 2,000 viewers under churn for SOAK_SECONDS, then 10,000 viewers back at once; fails on a leak or a loss
	cargo build --locked --release --bins -p linelight-agent -p linelight-relay -p linelight-tests
	target/release/soak

# How long each attack of `make attack` lasts, in seconds.
export ATTACK_SECONDS ?= 10

attack: web ## Attacks a relay on loopback from one address and from 200, and prints what everybody else notices
	cargo build --locked --release --bins -p linelight-agent -p linelight-relay -p linelight-tests
	target/release/attack

# How many seeds `make simulate` tries.
SIMULATED_SEEDS ?= 1000000

simulate: web ## Relays on a bus that loses, doubles, delays and parts, in virtual time: SIMULATED_SEEDS seeds
	@tests/setup nextest
	LINELIGHT_TEST_SEEDS=$(SIMULATED_SEEDS) cargo nextest run --locked --cargo-profile counts -p linelight-relay --lib simulation

fuzz: web ## Property tests with PROPERTY_CASES of a random seed, then every fuzz target for FUZZ_SECONDS, with figures
	fuzz/properties $(PROPERTY_CASES)
	fuzz/run $(FUZZ_SECONDS)

fuzz-test: web ## Fuzzes every target for three seconds each
	fuzz/run 3

conformance-test: programs ## The viewers' WebSocket against independent clients, lawful and hostile
	$(BUILT) tests/conformance/run

openapi-test: programs ## The API against its OpenAPI document, by schemathesis
	$(BUILT) tests/openapi/run

proxies-test: programs ## Agents through squid and tinyproxy, the relay behind nginx and HAProxy
	$(BUILT) tests/proxies/run

prometheus-test: ## The alerts and the dashboard, by promtool
	tests/prometheus/run

counts: web ## Instructions, allocations and sizes beside tests/counts/baseline.json
	@tests/setup counts
	tests/counts/run

# The agent that is measured is the static one where it is built.
BENCH = agent=$(CURDIR)/target/static/x86-64/linelight-agent; \
	if [ -x "$$agent" ]; then export LINELIGHT_TEST_AGENT=$$agent; fi; tests/bench/run

bench: bench-built ## Everything that was promised, measured beside other servers, BENCH_ROUNDS times (5). Half an hour
	@tests/setup musl browser
	cd tests/browser && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error; }
	container/build
	$(BENCH)

bench-quick: bench-built ## A tenth of the load, once: whether the measuring works
	$(BENCH) --quick --rounds 1

bench-built: web
	@tests/setup node rust network
	cargo build --locked --release --bins -p linelight-agent -p linelight-relay -p linelight-tests
	cd tests/bench/references && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error; }
