# Everything there is to do here, by one word each: `make` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUTF8 := 1
export NO_MKDOCS_2_WARNING := 1

PYTHONS := python3.11 python3 python3.12 python3.13
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --no-input

.PHONY: help setup run test parity accuracy bench docs

help: ## say what can be done here
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

setup: .venv/run.stamp .venv/dev.stamp ## install all that `run` and `test` need

run: .venv/run.stamp ## two pages: the United Kingdom of 2013, and nine made-up agencies' raw lists
	$(BIN)/darkfigure run examples/uk-2013/study.toml --out out/uk-2013
	$(BIN)/python examples/sacramento-like/generate.py
	$(BIN)/darkfigure run examples/sacramento-like/study.toml --out out/sacramento-like

test: .venv/dev.stamp ## style, types, import contracts, tests and documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest
	site="$$(mktemp -d)"; trap 'rm -rf "$$site"' EXIT; $(BIN)/mkdocs build --strict --site-dir "$$site/site"

parity: .venv/dev.stamp ## compare every number with published and peer results
	$(BIN)/python -m benchmarks.parity

accuracy: .venv/dev.stamp ## hold estimators and linkage against data whose truth is known
	$(BIN)/python -m benchmarks.known_truth
	$(BIN)/python -m benchmarks.places
	$(BIN)/python -m benchmarks.accuracy
	DARKFIGURE_KILLS=20 $(BIN)/pytest tests/test_killed.py

bench: .venv/dev.stamp ## measure time and memory, and try attacks; the documentation gets the numbers
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.linkage
	$(BIN)/python -m benchmarks.national
	$(BIN)/python -m benchmarks.attack

docs: .venv/dev.stamp ## build the documentation into site/
	$(BIN)/mkdocs build --strict

.venv/run.stamp: requirements.lock pyproject.toml
	@for name in $(PYTHONS); do \
	  if "$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then python="$$name"; break; fi; \
	done; \
	if [ -z "$${python:-}" ]; then \
	  echo "Python 3.11, 3.12 or 3.13 is needed and none was found; on Debian: apt-get install python3 python3-venv" >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  scripts/system-packages.sh "$$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"; \
	fi; \
	"$$python" -m venv .venv
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@echo "compiling once (about half a minute)"
	$(BIN)/python -c "from darkfigure.size.methods import compile_once; compile_once()"
	$(BIN)/python -c "from darkfigure.circuit.multistate import compile_once; compile_once()"
	touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	$(PIP) install --require-hashes -r requirements-dev.lock
	scripts/system-packages.sh chromium
	scripts/system-packages.sh default-jre-headless
	touch $@
