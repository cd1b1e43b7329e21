# heavylift: `make help` lists what there is to do. Nothing here needs more than Python 3.11 and make.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
UV_VERSION := 0.13.9
.DEFAULT_GOAL := help

.PHONY: help demo test check lint types unit integration e2e torture build venv lock bench matrix bench-seed bench-tuning clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: venv ## build, run and measure the example function on the embedded cloud, offline
	@$(PY) -m heavylift demo

test: check integration e2e ## run every test
	@$(MAKE) --no-print-directory torture SECONDS=50

check: lint types unit ## lint, types and unit tests, in under a minute

lint: venv
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

types: venv
	@$(VENV)/bin/mypy layers_build localcloud heavylift infra bench
	@cd function && ../$(VENV)/bin/mypy --python-version 3.10 --config-file ../pyproject.toml loader.py index.py coldstart
	@cd infra/deployment_handler && ../../$(VENV)/bin/mypy --python-version 3.10 --config-file ../../pyproject.toml *.py

unit: venv
	@$(PY) -m pytest -q --numprocesses auto tests/unit tests/property

integration: venv ## tests against the embedded cloud, with the official SDKs as clients
	@$(PY) -m pytest -q tests/integration

e2e: venv ## the whole way with the real libraries
	@$(PY) -m pytest -q tests/e2e

torture: venv ## attack the embedded cloud and the loader for 15 minutes (SECONDS=900 SEED=…)
	@TORTURE_SECONDS=$(or $(SECONDS),900) TORTURE_SEED=$(SEED) $(PY) -m pytest tests/torture

build: venv ## package the libraries, the model and the code into dist/
	@$(PY) -m layers_build all

bench: build ## measure starts, improvements, growth and builds into docs/bench (ONLY=start,ablation,scaling,build RUNS=5)
	@$(PY) -m bench.start $(if $(ONLY),--only $(ONLY)) $(if $(RUNS),--runs $(RUNS))

matrix: venv ## build and start 24 heavy packages on each Python into docs/reference/packages.md (ONLY=pandas,scipy PYTHONS=3.10)
	@$(PY) -m bench.matrix $(if $(ONLY),--only $(ONLY)) $(if $(PYTHONS),--python $(PYTHONS))

bench-seed: venv ## measure the plain way (temporary zip, extractall, import) against the loader
	@$(PY) -m bench.seed

bench-tuning: build ## measure starts by memory and vCPU, and their cost, into docs/tuning.md (needs root or a control group)
	@$(PY) -m bench.tuning

venv: $(VENV)/.ready ## make the virtual environment (.venv)

$(VENV)/.ready: requirements.txt pyproject.toml tools/setup.sh
	@PYTHON=$(PYTHON) VENV=$(VENV) UV_VERSION=$(UV_VERSION) bash tools/setup.sh

lock: venv ## resolve requirements.in into requirements.txt
	@$(VENV)/bin/uv pip compile requirements.in --override requirements-overrides.txt --universal --python-version 3.11 \
		--generate-hashes --quiet --no-header --output-file requirements.txt

clean: ## remove what was built (the virtual environment and the caches stay)
	rm -rf dist demo-out
