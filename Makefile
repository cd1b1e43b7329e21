# heavylift: `make help` lists what there is to do. Nothing here needs more than Python 3.11 and make.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
UV_VERSION := 0.13.9
# of the integration tests: more than there are cores, for they wait for clouds a good deal
PROCESSES ?= 3
.DEFAULT_GOAL := help

.PHONY: help demo test check lint types imports unit property integration e2e torture build build-here venv lock bench matrix coverage bench-tuning clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: venv ## build, run and measure the example function on the embedded cloud, offline
	@$(PY) -m heavylift demo

test: check property integration e2e ## run every test
	@$(MAKE) --no-print-directory torture SECONDS=50 SEED=1

# The types need one core for as long as the unit tests need both: beside each other they take two thirds of the time.
check: venv ## lint, types, who imports whom, and unit tests, in under a minute
	@$(MAKE) --no-print-directory --jobs 4 --output-sync=target lint types imports unit

lint: venv
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

types: venv
	@$(VENV)/bin/mypy packages/heavylift/src packages/localcloud/src layers_build infra bench tools tests packages/heavylift/tests packages/localcloud/tests
	@MYPYPATH=function $(VENV)/bin/mypy --python-version 3.10 $(addprefix packages/heavylift/src/heavylift/,contracts runtime) $(wildcard function/*.py)
	@cd packages/heavylift/src/heavylift/cdk/deployment_handler && $(CURDIR)/$(VENV)/bin/mypy --python-version 3.10 --config-file $(CURDIR)/pyproject.toml *.py

imports: venv
	@$(VENV)/bin/lint-imports

unit: venv
	@$(PY) -m pytest -q -p no:hypothesispytest --numprocesses auto --dist worksteal $(wildcard packages/*/tests/unit tests/unit)

property: venv ## laws of what is pure, over inputs that hypothesis makes up
	@$(PY) -m pytest -q --numprocesses auto --dist worksteal $(wildcard packages/*/tests/property tests/property)

integration: venv ## tests against the embedded cloud, with the official SDKs as clients
	@$(PY) -m pytest -q --numprocesses $(PROCESSES) --dist worksteal \
		packages/localcloud/tests/integration packages/heavylift/tests/integration tests/integration

e2e: venv ## the whole way with the real libraries
	@$(PY) -m pytest -q tests/e2e

torture: venv ## attack the embedded cloud and the loader for 15 minutes (SECONDS=900 SEED=…)
	@TORTURE_SECONDS=$(or $(SECONDS),900) TORTURE_SEED=$(SEED) $(PY) -m pytest tests/torture

build: venv ## package the libraries, the model and the code into dist/
	@$(PY) -m layers_build all

bench: build-here ## measure starts, improvements, growth, builds and the embedded cloud into docs/bench (ONLY=start,libraries,cloud RUNS=5)
	@$(PY) -m bench.start $(if $(ONLY),--only $(ONLY)) $(if $(RUNS),--runs $(RUNS))

matrix: venv ## build and start 24 heavy packages on each Python into docs/reference/packages.md (ONLY=pandas,scipy PYTHONS=3.10)
	@$(PY) -m bench.matrix $(if $(ONLY),--only $(ONLY)) $(if $(PYTHONS),--python $(PYTHONS))

coverage: venv ## ask the embedded cloud for every operation of the official clients into docs/reference/coverage.md
	@$(PY) -m tools.coverage

build-here: venv
	@$(PY) -m layers_build --python $$($(PY) -c 'import sys; print("%d.%d" % sys.version_info[:2])') # measurements run on this Python

bench-tuning: build-here ## measure starts by memory and vCPU, and their cost, into docs/tuning.md (needs root or a control group)
	@$(PY) -m bench.tuning

venv: $(VENV)/.ready ## make the virtual environment (.venv)

$(VENV)/.ready: requirements-dev.txt packages/heavylift/pyproject.toml packages/localcloud/pyproject.toml tools/setup.sh \
		packages/heavylift/hatch_build.py packages/heavylift/native/pages.c
	@PYTHON=$(PYTHON) VENV=$(VENV) UV_VERSION=$(UV_VERSION) bash tools/setup.sh

lock: venv ## resolve what the packages need into requirements-dev.txt, and what the loader needs into its locks
	@$(VENV)/bin/uv pip compile requirements-dev.in packages/localcloud/pyproject.toml packages/heavylift/pyproject.toml \
		--all-extras --override requirements-dev-overrides.txt --no-emit-package aliyun-localcloud --universal --python-version 3.11 \
		--generate-hashes --quiet --no-header --output-file requirements-dev.txt
	@$(PY) tools/lock_runtime.py

clean: ## remove what was built (the virtual environment and the caches stay)
	rm -rf dist demo-out
