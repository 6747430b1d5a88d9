# One way to run each thing. `make demo` and `make test` need Python 3.11 or later and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the commands need, the package itself, and what tests, lint and benchmarks need as well.
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
COMPLETE := $(VENV)/.complete
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# `make mutants ONLY="ledger.engine.tiers.*"` tries a part; what was killed before is not tried again.
MUTANTS := .venv-mutants
MUTMUT := $(MUTANTS)/bin/mutmut
ONLY ?=
STORIES ?= 2
AT_ONCE ?= 1

# `auto` is tests/conftest.py's; `make test ARGS="tests/events -k money"` runs a part.
WORKERS ?= auto
ARGS ?=
UPGRADE ?= --upgrade

.DEFAULT_GOAL := help
.PHONY: help install demo test soak mutants lint format audit bench lock clean

help: ## show what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(COMPLETE) ## make .venv with everything in it

$(LOCKED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 ...") if sys.version_info < (3, 11) else None'
	@echo "installing into $(VENV) (once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --require-hashes --requirement requirements.lock
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(COMPLETE): $(INSTALLED) requirements-dev.lock
	@echo "installing what tests need (a minute or two, once)"
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

# --again replaces an earlier demo and nothing else: a ledger with other events in it is refused.
demo: $(INSTALLED) ## a year of a realistic partner programme, on a PostgreSQL that it brings
	@$(BIN)/commissions demo --again

test: $(COMPLETE) ## every test
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup $(ARGS)

soak: $(COMPLETE) ## faults of all kinds mixed; SOAK="600 SEED" for ten minutes from a seed
	@$(BIN)/python -m tests.faults.soak $(SOAK)

# What mutmut itself needs is newer than what is locked: it gets a place of its own.
$(MUTMUT): requirements-dev.lock
	@$(PYTHON) -m venv --clear $(MUTANTS)
	@$(MUTANTS)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --requirement requirements-dev.lock
	@$(MUTANTS)/bin/python -m pip --disable-pip-version-check --quiet install mutmut==3.8.1

# Mutants are made, and the tests that reach each function told, by trying those of one small module.
mutants: $(MUTMUT) ## the engine changed in thousands of ways: do the tests tell? (an hour or more)
	@$(MUTMUT) run --max-children 1 "ledger.engine.money.*"
	@cd mutants && MUTANTS="$(or $(ONLY),*)" MUTANTS_AT_ONCE="$(or $(AT_ONCE),1)" \
	  COMMISSIONS_TEST_STORIES="$(or $(STORIES),2)" \
	  ../$(MUTANTS)/bin/python -m pytest -p tests.mutation.trying -p no:cacheprovider -q \
	  -k "not [real and not [model" tests/rules tests/engine tests/policy/test_simulation.py \
	  tests/properties/test_in_memory.py

lint: $(COMPLETE) ## style, types and architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(COMPLETE) ## put the code in its format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

audit: $(COMPLETE) ## known vulnerabilities of what is locked
	@$(BIN)/python .ci/audit.py

bench: $(COMPLETE) ## the measurements of docs/performance.md
	@$(BIN)/python -m benchmarks $(ARGS)

# The smaller lock has the versions of the larger one: tests run on what users get.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet

lock: ## write both lock files anew from pyproject.toml (needs uv); UPGRADE= keeps what still fits
	@$(LOCK) --extra dev $(UPGRADE) --output-file requirements-dev.lock
	@$(LOCK) --extra pdf --extra archive --extra timestamps --extra build \
	  --constraint requirements-dev.lock --output-file requirements.lock

clean: ## remove what was made here
	@rm -rf $(VENV) $(MUTANTS) mutants build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
