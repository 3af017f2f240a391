"""Titration by the drug in the pump: what a visit orders, what brings the dose down, and which rule a task gets."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.agents import make_policy
from thecal.agents.base import BatchPolicy
from thecal.agents.rules.visit_rules import BACLOFEN, OPIOID, ZICONOTIDE, visit_rule
from thecal.core.errors import ConfigError

from support.agent_toys import FIELDS, MORE, change, make_context, observe

ZIC = {"drug": "ziconotide", "goal": "pain"}
BAC = {"drug": "baclofen", "goal": "spasticity"}


def started(name: str, **view: object) -> BatchPolicy:
    policy = make_policy(name)
    assert isinstance(policy, BatchPolicy)
    policy.reset(make_context(1, fields=MORE, **view))
    return policy


def asked(policy: BatchPolicy, hours: int, **values: object) -> list[float]:
    return [change(float(policy.act(observe(fields=MORE, **values))[0, 0])) for _ in range(hours)]


@pytest.mark.parametrize(
    ("drug", "goal", "rule"),
    [
        ("morphine", "pain", OPIOID),
        ("hydromorphone", "pain", OPIOID),
        ("ziconotide", "pain", ZICONOTIDE),
        (*BAC.values(), BACLOFEN),
    ],
)
def test_each_drug_has_its_rule(drug: str, goal: str, rule: object) -> None:
    assert visit_rule(drug, goal) is rule


def test_ziconotide_moves_by_one_step_in_four_days() -> None:
    steps = asked(started("guideline", **ZIC), 100, nrs_report=8.0, dose_mg_per_d=0.012)
    first = next(k for k, step in enumerate(steps) if step != 0.0)
    assert first == 96
    assert steps[first] == pytest.approx(0.1, rel=1e-3)  # 1.2 of 12 ug/d


def test_ziconotide_falls_for_confusion_also_in_pain() -> None:
    steps = asked(started("guideline", **ZIC), 4, nrs_report=8.0, confusion=2.0, dose_mg_per_d=0.005)
    assert min(steps) < 0.0
    assert max(steps) <= 0.0


def test_opioids_do_not_fall_for_confusion() -> None:
    policy = started("guideline", drug="morphine")
    assert not any(asked(policy, 20, nrs_report=3.0, confusion=4.0))


@pytest.mark.parametrize(("spasms", "sign"), [(3.0, 1.0), (1.0, 0.0)])
def test_baclofen_follows_spasms_and_not_pain(spasms: float, sign: float) -> None:
    steps = asked(started("guideline", **BAC), 25, nrs_report=9.0, spasms=spasms)
    assert np.sign(steps[-1]) == sign


def test_baclofen_falls_for_weakness() -> None:
    assert min(asked(started("guideline", **BAC), 4, spasms=4.0, weakness=3.0)) < 0.0


@pytest.mark.parametrize("name", ["pid", "pid_guarded"])
@pytest.mark.parametrize(("spasms", "sign"), [(4.0, 1.0), (0.0, -1.0)])
def test_controllers_of_spasticity_follow_spasms(name: str, spasms: float, sign: float) -> None:
    steps = asked(started(name, **BAC), 72, nrs_report=5.0, spasms=spasms)
    assert np.sign(steps[-1]) == sign


def test_guard_watches_weakness_under_baclofen() -> None:
    steps = asked(started("pid_guarded", **BAC), 60, nrs_report=5.0, spasms=4.0, weakness=4.0)
    assert min(steps) < 0.0


@pytest.mark.parametrize("name", ["guideline", "pid", "pid_guarded"])
def test_a_task_that_hides_spasms_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="spasms"):
        make_policy(name).reset(make_context(1, fields=FIELDS, **BAC))
