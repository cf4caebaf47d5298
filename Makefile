# 254Carbon. `make` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup run test check format lock openapi bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: .venv/.installed ## install everything, locked with hashes, into .venv

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "254Carbon needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing (some 500 MB the first time)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: setup ## start everything embedded; on an empty data folder, show the main job on sample data first
	@$(BIN)/carbon254 serve --sample

test: setup ## run the whole test suite
	@$(BIN)/python -m pytest

check: setup ## format, ruff, mypy strict, import-linter
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## format the code and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## run the benchmarks; figures go to docs/benchmarks.md by hand
	@$(BIN)/python -m tests.benchmarks.ingest
	@$(BIN)/python -m tests.benchmarks.reads
	@$(BIN)/python -m tests.benchmarks.reads_at_size
	@$(BIN)/python -m tests.benchmarks.steady_state
	@$(BIN)/python -m tests.benchmarks.market_day
	@$(BIN)/python -m tests.benchmarks.decoding
	@$(BIN)/python -m tests.benchmarks.projections
	@$(BIN)/python -m tests.benchmarks.log
	@$(BIN)/python -m tests.benchmarks.graphql
	@$(BIN)/python -m tests.benchmarks.authentication
	@$(BIN)/python -m tests.benchmarks.staleness

openapi: ## write docs/openapi.json anew, after the API's contract was changed
	@$(BIN)/python -m api.openapi > docs/openapi.json

lock: ## compile requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev --no-header \
	  --no-annotate --no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml

clean: ## remove what setup made
	rm -rf .venv
