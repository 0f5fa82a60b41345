# Everything that a person needs to run here. `make help` lists it.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DEMO := roman_numerals exact_root three_colouring

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types layers wheel lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.demo ## solve three problems with a small local model; downloads it once (491 MB)
	$(BIN)/modulo solve $(DEMO:%=examples/problems/%.yaml) -n 32 --seed 1 --trace runs/demo.jsonl

test: $(VENV)/.dev ## run the tests
	$(BIN)/python -m pytest $(PYTEST)

check: lint types layers ## lint, types, layers, the tests with coverage, and the wheel in a clean environment
	$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered --cov-fail-under=90 $(PYTEST)
	$(MAKE) --no-print-directory wheel

lint: $(VENV)/.dev ## format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev ## mypy and pyright
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

layers: $(VENV)/.dev ## direction of imports
	$(BIN)/lint-imports

wheel: $(VENV)/.dev ## build the wheel and use it in a clean environment
	rm -rf build dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	$(PYTHON) scripts/try_wheel.py dist requirements/demo.lock

lock: $(VENV)/.dev ## make the lock files again from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet pyproject.toml requirements/build.in --extra local --extra litellm --extra resume --extra cvc5 --extra lint --extra planning --extra science --extra dev \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements/dev.lock
	$(BIN)/uv pip compile --quiet pyproject.toml requirements/build.in --extra local --constraint requirements/dev.lock \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements/demo.lock

clean: ## remove what the other targets made here; weights stay in the user's cache
	rm -rf $(VENV) build dist *.egg-info .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache runs

$(VENV)/.demo: requirements/demo.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --no-deps -r requirements/demo.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.demo
	$(PIP) install --require-hashes --no-deps -r requirements/dev.lock
	@touch $@
