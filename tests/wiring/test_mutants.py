"""The mutants of the wiring: those by hand are killed in every run, and the record of all of them holds together."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import thecal

ROOT = Path(__file__).parents[2]
RUNNER = ROOT / "benchmarks" / "wiring_mutation.py"
DATA = ROOT / "safety" / "data"
LEAST_SHARE = 0.95


@pytest.mark.gate
def test_every_mutant_made_by_hand_is_killed() -> None:
    named = tomllib.loads((ROOT / "benchmarks" / "wiring_named.toml").read_text(encoding="utf-8"))
    assert len(named) >= 48
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, str(RUNNER), "--named"], capture_output=True, text=True, check=False, env=environment
    )
    words = run.stdout.splitlines()
    killed = {name for name in named if any(line.startswith(f"{name}: test: ") for line in words)}
    assert killed == set(named), run.stdout[-3000:] + run.stderr[-2000:]
    assert run.returncode == 0


def record() -> dict[str, Any]:
    """The recorded result; a record of other sources says nothing of these."""
    found: dict[str, Any] = json.loads((DATA / "wiring.json").read_text(encoding="utf-8"))
    package = Path(thecal.__file__).parent
    stale = [
        name
        for name, digest in found["modules"].items()
        if hashlib.sha256(package.joinpath(*name.split(".")).with_suffix(".py").read_bytes()).hexdigest() != digest
    ]
    assert not stale, f"the record is stale for {', '.join(stale)}: run benchmarks/wiring_mutation.py"
    return found


def test_the_record_adds_up() -> None:
    found = record()
    by = list(found["killed"].values())
    assert found["killed_by_test"] == sum(one.startswith("test: ") for one in by)
    assert found["killed_otherwise"] == len(by) - found["killed_by_test"]
    assert found["judged"] == len(by) + len(found["survived"]) <= found["mutants"]
    assert not set(found["survived"]) & set(found["killed"])


def test_every_survivor_is_argued() -> None:
    argued = tomllib.loads((DATA / "wiring_survivors.toml").read_text(encoding="utf-8"))
    found = record()
    assert set(found["survived"]) <= set(argued), "a survivor is neither killed nor argued"
    assert not set(found["killed"]) & set(argued), "what a test kills needs no argument"
    assert all(len(reason) > 10 for reason in argued.values())


def test_at_least_so_many_of_the_judged_are_killed() -> None:
    found = record()
    assert len(found["killed"]) >= LEAST_SHARE * found["judged"]


def test_every_mutant_was_judged() -> None:
    found = record()
    assert found["judged"] == found["mutants"], "run benchmarks/wiring_mutation.py"
