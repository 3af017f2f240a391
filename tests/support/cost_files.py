"""Files of the clinic's costs: how each is read anew, and what may be left out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from thecal.clinic.costs import comparators, model, prices, published, utility
from thecal.core.errors import ParameterError

from support.file_formats import Format, instead, patched, tables

_ROOM = "thecal.clinic.costs"


def _inputs(path: Path, _patch: pytest.MonkeyPatch) -> object:
    return model.read_inputs(path)


def _utility(path: Path, patch: pytest.MonkeyPatch) -> object:
    instead(utility, "read_parameters", path, patch)
    return utility.weights.__wrapped__()


COST_FORMATS = [
    Format(
        "prices",
        tables(_ROOM, "prices"),
        lambda path, _patch: prices.read_prices(path),
        ParameterError,
        r"row\.\d+\.note",
    ),
    Format("cost model", tables(_ROOM, "", "model.toml"), _inputs, ParameterError, r"row\.\d+\.note"),
    Format(
        "priced items",
        tables(_ROOM, "", "items.toml"),
        patched(lambda _: prices.catalog.__wrapped__(), (prices, "read_tables")),
        ParameterError,
        r"faults\.\w+|item\.\w+|item\.\w+\.by_drug",
    ),
    Format(
        "comparators",
        tables(_ROOM, "", "comparators.toml"),
        patched(lambda _: comparators.comparators.__wrapped__(), (comparators, "read_tables")),
        ParameterError,
        r"\w+|\w+\.(once|published)|\w+\.published\.\d+\.against",
    ),
    Format(
        "published costs",
        tables(_ROOM, "", "published.toml"),
        patched(lambda _: published.figures.__wrapped__(), (published, "read_tables")),
        ParameterError,
        r"\w+",
    ),
    Format("utility", tables(_ROOM, "", "utility.toml"), _utility, ParameterError, r"\w+\.\w+\.(kind|note)"),
]
