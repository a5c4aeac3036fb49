# Malmoi: `make` lists the targets. Each sets up what it needs in .venv.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
export UV_NO_PROGRESS := 1

.DEFAULT_GOAL := help
.PHONY: help corpus test test-all lint format bench bench-pii clean lock

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(UV): requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-uv.txt
	@touch $(UV)

$(VENV)/.runtime: $(UV) requirements.lock pyproject.toml
	$(UV) pip install --quiet --compile-bytecode --python $(VENV) --no-deps --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(VENV) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	$(UV) pip install --quiet --python $(VENV) --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

# Our own bytecode, as the packages': without it every process compiles 300 files where Python may not write any.
$(VENV)/.bytecode: $(VENV)/.runtime $(shell find pipelines schemas dags -name '*.py')
	$(BIN)/python -m compileall -q pipelines schemas dags
	@touch $@

corpus: $(VENV)/.bytecode  ## build the example corpus: contracts, drops, shards, report
	$(BIN)/malmoi contract lint data_contracts/*.yaml
	$(BIN)/malmoi build recipes/example.yaml -o build/example --replace
	$(BIN)/malmoi verify build/example

test: lint $(VENV)/.bytecode  ## lint, then the tests (under 20 minutes on 2 cores)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" --hypothesis-profile same

test-all: lint $(VENV)/.bytecode  ## every test, Airflow and the handed drops included
	$(BIN)/python -m pytest -rs --hypothesis-profile new

lint: $(VENV)/.dev  ## ruff, types, import directions, contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/malmoi contract lint data_contracts/*.yaml

format: $(VENV)/.dev  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev $(VENV)/.bytecode  ## side by side with datatrove on the handed drops, into benchmarks/RESULTS.md
	$(BIN)/python benchmarks/side_by_side.py

bench-pii: $(VENV)/.dev $(VENV)/.bytecode  ## personal data: recall, precision, silence, speed against rivals (PII="--only speed" ...)
	$(BIN)/python benchmarks/pii.py $(PII)

lock: $(UV)  ## pin the requirements anew
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    --no-emit-package fasttext-predict pyproject.toml -o requirements.lock
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    --no-emit-package fasttext-predict --extra dev --extra airflow -c requirements.lock pyproject.toml \
	    -o requirements-dev.lock

clean:  ## remove builds, staged files and the environment
	rm -rf build .malmoi .venv *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
