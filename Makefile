# Every target makes .venv by itself, from python3 and pip alone.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run dev notebook test test-slow test-browser soak simulate bench bench-memory bench-growth bench-history docs lint format lock clean

run: $(READY) ## Pull everything into data/channels.duckdb (a made-up world without channels.toml)
	@$(BIN)/channels-assets refresh

dev: $(READY) ## Open the Dagster UI on the same instance
	@$(BIN)/channels-assets dev

notebook: $(READY) ## Open JupyterLab on the notebooks, copied to data/notebooks
	@$(BIN)/channels-assets notebook

test: $(READY) ## All tests but those that need a browser
	@$(BIN)/python -m pytest -n auto --dist worksteal -m "not browser and not slow"

test-slow: $(READY) ## A backfill of 300 windows; all that two refreshes write, searched for secrets
	@$(BIN)/python -m pytest -m slow

test-browser: $(READY) ## The Dagster UI in Debian's chromium (apt-get install chromium fonts-noto-cjk)
	@$(BIN)/python -m pytest -m browser

soak: $(READY) ## The fault table; 50 kills in a row; a minute of four writers beside eight readers
	@SOAK=1 $(BIN)/python -m pytest channels_assets_tests/faults channels_assets_tests/test_crash.py --timeout 900

SEEDS ?= 1000
FIRST ?= 0
simulate: $(READY) ## SEEDS worlds of faults, changes and kills, each drawn from its number, from FIRST on
	@$(BIN)/python -m channels_assets_tests.simulation --seeds $(SEEDS) --first $(FIRST)

BENCH := channels_assets_tests/bench
ROUNDS ?= 3
LATENCY ?= 0.05
bench: $(READY) .venv-bench/.ready ## Ours beside a floor, dlt and a plain loop, in one run
	@$(BIN)/python -m channels_assets_tests.bench --rounds $(ROUNDS) --latency $(LATENCY)

bench-memory: $(READY) ## One window of 100,000 and of 1,000,000 products: time and peak memory
	@$(BIN)/python -m channels_assets_tests.bench.memory

bench-growth: $(READY) ## 10 to 10,000 partitions in one run, 1 to 365 refreshes: time and size
	@$(BIN)/python -m channels_assets_tests.bench.growth

bench-history: $(READY) ## What looking back costs: as-of queries and changes over 60 days
	@$(BIN)/python -m channels_assets_tests.bench.looking_back

.venv-bench/.ready: $(BENCH)/requirements.lock
	@$(PYTHON) -m venv --clear .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

docs: $(READY) ## Write docs/errors.md from the table of errcodes
	@$(BIN)/python -m channels_assets_tests.errors_table

lint: $(READY) ## ruff and pyright
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(READY) ## Pin all dependencies anew, with hashes and without the address of an index
	@$(BIN)/uv pip compile pyproject.toml --extra notebooks --group dev --universal --generate-hashes --upgrade \
		--no-emit-index-url --no-emit-find-links --no-annotate --quiet \
		--custom-compile-command "make lock" --output-file requirements.lock
	@$(BIN)/uv pip compile $(BENCH)/requirements.in --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --no-emit-find-links --no-annotate --quiet \
		--custom-compile-command "make lock" --output-file $(BENCH)/requirements.lock

clean: ## Remove .venv; data/ stays
	rm -rf .venv

# The lock is complete, so pip need not resolve; a broken install is never marked ready.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say make PYTHON=python3.12")'
	@echo "Setting up .venv (once; a minute or two) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
