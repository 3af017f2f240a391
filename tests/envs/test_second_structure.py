"""Patients of the second structural model are offered while that model is believable, and refused with its counts otherwise."""

from __future__ import annotations

import pytest

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.core.layout import COMPARTMENT
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import task_names
from thecal.envs.variants import entries

from support.structures import GOOD, POOR, put_record

TASKS = ("CancerMorphine", "NonCancerMix", "NonCancerMorphine")


def test_it_is_there_while_it_qualifies(monkeypatch, tmp_path):
    put_record(monkeypatch, tmp_path, GOOD)
    for task in TASKS:
        assert Scenario.of(task, difficulty="swap").resolve().structure == COMPARTMENT
    assert {entry.task for entry in entries() if entry.variant.name == "Swap"} == set(task_names())
    with pytest.raises(UnknownNameError, match="known: easy, real, shift, swap"):
        Scenario.of(TASKS[0], difficulty="swop").resolve()


def test_it_is_refused_with_its_counts_otherwise(monkeypatch, tmp_path):
    put_record(monkeypatch, tmp_path, POOR)
    with pytest.raises(
        ConfigError, match=r"difficulty 'swap': .*41 of 100 published observations \(85% are asked for\)"
    ):
        Scenario.of(TASKS[0], difficulty="swap").resolve()
    assert not [entry for entry in entries() if entry.variant.name == "Swap"]
    with pytest.raises(UnknownNameError, match=r"known: easy, real, shift$"):
        Scenario.of(TASKS[0], difficulty="swop").resolve()


def test_another_name_for_it_is_refused_as_well(monkeypatch, tmp_path):
    put_record(monkeypatch, tmp_path, POOR)
    base = Scenario.of(TASKS[0]).resolve().base
    task = base.model_copy(update={"difficulty": {**base.difficulty, "other": {"structure": float(COMPARTMENT)}}})
    with pytest.raises(ConfigError, match=r"difficulty 'other': the second structural model is not offered"):
        Scenario.of(task, difficulty="other").resolve()
