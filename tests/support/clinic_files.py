"""The formats of the clinic's files, with what may be left out of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from thecal.clinic.pathway import consensus, history
from thecal.clinic.selection import charts, rules
from thecal.clinic.trialing import numbers
from thecal.core.errors import ParameterError

from support.file_formats import Format, patched, tables

_SPREAD = r".*\.(kind|cv|sd|range|note)"


def _rules(path: Path, _patch: pytest.MonkeyPatch) -> object:
    return rules.read_rules(path)


def _consensus(path: Path, _patch: pytest.MonkeyPatch) -> object:
    return consensus.read_consensus(path)


def _history(path: Path, _patch: pytest.MonkeyPatch) -> object:
    return history.read_history(path)


HISTORY = {
    "step": [
        {"drugs": ["morphine"], "ug_per_d": [400.0], "days": 30, "relief_percent": 20.0, "side_effects": []},
        {"drugs": ["morphine"], "ug_per_d": [480.0], "days": 7.5, "relief_percent": 35, "side_effects": ["nausea"]},
    ]
}
CLINIC_FORMATS = [
    Format(
        "charts",
        tables("thecal.clinic", "", "charts.toml"),
        patched(lambda _: charts.shares.__wrapped__(), (charts, "read_parameters")),
        ParameterError,
        _SPREAD,
    ),
    Format(
        "rules of selection",
        {**tables("thecal.clinic", "", "rules.toml"), **tables("thecal.clinic", "payers")},
        _rules,
        ParameterError,
        r"rule\.\w+(\.unless)?|rule\.\w+\.wait\.kind",
    ),
    Format(
        "consensus",
        tables("thecal.clinic", "consensus"),
        _consensus,
        ParameterError,
        r"prefer(\.noncancer)?",
    ),
    Format(
        "research drugs",
        tables("thecal.clinic", "", "research.toml"),
        patched(lambda _: consensus.research_drugs.__wrapped__(), (consensus, "read_tables")),
        ParameterError,
        r"\w+",
    ),
    Format(
        "side effects",
        tables("thecal.clinic", "", "side_effects.toml"),
        patched(lambda _: consensus.side_effects.__wrapped__(), (consensus, "read_tables")),
        ParameterError,
        r"\w+",
    ),
    Format(
        "pathway",
        tables("thecal.clinic", "", "pathway.toml"),
        patched(lambda _: consensus.pathway_numbers.__wrapped__(), (consensus, "read_parameters")),
        ParameterError,
        _SPREAD,
    ),
    Format(
        "trials",
        tables("thecal.clinic", "", "trialing.toml"),
        patched(lambda _: numbers.trial_numbers.__wrapped__(), (numbers, "read_parameters")),
        ParameterError,
        _SPREAD,
    ),
    Format("history", {"history.toml": HISTORY}, _history, ParameterError),
]
