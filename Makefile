# 254Carbon. `make` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
# What is the same whatever it runs on.
CONTRACTS := tests/infra/test_objects.py tests/infra/test_event_store.py tests/infra/test_event_recorders.py \
  tests/infra/test_kurrent_recorder.py tests/infra/test_kurrent_groups.py tests/infra/test_log_verification.py tests/infra/test_subscriptions.py \
  tests/infra/test_clickhouse.py tests/infra/test_token_contract.py tests/infra/test_keycloak.py \
  tests/infra/test_broker.py tests/infra/test_receiving.py tests/infra/test_backups.py tests/read_models \
  tests/queries tests/projections/test_relational.py tests/projections/test_rebuild.py tests/projections/test_columnar.py \
  tests/projections/test_columnar_dead_letters.py tests/projections/test_columnar_rebuild.py tests/projections/test_topics_on_kafka.py \
  tests/infra/test_cache.py tests/e2e/test_engines.py tests/e2e/test_cached_reads.py tests/e2e/test_processes.py tests/deploy tests/faults \
  tests/infra/test_faust_worker.py tests/infra/test_groups.py tests/api/test_curve_keeping_on_kafka.py \
  tests/e2e/test_curve_workers.py
.PHONY: help setup run test services services-down test-services test-faults test-esdbclient check format lock openapi bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: .venv/.installed ## install everything, locked with hashes, into .venv

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "254Carbon needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing (some 500 MB the first time)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: setup ## start everything embedded, with live simulated markets; first, on an empty data folder, the main job on sample data
	@$(BIN)/carbon254 serve --sample --simulated

test: setup ## run the whole test suite
	@$(BIN)/python -m pytest

services: setup ## fetch and start the real engines that tests can run on; prints how to find them
	@$(BIN)/python -m tests.services up

services-down: setup ## stop those engines and drop their files
	@$(BIN)/python -m tests.services down

test-services: setup ## run on those engines the tests that hold every implementation to one contract, and each fault once
	-@$(BIN)/python -m tests.deploy.compose_checker
	@$(BIN)/python -m tests.services run $(BIN)/python -m pytest --allow-hosts=127.0.0.1 $(CONTRACTS)

test-faults: setup ## run the faults for long: engines and processes killed, cut off, filled up, again and again
	@FAULTS=long $(BIN)/python -m tests.services run $(BIN)/python -m pytest --allow-hosts=127.0.0.1 tests/faults

test-esdbclient: .venv-esdbclient/.installed ## the tests of the log on EventStoreDB by its other client, in a venv of their own
	@.venv-esdbclient/bin/python -m pytest tests/infra/test_event_recorders.py tests/infra/test_kurrent_recorder.py \
	  tests/infra/test_kurrent_groups.py tests/infra/test_kurrent_index.py tests/infra/test_groups.py \
	  tests/e2e/test_eventstoredb.py

.venv-esdbclient/.installed: setup requirements-esdbclient.lock
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-esdbclient
	@$(BIN)/uv pip sync --quiet --python .venv-esdbclient/bin/python --require-hashes requirements-esdbclient.lock
	@$(BIN)/uv pip install --quiet --python .venv-esdbclient/bin/python --no-deps --no-build-isolation -e .
	@touch $@

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
	@$(BIN)/python -m tests.benchmarks.ingest_formats
	@$(BIN)/python -m tests.benchmarks.reads
	@$(BIN)/python -m tests.benchmarks.reads_at_size
	@$(BIN)/python -m tests.benchmarks.steady_state
	@$(BIN)/python -m tests.benchmarks.market_day
	@$(BIN)/python -m tests.benchmarks.decoding
	@$(BIN)/python -m tests.benchmarks.projections
	@$(BIN)/python -m tests.benchmarks.log
	@$(BIN)/python -m tests.benchmarks.graphql
	@$(BIN)/python -m tests.benchmarks.authentication
	@$(BIN)/python -m tests.benchmarks.api
	@$(BIN)/python -m tests.benchmarks.dashboards
	@$(BIN)/python -m tests.benchmarks.staleness
	@$(BIN)/python -m tests.benchmarks.stream
	@$(BIN)/python -m tests.benchmarks.quality
	@$(BIN)/python -m tests.benchmarks.simulated_week
	@$(BIN)/python -m tests.benchmarks.restore_drill

openapi: ## write docs/openapi.json anew, after the API's contract was changed
	@$(BIN)/python -m api.openapi > docs/openapi.json

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --extra dev

lock: ## compile both lock files anew from pyproject.toml; the second is for the other client of EventStoreDB
	@$(COMPILE) --extra kurrentdb --extra faust --output-file requirements.lock pyproject.toml
	@cp requirements.lock requirements-esdbclient.lock # of what can be the same, the same versions
	@$(COMPILE) --extra esdbclient --extra faust --output-file requirements-esdbclient.lock pyproject.toml

clean: ## remove what setup made
	rm -rf .venv .venv-esdbclient
