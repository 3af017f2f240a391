"""The entries beside the step: each row is prepared, begun and observed with its own records, and no other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thecal.envs.kernel import start
from thecal.envs.kernel.step import SOURCE_KEY

from support.kernel_copies import Spy, plainly
from support.plain import Rows

KEY = 4711
CALLEES = ("prepare_patient", "start_patient", "report_standing", "write_observation")


class Entries:
    """Four environments whose rows are names, and what was called for them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[Any, ...]] = []
        for name in CALLEES:
            patch.setattr(start, name, lambda *what, name=name: self.made.append((name, *what)))
        patch.setattr(start, "_begin_memory", lambda *what: self.made.append(("_begin_memory", *what)))
        tasks = [SimpleNamespace(start_clock_h=6.0 + k, remembers=k % 2) for k in range(4)]
        self.par = Rows(SimpleNamespace(patient=f"who{k}", task=tasks[k]) for k in range(4))
        self.world = Rows(SimpleNamespace(patient=f"body{k}") for k in range(4))
        self.rest = [Rows(f"{name}{k}" for k in range(4)) for name in ("out", "seen", "value", "lens", "view")]
        # What a module compiles at its import, compiled here for another key.
        self.prepare, self.start, self.observe = (one.py_func for one in start._compile(KEY))

    def seen(self, k: int) -> list[tuple[Any, ...]]:
        """What shows of one row."""
        row = (self.world[k], self.par[k])
        return [
            ("report_standing", *row, f"out{k}"),
            ("write_observation", *row, f"seen{k}", f"value{k}", "lens0", f"view{k}"),
        ]


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> Entries:
    return Entries(monkeypatch)


def test_every_patient_is_prepared(entries: Entries) -> None:
    assert entries.prepare(entries.par) == KEY
    assert entries.made == [("prepare_patient", f"who{k}") for k in range(4)]


@pytest.mark.parametrize("where", [[0], [2, 0], [3, 1, 2], []])
def test_the_rows_asked_for_begin_and_show(entries: Entries, where: list[int]) -> None:
    assert entries.start(entries.world, entries.par, *entries.rest, np.array(where, np.int64)) == KEY
    expected = []
    for k in where:
        begun = [("start_patient", f"who{k}", f"body{k}", 6.0 + k)]
        remembered = [("_begin_memory", entries.world[k], entries.par[k])] if k % 2 else []
        expected += [*begun, *remembered, *entries.seen(k)]
    assert entries.made == expected


def test_memory_begins_with_the_patient_and_both_rates() -> None:
    pump = SimpleNamespace(rate_nl=812)
    task = SimpleNamespace(start_rate_nl=1001, signs="signs")
    world, par = SimpleNamespace(memory="memory", patient="body", pump=pump), SimpleNamespace(patient="who", task=task)
    begun = Spy()
    plainly(start._begin_memory, begin_memory=begun)(world, par)
    assert begun.made == [("memory", "body", 812, 1001, "signs")]


@pytest.mark.parametrize("where", [[0], [2, 0], [3, 1, 2], []])
def test_the_rows_asked_for_show_what_stands(entries: Entries, where: list[int]) -> None:
    assert entries.observe(entries.world, entries.par, *entries.rest, np.array(where, np.int64)) == KEY
    assert entries.made == [one for k in where for one in entries.seen(k)]


def test_the_entries_are_built_from_the_sources_that_run() -> None:
    nothing: Any = np.zeros(0)
    found = [one.py_func for one in (start.prepare_rows, start.start_rows, start.observe_rows)]  # type: ignore[attr-defined]
    assert found[0](nothing) == SOURCE_KEY
    assert [one(*[nothing] * 8) for one in found[1:]] == [SOURCE_KEY] * 2
