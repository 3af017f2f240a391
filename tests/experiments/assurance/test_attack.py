"""The attack and its trial of strength through any executor: cases in order, progress as they end, the same findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from thecal.core.executor import Processes
from thecal.envs.scenario import Scenario
from thecal.experiments.assurance import strength
from thecal.experiments.assurance.attack import AttackCase, run_attack
from thecal.experiments.assurance.harness import HarnessCase

CASES = [HarnessCase("seed_2025", (drug,), patients=1, seed=i) for i, drug in enumerate(("morphine", "baclofen"))]


class _Recording:
    """An executor that runs everything at once and keeps what it was given."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """See :class:`thecal.core.executor.Executor`."""
        for item in items:
            self.items.append(item)
            yield function(item)


def test_cases_run_in_order_through_any_executor() -> None:
    executor, seen = _Recording(), []
    found = run_attack(
        CASES, executor=executor, progress=lambda done, total, now: seen.append((done, total, now.ticks))
    )
    assert executor.items == CASES
    assert [case["drugs"] for case in found["scenarios"]] == ["morphine", "baclofen"]
    assert [(done, total) for done, total, _ in seen] == [(1, 2), (2, 2)]
    assert seen[-1][2] == found["ticks"] == sum(case["ticks"] for case in found["scenarios"])
    assert found["violations"] == 0


def test_processes_find_what_one_process_finds() -> None:
    alone, together = (run_attack(CASES, executor=executor) for executor in (_Recording(), Processes(2)))
    assert {**alone, "seconds": 0.0} == {**together, "seconds": 0.0}


def test_a_case_that_cannot_run_is_named_with_its_reason() -> None:
    found = run_attack([AttackCase(Scenario.of("NoSuchTask"), 1)], executor=_Recording())
    assert found["scenarios"] == []
    assert found["refused"][0]["task"] == "NoSuchTask"
    assert "NoSuchTask" in found["refused"][0]["why"]


def test_limits_are_loosened_in_order_with_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    some = {name: strength.LOOSENED[name] for name in ("refill_hold", "lease")}
    monkeypatch.setattr(strength, "LOOSENED", some)
    seen: list[tuple[int, int]] = []
    found = strength.strength(executor=_Recording(), progress=lambda done, total: seen.append((done, total)))
    assert [(entry["limit"], entry["found"]) for entry in found] == [("refill_hold", True), ("lease", True)]
    assert seen == [(1, 2), (2, 2)]
