# `make demo` and `make test` install what they need: a Python environment in .venv, and as root on Debian also the
# system's tools. ARGS is passed on: make test ARGS='tests/station -k trace'.

export PIP_DISABLE_PIP_VERSION_CHECK := 1
SOURCES := src tests tools benchmarks
READY := .venv/.ready

.PHONY: help demo test check bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(READY) ## a charging session with discharge on this machine: station, car and simulated hardware
	@tools/setup.sh ip
	@.venv/bin/v2g demo $(ARGS)

test: $(READY) ## the tests
	@tools/setup.sh ip java openssl
	@tools/test.sh $(ARGS)

check: $(READY) ## lint, format, types, direction of imports, sizes
	@.venv/bin/ruff check --quiet $(SOURCES)
	@.venv/bin/ruff format --check --quiet $(SOURCES)
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/python tools/check_structure.py

bench: $(READY) ## measure, beside an independent implementation
	@tools/setup.sh ip java openssl
	@.venv/bin/python -m benchmarks $(ARGS)

clean: ## remove what was installed and cached here
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build src/*.egg-info

$(READY): pyproject.toml tools/setup.sh
	@tools/setup.sh venv
	@touch $@
