# Everything a person or CI does with worldwire. Needs make, git and Python 3.11 to 3.13; brings the rest from the package registry.

PYTHON ?= python3
SOURCES ?= demo
ARCHIVE ?= data
PORT ?= 8080
TESTS ?=
UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),.run/uv/bin/uv)
BIN := .venv/bin
export UV_PYTHON_PREFERENCE := only-system
# Airflow and the tests start hundreds of processes: without kept bytecode each compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check audit services faults torture s3 bench soak format clean

help: ## say what there is
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

run: .run/ready ## Airflow with the crawls of a bundled demo world; SOURCES=world or a TOML file for real ones
	@exec $(BIN)/python -m dags.standalone --sources $(SOURCES) --archive $(ARCHIVE) --port $(PORT)

test: .run/ready ## all tests that need no service of their own; TESTS=… for some
	@exec $(BIN)/python -m pytest -q -n 4 --dist worksteal -m "not airflow and not browser and not ceph and not servers and not torture" $(TESTS)

services: .run/ready ## tests with a real Airflow, a real S3 server and a real browser (Debian packages: see .ci/run)
	@$(UV) sync -q --frozen --inexact --extra airflow --extra celery --group spark --group rclone
	@exec $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "airflow or browser or ceph or servers" $(TESTS)

faults: .run/ready ## kills, faults of the S3 server, full disks; thirty of the kills, other ones each day
	@exec $(BIN)/python -m pytest -q -n 6 --dist worksteal -m "torture and not ceph" $(TESTS)

torture: .run/ready ## the same with all 200 kills; each captured page must be published once
	@WORLDWIRE_TORTURE=all exec $(BIN)/python -m pytest -q -n 4 --dist worksteal -m "torture and not ceph" $(TESTS)

s3: .run/ready ## a real S3 server on loopback, a one-node Ceph, until Ctrl-C
	@exec $(BIN)/python tests/ceph.py

check: .run/ready ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check --no-cache .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

audit: | $(UV) ## known holes in what the lock file names; says so where the advisory service cannot be reached
	@found=$$($(UV) audit --frozen 2>&1) && echo "audit: nothing known" || { status=$$?; echo "$$found" | tail -40; \
	  case "$$found" in *"error sending request"*) echo "audit: the advisory service cannot be reached; not checked";; *) exit $$status;; esac; }

format: .run/ready ## put the code into the one format
	$(BIN)/ruff check --fix-only -q .
	$(BIN)/ruff format -q .

bench: .run/ready ## the benchmarks' tables; SHARED=folder of the measuring sets
	$(UV) sync -q --frozen --extra airflow --group bench
	@exec $(BIN)/python -m benchmarks $(if $(SHARED),--shared $(SHARED))

soak: .run/ready ## 20 minutes of crawls in which nothing may grow; MINUTES=…
	@exec $(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),20)

clean: ## remove what make has set up, but no archive
	rm -rf .venv .run .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.run/ready: pyproject.toml uv.lock | $(UV)
	$(UV) sync -q --frozen --inexact --extra airflow
	@touch $@

.run/uv/bin/uv:
	@mkdir -p .run
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "worldwire needs Python 3.11 to 3.13; name one with PYTHON=.")'
	@$(PYTHON) -m venv .run/uv && .run/uv/bin/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
