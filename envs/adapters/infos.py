"""What a step reports as ``info``: NumPy scalars and arrays of their own, the same keys and types after every reset and step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import UnknownNameError
from thecal.envs.adapters.lazy_info import Info
from thecal.envs.batch import Batch
from thecal.envs.kernel.records import PUBLIC_NAMES, TICK_OUT, TRUTH_NAMES

_WORD = 8
# What a step returns already; some clients put `info` beside it under the same names.
_RETURNED = ("reward", "terminated")
# Beside what a step reports: whether a report came in the step (else the last one still stands), and who it is about.
NAMES = (*(name for name in PUBLIC_NAMES if name not in _RETURNED), "nrs_new", "patient")
_FIELDS: dict[str, Any] = dict(TICK_OUT.fields or {})
_NO, _YES = np.int64(0), np.int64(1)
_MORE = ("nrs_report", "nrs_new", "patient")  # of which a step's report is not all
_REPORT = _FIELDS["nrs_report"][1] // _WORD


class Infos:
    """Reads what the environments of a batch report, one plain dictionary each or one of arrays for all.

    One environment's dictionary is made as it is read (:class:`thecal.envs.adapters.lazy_info.Info`); those of many are whole.
    Most of what a step reports is 0 most of the time, so they begin as copies of one that is all zeros: building a scalar for
    everything would cost as much as the simulation.

    Args:
        batch: whose reports.
        names: of what is read, :data:`NAMES` or :data:`thecal.envs.kernel.records.TRUTH_NAMES`.
    """

    def __init__(self, batch: Batch, names: Iterable[str] = NAMES) -> None:
        self.batch = batch
        names = tuple(names)
        at: list[int] = []
        self._names: list[str] = []
        self._is_whole: list[bool] = []
        self._lists: list[tuple[str, slice]] = []
        self._where: dict[str, int | slice] = {}
        self._start: dict[str, Any] = {}
        for name in names:
            form, offset = _FIELDS[name][:2] if name in _FIELDS else (np.dtype(np.int64), 0)
            self._start[name] = form.base.type(0)
            if name not in _FIELDS:
                continue
            n = form.itemsize // _WORD
            self._where[name] = slice(len(at), len(at) + n) if form.shape else len(at)
            if form.shape:
                self._lists.append((name, slice(len(at), len(at) + n)))
            at += range(offset // _WORD, offset // _WORD + n)
            self._names += [name] * n
            self._is_whole += [form.base.kind == "i"] * n
        self._at = np.array(at, np.intp)
        self._starts: list[dict[str, Any]] = []  # of every environment, with its patient
        self._of = b""
        self._more = tuple(name for name in _MORE if name in names)
        self._tells_report, self._tells_new, self._tells_patient = (name in names for name in _MORE)

    def row(self, i: int) -> dict[str, Any]:
        """What environment ``i`` reports; its entries are made as they are read."""
        batch = self.batch
        words: NDArray[np.float64] = batch.words[i]
        patient = batch.patients[i]
        row = (words.take(self._at), words[_REPORT], batch.last_report[i], patient)
        return Info.of(self, row, "patient", patient) if self._tells_patient else Info(self.everything(row))

    def everything(self, row: Any) -> dict[str, Any]:
        """All entries of a row."""
        own, *more = row
        whole, names, is_whole = own.view(np.int64), self._names, self._is_whole
        found = self._start.copy()
        told = whole.nonzero()[0]
        for k, value in zip(told.tolist(), own[told], strict=True):
            found[names[k]] = whole[k] if is_whole[k] else value
        for name, where in self._lists:
            found[name] = own[where]
        for name in self._more:
            found[name] = _told(name, *more)
        return found

    def one(self, row: Any, name: str) -> Any:
        """One entry of a row."""
        own, *more = row
        if name in self._more:
            return _told(name, *more)
        where = self._where[name]
        is_whole = not isinstance(where, slice) and self._is_whole[where]
        return own.view(np.int64)[where] if is_whole else own[where]

    def rows(self) -> list[dict[str, Any]]:
        """What every environment reports."""
        n = self.batch.n
        own: NDArray[np.float64] = self.batch.words.take(self._at, axis=1)
        whole, names, is_whole = own.view(np.int64), self._names, self._is_whole
        found = [start.copy() for start in self._starts_now()]
        told = whole.nonzero()
        for i, k, value in zip(told[0].tolist(), told[1].tolist(), own[told], strict=True):
            found[i][names[k]] = whole[i, k] if is_whole[k] else value
        for name, where in self._lists:
            for i in range(n):
                found[i][name] = own[i, where]
        if self._tells_report or self._tells_new:
            for i in range(n):
                self._tell_more(found[i], i)
        return found

    def columns(self) -> dict[str, NDArray[Any]]:
        """What all environments report, an array of its own for each name, the environments first."""
        batch = self.batch
        own: NDArray[np.float64] = batch.words.T.take(self._at, axis=0)
        found: dict[str, Any] = self._start.copy()
        for name, is_whole, column in zip(self._names, self._is_whole, own, strict=True):
            found[name] = column.view(np.int64) if is_whole else column
        for name, where in self._lists:
            found[name] = own[where].T.copy()
        missing = np.isnan(batch.out["nrs_report"])
        if self._tells_report:
            found["nrs_report"] = np.where(missing, batch.last_report, found["nrs_report"])
        if self._tells_new:
            found["nrs_new"] = (~missing).astype(np.int64)
        if self._tells_patient:
            found["patient"] = batch.patients.copy()
        return found

    def _starts_now(self) -> list[dict[str, Any]]:
        patients = self.batch.patients.tobytes()
        if patients != self._of:
            self._of = patients
            more = {"patient"} if self._tells_patient else set()
            self._starts = [self._start | dict.fromkeys(more, patient) for patient in self.batch.patients.copy()]
        return self._starts

    def _tell_more(self, found: dict[str, Any], i: int) -> None:
        batch = self.batch
        if self._tells_report:
            report = found["nrs_report"]
            came = report == report
            found["nrs_report"] = report if came else batch.last_report[i]
            if self._tells_new:
                found["nrs_new"] = _YES if came else _NO
        elif self._tells_new:
            found["nrs_new"] = _NO if np.isnan(batch.out["nrs_report"][i]) else _YES
        if self._tells_patient:
            found["patient"] = batch.patients[i]


def _told(name: str, report: Any, last: Any, patient: Any) -> Any:
    """The report of pain that stands, whether it came in the step, or the patient."""
    if name == "patient":
        return patient
    came = report == report
    if name == "nrs_new":
        return _YES if came else _NO
    return report if came else last


def known(names: Iterable[str]) -> tuple[str, ...]:
    """Names of what may be asked for in ``info``, each once.

    Raises:
        UnknownNameError: one of them is none.
    """
    asked = tuple(dict.fromkeys(names))
    for name in asked:
        if name not in NAMES:
            raise UnknownNameError("info field", name, NAMES)
    return asked


def shown(truth: bool) -> tuple[str, ...]:
    """Names of all that ``info`` holds, with the hidden truth or without."""
    return (*NAMES, *TRUTH_NAMES) if truth else NAMES
