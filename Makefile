# The front door: people and CI run the same targets. What `make help` lists is the contract.
# A target is a thin call of the command line or of pytest; logic lives there.

PYTHON ?= python3
VENV   ?= .venv
SPEC   ?= examples/sirius.yaml
ARGS   ?=
IMAGE  ?= $(or $(HOLSTER_IMAGE),output/trio-image)

# The spec's key `cluster` names the output folder.
CLUSTER  = $(shell sed -nE "s/^cluster: *['\"]?([a-z0-9-]+).*/\1/p" $(SPEC))
BIN     := $(VENV)/bin
HOLSTER := $(BIN)/holster
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUNTIME := $(VENV)/.runtime
DEV     := $(VENV)/.dev
BENCH   := $(VENV)/.bench

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help render check verify build boot lab matrix test lint format bench golden tools clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: SPEC=$(SPEC) PYTHON=$(PYTHON) VENV=$(VENV) ARGS=<more options>"

render: $(RUNTIME) ## Render SPEC (the original cluster) into output/; needs only Python
	@$(HOLSTER) render $(SPEC) $(ARGS)

check: $(RUNTIME) ## Report every problem of SPEC
	@$(HOLSTER) check $(SPEC) $(ARGS)

verify: $(DEV) ## Have the consuming programs read back what `make render` made
	@$(HOLSTER) verify output/$(CLUSTER) $(ARGS)

build: $(RUNTIME) ## Build the golden image with Packer
	@$(HOLSTER) build $(SPEC) $(ARGS)

boot: $(RUNTIME) ## Boot the cluster from its seeds in QEMU
	@$(HOLSTER) boot $(SPEC) $(ARGS)

lab: $(DEV) ## Boot whole clusters in QEMU and break them; IMAGE=<folder of the golden image>
	@HOLSTER_IMAGE=$(IMAGE) $(BIN)/pytest -m lab -s tests/lab $(ARGS)
	@$(BIN)/python -m tests.lab.table

matrix: $(DEV) ## Break whole clusters in namespaces in every way, as root; then the table of docs/lab.md
	@$(BIN)/pytest -m matrix -s -n 2 tests/matrix $(ARGS); code=$$?; $(BIN)/python -m tests.matrix.record; exit $$code

test: $(DEV) ## Run all tests; tests of absent outside tools are skipped and named
	@$(BIN)/pytest -n 2 $(ARGS)

lint: $(DEV) ## Check style, types, layers and shell scripts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@# The fragments of kickstart/ are judged where they are rendered: alone they lack their variables.
	@git ls-files -z -- '*.sh' ':!kickstart' .ci/run tests/tools/install tests/tools/install-image packer/make-debian-base | xargs -0 -r $(BIN)/shellcheck

format: $(DEV) ## Format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(BENCH) ## Measure speed and memory; prints the table of docs/performance.md
	@$(BIN)/python -m tests.bench $(ARGS)

golden: $(DEV) ## Rewrite the golden files from what is rendered now; read the diff
	@$(BIN)/pytest -n 2 --update-golden tests/unit tests/diagnostics

tools: $(DEV) ## Build and fetch the outside tools of tests and CI into .tools/
	@tests/tools/install

clean: ## Remove what was made here: virtual environment, caches, output (never secrets/)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
	@find output -mindepth 1 ! -name README.md -delete

# The stamp comes last and names the folder: an environment that was made half, or whose
# folder was moved (its programs still name the old one), is made anew.
ifneq ($(shell cat $(RUNTIME) 2>/dev/null),$(CURDIR))
.PHONY: $(RUNTIME)
endif

$(RUNTIME): requirements/runtime.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "holster needs Python 3.11 or newer: make PYTHON=python3.11")'
	@test "$$(cat $@ 2>/dev/null)" = "$(CURDIR)" || { echo "making $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "installing Holster into $(VENV)"
	@$(PIP_INSTALL) --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@# Not isolated: an isolated build fetches its backend anew, without a look at any hash.
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@echo "$(CURDIR)" > $@

$(DEV): requirements/dev.txt $(RUNTIME)
	@echo "installing the development tools into $(VENV)"
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(BENCH): requirements/bench.txt $(DEV)
	@echo "installing the benchmark's rival into $(VENV)"
	@$(PIP_INSTALL) --require-hashes -r requirements/bench.txt
	@touch $@
