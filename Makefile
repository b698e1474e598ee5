# Every target makes what it needs: `make demo` and `make test` want Python 3.11 to 3.13, make and a package
# registry, and nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PY := .venv/bin/python
SECONDS ?= 60
ARGS ?=
# Other Pythons' paths would be searched before .venv's own.
unexport PYTHONPATH PYTHONHOME
# Two targets at once would install into .venv at once.
.NOTPARALLEL:

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Run a compressed day of shoppers through a real worker (SECONDS=60; 0: until interrupted)
	@tools/setup.sh embedded
	@.venv/bin/streamproc demo --seconds $(SECONDS)

.PHONY: test
test: ## Run the tests on an embedded broker and Redis (ARGS="-k caps" for a part)
	@tools/setup.sh embedded,test
	@echo "==> Running the tests"
	@$(PY) -m pytest -m "not kafka" $(ARGS)

.PHONY: check
check: check-format lint types imports test ## Run what CI runs: format, lint, types, import rules, tests

.PHONY: test-kafka
test-kafka: ## Run contract and end-to-end tests on Apache Kafka (needs Java 17 and Maven)
	@tools/setup.sh embedded,test
	@echo "==> Running the contract and end-to-end tests on Apache Kafka"
	@$(PY) -m pytest tests/kafka tests/e2e --broker=kafka $(ARGS)

.PHONY: bench
bench: ## Measure throughput, CPU per event and latency beside the alternatives
	@tools/setup.sh embedded,test
	@echo "==> Measuring"
	@$(PY) -m benchmarks $(ARGS)

# Python that finds the compiled package first, also in the processes that it starts.
COMPILED := env PYTHONSAFEPATH=1 PYTHONPATH="$(CURDIR)/.compiled" $(PY)

.PHONY: bench-compiled
bench-compiled: ## Measure the same of the package compiled ahead of time (needs a C compiler)
	@tools/setup.sh embedded,test
	@tools/compile.sh
	@echo "==> Measuring the compiled package"
	@$(COMPILED) -m benchmarks $(ARGS)

.PHONY: test-compiled
test-compiled: ## Run the tests on the package compiled ahead of time (needs a C compiler)
	@tools/setup.sh embedded,test
	@tools/compile.sh
	@echo "==> Running the tests on the compiled package"
	@$(COMPILED) -m pytest -m "not kafka and not interpreted" -o "pythonpath=$(CURDIR)/.compiled ." $(ARGS)

.PHONY: check-format
check-format: ## Check that the code is formatted
	@tools/setup.sh embedded,test,dev
	@echo "==> Checking the format"
	@.venv/bin/ruff format --check --output-format concise .

.PHONY: lint
lint: ## Check the code with ruff
	@tools/setup.sh embedded,test,dev
	@echo "==> Checking with ruff"
	@.venv/bin/ruff check --output-format concise .

.PHONY: types
types: ## Check the types with mypy
	@tools/setup.sh embedded,test,dev
	@echo "==> Checking the types"
	@.venv/bin/mypy

.PHONY: imports
imports: ## Check that imports point inward
	@tools/setup.sh embedded,test,dev
	@echo "==> Checking the import rules"
	@.venv/bin/lint-imports --no-logo

.PHONY: fmt
fmt: ## Format the code and mend what ruff can mend
	@tools/setup.sh embedded,test,dev
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format .

.PHONY: topics
topics: ## Write topics/asyncapi.yaml anew from the topic files
	@tools/setup.sh embedded
	@$(PY) -m streamproc.ops.asyncapi

.PHONY: schema
schema: ## Write policy/schema/ anew from the code that reads policies
	@tools/setup.sh embedded
	@$(PY) -m streamproc policy schema --out policy/schema

.PHONY: clean
clean: ## Remove .venv and everything that tools left behind
	rm -rf .venv .compiled .compiled.log .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
