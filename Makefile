# `make demo` and `make test` install what they need: a Python environment in .venv (from PyPI), and as root on Debian
# also the system's tools (from Debian's mirror). ARGS is passed on: make test ARGS='tests/station -k trace'.

export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE # otherwise every process compiles all that it imports
SOURCES := src tests tools benchmarks
READY := .venv/.ready
DEV_READY := .venv/.ready-dev
DEPOT_READY := .venv/.ready-depot
FLEET_READY := .venv/.ready-fleet

.PHONY: help demo demo-depot demo-fleet demo-site test check proof mutants dist sbom deb docs console bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(READY) ## a charging session with discharge on this machine: station, car and simulated hardware
	@tools/setup.sh ip
	@.venv/bin/v2g demo $(ARGS)

demo-depot: $(DEPOT_READY) ## a depot on this machine: 60 stations and cars follow one request, two minutes
	@.venv/bin/v2g depot demo $(ARGS)

demo-fleet: $(FLEET_READY) ## a fleet on this machine: 20 depots, 1 000 chargers, a frequency event, a dead server; two minutes
	@.venv/bin/v2g fleet demo $(ARGS)

demo-site: $(DEPOT_READY) ## a house with sun, prices and a car on this machine: a day in a minute, with a report
	@.venv/bin/v2g depot --site demo $(ARGS)

test: $(DEV_READY) ## the tests
	@tools/setup.sh ip java openssl mosquitto postgresql softhsm firewall browser
	@tools/test.sh $(ARGS)

check: $(DEV_READY) ## lint, format, types, direction of imports, sizes, known vulnerabilities
	@.venv/bin/ruff check --quiet $(SOURCES)
	@.venv/bin/ruff format --check --quiet $(SOURCES)
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/python tools/check_structure.py
	@.venv/bin/python -m tools.audit

proof: $(DEV_READY) ## the long forms, before a release: kills, soaks, campaigns, fresh Debian roots (as root; hours)
	@tools/setup.sh ip java openssl mosquitto postgresql softhsm firewall browser debootstrap lintian apt-utils qemu prometheus tshark
	@.venv/bin/python -m tools.prove $(ARGS)

mutants: $(DEV_READY) ## edit the grid functions in a copy, and see whether the type test notices
	@.venv/bin/python tools/mutants.py $(ARGS)

dist: $(DEV_READY) ## source and wheel in dist/, the same octets from the same commit
	@tools/setup.sh packaging
	@.venv/bin/python -m tools.make_dist $(ARGS)

sbom: $(DEV_READY) ## the bill of materials in dist/ (CycloneDX)
	@.venv/bin/python -m tools.make_sbom

docs: $(DEV_READY) ## the documentation as a site, in build/site
	@tools/setup.sh docs
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict --quiet $(ARGS)
	@echo build/site/index.html

deb: $(DEV_READY) ## Debian packages in dist/: v2g, v2g-depot, v2g-fleet (ARGS='--arch arm64')
	@tools/setup.sh packaging
	@.venv/bin/python -m tools.make_deb $(ARGS)

console: ## build the operator's page again from console/ (needs Node 20 and npm)
	@tools/console.sh

bench: $(DEV_READY) ## measure, beside an independent implementation
	@tools/setup.sh ip java openssl mosquitto
	@.venv/bin/python -m benchmarks $(ARGS)

clean: ## remove what was installed and cached here
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist src/*.egg-info

$(READY): pyproject.toml tools/setup.sh
	@tools/setup.sh venv
	@touch $@

$(DEV_READY): pyproject.toml tools/setup.sh
	@tools/setup.sh dev
	@touch $@ $(READY) $(DEPOT_READY) $(FLEET_READY)

$(DEPOT_READY): pyproject.toml tools/setup.sh
	@tools/setup.sh depot
	@touch $@ $(READY)

$(FLEET_READY): pyproject.toml tools/setup.sh
	@tools/setup.sh fleet
	@touch $@ $(READY) $(DEPOT_READY)
