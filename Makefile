# Set up, try, test. `make` alone lists what there is.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.ONESHELL:

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DISTRIBUTIONS := sdk/python floria puccini khutulun
PACKAGES := $(DISTRIBUTIONS:%=%/src)
CHECKED := $(shell for folder in $(PACKAGES) $(DISTRIBUTIONS:%=%/tests) plugins testbed tests benchmarks examples; do \
	[ -z "$$(find $$folder -name '*.py' -print -quit 2>/dev/null)" ] || echo $$folder; done)

# A step is done again when the content of its sources differs from the last time it was done, and only then.
digest = $(shell { echo $(CURDIR) $(KHUTULUN_CACHE); find $(1) -type f $(2) -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0r sha256sum; } | sha256sum | cut -c -16)
INSTALLED := $(STAMPS)/installed-$(call digest,constraints.txt $(DISTRIBUTIONS:%=%/pyproject.toml))
EQUIPPED := $(STAMPS)/equipped-$(call digest,constraints.txt tests/requirements.txt)
BUILT := $(STAMPS)/built-$(call digest,constraints.txt plugins sdk/python/src floria/src/floria/plugins,-not -path '*/__pycache__/*' -not -path '*/tests/*')

.PHONY: help setup demo stop test lint format host bench clean
help: ## list what there is
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(INSTALLED) $(BUILT) ## leave khutulun, floria, puccini-tosca and puccini-csar in .venv/bin
	@$(BIN)/python -m compileall -q $(PACKAGES)

demo: setup ## start Khutulun, deploy examples/hello, show it running
	@$(BIN)/python -m khutulun.demo start

stop: setup ## take down what `make demo` started
	@$(BIN)/python -m khutulun.demo stop

test: setup lint ## lint, then all tests; real-backend tests where this machine can carry them
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest --verbose $(TESTS)

lint: setup $(EQUIPPED) ## style, types and layers
	@echo "checking style, types and layers" >&2
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet || { echo "error: some files are not formatted; hint: make format" >&2; exit 1; }
	.ci/types --no-error-summary $(CHECKED) conftest.py .ci/plugins.py khutulun/hatch_build.py
	$(BIN)/lint-imports --no-cache >/dev/null || { $(BIN)/lint-imports --no-cache; exit 1; }

format: $(EQUIPPED) ## put every file in form
	@$(BIN)/ruff check --quiet --fix
	$(BIN)/ruff format --quiet

host: setup ## open a shell in a fresh booted host, with the checkout's programs
	@$(BIN)/python -m testbed shell

bench: setup ## measure, beside the raw tools; see benchmarks/
	@$(BIN)/python -m benchmarks

clean: ## remove what was made in this folder (not the cache folder)
	@rm -rf $(VENV) khutulun/src/khutulun/plugins .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is kept when it works and was made for this folder.
$(STAMPS)/python:
	@if ! { $(BIN)/python -m pip --version && grep -qF '$(CURDIR)/$(VENV)' $(BIN)/activate; } >/dev/null 2>&1; then
		python=$$(.ci/python)
		echo "making $(VENV) with $$python" >&2
		"$$python" -m venv --clear $(VENV)
	fi
	mkdir -p $(STAMPS) && touch $@

$(INSTALLED): | $(STAMPS)/python
	@echo "installing Khutulun and what it needs" >&2
	$(PIP) install --constraint constraints.txt hatchling editables
	$(PIP) install --constraint constraints.txt --no-build-isolation $(foreach folder,$(DISTRIBUTIONS),--editable $(folder)$(if $(filter floria,$(folder)),[build]))
	rm -f $(STAMPS)/installed-* && touch $@

$(EQUIPPED): | $(INSTALLED)
	@echo "installing the tools of the tests" >&2
	$(PIP) install --constraint constraints.txt --requirement tests/requirements.txt
	rm -f $(STAMPS)/equipped-* && touch $@

$(BUILT): | $(INSTALLED)
	@echo "building and compiling the plugins (some seconds each, once)" >&2
	$(BIN)/python .ci/plugins.py
	rm -f $(STAMPS)/built-* && touch $@
