"""Keeps what a report was made from as one compressed JSON file, so that the page can be rendered again later."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thecal.core.errors import StoreError
from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.results import Difference, Events, Interval, ShieldUse
from thecal.experiments.reports.data import Curve, ReportData, Story
from thecal.experiments.validation.validate import Band

FILE = "report.json.gz"
_DIGITS = 7


def save_report_data(data: ReportData, folder: str | Path) -> Path:
    """Write ``report.json.gz`` into ``folder``.

    Raises:
        StoreError: it cannot be written.
    """
    path = Path(folder) / FILE
    text = json.dumps(_plain(data), allow_nan=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A fixed time stamp: equal data give equal bytes.
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror or error})") from error
    return path


def load_report_data(path: str | Path) -> ReportData:
    """Read what :func:`save_report_data` wrote, from the file or its folder.

    Raises:
        StoreError: there is no such file, or it is damaged.
    """
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    try:
        values = json.loads(gzip.decompress(file.read_bytes()))
        return _data(values)
    except OSError as error:
        raise StoreError(f"{file}: cannot be read ({error.strerror or error})") from error
    except (EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{file}: not a report's data ({type(error).__name__}: {error})") from error


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return [_plain(entry) for entry in value.tolist()]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    return value


def _data(values: dict[str, Any]) -> ReportData:
    def arrays(table: Mapping[str, Any]) -> dict[str, Any]:
        return {key: np.asarray(row, np.float64) for key, row in table.items()}

    def nested(kind: type[Any], table: Mapping[str, Any]) -> dict[str, Any]:
        return {policy: {key: kind(**row) for key, row in rows.items()} for policy, rows in table.items()}

    def numbered(table: Mapping[str, Any]) -> dict[int, Any]:
        return {int(key): entry for key, entry in table.items()}

    ready = dict(values)
    ready["outcomes"] = [Outcome(**row) for row in values["outcomes"]]
    ready["values"] = {policy: arrays(rows) for policy, rows in values["values"].items()}
    ready["estimates"] = nested(Interval, values["estimates"])
    ready["tails"] = nested(Interval, values["tails"])
    ready["differences"] = nested(Difference, values["differences"])
    ready["events"] = nested(Events, values["events"])
    ready["shield"] = {
        policy: ShieldUse(row["intervened"], numbered(row["binding"]), numbered(row["violations"]))
        for policy, row in values["shield"].items()
    }
    ready["invariants"] = {int(key): (pair[0], pair[1]) for key, pair in values["invariants"].items()}
    ready["stories"] = [
        Story(**{**row, "tracks": {policy: arrays(track) for policy, track in row["tracks"].items()}})
        for row in values["stories"]
    ]
    ready["curves"] = [
        Curve(row["label"], row["unit"], *(_optional(row[key]) for key in ("frames", "mean", "low", "high")))
        for row in values["curves"]
    ]
    ready["checks"] = [Band(**row) for row in values["checks"]]
    return ReportData(**ready)


def _optional(values: Any) -> Any:
    return None if values is None else np.asarray(values, np.float64)
