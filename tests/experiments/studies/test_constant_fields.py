"""Fields that never change are named, those that change under one policy alone are not, and no shipped task shows any."""

from __future__ import annotations

import pytest

from thecal.core.errors import ConfigError
from thecal.envs.tasks import load_task, task_names
from thecal.experiments.reports.task_words import source_of
from thecal.experiments.studies.constant_fields import constant_fields

from support.task_files import written

_CRUDE = ("random", "max_request")  # which read no field
# Rare events (a day without any report, a critical alarm) have to be among these patients.
PATIENTS, SEEDS = 64, {"BreakthroughDemand": 2}
SHOWN = [name for name in task_names() if source_of(name).exists() and load_task(name).version > 0]


def test_a_field_that_nothing_can_change_is_named(tmp_path):
    path = written(tmp_path, "Baclofen", ('"cap_headroom"]', '"cap_headroom", "mixture_ratio"]'))
    found = constant_fields(path, 2, policies=_CRUDE)
    assert "mixture_ratio" in found
    assert not {"spasms", "rate_ratio_start", "dose24_mg"} & set(found)


def test_a_field_has_to_be_constant_under_every_policy(tmp_path):
    path = written(tmp_path, "Everything")
    assert "clinic_on_its_way" in constant_fields(path, 2, policies=["fixed"])
    assert "clinic_on_its_way" not in constant_fields(path, 2, policies=["fixed", "random"])


def test_fewer_steps_show_less(tmp_path):
    path = written(tmp_path, "Everything")
    few, all_steps = (set(constant_fields(path, 2, policies=_CRUDE, steps=steps)) for steps in (1, None))
    assert all_steps < few


def test_a_policy_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="guideline"):
        constant_fields(written(tmp_path, "Baclofen"), 2)


def test_no_patient_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="at least one patient"):
        constant_fields(written(tmp_path, "Baclofen"), 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
def test_no_task_shows_a_field_that_never_changes(name):
    assert constant_fields(name, PATIENTS, seed=SEEDS.get(name, 1)) == ()
