# Every target makes .venv by itself, from python3 and pip alone.
PYTHON ?= python3
# Stronger than pip.conf and the shell, which may ask for what pip refuses in a virtual environment.
export PIP_USER := 0
unexport PIP_TARGET PIP_PREFIX PIP_ROOT
BIN := .venv/bin
READY := .venv/.ready
CLUSTER := .venv-cluster/bin
CLUSTER_READY := .venv-cluster/.ready
CLUSTER_TESTS := channels_assets_tests/cluster
# These measure, so nothing runs beside them.
CLUSTER_MEASURES := $(addprefix $(CLUSTER_TESTS)/,test_shared_limit.py test_capacity.py test_fleet.py)

.PHONY: help run dev notebook test test-slow test-browser test-cluster cluster capacity soak soak-dev simulate
.PHONY: bench bench-limit bench-load bench-memory bench-growth bench-history docs lint format lock clean

run: $(READY) ## Pull everything into data/channels.duckdb (made-up data without channels.toml)
	@$(BIN)/channels-assets refresh

dev: $(READY) ## Open the Dagster UI on the same instance
	@$(BIN)/channels-assets dev

notebook: $(READY) ## Open JupyterLab on the notebooks, copied to data/notebooks
	@$(BIN)/channels-assets notebook

test: $(READY) ## All tests but the slow ones and those that need a browser or a cluster
	@$(BIN)/python -m pytest -n auto --dist worksteal -m "not browser and not slow and not cluster"

test-slow: $(READY) ## Whole processes and long waits: dev, signals, kills, a shared instance, 300 windows
	@$(BIN)/python -m pytest -n auto --dist worksteal -m slow

test-browser: $(READY) ## The Dagster UI in Debian's chromium (apt-get install chromium fonts-noto-cjk)
	@$(BIN)/python -m pytest -m browser

help: ## This list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

cluster: $(CLUSTER_READY) ## Set up .venv-cluster: what many machines need

test-cluster: $(CLUSTER_READY) ## Four Celery workers, PostgreSQL, Redis and a lake (PARTITIONS=2000)
	@command -v redis-server >/dev/null && ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || \
		(apt-get update -qq && apt-get install -y -qq postgresql redis-server >/dev/null)
	@$(CLUSTER)/pyright --pythonpath $(CLUSTER)/python channels_assets/cluster/*.py channels_assets/warehouse/lake/catalogue.py $(CLUSTER_TESTS)/*.py
	@LAKE=1 $(CLUSTER)/python -m pytest -n auto --dist worksteal channels_assets_tests/warehouse \
		$(filter-out $(CLUSTER_MEASURES),$(wildcard $(CLUSTER_TESTS)/test_*.py))
	@$(CLUSTER)/python -m pytest $(CLUSTER_MEASURES) --timeout 3600 -s

capacity: $(CLUSTER_READY) ## Measure, simulate 50,000 and 1,000,000 lists, write docs/outgrowing.md
	@$(CLUSTER)/python -m channels_assets_tests.cluster.capacity

soak: $(READY) ## The fault table; 50 kills in a row; a minute of four writers beside eight readers
	@SOAK=1 $(BIN)/python -m pytest channels_assets_tests/faults channels_assets_tests/e2e/test_crash.py --timeout 900

MINUTES ?= 30
KILLS ?= 10
soak-dev: $(READY) ## `make dev`, killed KILLS times in MINUTES: it continues by itself and loses no history
	@$(BIN)/python -m channels_assets_tests.e2e.left_alone --minutes $(MINUTES) --kills $(KILLS)

SEEDS ?= 1000
FIRST ?= 0
simulate: $(READY) ## SEEDS worlds of faults, changes and kills, each drawn from its number, from FIRST on
	@$(BIN)/python -m channels_assets_tests.simulation --seeds $(SEEDS) --first $(FIRST)

BENCH := channels_assets_tests/bench
ROUNDS ?= 3
LATENCY ?= 0.05
IN_FLIGHT ?= 32
bench: $(READY) .venv-bench/.ready ## Ours beside a floor, dlt and a plain loop, in one run
	@$(BIN)/python -m channels_assets_tests.bench --rounds $(ROUNDS) --latency $(LATENCY) --in-flight $(IN_FLIGHT)

bench-memory: $(READY) ## One window of 100,000 and of 1,000,000 products: time and peak memory
	@$(BIN)/python -m channels_assets_tests.bench.memory

bench-growth: $(READY) ## 10 to 10,000 partitions in one run, 1 to 365 refreshes: time and size
	@$(BIN)/python -m channels_assets_tests.bench.growth

bench-limit: $(READY) ## A hidden limit of calls per second: how much of it is used, and how many calls are refused
	@$(BIN)/python -m channels_assets_tests.bench.limit

bench-load: $(READY) ## Loading alone, without calls and without Dagster: rows a second
	@$(BIN)/python -m channels_assets_tests.bench.load

bench-history: $(READY) ## The cost of history: as-of queries and changes over 60 days
	@$(BIN)/python -m channels_assets_tests.bench.looking_back

.venv-bench/.ready: $(BENCH)/requirements.lock
	@$(PYTHON) -m venv --clear .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

docs: $(READY) ## Write docs/errors.md from the table of errcodes, docs/tables.md from the declared tables
	@$(BIN)/python -m channels_assets_tests.docs.errors_page
	@$(BIN)/python -m channels_assets_tests.docs.tables_page

lint: $(READY) ## ruff and pyright
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

format: $(READY) ## Let ruff put the code into order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(READY) ## Pin the newest dependencies, with hashes and without the address of an index
	@$(BIN)/uv pip compile pyproject.toml --extra notebooks --group dev --universal --generate-hashes --upgrade \
		--no-emit-index-url --no-emit-find-links --no-annotate --quiet \
		--custom-compile-command "make lock" --output-file requirements.lock
	@$(BIN)/uv pip compile $(BENCH)/requirements.in --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --no-emit-find-links --no-annotate --quiet \
		--custom-compile-command "make lock" --output-file $(BENCH)/requirements.lock
	@sed -n 's/^\([a-z0-9].*==.*[^ ]\) *\\$$/\1/p' requirements.lock | grep -Ev '^(duckdb|sqlalchemy)==' > .venv/constraints.txt
	@$(BIN)/uv pip compile pyproject.toml --group dev --group cluster --extra cluster --extra lake --universal \
		--generate-hashes --upgrade --no-emit-index-url --no-emit-find-links --no-annotate --quiet \
		--constraint .venv/constraints.txt --custom-compile-command "make lock" \
		--output-file deploy/requirements.lock

clean: ## Remove the virtual environments; data/ stays
	rm -rf .venv .venv-cluster .venv-bench

# The lock is complete, so pip need not resolve; a broken install is never marked ready.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say make PYTHON=python3.12")'
	@echo "Setting up .venv (once; a minute or two) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Beside .venv, since DuckLake's extensions are there for an older DuckDB.
$(CLUSTER_READY): deploy/requirements.lock pyproject.toml
	@echo "Setting up .venv-cluster (once; a minute or two) ..."
	@$(PYTHON) -m venv --clear .venv-cluster
	@$(CLUSTER)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r deploy/requirements.lock
	@$(CLUSTER)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
