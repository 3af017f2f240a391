# Verbs of the project. CI runs .ci/run, which does all but bench and slow in a fresh environment.
PYTHON ?= python3.11
BIN := .venv/bin
.PHONY: help setup test gate explore slow clients lint format types demo validate score proof attack judge mutation bench docs ci

help: ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## a virtual environment in .venv with everything
	$(PYTHON) -m venv .venv
	$(BIN)/pip install torch==2.13.0
	$(BIN)/pip install -e ".[dev]"

test: ## the tests, page tests included
	$(BIN)/python -m pytest

explore: ## the same, with examples of the property tests that no run has seen
	$(BIN)/python -m pytest --hypothesis-profile=explore

gate: ## the longer tests that CI runs too
	$(BIN)/python -m pytest -m "gate and not slow"

slow: ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

clients: ## learning libraries, each in an environment of its own (an hour, and a few GB for a while)
	$(BIN)/python -m pytest -n 0 -m slow -rx -s tests/clients

lint: ## style and import layers
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

format: ## format and fix what can be fixed
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

types: ## static types
	$(BIN)/mypy

demo: ## train, compare, report
	$(BIN)/thecal demo

validate: ## published observations against the virtual patients
	$(BIN)/thecal validate

score: ## the whole score, recorded (half an hour)
	$(BIN)/thecal validate --full --record .

proof: ## prove the shield for every shipped profile and record it
	$(BIN)/thecal verify --out safety/data/proof.json

attack: ## attack the shield and record it (minutes)
	$(BIN)/thecal attack --out safety/data/attack.json
	rm -f safety/data/attack.*.npz

judge: ## ten million ticks judged at the pump, recorded (a quarter of an hour; --resume takes it up again)
	$(BIN)/thecal judge --resume --out safety/data/end_to_end.json

mutation: ## every mutant of the shield's kernel against its proof (a quarter of an hour)
	$(BIN)/python benchmarks/mutation.py

bench: ## speed, as ratios within one run
	$(BIN)/python benchmarks/run.py --json mlruns/benchmarks.json

docs: ## the model reference from the parameter files
	$(BIN)/python docs/generate.py

ci: ## all that must hold before a change lands
	.ci/run
