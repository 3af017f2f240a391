"""Targets simulated with changed numbers: one candidate of a generation is one item of an executor, whole in one process."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from thecal.core.errors import ThecalError
from thecal.core.layout import AXIAL, COMPARTMENT
from thecal.physiology.overlay import Change
from thecal.physiology.population import shipped

_CODES = {"axial": AXIAL, "compartment": COMPARTMENT}
_REPRODUCTIONS = "thecal.experiments.validation.reproductions"
# What a simulation with impossible numbers may end in; anything else is a fault of the code, and is not hidden.
_IMPOSSIBLE = (ThecalError, ArithmeticError, ValueError)


@dataclass(frozen=True)
class Item:
    """What a worker is told: the changed numbers, what to simulate, and in whom.

    ``targets`` are pairs of a target's key and a structure (``"axial"`` or ``"compartment"``), ``scales`` the factor on the
    number of patients of each.
    """

    changes: Mapping[tuple[str, str], Change]
    targets: tuple[tuple[str, str], ...]
    scales: tuple[float, ...]
    seeds: tuple[int, ...]
    split: str


@dataclass(frozen=True)
class Simulated:
    """What came of an item: one value for each seed by (target, structure), NaN where it failed, and why it did."""

    values: dict[tuple[str, str], tuple[float, ...]]
    failures: dict[tuple[str, str], str]


def simulate(item: Item) -> Simulated:
    """Reproduce the targets of an item with its numbers, under its seeds.

    A failure costs its target and no more; one of the numbers themselves costs all.
    """
    try:
        with shipped.overlaid(item.changes), _nothing_remembered(), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return _simulated(item)
    except ThecalError as error:
        missing = (math.nan,) * len(item.seeds)
        return Simulated(dict.fromkeys(item.targets, missing), dict.fromkeys(item.targets, str(error)))


def _simulated(item: Item) -> Simulated:
    from thecal.experiments.validation.reproductions import REPRODUCTIONS, Draw

    values: dict[tuple[str, str], list[float]] = {target: [] for target in item.targets}
    failures: dict[tuple[str, str], str] = {}
    for seed in item.seeds:
        for (key, structure), scale in zip(item.targets, item.scales, strict=True):
            who = Draw(seed=seed, structure=_CODES[structure], split=item.split, scale=scale)
            try:
                value = float(REPRODUCTIONS[key](who))
            except _IMPOSSIBLE as error:
                value = math.nan
                failures[key, structure] = f"{type(error).__name__}: {error}"
            if not math.isfinite(value):
                failures.setdefault((key, structure), "not a finite number")
            values[key, structure].append(value if math.isfinite(value) else math.nan)
    return Simulated({target: tuple(found) for target, found in values.items()}, failures)


@contextmanager
def _nothing_remembered() -> Iterator[None]:
    """Let reproductions forget what they keep of a simulation, which was made with other numbers; before and after."""
    _forget()
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith(_REPRODUCTIONS):
            for thing in list(vars(module).values()):
                if callable(clear := getattr(thing, "cache_clear", None)):
                    clear()
