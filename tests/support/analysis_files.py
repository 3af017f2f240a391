"""The files of numbers by which results are judged: who reads them, and how each is read anew."""

from __future__ import annotations

from thecal.experiments.analysis import failures, subgroups, utility

_READ = {"failures": failures.numbers, "subgroups": subgroups._numbers, "utility": utility.weights}
READERS = tuple((module, "read_parameters") for module in (failures, subgroups, utility))


def read_anew(name: str) -> object:
    """Read a file by its name, past what is remembered of it."""
    return _READ[name].__wrapped__()
