# Every target installs what it needs. Needs Python 3.11, Node 20, make and git.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
AZURITE := node_modules/.installed
BOARD_TOOLS := board/node_modules/.installed
BOARD := board/dist/.built
BOARD_SOURCES := $(shell find board -path board/node_modules -prune -o -path board/dist -prune -o -type f ! -name schema.d.ts -print)
COMMAND := $(BIN)/switchyard
MLTABLE := .venv-mltable/.installed

.DEFAULT_GOAL := help
.PHONY: help install board chromium screens demo demo-environment demo-training demo-online up test test-mltable check sim soak bench bench-check wheel format lock clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

install: $(INSTALLED) $(AZURITE) $(COMMAND) $(BOARD) ## Install everything into .venv and node_modules, and build the board

$(INSTALLED): requirements-dev.txt requirements-runtime.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))" || { echo "Python 3.11 is needed: install it, or say PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@# The worker library asks for Python 3.13 in its metadata and runs on 3.11; pip takes the two flags on the command line only.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --ignore-requires-python -r requirements-runtime.txt
	@touch $@

$(COMMAND): $(INSTALLED)
	@# Nothing is copied: the command runs what is in this checkout, from wherever it is called.
	@printf '%s\n' '#!$(abspath $(BIN))/python' 'import sys' 'sys.path.insert(0, "$(CURDIR)")' \
	  'from cli.app import main' 'main()' > $@ && chmod +x $@

$(AZURITE): package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

board: $(BOARD) ## Build the board, which the app serves at /, where its sources changed

$(BOARD_TOOLS): board/package.json board/package-lock.json
	npm ci --prefix board --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(BOARD): $(BOARD_TOOLS) $(BOARD_SOURCES) docs/openapi.json
	@npm run --prefix board --silent types
	npm run --prefix board --silent build
	@touch $@

chromium: ## Look for the browser that the tests of the board drive; install it where that is allowed
	@test -n "$$SWITCHYARD_CHROMIUM" || command -v chromium chromium-browser google-chrome >/dev/null || \
	  { test "$$(id -u)" = 0 && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	  { echo "The tests of the board need Chromium: apt-get install chromium, or SWITCHYARD_CHROMIUM=/path/to/it"; exit 1; }

screens: install chromium ## Take pictures of every page of the board, light and dark, wide and narrow, into board/screens
	$(BIN)/python -m tests.board.screens

$(MLTABLE): tests/environment/mltable.txt
	$(PYTHON) -m venv .venv-mltable
	.venv-mltable/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

demo: install ## Show three releases on the local cloud, live in the terminal
	@$(BIN)/python -m local.demos.releases

demo-environment: install ## Release an environment to a fleet and roll it back, live in the terminal (CIRCUITS=n)
	@$(BIN)/python -m local.demos.environment --circuits $(or $(CIRCUITS),75)

demo-online: install ## Serve taxi fares online: a better model, a worse one, and one that is put back, live in the terminal
	@$(BIN)/python -m local.demos.online

demo-training: install ## Merge changed cutoff dates in a git repository, train, and read the lineage back, live in the terminal
	@$(BIN)/python -m local.demos.training

up: install ## Start the local cloud and keep it running (SEED=P001/C001,P002/C003 or SEED=12)
	@$(BIN)/switchyard local up $(if $(SEED),--seed "$(SEED)")

test: install chromium ## Run all tests, in four processes
	@# Four on two cores: half of the tests wait for something. Written bytecode spares each process they start a compilation.
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 4 --dist loadgroup --no-loadscope-reorder

test-mltable: install $(MLTABLE) ## Load training data with Azure ML's own library, which is installed beside .venv
	MLTABLE_PYTHON=$(CURDIR)/.venv-mltable/bin/python $(BIN)/python -m pytest tests/environment/test_mltable.py

check: install ## Format, lint, types, import rules, security, generated files, templates of Azure
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -r function_app.py functions shared cli local environment infra -c pyproject.toml
	$(BIN)/python docs/state_machine.py --check
	$(BIN)/python -m shared.contracts.http.openapi --check
	$(BIN)/python -m shared.contracts.config.schema --check
	$(BIN)/python -m infra.check
	$(BIN)/python -m infra.check.rights --check
	$(BIN)/python -m infra.check.kql
	npm run --prefix board --silent check
	@$(MAKE) --no-print-directory bench-check

sim: install ## Run 20,000 seeded schedules (SCHEDULES=n, FROM=seed, KIND=releases, routines, changes, trainings, online or notifications)
	$(BIN)/python -m tests.simulation $(or $(SCHEDULES),20000) $(or $(FROM),0) $(or $(KIND),releases)

soak: install ## Kill the parts of the local cloud 100 times under load and look for losses, 10 minutes (KILLS=n, SEED=n)
	$(BIN)/python -m tests.soak --kills $(or $(KILLS),100) --seed $(or $(SEED),0)

bench-check: install ## Compare what the core does, in counts and not in seconds, with what it did before
	PYTHONHASHSEED=0 $(BIN)/python -m benchmarks.check

bench: install ## Measure imports, the local cloud, the sensor table, lists, events, updates and rollbacks of 200 deployments, the simulation, 15 minutes
	$(BIN)/python benchmarks/import_cost.py
	$(BIN)/python -m benchmarks.local_start
	$(BIN)/python -m benchmarks.servicebus
	$(BIN)/python -m benchmarks.delta_reads
	$(BIN)/python -m benchmarks.load_of_a_day
	$(BIN)/python -m benchmarks.core_cost
	$(BIN)/python -m benchmarks.lists
	$(BIN)/python -m benchmarks.decisions
	$(BIN)/python -m benchmarks.scale_out
	$(BIN)/python -m benchmarks.update_fleet --circuits 200
	$(BIN)/python -m benchmarks.fleet_rollback --circuits 200
	$(BIN)/python -m tests.simulation 500 0

wheel: install ## Build the command alone, without the app, as a wheel in dist/
	rm -rf build dist
	$(BIN)/uv build --quiet --wheel --no-build-isolation --out-dir dist .
	rm -rf build
	@echo "Install it with:  pipx install $$(ls dist/*.whl)"

format: install ## Format and sort imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: install ## Regenerate the pinned requirements from the .in files
	for f in requirements environment/requirements requirements-dev tests/environment/mltable; do \
	  $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 $$f.in -o $$f.txt; done

clean: ## Remove what was installed and the data of the local cloud
	rm -rf $(VENV) .venv-mltable node_modules board/node_modules board/dist board/screens .local build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
