# Three commands, each of which sets up what it needs on a machine with Python 3.11 or newer alone:
#   make demo    run the demo, about 2 minutes
#   make test    everything that CI checks
#   make simulate    run the simulation with random faults
# The environment lies in .venv; stamp files in it remember which lock it was installed from. Each command also takes an
# interpreter, and then uses an environment of that version: make check PYTHON=python3.13 uses .venv-3.13.

PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ifeq ($(origin PYTHON),command line)
VENV := .venv-$(shell $(PYTHON) -c 'import sys; print("{}.{}".format(*sys.version_info))')
else
VENV := .venv
endif
BIN := $(VENV)/bin
FOREIGN := .venv-foreign
SITE := .venv-docs
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
DEMO_ARGS ?=
PYTEST_ARGS ?=
# Processes that run tests; 0 runs all tests in one process. The unit tests compute: one process for each core. The others mostly
# wait for daemons: more processes than cores.
UNIT_WORKERS ?= auto
TEST_WORKERS ?= 4

# Each process that runs tests imports all of them: without cached bytecode, that takes each of them 15 s more. In a fresh clone,
# one process writes it while the types are checked; else all would compile the same files at once.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: docs man dist bytecode demo pictures check quick test foreign simulate lint lock audit image clean help
.DEFAULT_GOAL := help

help:
	@echo "make demo   see it work: a real daemon against an embedded cloud, 60 times faster than life"
	@echo "make check  lint, types, import contracts and the unit tests but the slow ones: before each commit (UNIT_WORKERS=auto, PYTEST_ARGS=)"
	@echo "make test   lint, types, import contracts and every test: what CI runs (TEST_WORKERS=4, PYTEST_ARGS=);"
	@echo "            with PYTEST_ARGS=--hypothesis-profile=nightly, property tests try 50 times as many examples"
	@echo "            with PYTHON=python3.13, make check and make test use that interpreter, in .venv-3.13"
	@echo "make quick  the unit tests that depend most on the interpreter, about 60 s: make quick PYTHON=python3.13"
	@echo "make simulate   simulate the fleet with random faults and check every invariant (SEEDS=1000 FROM=0 WORKERS=1); see docs/reliability.md"
	@echo "make foreign    install the third-party servers that tests/foreign runs against (720 MB, in $(FOREIGN))"
	@echo "make pictures   make the pictures of the dashboard in docs/ again (needs Chromium)"
	@echo "make docs       build the site of the documents in build/site, and the manual pages in build/man; needs no network after the first time"
	@echo "make lint   lint, types and import contracts"
	@echo "make lock   resolve the dependencies again into requirements*.txt (the only command that needs uv)"
	@echo "make audit  ask the advisory database about every locked dependency; 3 when it cannot be reached"
	@echo "make dist   build the wheel and the sdist in dist/, the same bytes each time"
	@echo "make image  build the container image"

demo: $(VENV)/.run
	@$(BIN)/stoker demo $(DEMO_ARGS)

pictures: $(VENV)/.dev
	@$(BIN)/python -m tests.pictures docs

# Links that lead nowhere fail. The packages are installed once; the build itself connects to nothing.
docs: $(SITE)/.installed man
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --strict --quiet
	@echo "build/site/index.html"

man: $(VENV)/.run
	@$(BIN)/python -m tests.manual build/man

$(SITE)/.installed: requirements-docs.txt | $(VENV)/bin/python
	@echo "== installing what builds the site"
	@test -x $(SITE)/bin/python || $(BIN)/python -m venv $(SITE)
	@$(SITE)/bin/python -m pip --disable-pip-version-check -qq install --require-hashes -r requirements-docs.txt
	@touch $@

test: $(VENV)/.dev
	@$(MAKE) --no-print-directory --jobs 2 lint bytecode
	@echo "== tests"
	@$(BIN)/python -m pytest -q -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

bytecode: $(VENV)/.dev
	@test -d tests/__pycache__ || $(BIN)/python -m pytest -q --collect-only >/dev/null || true

# What differs most between interpreters: SQLite, sockets, dates, files. About 60 s on two cores.
QUICK := config adapters/demand adapters/recording controller/cli/operate controller/decision controller/http/connections controller/redaction \
	controller/store

quick: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -m "unit and not slow" -n $(UNIT_WORKERS) --dist loadfile $(addprefix tests/,$(QUICK)) $(PYTEST_ARGS)

check: lint
	@echo "== unit tests"
	@$(BIN)/python -m pytest -q -m "unit and not slow" -n $(UNIT_WORKERS) --dist loadfile $(PYTEST_ARGS)

lint: $(VENV)/.dev
	@echo "== ruff"
	@$(BIN)/ruff check .
	@echo "== mypy"
	@$(BIN)/mypy --num-workers 2
	@echo "== import contracts"
	@$(BIN)/lint-imports --no-cache

SEEDS ?= 1000
FROM ?= 0
WORKERS ?= 1

simulate: $(VENV)/.dev
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) --from $(FROM) --workers $(WORKERS)

# What runs, from the hashed lock, then Stoker itself from the tree.
$(VENV)/.run: requirements.txt requirements-build.txt pyproject.toml | $(VENV)/bin/python
	@echo "== installing what Stoker runs with"
	@$(PIP) install --require-hashes -r requirements-build.txt -r requirements.txt
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

# That and what the checks need.
$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	@echo "== installing what the checks need"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

# Third-party servers for tests/foreign, in an environment of their own: they pin other versions of the same libraries.
foreign: $(FOREIGN)/.installed

$(FOREIGN)/.installed: requirements-foreign.txt | $(VENV)/bin/python
	@echo "== installing third-party servers for tests/foreign"
	@test -x $(FOREIGN)/bin/python || $(BIN)/python -m venv $(FOREIGN)
	@$(FOREIGN)/bin/python -m pip --disable-pip-version-check -qq install --require-hashes -r requirements-foreign.txt
	@touch $@

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Stoker needs Python 3.11 or newer: install it, or say which with make PYTHON=/path/to/python"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing: on Debian and Ubuntu, apt-get install python3-venv"; exit 2; }

# No index address is recorded: a lock is to be installed from wherever the operator gets packages.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"

lock:
	$(COMPILE) pyproject.toml --extra aws --extra forecast --extra gcp --extra otel --extra postgresql --extra redis -o requirements.txt
	$(COMPILE) --group build -o requirements-build.txt
	$(COMPILE) pyproject.toml --all-extras --constraint requirements.txt -o requirements-dev.txt
	$(COMPILE) --group sbom --constraint requirements-dev.txt -o requirements-sbom.txt
	$(COMPILE) --group foreign -o requirements-foreign.txt
	$(COMPILE) --group docs -o requirements-docs.txt

audit: $(VENV)/.dev
	@.ci/audit $(BIN)

# The same commit gives the same bytes: hatchling sorts its files, and their times are the commit's.
dist: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
COMMIT = $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)

dist: $(VENV)/.run
	@rm -rf dist && $(BIN)/hatchling build

image:
	docker build --build-arg STOKER_COMMIT=$(COMMIT) --tag stoker .

clean:
	rm -rf .venv .venv-3.* $(FOREIGN) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
