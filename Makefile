# One way to run each thing. `make demo` and `make test` need Python 3.11 or later and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# `make mutants ONLY="ledger.engine.tiers.*"` tries a part; what was killed before is not tried again.
MUTANTS := .venv-mutants
MUTMUT := $(MUTANTS)/bin/mutmut
ONLY ?=
STORIES ?= 2
AT_ONCE ?= 1

# One test worker a core; `make test ARGS="tests/events -k money"` runs a part.
WORKERS ?= auto
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test soak mutants lint format audit bench lock clean

help: ## show what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## make .venv with everything in it

$(LOCKED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 ...") if sys.version_info < (3, 11) else None'
	@echo "installing into $(VENV) (a minute or two, once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --require-hashes --requirement requirements.lock
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# --again replaces an earlier demo and nothing else: a ledger with other events in it is refused.
demo: $(INSTALLED) ## a year of a realistic partner programme, on a PostgreSQL that it brings
	@$(BIN)/commissions demo --again

test: $(INSTALLED) ## every test
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) $(ARGS)

soak: $(INSTALLED) ## faults of all kinds mixed; SOAK="600 SEED" for ten minutes from a seed
	@$(BIN)/python -m tests.faults.soak $(SOAK)

# What mutmut itself needs is newer than what is locked: it gets a place of its own.
$(MUTMUT): requirements.lock
	@$(PYTHON) -m venv --clear $(MUTANTS)
	@$(MUTANTS)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --requirement requirements.lock
	@$(MUTANTS)/bin/python -m pip --disable-pip-version-check --quiet install mutmut==3.8.1

# Mutants are made, and the tests that reach each function told, by trying those of one small module.
mutants: $(MUTMUT) ## the engine changed in thousands of ways: do the tests tell? (an hour or more)
	@$(MUTMUT) run --max-children 1 "ledger.engine.money.*"
	@cd mutants && MUTANTS="$(or $(ONLY),*)" MUTANTS_AT_ONCE="$(or $(AT_ONCE),1)" \
	  COMMISSIONS_TEST_STORIES="$(or $(STORIES),2)" \
	  ../$(MUTANTS)/bin/python -m pytest -p tests.mutation.trying -p no:cacheprovider -q \
	  -k "not [real and not [model" tests/rules tests/engine tests/policy/test_simulation.py \
	  tests/properties/test_in_memory.py

lint: $(INSTALLED) ## style, types and architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(INSTALLED) ## put the code in its format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

audit: $(INSTALLED) ## known vulnerabilities of what is locked
	@$(BIN)/python .ci/audit.py

bench: $(INSTALLED) ## the measurements of docs/performance.md
	@$(BIN)/python -m benchmarks $(ARGS)

lock: ## write requirements.lock anew from pyproject.toml (needs uv)
	@uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  --quiet --output-file requirements.lock

clean: ## remove what was made here
	@rm -rf $(VENV) $(MUTANTS) mutants build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
