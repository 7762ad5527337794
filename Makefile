# Everything that a developer does here. It works in .venv, which it makes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# Debian's packages for the tests, each asked for only where its program is missing: the program,
# then its package. More programs (PostgreSQL, Chromium) belong in this list.
TEST_PROGRAMS := rabbitmq-server:rabbitmq-server node:nodejs npm:npm
SYSTEM_PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin:/usr/lib/rabbitmq/bin

.DEFAULT_GOAL := help
.PHONY: help demo test soak check bench bench-check docs clean programs

help: ## Print what can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Run jobs of many kinds on a service of its own, with the files of this folder.
	@$(BIN)/sgx demo

test: check programs ## Run every check and every test; installs RabbitMQ and Node.js where they are missing.
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

soak: $(READY) ## Live through ten years of a thousand schedules, in a service that dies again and again.
	@SOAK_YEARS=10 SOAK_SCHEDULES=1000 $(BIN)/python -m pytest tests/soak -p no:logging

check: $(READY) ## Check form, types, architecture and docs.
	@$(BIN)/ruff format --check --quiet . || { echo "to mend: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_architecture.py tests/test_docs.py

bench-check: $(READY) ## Count what a job costs in operations, against the recorded budget.
	@$(BIN)/python -m benchmarks.check

bench: $(READY) programs ## Measure speed and memory, beside what else is installed.
	@$(BIN)/python -m benchmarks

docs: $(READY) ## Write the pages anew that are made: settings and coverage.
	@PYTHONPATH=. $(BIN)/python docs/settings_page.py
	@$(BIN)/python docs/coverage_page.py

clean: ## Remove what was made here: .venv, caches, packages.
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml tools/make-venv
	@tools/make-venv "$(PYTHON)" $(VENV)
	@touch $@

programs: # What the tests run beside Python.
	@for pair in $(TEST_PROGRAMS); do \
		PATH="$(SYSTEM_PATH)" command -v "$${pair%%:*}" >/dev/null 2>&1 \
			|| tools/install-debian "$${pair##*:}" || exit 1; \
	done
