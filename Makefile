# Two commands do everything on a fresh machine with Python 3.11+ and a C compiler:
#   make demo    the whole path from events to answers
#   make test    lint, types, proto checks and tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
STAMPS := $(VENV)/.stamps
KERNEL_SOURCES := setup.py $(wildcard src/*.pyx src/*.pxi src/*.pxd recsys/*.pxd src/*/*.c src/*/*.h)
PROTO_SOURCES := $(wildcard proto/recsys/v1/*.proto)

DATA ?=
PRESET ?=
ARGS ?=
GOWALLA ?=
PEERS ?=

.PHONY: help demo test unit lint format types proto proto-check proto-freeze bench lock clean
.DELETE_ON_ERROR:

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: $(STAMPS)/training $(STAMPS)/kernel ## Events to answers; DATA=path PRESET=name for your own, ARGS=--once to stop after
	@$(BIN)/recsys demo $(if $(DATA),--data '$(DATA)') $(if $(PRESET),--preset '$(PRESET)') $(ARGS)

test: lint types proto-check unit ## Everything that CI checks

unit: $(STAMPS)/dev $(STAMPS)/kernel ## The test suite alone; ARGS for pytest
	$(BIN)/python -m pytest -n logical --dist loadfile $(ARGS)

lint: $(STAMPS)/dev ## Style of Python and Cython
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint src recsys

format: $(STAMPS)/dev ## Rewrite the style where a machine can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMPS)/dev $(STAMPS)/kernel ## mypy --strict
	$(BIN)/mypy

proto: $(STAMPS)/dev ## Rewrite recsys/v1 from proto/
	$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=. --pyi_out=. $(PROTO_SOURCES)
	$(BIN)/python -m grpc_tools.protoc -Iproto --grpc_python_out=. $(wildcard proto/recsys/v1/*_service.proto)

# The frozen image is the released contract: additions are fine, breaks are not.
proto-check: $(STAMPS)/dev ## Lint the contract and refuse what would break callers
	$(BIN)/buf lint proto
	$(BIN)/buf breaking proto --against tests/golden/recsys.v1.binpb

proto-freeze: $(STAMPS)/dev ## Accept the contract as it is as the released one
	$(BIN)/buf build proto --exclude-source-info -o tests/golden/recsys.v1.binpb

bench: $(STAMPS)/dev $(STAMPS)/kernel ## Figures of docs/benchmarks.md; GOWALLA=folder for training, PEERS=python for the peers of the kernel
	$(BIN)/python benchmarks/first_answer.py
	$(BIN)/python benchmarks/serving/startup.py
	$(BIN)/python benchmarks/serving/throughput.py
	$(BIN)/python benchmarks/kernel/run.py --quick $(if $(PEERS),--peers-python '$(PEERS)')
	$(if $(GOWALLA),$(BIN)/python benchmarks/training/overhead.py --gowalla '$(GOWALLA)')

lock: $(UV) ## Pin every dependency anew in constraints.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --extra training --extra postgres --extra dev \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --upgrade \
	  pyproject.toml -o constraints.txt

clean: ## Remove the environment and everything built or learned
	rm -rf $(VENV) build dist *.egg-info var recsys/_*.so training/_*.so src/_allocation.c src/_ials.c src/_item_item.c src/_scoring.c src/_features.c src/_items.c src/_pages.c src/_results.c

# --- the environment: each stamp says what has been installed into it ---

$(UV):
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv

$(STAMPS)/training: pyproject.toml constraints.txt | $(UV)
	$(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt setuptools cython numpy
	$(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt --no-build-isolation --editable '.[training]'
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/kernel

$(STAMPS)/dev: pyproject.toml constraints.txt | $(STAMPS)/training
	$(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt --no-build-isolation --editable '.[training,postgres,dev]'
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/kernel

$(STAMPS)/kernel: $(KERNEL_SOURCES) | $(STAMPS)/training
	$(BIN)/python setup.py --quiet build_ext --inplace
	@mkdir -p $(STAMPS) && touch $@
