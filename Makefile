# `make help` lists the targets. Everything is built with one profile (dev: quick to build, hashing crates optimised);
# only `bench` and `release` use the release profile.

.DEFAULT_GOAL := help
SHELL := bash
CARGO ?= cargo

.PHONY: help run chat test check format docs bench torture power-cut fuzz fuzz-smoke conformance release clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build and start the server on 127.0.0.1:8080, with its data in ./data
	$(CARGO) run -p anser -- serve

chat: ## A chat client in the terminal, for the server that `make run` started
	$(CARGO) run -q -p anser -- chat

test: ## Install what the tests need and run all of them
	scripts/test

check: ## Formatting, clippy without warnings, the house rules
	scripts/check

format: ## Format the sources
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml

docs: ## Make the generated pages again (docs/configuration.md)
	ANSER_UPDATE_SNAPSHOTS=1 $(CARGO) test -q -p anser --test snapshots

bench: release ## Measure, with the release build; ARGS="send --help" for one of them
	target/release/anser bench $(ARGS)

torture: CYCLES ?= 1000
torture: ## Long runs: planted faults, kill -9 loop (CYCLES=1000), clean minutes
	CYCLES=$(CYCLES) scripts/torture

power-cut: CYCLES ?= 5
power-cut: ## Cut the power of a virtual machine under load (CYCLES=5); installs QEMU
	CYCLES=$(CYCLES) scripts/power-cut

fuzz-smoke: SECONDS ?= 30
fuzz-smoke: ## Hostile bytes for every decoder, SECONDS=30 each
	scripts/fuzz $(SECONDS)

fuzz: ## The same for one of them until it is stopped: TARGET=websocket
	scripts/fuzz 0 $(TARGET)

conformance: SECONDS ?= 600
conformance: ## Long run of schemathesis over the API, SECONDS=600 for each of three principals
	scripts/setup
	$(CARGO) build -p anser
	tests/conformance/run.py target/debug/anser --seconds $(SECONDS)

release: ## The optimised binary, target/release/anser
	$(CARGO) build --release -p anser

clean: ## Remove what was built; data stays
	$(CARGO) clean
