# `make demo` shows showroom on real photos; `make test` is everything that must pass. Both do all the
# set-up on a Debian machine that has Rust, Node and Python, and both can be run again at any time.

# One place for what is fetched (weights, photos): the same that `showroom` uses.
CACHE := $(or $(SHOWROOM_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/showroom)
# CI builds into the cache, so that a fresh checkout does not build every dependency again.
export CARGO_TARGET_DIR ?= $(if $(CI),$(CACHE),$(CURDIR))/target
CARGO := cargo

.DEFAULT_GOAL := help
.PHONY: help setup test lint unit fetch-test-data audit

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing (Debian packages)
	@.ci/system-packages
	@command -v $(CARGO) >/dev/null || { echo "setup: no cargo: install Rust 1.95 or newer" >&2; exit 1; }

test: lint unit ## everything that must pass: fmt, clippy, tests
	@echo "make test: passed"

lint: setup ## rustfmt and clippy, warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

fetch-test-data: setup
	@python3 datasets/fetch.py pillow-test-images

unit: setup fetch-test-data ## the tests alone
	@if command -v cargo-nextest >/dev/null; then \
		$(CARGO) nextest run --release --locked --workspace --no-fail-fast; \
	else \
		$(CARGO) test --release --locked --workspace --no-fail-fast; \
	fi

audit: ## licences, sources, bans and known vulnerabilities of the dependencies (needs cargo-deny)
	@command -v cargo-deny >/dev/null || { echo "audit: cargo install --locked cargo-deny" >&2; exit 1; }
	$(CARGO) deny --locked check
