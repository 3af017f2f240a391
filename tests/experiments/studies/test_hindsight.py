"""The best dose in hindsight: chosen patient by patient, ties by the next outcome, and asked for through the policy's view."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.experiments.studies.hindsight import MULTIPLES, OneDose, best_of, hindsight

from support.agent_toys import change, make_context, observe


def runs(**columns: list[list[float]]) -> list[dict[str, np.ndarray]]:
    """One run for each row of the columns."""
    count = len(next(iter(columns.values())))
    return [{key: np.array(rows[k]) for key, rows in columns.items()} for k in range(count)]


def test_each_patient_keeps_the_best_run():
    found = best_of(runs(**{"return": [[1.0, 5.0], [2.0, 4.0]], "died": [[0.0, 0.0], [100.0, 0.0]]}))
    assert found["return"].tolist() == [2.0, 5.0]
    assert found["died"].tolist() == [100.0, 0.0]


def test_the_next_outcome_and_then_the_first_decide_equals():
    well = [[0.0, 3.0, 7.0], [0.0, 3.0, 6.0], [0.0, 2.0, 7.0]]
    late = [[1.0, 1.0, 1.0], [2.0, 0.0, 9.0], [2.0, 9.0, 1.0]]
    tried = runs(well=well, late=late, run=[[0.0] * 3, [1.0] * 3, [2.0] * 3])
    assert best_of(tried, ("well", "late"))["run"].tolist() == [1.0, 0.0, 0.0]
    assert best_of(tried, ("late",))["run"].tolist() == [1.0, 2.0, 1.0]


def test_every_multiple_is_tried_and_the_best_is_kept():
    asked = []

    def run(policy):
        asked.append(policy.multiple)
        return {
            "return": np.array([-abs(policy.multiple - best) for best in (0.5, 1.0, 16.0)]),
            "dose": np.full(3, policy.multiple),
        }

    assert hindsight(run, ("return",), (0.5, 1.0, 4.0))["dose"].tolist() == [0.5, 1.0, 4.0]
    assert asked == [0.5, 1.0, 4.0]


def test_the_grid_holds_the_start_and_both_sides():
    assert 1.0 in MULTIPLES
    assert min(MULTIPLES) < 0.3
    assert max(MULTIPLES) > 10.0


@pytest.mark.parametrize(
    ("ratio", "asked"), [(1.0, 0.2), (1.9, 2.0 / 1.9 - 1.0), (2.0, 0.0), (2.1, 2.0 / 2.1 - 1.0), (4.0, -0.2)]
)
def test_one_dose_goes_there_as_fast_as_it_may_and_stays(ratio, asked):
    policy = OneDose(2.0)
    policy.reset(make_context())
    assert change(float(policy.act(observe(rate_ratio_start=ratio))[0, 0])) == pytest.approx(asked, abs=1e-4)
