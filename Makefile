# `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help rules wasm-target weir demo-weir demo-time yardsticks demo demo-live quick test prove chaos fuzz soak bench bench-sweep bench-latency bench-console bench-micro bench-rules bench-instructions bench-check docs deny dist up down
# A target's needs are installed before anything is built; cargo uses all cores by itself.
.NOTPARALLEL:
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# Where stack/install puts what it installs. A distribution's cargo may be too old.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH):/usr/sbin:/sbin
ifneq ($(shell stack/toolchain),)
export RUSTUP_TOOLCHAIN := $(shell stack/toolchain)
endif
CARGO ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
WASM := wasm32-unknown-unknown
# Every crate in rules/ is a rule; its package and its module carry the folder's name.
RULES = $(patsubst rules/%/Cargo.toml,%,$(wildcard rules/*/Cargo.toml))

# For the make that builds librdkafka, the largest of the dependencies that are not Rust: for the demo and the tests it is not optimized,
# has no symbols for a debugger, and no C++ wrapper, which nobody calls. rdkafka-sys has no feature for that, and CFLAGS would reach the
# other dependencies, too. A release is built as its authors mean it.
demo-weir quick test prove: export GNUMAKEFLAGS := LIBSUBDIRS=src --eval=%.o:CFLAGS+=-g0\ -O0

# $(1): which packages, with which features. Where rustup's wasm32 can't be had, Debian's toolchain builds its own.
define build-rules
if [ -d "$$($${RUSTC:-rustc} --print sysroot)/lib/rustlib/$(WASM)" ]; then \
    $(CARGO) build --profile rule --target $(WASM) $(1); \
else \
    echo "rules: no $(WASM) target here; building its standard library with Debian's toolchain" >&2; \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19 RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc \
        /usr/bin/cargo build --profile rule --target $(WASM) -Zbuild-std=std,panic_abort $(1); \
fi
endef

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

wasm-target: # the standard library for wasm32, if rustup keeps the toolchain
	@if command -v rustup >/dev/null; then case "$$(rustup target list --installed)" in *$(WASM)*) ;; *) rustup target add $(WASM) ;; esac; fi

needs-%: # what the target lacks on this machine: listed, asked for, installed; YES=1 goes on by itself
	@stack/install $*

rules: wasm-target ## build every rule in rules/ to rules.d/NAME.wasm
	@test -n "$(RULES)" || { echo "rules: no crate in rules/" >&2; exit 1; }
	@$(call build-rules,$(addprefix -p ,$(RULES)))
	@mkdir -p rules.d; for rule in $(RULES); do \
	    built="$(TARGET_DIR)/$(WASM)/rule/$$rule.wasm"; \
	    if cmp -s "$$built" "rules.d/$$rule.wasm"; then continue; fi; \
	    cp "$$built" "rules.d/.$$rule.wasm.tmp"; mv "rules.d/.$$rule.wasm.tmp" "rules.d/$$rule.wasm"; \
	done
	@ls -l rules.d/*.wasm

target/demo/high_amount.wasm: rules # the same rule with a stricter default: another module, for the demo's swap
	@mkdir -p target/demo
	@$(call build-rules,-q -p high_amount --features strict)
	@cp $(TARGET_DIR)/$(WASM)/rule/high_amount.wasm $@

# WEIR_BIN names a `weir` that is built already, for a quicker start: make demo WEIR_BIN=target/debug/weir
WEIR := $(or $(WEIR_BIN),$(TARGET_DIR)/release/weir)
weir:
	@test -n "$(WEIR_BIN)" || $(CARGO) build --release -p weir

# A release takes three times as long to build. The demo's `weir` is optimized by itself and shares most dependencies, which are most
# of the work, with `make test`: by the profile dev and the tests' features, for a profile of its own would build them anew. Not shared
# are the compiler of the rules, which has only six small modules to compile here, and the databases' clients, which have few rows to
# write. A copy is run, for the tests' `weir`, with its fault points, stands at the same place.
DEMO_WEIR := $(or $(WEIR_BIN),target/demo/weir)
DEMO_PROFILE := $(addprefix weir.,opt-level=1 debug=false debug-assertions=false overflow-checks=false incremental=false codegen-units=2) \
    $(addsuffix .opt-level=0,cranelift-codegen cranelift-frontend crypto-bigint libsqlite3-sys sqlx-core sqlx-mysql sqlx-sqlite wasmparser \
    wasmtime wasmtime-environ wasmtime-internal-cranelift wit-component)
demo-weir:
	@test -n "$(WEIR_BIN)" || { \
	    $(CARGO) build -p weir --features tokio/test-util $(foreach setting,$(DEMO_PROFILE),--config 'profile.dev.package.$(setting)'); \
	    mkdir -p target/demo; install -m 755 $(TARGET_DIR)/debug/weir $(DEMO_WEIR); }

demo-time: # tells how long the demo will take
	@stack/demo-time $(DEMO_WEIR) $(RECORDS)

demo: needs-demo demo-time rules target/demo/high_amount.wasm demo-weir ## 200,000 records (or RECORDS=n) through the whole pipeline, two swaps on the way, the truth beside the result
	$(DEMO_WEIR) demo $(if $(RECORDS),--records $(RECORDS))

demo-live: needs-demo demo-time rules target/demo/high_amount.wasm demo-weir ## the same, kept running with the API open
	$(DEMO_WEIR) demo --live $(if $(RECORDS),--records $(RECORDS))

# ONLY="edges_topic kafka::" runs only groups of tests whose name has one of these; engine/tests/README.md says what a group is.
quick: needs-quick rules ## formatting, lints and all tests that need no service
	@CARGO="$(CARGO)" testkit/run quick $(ONLY)

test: needs-test rules ## formatting, lints and all tests, on a real Kafka, MariaDB and Redis that are started for them
	@CARGO="$(CARGO)" testkit/run test $(ONLY)

prove: needs-test rules ## the tests that look at random, for longer: a campaign of ten minutes, 100,000 schedules, a minute of each fuzz target
	@CARGO="$(CARGO)" testkit/run prove $(ONLY)

# SEED=n fixes what a campaign draws, not when it hits; without one each run has its own. RATE=n records a second, KEEP=1 keeps the engines' logs.
chaos: rules ## ten minutes (or MINUTES=n) of kills and faults on the real stack, SEED=n; then every record is accounted for
	SEED=$(or $(SEED),$(shell date +%s)) MINUTES=$(or $(MINUTES),10) RECORD=$(CURDIR)/bench/reliability.jsonl \
	    $(CARGO) test -p weir --test chaos -- whatever_dies --nocapture

# Needs a nightly toolchain and cargo-fuzz; `make test` runs the same targets for seconds on stable. What is found new stays in
# fuzz/target/corpus, what fails in fuzz/artifacts.
FUZZ_TARGETS = $(patsubst fuzz/targets/%.rs,%,$(filter-out %/child.rs,$(wildcard fuzz/targets/*.rs)))
fuzz: ## libFuzzer on every target, or TARGET=name, ten minutes each, or MINUTES=n
	@command -v cargo-fuzz >/dev/null || { echo "fuzz: first cargo install cargo-fuzz --locked, and rustup toolchain install nightly" >&2; exit 1; }
	@for target in $(or $(TARGET),$(FUZZ_TARGETS)); do \
	    found="fuzz/target/corpus/$$target"; seeds="fuzz/corpus/$$target"; mkdir -p "$$found"; \
	    $(CARGO) +nightly fuzz run -O --sanitizer none --codegen-units 16 --no-cfg-fuzzing "$$target" "$$found" $$(ls -d "$$seeds" 2>/dev/null || true) -- \
	        -max_total_time=$$(( $(or $(MINUTES),10) * 60 )) -max_len=4096 -timeout=60 -rss_limit_mb=4096; \
	done

soak: rules target/demo/high_amount.wasm weir ## an hour (or MINUTES=n) of 100,000 records/s (or RATE=n) with a swap every ten seconds: memory, files, threads, tables
	bench/soak $(or $(MINUTES),60) $(or $(RATE),100000)

# Apart from the engine, whose serde_json parses floats more exactly and slower: the yardstick has to be a fast one.
yardsticks:
	$(CARGO) build --release -p weir-bench

bench: rules weir yardsticks ## 20,000,000 records (or RECORDS=n) through `weir run` on the real stack, beside the least that a reader can do
	bench/run $(RECORDS)

bench-sweep: rules weir yardsticks ## the picture: records/s over rules, dead letters, groups and partitions
	bench/sweep $(RECORDS)

bench-latency: rules weir yardsticks ## produced to visible; a rule's swap; a killed process; two processes against one
	bench/latency
	bench/swap
	bench/recovery
	bench/split $(RECORDS)

bench-console: rules weir yardsticks ## what ten people who look at the console cost, MINUTES=10; when a browser first paints its pages
	bench/console
	bench/paint

bench-rules: rules weir ## what a rule costs, by itself
	$(CARGO) bench -p weir-bench --bench rules

bench-micro: rules ## what each stage costs a record, in nanoseconds; or CASE='judge/5 rules', those whose names have it
	$(CARGO) bench -p weir-bench --bench stages -- $(if $(CASE),'$(CASE)')

bench-instructions: rules ## the same in instructions, against what is recorded: fails beyond 15 % (bench/instructions records anew)
	bench/instructions --check

bench-check: ## the newest `make bench` against the figures on record: fails beyond 15 %
	bench/check

docs: ## write what is made from the code (keys, metrics, the API's problems, codes) and from the contract (the SDK's bindings)
	UPDATE_DOCS=1 $(CARGO) test -p weir --lib --test repo docs_

deny: ## licenses, bans, sources and advisories of the dependencies, by cargo-deny if it is here
	@if ! command -v cargo-deny >/dev/null; then \
	    echo "deny: cargo-deny is not installed (cargo install cargo-deny --locked), so advisories are skipped; the rest is in make test"; \
	    $(CARGO) test -p weir --test repo dependencies; \
	else \
	    $(CARGO) deny check bans licenses sources; \
	    if $(CARGO) deny fetch db; then $(CARGO) deny check --disable-fetch advisories; else \
	        echo "deny: the list of advisories cannot be fetched from here, so advisories are skipped; the forge's workflow asks for them every night"; fi; \
	fi

dist: needs-quick rules weir ## a release in target/dist: the binary with its rules, a bill of materials, checksums
	@.ci/dist $(WEIR)

up: ## start Kafka, MariaDB and Redis on free ports, without Docker
	@stack/up

down: ## end them
	@stack/down
