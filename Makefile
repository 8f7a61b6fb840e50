# Two commands matter: `make run` and `make test`. Both set everything up by themselves.
.DEFAULT_GOAL := run
.PHONY: setup run test test-long soak bench check clean

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Citylife needs Python 3.11 or later")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group test
	touch $@

setup: $(STAMP)

run: setup
	$(BIN)/citylife init
	$(BIN)/citylife demo
	$(BIN)/citylife serve

test: setup
	$(BIN)/pytest --numprocesses 2 --dist loadfile $(PYTEST_ARGS)

test-long: setup
	$(BIN)/pytest -m long --numprocesses 3 --dist loadfile --no-loadscope-reorder --timeout 1500 $(PYTEST_ARGS)

soak: setup
	CI=true $(BIN)/pytest -m soak --timeout 0 --capture no $(PYTEST_ARGS)

bench: setup
	$(BIN)/python -m bench

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
