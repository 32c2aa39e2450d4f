# Two commands are enough: `make run` and `make test`. Everything they fetch is fetched by `install`, once; after that
# both work with the network cut. Stamp files say what is done, so a second `make install` does nothing.

SHELL := /bin/sh
.DEFAULT_GOAL := install
.DELETE_ON_ERROR:
.PHONY: install run test servers lint format bench bench-access soak screens wheel lock clean

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
UV_VERSION := 0.13.8
# Published as source alone (pure Python, held to a hash like the others): the reader of HXL that the tests judge us by.
BUILT := --no-binary libhxl --no-binary python-io-wrapper

install: .venv/.project assets/vendor/versions.json

# The locked dependencies, each checked against its hash.
.venv/.packages: requirements.lock tools/venv.sh
	@sh tools/venv.sh
	@echo "installing the locked dependencies"
	@$(PIP) install --quiet --require-hashes --only-binary :all: $(BUILT) --requirement requirements.lock
	@touch $@

# The project itself, editable: no dependency is resolved and nothing is fetched here.
.venv/.project: .venv/.packages pyproject.toml
	@$(PIP) install --quiet --no-deps --no-index --no-build-isolation --editable .
	@touch $@

# What the browser needs: npm packages by their lock, then the parts the pages load, under assets/vendor.
assets/vendor/versions.json: .venv/.packages package.json package-lock.json .npmrc requirements-node.lock tools/npm.sh tools/browser_parts.py
	@echo "installing the browser parts"
	@sh tools/npm.sh ci --ignore-scripts --loglevel=error
	@$(BIN)/python tools/browser_parts.py node_modules assets/vendor

run: install
	@$(BIN)/commonground exercise
	@$(BIN)/commonground serve

test: install servers
	@$(BIN)/python -m pytest -n 3 --dist loadfile

# The real servers that tests talk to. As root on Debian they are installed; elsewhere what is missing is named.
servers: install
	@$(BIN)/python tests/servers.py

lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Every script in bench/ prints its own table and keeps it in build/bench, but for those that the others share.
SHARED := $(addprefix bench/,measure.py million.py browser.py sending.py soak.py screens.py)
bench: install
	@for script in $(filter-out $(SHARED),$(wildcard bench/*.py)); do $(BIN)/python $$script || exit 1; done

# A day of the wall in accelerated time (about a quarter of an hour to half of one); `make soak HOURS=4` is shorter.
HOURS := 24
soak: install
	@$(BIN)/python bench/soak.py --hours $(HOURS)

# Every page of the exercise as a picture, for the documents: docs/screens.
screens: install
	@$(BIN)/python bench/screens.py

# Ten times the worlds of `make test`: what each viewer is told, against the plain reference of the access rule.
bench-access: install
	@for seed in 1 2 3 4 5 6 7 8 9 10; do $(BIN)/python -m pytest -q --hypothesis-seed=$$seed tests/test_proof_worlds.py || exit 1; done

wheel: install
	@rm -rf build/wheel && mkdir -p build/wheel
	@$(PIP) wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir build/wheel .
	@ls -l build/wheel/*.whl

# Rebuilds the lock files from pyproject.toml and package.json (network needed). Keeps today's versions where they still
# fit; `make lock UPGRADE=--upgrade` moves to the newest. Neither kind of lock file carries a registry address.
lock: .venv/.packages
	@$(PIP) install --quiet --upgrade --target build/uv uv==$(UV_VERSION)
	@set -e; compile="build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	  --generate-hashes --only-binary :all: $(BUILT) --no-annotate --custom-compile-command 'make lock' $(UPGRADE)"; \
	eval $$compile --output-file requirements.lock --group dev pyproject.toml; \
	eval $$compile --output-file requirements-node.lock --group node
	@sh tools/npm.sh install --package-lock-only --ignore-scripts --loglevel=error

# Leaves var/ alone: that is the mission's data.
clean:
	rm -rf .venv node_modules assets/vendor build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
