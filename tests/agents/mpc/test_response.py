"""What a step is worth: goal and nausea by their probability, harm by its hours, and silence heard as silence."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.agents.mpc.response import Said, Utility, calm, heard
from thecal.envs.kernel.records import TICK_OUT

WORTH = Utility(width=1.0, harm=4.0, tie=0.0)


def worth(pain=0.0, nausea=0.0, most=3.0, **lost: float) -> float:
    out = np.zeros(1, TICK_OUT)
    for name, hours in lost.items():
        out[f"lost_{name}"] = hours
    return float(WORTH.of(Said(np.array([pain]), np.array([nausea])), np.array([most]), out, 4.0)[0])


def test_an_hour_without_pain_and_harm_is_an_hour():
    assert worth(pain=-6.0, nausea=-6.0) == pytest.approx(4.0)


def test_at_its_bound_a_goal_is_met_half_the_time():
    assert worth(pain=3.0, nausea=-6.0) == pytest.approx(2.0)
    assert worth(pain=-6.0, nausea=4.0) == pytest.approx(2.0)
    assert worth(pain=5.0, nausea=-6.0, most=5.0) == pytest.approx(2.0)


def test_harm_costs_more_than_its_own_time():
    assert worth(pain=-6.0, nausea=-6.0, sedation=1.0) == pytest.approx(3.0 - 4.0)
    assert worth(pain=-6.0, nausea=-6.0, withdrawal=1.0) == pytest.approx(3.0)


def test_less_pain_is_better_where_the_goal_is_far():
    out = np.zeros(2, TICK_OUT)
    far = Utility(1.0, 4.0, 0.02).of(Said(np.array([9.0, 8.0]), np.zeros(2)), np.full(2, 3.0), out, 4.0)
    assert far[1] > far[0]


def test_only_a_new_report_is_heard():
    fields = {"nrs_report": np.array([5.0, 5.0, np.nan]), "nrs_age_h": np.array([0.5, 4.0, 0.0]), "nausea": np.zeros(3)}
    np.testing.assert_array_equal(heard(fields, 4.0, spasms=False).pain, [5.0, np.nan, np.nan])


def test_a_sedated_patient_gets_no_more():
    assert calm(np.array([True, True, False]), np.array([2.0, 0.5, 2.0]), np.ones(3)).tolist() == [1.0, 0.5, 2.0]
