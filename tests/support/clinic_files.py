"""The formats of the clinic's files, with what may be left out of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from thecal.clinic.selection import charts, rules
from thecal.core.errors import ParameterError

from support.file_formats import Format, patched, tables

_SPREAD = r".*\.(kind|cv|sd|range|note)"


def _rules(path: Path, _patch: pytest.MonkeyPatch) -> object:
    return rules.read_rules(path)


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
]
