"""Courses by day: percentiles over the living, stretches that fit a chart, and the words for who cannot see it."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.experiments.reports.courses import LEVELS, course_charts, courses_of

from support.drawn import line
from support.reports import synthetic_data
from support.runs import die, hand_run


def test_percentiles_are_those_of_each_day():
    pain = np.linspace(0.0, 10.0, 21)
    run = hand_run(48, 21, pain_mean=pain, dose_ug=np.zeros((48, 21, 3)))
    run["dose_ug"][24:, :, 0] = 1000.0 * pain / 24.0
    found = {course.key: course for course in courses_of(run)}
    assert found["pain"].levels == LEVELS == (5.0, 25.0, 50.0, 75.0, 95.0)
    assert list(found["pain"].day) == [1.0, 2.0]
    for level, row in zip(LEVELS, found["pain"].values, strict=True):
        assert row == pytest.approx([level / 10.0] * 2, abs=1e-3)
    for level, row in zip(LEVELS, found["dose"].values, strict=True):
        assert row == pytest.approx([0.0, level / 10.0], abs=1e-3)


def test_the_dead_are_left_out_and_counted():
    run = die(hand_run(72, 4, pain_mean=2.0), 3, 30)
    pain, dose = courses_of(run)
    assert list(pain.alive) == [4.0, 3.0, 3.0]
    assert all(row == pytest.approx([2.0] * 3) for row in pain.values)
    for patient in range(3):
        die(run, patient, 50)
    pain, dose = courses_of(run)
    assert list(pain.alive) == [4.0, 3.0, 0.0]
    assert all(np.isnan(row[2]) for row in (*pain.values, *dose.values))


def test_a_long_horizon_is_cut_into_longer_stretches():
    (pain, _) = courses_of(hand_run(24 * 365 // 4, 2, tick_h=4.0))
    assert len(pain.day) <= 120
    assert pain.day[-1] == pytest.approx(365.0, abs=1.0)
    (short, _) = courses_of(hand_run(6, 2))
    assert list(short.day) == [0.25]


def test_a_chart_shows_every_policy_on_the_same_axes():
    data = synthetic_data(n=20, hours=24 * 5)
    pain, dose = course_charts(data)
    assert [panel.title for panel in pain.panels] == [info.marked_label for info in data.infos]
    assert len({panel.y for panel in dose.panels}) == len({panel.x for panel in dose.panels}) == 1
    assert line(pain.panels[1], "median")[-1] == pytest.approx([5.0, data.courses["fixed"][0].values[2][-1]], abs=0.01)
    assert all(len(panel.back) == 2 for panel in dose.panels)
    assert "PPO (trained): 5.0 (3.0 to 7.0) on day 1, 5.0 (3.0 to 7.0) NRS on day 5" in pain.summary
    assert course_charts(data.model_copy(update={"courses": {}})) == []
