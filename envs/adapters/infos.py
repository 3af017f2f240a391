"""What a step reports as ``info``: NumPy scalars and arrays of their own, the same keys and types after every reset and step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import UnknownNameError
from thecal.envs.batch import Batch
from thecal.envs.kernel.records import PUBLIC_NAMES, PUBLIC_OUT, TICK_OUT

_WORD = 8
# Beside what a step reports: who it is about, and whether a report came in the step (else the last one still stands).
NAMES = (*PUBLIC_NAMES, "nrs_new", "patient")
_NO, _YES = np.int64(0), np.int64(1)


class Infos:
    """Reads rows of what a step reports, one plain dictionary each.

    Args:
        batch: whose rows.
        truth: the hidden truth too.
    """

    def __init__(self, batch: Batch, *, truth: bool = False) -> None:
        self.batch = batch
        kind = TICK_OUT if truth else PUBLIC_OUT
        fields = {name: kind.fields[name] for name in kind.names or ()}  # type: ignore[index]
        self._n = kind.itemsize // _WORD
        self._names = [name for name, (form, *_) in fields.items() for _ in range(form.itemsize // _WORD)]
        self._whole = [name for name, (form, *_) in fields.items() if form.kind == "i"]
        self._whole_at = np.array([fields[name][1] // _WORD for name in self._whole])
        self._lists = [
            (name, slice(at // _WORD, (at + form.itemsize) // _WORD))
            for name, (form, at, *_) in fields.items()
            if form.shape
        ]

    def row(self, i: int) -> dict[str, Any]:
        """What environment ``i`` reports."""
        own = self.batch.words[i, : self._n].copy()
        found: dict[str, Any] = dict(zip(self._names, own, strict=True))
        found.update(zip(self._whole, own.view(np.int64)[self._whole_at], strict=True))
        for name, where in self._lists:
            found[name] = own[where]
        found["nrs_new"] = _YES
        if found["nrs_report"] != found["nrs_report"]:
            found["nrs_report"], found["nrs_new"] = self.batch.last_report[i], _NO
        found["patient"] = self.batch.patients[i]
        return found


def columns(
    batch: Batch, names: Iterable[str] = NAMES, rows: NDArray[np.void] | None = None
) -> dict[str, NDArray[Any]]:
    """What all environments report, an array for each of the names: one of its own, or a view of ``rows``, a copy of it all."""
    out = batch.out
    made: dict[str, Callable[[], NDArray[Any]]] = {
        "nrs_new": lambda: (~np.isnan(out["nrs_report"])).astype(np.int64),
        "nrs_report": lambda: np.where(np.isnan(out["nrs_report"]), batch.last_report, out["nrs_report"]),
        "patient": batch.patients.copy,
    }
    return {name: made[name]() if name in made else out[name].copy() if rows is None else rows[name] for name in names}


def known(names: Iterable[str]) -> tuple[str, ...]:
    """Names of what may be asked for in ``info``.

    Raises:
        UnknownNameError: one of them is none.
    """
    asked = tuple(dict.fromkeys(names))
    for name in asked:
        if name not in NAMES:
            raise UnknownNameError("info field", name, NAMES)
    return asked
