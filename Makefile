# Everything a person needs to type. Needs Python 3.11 and make; sets the rest up itself.
# Variables: PYTHON (which Python makes the environment), ARGS (passed on to pytest), BUNDLES (a folder for demo),
# ROUNDS (of chaos), MADE_UP (of fuzz).

PYTHON ?= python3.11
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
ARGS ?=
MADE_UP ?= 300
ROUNDS ?= 30

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help setup up down status reset test check format demo verify bench keys chaos fuzz support browser venv-package lock

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
	  || sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1  \2/p' $(MAKEFILE_LIST)

setup: $(READY) ## make the environment (every other target does it by itself)

up: $(READY) ## start everything and serve until Ctrl-C
	@$(PY) -m local.stack up

down: $(READY) ## stop what `make up` started in another terminal
	@$(PY) -m local.stack down

status: $(READY) ## say whether it runs, and where
	@$(PY) -m local.stack status

reset: $(READY) ## delete the demo data, after asking
	@$(PY) -m local.stack reset

test: $(READY) browser ## run all tests
	@$(PY) -m pytest $(ARGS)

check: $(READY) ## lint, types, floors, migrations, locked definitions, secrets, known faults of packages
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) -m local.stack check-migrations
	$(PY) -m local.definitions check
	$(PY) -m local.secret_scan
	$(PY) -m local.advisories

format: $(READY) ## put the code into its house form
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

demo: $(READY) ## run whole episodes in skipped time and show what they raised
	@$(PY) -m local.rehearsal $(if $(BUNDLES),--bundles $(BUNDLES))

verify: $(READY) ## prove that nobody changed the audit or the ledger of disclosures (ARGS="--since MOMENT")
	@$(PY) -m local.verify $(ARGS)

bench: $(READY) ## measure, each number beside its floor (JSON lines)
	@$(PY) -m bench

keys: $(READY) ## the keys of the house: what stands under which (ARGS="rotate" for a new one, while everything runs)
	@$(PY) -m local.keys $(or $(ARGS),status)

support: $(READY) ## a file for finding a fault: versions, counts, what is stuck, the last errors; no names, no secrets
	@$(PY) -m local.support $(ARGS)

chaos: $(READY) ## kill the parts while they work and look for what was lost (ROUNDS=n, ten minutes by default)
	@$(PY) -m local.chaos --rounds $(ROUNDS)

fuzz: $(READY) ## knock at the API with other made-up requests than make test does (MADE_UP=n a route, 300 by default)
	@MADE_UP=$(MADE_UP) $(PY) -m pytest tests/api/test_made_up_requests.py -q

browser: ## install Debian's chromium for the page tests, where it may
	@command -v chromium >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; \
	else \
	  echo "The page tests need Debian's chromium: install it with 'sudo apt-get install chromium' and try again." >&2; \
	  exit 1; \
	fi

lock: $(READY) ## resolve pyproject.toml into both lock files
	$(PY) -m uv pip compile pyproject.toml --extra embedded --extra dev -o requirements.lock -q $(LOCK)
	$(PY) -m uv pip compile pyproject.toml -c requirements.lock -o requirements-runtime.lock -q $(LOCK)

LOCK := --python-version 3.11 --generate-hashes --no-header --no-annotate

$(READY): requirements.lock pyproject.toml | $(PY)
	@echo "installing the locked packages into $(VENV)"
	@$(PY) -m pip install -q --require-hashes -r requirements.lock
	@$(PY) -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(PY):
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Stepdown needs Python 3.11 and found no $(PYTHON): install it, or name another: make PYTHON=/path/to/python" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Stepdown needs Python 3.11 or newer; $(PYTHON) is older. Name another: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory venv-package
	@$(PYTHON) -m venv $(VENV)

venv-package:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv; \
	else \
	  echo "Debian keeps venv in a package of its own: 'sudo apt-get install python3-venv', then try again." >&2; \
	  exit 1; \
	fi
