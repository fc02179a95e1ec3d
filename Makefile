# Everything runs in .venv, which is made on first need and brought up to date when pyproject.toml
# or constraints.txt change. `make setup PYTHON=python3.12` chooses the interpreter that makes it;
# to change it later, remove .venv first. test-colab and test-newest run the same tests in environments
# of their own: VENV is the folder, PINS the file that holds the versions (empty: the newest).

VENV := .venv
PINS := constraints.txt
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
EXTRAS ?= cpu,lab,dev,book
CANDIDATES := python3 python3.13 python3.12 python3.11
UV ?= $(shell command -v uv 2>/dev/null)
TEST_WORKERS ?= 2
# Where tests run side by side, each process computes with one thread.
ONE_THREAD := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
# JupyterLab serves the whole repository: the conclusions link to files outside of notebooks/. It
# opens the notebook by its address, for a browser from a snap cannot read the file that Jupyter
# writes to open one. It looks for no language servers, which takes seconds.
LAB_FLAGS := --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb \
  --ServerApp.use_redirect_file=False --LanguageServerManager.autodetect=False
# The kernel python3 is that of .venv, whatever else has the name. .jupyter holds defaults of
# JupyterLab for the course: it does not ask whether to fetch news.
LAB_ENV := JUPYTER_PREFER_ENV_PATH=1 JUPYTER_PATH= \
  JUPYTER_CONFIG_PATH="$(CURDIR)/.jupyter$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}"
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1

.DEFAULT_GOAL := help
.PHONY: help setup lab run book outputs test test-unit test-notebooks test-faults test-browser \
  test-colab test-newest audit lint bench data claims student clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## make .venv and install the course in it (PYTHON=python3.12 chooses the interpreter)

lab: $(STAMP) ## open the course in JupyterLab (FLAGS="--allow-root" hands JupyterLab a flag)
	$(LAB_ENV) $(BIN)/jupyter lab $(LAB_FLAGS) $(FLAGS)

run: $(STAMP) ## run every notebook at its defaults into build/course (NOTEBOOKS="01 02" for some)
	$(BIN)/course run $(NOTEBOOKS) --to build/course

book: $(STAMP) ## make the book of the notebooks as they are stored, in build/book
	$(BIN)/course report notebooks --to build/book

outputs: $(STAMP) ## run notebooks and store their outputs in them (NOTEBOOKS="01 02" for some)
	$(BIN)/course run --in-place $(NOTEBOOKS)

test: lint test-unit test-notebooks ## lint, unit tests and notebook tests

test-unit: $(STAMP) # the unit tests alone
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile -m "not slow" tests

test-notebooks: $(STAMP) ## run every notebook with small settings and compare its checked outputs
	rm -rf build/smoke
	$(BIN)/course prepare --profile smoke --to build/smoke
	COURSE_LEDGER="$(CURDIR)/build/smoke/ledger.jsonl" JUPYTER_PREFER_ENV_PATH=1 $(ONE_THREAD) \
	  PYTHONPATH="$(CURDIR)/tests" $(BIN)/python -m pytest -p nbval_rules --nbval-lax --nbval-cell-timeout 600 \
	  -n $(TEST_WORKERS) --dist loadfile build/smoke

test-faults: $(STAMP) ## the slow tests: many kills, and the memory of notebooks at their defaults
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile -m slow tests

test-colab: ## the tests with Colab's versions, and each notebook alone as on Colab
	$(MAKE) test-unit test-notebooks VENV=.venv-colab PINS=tests/colab.txt EXTRAS=cpu,test \
	  PYTHON=$(or $(PYTHON),3.12)
	$(ONE_THREAD) .venv-colab/bin/python -m pytest tests/colab

test-newest: ## the tests with the newest version of everything
	rm -f .venv-newest/.installed
	$(MAKE) test-unit test-notebooks VENV=.venv-newest PINS= EXTRAS=cpu,lab,dev,book \
	  PYTHON=$(or $(PYTHON),3.13)

# What the browser tests need beyond the rest; Chromium itself: see .ci/run.
test-browser: $(STAMP) ## open the book, and the notebooks in JupyterLab, in Chromium (ALL=1: run all)
	@$(BIN)/python -c "import axe_playwright_python" 2>/dev/null || $(call install,$(EXTRAS)$(comma)browser)
	ALL=$(ALL) $(BIN)/pytest tests/browser

audit: $(STAMP) ## look the installed packages up among the known vulnerabilities
	@$(BIN)/python -c "import pip_audit" 2>/dev/null || $(call install,$(EXTRAS)$(comma)audit)
	$(BIN)/pip-audit --skip-editable --progress-spinner off

lint: $(STAMP) ## check style, formatting, types, and that imports run one way
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

bench: $(STAMP) ## measure the course against the published way (35 minutes; BENCH="f2 memory" for some)
	$(BIN)/python tests/benchmarks/run.py $(BENCH)

data: $(STAMP) ## fetch and verify the full data sets
	$(BIN)/course data

claims: $(STAMP) ## render the conclusions, and the page that leads to their runs, from the records
	$(BIN)/course claims --write

student: $(STAMP) ## write the students' edition: no outputs, no solutions, and a zip of it
	$(BIN)/course student

clean: ## remove what was built (.venv*, runs/ and downloaded data stay)
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
	find course_utils notebooks tests -name __pycache__ -prune -exec rm -rf {} +
	find notebooks -name .ipynb_checkpoints -prune -exec rm -rf {} +

SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# $(call install,extras): the course and what it needs, with uv where there is one.
comma := ,
define install
if [ -n "$(UV)" ] && $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python \
    $(or $(PINS:%=-c %),--upgrade) -e ".[$(1)]"; then :; else \
  echo "Installing the course and what it needs (about 2 GB); this takes a few minutes"; \
  $(BIN)/python -m pip install --quiet $(or $(PINS:%=-c %),--upgrade) -e ".[$(1)]"; \
fi
endef

$(STAMP): pyproject.toml $(PINS)
	@python='$(PYTHON)'; \
	case "$$python" in 3.*) \
	  version=$$python; python=python$$version; \
	  if [ -n "$(UV)" ] && ! $$python -c '' 2>/dev/null; then \
	    $(UV) python install --quiet $$version && python="$$($(UV) python find --system $$version)"; \
	  fi;; \
	esac; \
	if [ -z "$$python" ]; then \
	  for each in $(CANDIDATES); do \
	    if $$each -c '$(SUPPORTED)' 2>/dev/null; then python=$$each; break; fi; \
	  done; \
	fi; \
	if [ -z "$$python" ]; then \
	  echo "The course needs Python 3.11, 3.12 or 3.13, and none of $(CANDIDATES) is one;" \
	    "install one, or name it: make setup PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	if ! "$$python" -c '$(SUPPORTED)' 2>/dev/null; then \
	  echo "The course needs Python 3.11, 3.12 or 3.13; PYTHON=$$python is" \
	    "$$("$$python" --version 2>/dev/null || echo not found). Name another one: make setup PYTHON=python3.12" >&2; \
	  exit 1; \
	fi; \
	if [ -n '$(PYTHON)' ] || ! $(BIN)/python -c '$(SUPPORTED)' 2>/dev/null; then \
	  echo "Making $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv --clear $(VENV) || { \
	    echo "$$python cannot make a virtual environment; on Debian and Ubuntu install" \
	      "python3-venv first." >&2; exit 1; }; \
	fi
	@$(call install,$(EXTRAS))
	@touch $@
