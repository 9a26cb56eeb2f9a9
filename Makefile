# Every target works on a fresh machine with Python 3.11+ and nothing else; the first one installs.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test test-all models page check format bench clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	PIP_CONSTRAINT=constraints.txt $(PIP) install --upgrade pip
	PIP_CONSTRAINT=constraints.txt $(PIP) install --editable . --group dev
	@touch $@

demo: .venv/.installed  ## make a record from a spec, and say where to listen
	@$(BIN)/python -m bench.demo

test: .venv/.installed  ## the tests (under 6 minutes)
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

test-all: .venv/.installed  ## the tests and the long proofs
	$(BIN)/python -m pytest -n $(WORKERS)

page: .venv/.installed  ## build the web page again (needs the npm registry; node comes from PyPI)
	STEMWRIGHT_PAGE=required PIP_CONSTRAINT=constraints.txt $(PIP) install --no-deps --editable .

models: .venv/.installed  ## Demucs and audio-separator (PyTorch comes with them), so that test-all tests them too
	PIP_CONSTRAINT=constraints.txt $(PIP) install torch==2.13.0 --editable '.[demucs]'
	PIP_CONSTRAINT=constraints.txt $(PIP) install torch==2.13.0 --editable '.[audio-separator]'

check: .venv/.installed  ## ruff, mypy --strict, import-linter, deptry
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src

format: .venv/.installed  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.installed  ## the measured claims, into docs/benchmarks.md
	$(BIN)/python -m bench

clean:  ## remove what was installed or made here
	rm -rf .venv out demo-out web/node_modules src/stemwright/service/static .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
