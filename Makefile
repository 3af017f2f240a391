# Verbs of the project; CI runs .ci/run, which does all but bench and slow in a fresh environment.
PY := .venv/bin/python
.PHONY: setup test slow lint types demo validate bench docs

setup:
	python3.11 -m venv .venv
	$(PY) -m pip install torch==2.13.0
	$(PY) -m pip install -e ".[dev]"

test:
	$(PY) -m pytest

slow:
	$(PY) -m pytest -m slow

lint:
	$(PY) -m ruff check . && $(PY) -m ruff format --check . && .venv/bin/lint-imports

types:
	$(PY) -m mypy

demo:
	.venv/bin/thecal demo

validate:
	.venv/bin/thecal validate

bench:
	$(PY) benchmarks/run.py

docs:
	$(PY) docs/generate.py
