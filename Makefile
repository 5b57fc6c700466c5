# The three commands are `make demo`, `make test` and `make check`. Needed: Python 3.11 or newer, pip, make.
# Everything is installed from the lock files into .venv; `touch`ed stamps make the second run quick.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 0# processes for the tests: 0 is one process, no workers; the embedded engine is heavy, so 2 is plenty
SCALE  ?= 1# share of the benchmark's 50 million events
TESTS  ?= tests
FUZZ_MINUTES ?= 10
FUZZ_SCENES  ?= 100
SOAK_MINUTES ?= 60

BIN  := $(VENV)/bin
PIP  := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUN  := $(VENV)/.installed
DEV  := $(VENV)/.installed-dev
CODE := src tests tools examples $(wildcard bench)

# The processes that tests and examples start compile the project once, also where the machine keeps no bytecode.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo demo-live demo-engage test check format lint types docs reference screenshots texts examples bench fuzz soak lock clean distclean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 18

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 …"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "This Python cannot make environments. On Debian or Ubuntu: apt install python3-venv"; exit 2; }
	@echo "Making a private environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(RUN): requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Ethogram needs, exact versions from requirements.lock (the engine is large: about 400 MB)"
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.lock $(RUN)
	@echo "Installing what the tests and the documentation need, exact versions from requirements-dev.lock"
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

demo: $(RUN) ## load the real data of examples/, run the template segments, show what came out
	@$(BIN)/python examples/demo.py

demo-live: $(RUN) ## play a shop's history to a running server and watch segments react, for a minute
	@$(BIN)/python examples/demo_live.py

demo-engage: $(DEV) ## carts are left, and a journey sends real mail into a local mailbox that one can look at
	@$(BIN)/python examples/demo_engage.py

test: $(DEV) ## run every test (JOBS=2 for two processes, TESTS=tests/segment for some)
	@$(BIN)/python -m pytest $(if $(filter-out 0,$(JOBS)),-n $(JOBS) --dist worksteal) $(TESTS)

check: format lint types test docs ## everything that CI checks

format: $(DEV)
	@$(BIN)/ruff format --check $(CODE)

lint: $(DEV)
	@$(BIN)/ruff check $(CODE)

types: $(DEV)
	@$(BIN)/mypy

docs: $(DEV) ## build the documentation into site/
	@$(BIN)/python tools/build_reference.py --check
	@$(BIN)/zensical build --clean --strict

texts: $(DEV) ## collect the console's texts for translators
	@$(BIN)/python tools/extract_texts.py

screenshots: $(DEV) ## pictures of the console's pages into docs/img (needs Chromium)
	@$(BIN)/python tools/screenshots.py

reference: $(DEV) ## write the generated pages of docs/reference anew
	@$(BIN)/python tools/build_reference.py

examples: $(DEV) ## prepare examples/data anew from DATA=folder (see examples/README.md)
	@$(BIN)/python tools/prepare_examples.py $(DATA)

bench: $(DEV) ## compare with the alternatives on generated events (SCALE=0.1 for a tenth)
	@$(BIN)/python bench --scale $(SCALE)

fuzz: $(DEV) ## compare engine and oracle on ever new segments and live histories, for FUZZ_MINUTES or until they differ
	@end=$$(( $$(date +%s) + 60 * $(FUZZ_MINUTES) )); seed=$$(date +%s); \
	while [ $$(date +%s) -lt $$end ]; do \
	  seed=$$(( seed + 1 )); echo "ETHOGRAM_SEED=$$seed ETHOGRAM_SCENES=$(FUZZ_SCENES)"; \
	  ETHOGRAM_SEED=$$seed ETHOGRAM_SCENES=$(FUZZ_SCENES) \
	    $(BIN)/python -m pytest -q --timeout 0 --hypothesis-seed=$$seed \
	    tests/oracle/test_agreement.py tests/web/test_consistency.py tests/deliver/test_mirroring.py \
	    tests/segment/test_editing.py tests/segment/test_fill.py tests/segment/test_identity.py \
	    tests/segment/test_live.py tests/segment/test_live_accounts.py || exit 1; \
	done

soak: $(DEV) ## a server under a steady load and kills for SOAK_MINUTES, its memory watched
	@SOAK_MINUTES=$(SOAK_MINUTES) $(BIN)/python -m pytest -q -s --timeout 0 tests/web/test_soak.py

lock: $(DEV) ## choose newest versions and write both lock files
	@$(BIN)/uv pip compile pyproject.toml --group build --upgrade $(LOCK) --output-file requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --group build --group dev --all-extras --upgrade $(LOCK) \
	  --constraint requirements.lock --output-file requirements-dev.lock

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
  --custom-compile-command "make lock"

clean: ## remove what the commands made, but not the environment
	@rm -rf site dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis .cache demo-workspace demo-workspace-generated demo-mailbox tutorial-workspace
	@find src tests tools examples -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	@rm -rf $(VENV)
