"""A package that is missing is named before any work: exit code 5, the extra to install, and nothing left behind."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from support.surroundings import ended, lines

EXAMPLE = str(Path(__file__).resolve().parents[3] / "docs" / "examples" / "bridge.toml")
SECONDS = 20.0  # far more than it takes without work, and far less than the work takes
# Module that is missing, command, extra that is named.
QUICK = (
    ("plotly", ("cohort", "describe", "--plot", "c.html"), "report"),
    ("pyarrow", ("cohort", "export", "c.parquet", "-n", "3"), "track"),
    ("z3", ("verify",), "prove"),
    ("SALib", ("sensitivity",), "study"),
    ("cmaes", ("calibrate", "opioid_window"), "calibrate"),
    ("uvicorn", ("dashboard",), "dashboard"),
)
SLOW = (
    ("plotly", ("pump", "simulate", EXAMPLE, "--plot", "p.html"), "report"),
    ("jinja2", ("report", "nothing"), "report"),
    ("jinja2", ("safety-case",), "report"),
    ("matplotlib", ("sensitivity", "--docs", "docs"), "study"),
    ("matplotlib", ("validate", "--docs", "docs"), "study"),
    ("torch", ("attack", "-n", "1"), "train"),
    ("stable_baselines3", ("attack", "-n", "1"), "train"),
)
CASES = [
    *(pytest.param(*case, id=f"{case[0]}-{case[1][0]}") for case in QUICK),
    *(pytest.param(*case, id=f"{case[0]}-{' '.join(case[1][:2])[:20]}", marks=pytest.mark.slow) for case in SLOW),
]


@pytest.mark.parametrize(("module", "words", "extra"), CASES)
def test_it_is_said_before_work(module: str, words: tuple[str, ...], extra: str, tmp_path: Path) -> None:
    begun = time.monotonic()
    found = ended(words, tmp_path, without=[module])
    assert time.monotonic() - begun < SECONDS
    assert found.code == 5
    assert found.out == ""
    (sentence,) = lines(found.err)
    assert f"needs {module}" in sentence
    assert f"pip install 'thecal[{extra}]'" in sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("mlflow", ("cohort", "export", "c.parquet", "-n", "3")),
        ("plotly", ("safety-case",)),
        ("matplotlib", ("list", "targets")),
        ("torch", ("list", "policies")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_what_is_not_needed_is_not_missed(module: str, words: tuple[str, ...], tmp_path: Path) -> None:
    assert ended(words, tmp_path, without=[module]).code == 0
