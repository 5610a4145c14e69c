# make run    install into .venv and serve on http://127.0.0.1:8000 (PORT=… for another port)
# make test   install the tools too and run the tests (PYTEST_ARGS=… for pytest, WORKERS=2 for two at once)
# make soak   what tests do in the small, for hours: soak-rows has a file of 10,000 rows going in while workers are
#             killed, on both databases; soak-api calls the running API 20,000 times by a fuzzer; soak-faults lets parts
#             fail in 2,000 schedules (docs/promises.md) and goes on where it was stopped; each prints its result
# make bench  every page, step and journey beside a bare page, Flask-WTF and django-formtools; the desk's list with
#             100,000 registrations, a file of 10,000 rows; tables, and JSON and charts in build/bench (BENCH_ARGS=--help)
# make audit  ask for known weaknesses of the libraries
# make scan   have an outside scanner look for weaknesses of the running wizard (docs/security.md)
# make lighthouse     judge the applicant's pages by Lighthouse, and print a table
# make screenshots    every page in every state as pictures in build/screenshots, and the contact sheets of docs/images
# make translations   bring the French catalogue up to the sources, and compile it
# make events         bring the table and the schemas of docs/events.md up to the code

PYTHON ?= python3
PORT ?= 8000
PYTEST_ARGS ?=
WORKERS ?= 0

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
AUDIT := $(VENV)/audit-tool/bin/pip-audit
SCAN := $(VENV)/scan-tool/bin/wapiti
CATALOGUES := wizard/translations
BROWSER_TOOLS := tests/browser/node_modules/.package-lock.json
LIGHTHOUSE := tests/browser/lighthouse/node_modules/.package-lock.json
SCREENSHOTS ?= build/screenshots

# Both locks hold the build tools, so the checkout itself is installed without fetching anything more.
INSTALL_LOCK := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement
INSTALL_SELF := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .

LOCK := $(VENV)/lock-tool/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links --no-annotate \
	--custom-compile-command "make lock" $(LOCK_ARGS)

.PHONY: run test audit scan soak soak-rows soak-api soak-faults lint format bench wheel lock translations events install install-dev clean
.DEFAULT_GOAL := run

run: install
	@exec $(BIN)/wizard start --port $(PORT)

test: install-dev browser-tools
	$(BIN)/python -m pytest $(if $(filter-out 0,$(WORKERS)),--numprocesses $(WORKERS) --dist loadfile) $(PYTEST_ARGS)

# Half an hour for the first two, hours for the third; what came of it stands at the end of each.
soak: soak-rows soak-api soak-faults

soak-rows: install-dev
	WIZARD_TEST_BULK_ROWS=10000 WIZARD_REQUIRE_POSTGRES=1 $(BIN)/python -m pytest -rP --durations=0 --durations-min=1 \
		tests/faults/test_bulk_kills.py

soak-api: install-dev
	WIZARD_REQUIRE_POSTGRES=1 $(BIN)/python -m tests.fuzz.soak

soak-faults: install-dev
	WIZARD_REQUIRE_POSTGRES=1 $(BIN)/python -m tests.faults.soak

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict .
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive wizard wsgi.py

# What is known of weaknesses of the libraries; asks the package index, and fails where it cannot.
audit: $(AUDIT)
	$(AUDIT) --strict --disable-pip --require-hashes --requirement requirements.txt

# An outside scanner against the running wizard; docs/security.md says what it finds, and why that stands.
scan: install-dev $(SCAN)
	$(BIN)/python -m tests.security.scan $(SCAN) $(SCAN_ARGS)

# Each in an environment of its own: they are no part of the product, nor of its tests.
$(AUDIT): | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/audit-tool
	$(VENV)/audit-tool/bin/python -m pip install --quiet --disable-pip-version-check "pip-audit==2.*"

$(SCAN): | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/scan-tool
	$(VENV)/scan-tool/bin/python -m pip install --quiet --disable-pip-version-check "wapiti3==3.2.*"

format: install-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install-dev
	$(BIN)/python -m bench $(BENCH_ARGS)

wheel: install-dev
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

# Text that was added or changed comes into the catalogue without a translation: put one in, then run this again.
# tests/test_translations.py says what is missing.
translations: install-dev
	$(BIN)/pybabel --quiet extract --mapping-file babel.cfg --add-location file --keywords "lazy_gettext lazy_ngettext:1,2" \
		--output-file $(VENV)/messages.pot .
	$(BIN)/pybabel --quiet update --input-file $(VENV)/messages.pot --output-dir $(CATALOGUES) --width 120 \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel --quiet compile --directory $(CATALOGUES)

# The table of docs/events.md and the schemas beside it; tests/test_event_docs.py says where they are not the code's.
events: install-dev
	$(BIN)/python -m tests.support.event_docs

install: $(RUNTIME)
install-dev: $(DEV)

# A fresh stamp means no call of pip at all. The tools are a superset of what runs, so one .venv serves both.
$(RUNTIME): requirements.txt pyproject.toml | $(BIN)/python
	@test -e $@ || echo "Installing into $(VENV); the first time takes a minute."
	$(INSTALL_LOCK) requirements.txt
	$(INSTALL_SELF)
	@touch $@

$(DEV): requirements-dev.txt pyproject.toml | $(BIN)/python
	@test -e $@ || echo "Installing into $(VENV); the first time takes a minute."
	$(INSTALL_LOCK) requirements-dev.txt
	$(INSTALL_SELF)
	@touch $@ $(RUNTIME)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# They serve only the tests in a browser, which are skipped where there is none.
.PHONY: browser-tools lighthouse lighthouse-tool screenshots
browser-tools:
	@if command -v npm >/dev/null && command -v chromium >/dev/null; then $(MAKE) --no-print-directory $(BROWSER_TOOLS); fi

$(BROWSER_TOOLS) $(LIGHTHOUSE): %/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

lighthouse-tool: $(LIGHTHOUSE)

lighthouse: install-dev lighthouse-tool
	$(BIN)/python -m tests.browser.judged

screenshots: install-dev browser-tools
	$(BIN)/python -m tests.browser.screenshots $(SCREENSHOTS)

# Newer versions: make lock LOCK_ARGS=--upgrade
# Extras stay in the names: an older pip takes `coverage[toml]` for another, unpinned package than `coverage`.
lock: $(VENV)/lock-tool/bin/uv
	$(LOCK) --group build --output-file requirements.txt
	$(LOCK) --group dev --constraint requirements.txt --output-file requirements-dev.txt

$(VENV)/lock-tool/bin/uv: | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/lock-tool
	$(VENV)/lock-tool/bin/python -m pip install --quiet --disable-pip-version-check "uv==0.13.*"

# What was made from the sources; instance/ (the data) stays.
clean:
	rm -rf $(VENV) build dist .coverage .coverage.* htmlcov .hypothesis .schemathesis .mypy_cache .pytest_cache .ruff_cache tests/browser/node_modules \
		tests/browser/lighthouse/node_modules
	find wizard tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
