"""The memory in the observation: averages against their closed form, marks of doses, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.envs.kernel.recall import MEAN_NAMES, MEMORY, MEMORY_FIELDS, SIGN_PAR, begin_memory, remember
from thecal.envs.signs import sign_limits
from thecal.physiology.records import PATIENT_STATE
from thecal.physiology.sensors import RR, SPO2

WINDOWS = (8.0, 36.0, 144.0)  # restated, h
TICK = 0.25
START = 100


class Course:
    """Ticks of a hand-made patient, and the memory of them."""

    def __init__(self, **seen: float) -> None:
        self.memory, self.patient, self.signs = (np.zeros(1, kind)[0] for kind in (MEMORY, PATIENT_STATE, SIGN_PAR))
        self.signs["poss_limit"], self.signs["rr_limit"], self.signs["spo2_limit"] = sign_limits()
        self.show(**seen)
        begin_memory(self.memory, self.patient, START, START, self.signs)

    def show(self, nrs=5.0, age=0.0, poss=1, nausea=0.0, rr=14.0, spo2=97.0, valid=1) -> None:
        patient = self.patient
        patient["nrs_report"], patient["nrs_age_h"], patient["poss_seen"], patient["nausea_seen"] = (
            nrs,
            age,
            poss,
            nausea,
        )
        patient["s_value"][[RR, SPO2]], patient["s_valid"][[RR, SPO2]] = (rr, spo2), valid

    def tick(self, rate: int = START, n: int = 1, **seen: float) -> Course:
        for _ in range(n):
            self.show(**seen)
            remember(self.memory, self.patient, rate, START, self.signs)
            self.patient["tick"] += 1
        return self

    def mean(self, name: str) -> np.ndarray:
        k = MEAN_NAMES.index(f"{name}_mean8")
        return self.memory["mean"][k : k + 3]


def closed_form(values: list[float]) -> list[float]:
    """Averages with weights that fall by the age of a value; NaN stands for none."""
    x = np.array(values)
    age = TICK * np.arange(len(x))[::-1]
    weights = [np.where(np.isnan(x), 0.0, np.exp(-age / window)) for window in WINDOWS]
    return [float((w * np.nan_to_num(x)).sum() / w.sum()) for w in weights]


readings = st.lists(st.one_of(st.floats(2.0, 30.0), st.just(float("nan"))), min_size=2, max_size=300)


@settings(deadline=None, max_examples=30)
@given(readings)
def test_averages_are_those_of_the_weights(values):
    course = Course()
    for value in values:
        missing = np.isnan(value)
        course.tick(rr=99.0 if missing else value, valid=int(not missing))
    if all(np.isnan(value) for value in values):
        assert course.mean("rr") == pytest.approx([14.0] * 3), "the first reading stands"
    else:
        assert course.mean("rr") == pytest.approx(closed_form(values), rel=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 10), min_size=1, max_size=200))
def test_reports_are_carried_on(reports):
    course = Course()
    for k, value in enumerate(reports):
        course.tick(nrs=value, age=30.0 if k % 3 else 0.0)
    assert course.mean("nrs") == pytest.approx(closed_form([float(value) for value in reports]), rel=1e-9, abs=1e-12)
    assert course.memory["nrs_first"] == 5.0


def test_without_any_report_nothing_is_known_of_pain():
    course = Course(age=100.0).tick(n=50, nrs=3.0, age=100.0)
    assert np.isnan(course.mean("nrs")).all()
    assert np.isnan(course.mean("nausea")).all()
    assert np.isnan(course.memory["nrs_first"])
    course.tick(nrs=7.0)
    assert course.mean("nrs") == pytest.approx([7.0] * 3)
    assert course.memory["nrs_first"] == 7.0


@pytest.mark.parametrize("seen", [{"poss": 3}, {"rr": 9.9}, {"spo2": 91.9}])
def test_each_sign_counts_and_a_missing_reading_is_none(seen):
    course = Course().tick(n=8).tick(n=8, **seen)
    assert course.mean("signs") == pytest.approx(closed_form([0.0] * 8 + [1.0] * 8))
    silent = Course().tick(n=16, **(seen | {"valid": 0}))
    assert silent.mean("signs") == pytest.approx([1.0 if "poss" in seen else 0.0] * 3)


@pytest.mark.parametrize("seen", [{"poss": 2}, {"rr": 10.0}, {"spo2": 92.0}])
def test_at_the_limit_there_is_no_sign(seen):
    assert not Course().tick(n=8, **seen).mean("signs").any()


def test_the_lowest_dose_with_a_sign_is_kept():
    course = Course()
    assert course.memory["lowest_sign"] == 4.0
    course.tick(200).tick(300, poss=3).tick(150, poss=3).tick(400, poss=3).tick(10)
    assert course.memory["lowest_sign"] == pytest.approx(np.log(1.5))


def test_a_calm_dose_lasts_a_day():
    course = Course().tick(200, n=95)
    assert course.memory["highest_calm"] == -4.0
    course.tick(200)
    assert course.memory["highest_calm"] == pytest.approx(np.log(2.0))
    course.tick(300, n=95)
    assert course.memory["highest_calm"] == pytest.approx(np.log(2.0)), "not held for a day yet"
    course.tick(300)
    assert course.memory["highest_calm"] == pytest.approx(np.log(3.0))
    course.tick(500, n=50).tick(500, poss=3).tick(500, n=95)
    assert course.memory["highest_calm"] == pytest.approx(np.log(3.0)), "a sign begins the day anew"
    course.tick(0)
    assert course.memory["highest_calm"] == pytest.approx(np.log(3.0)), "the day holds a pause"
    course.tick(500, n=96)
    assert course.memory["highest_calm"] == pytest.approx(np.log(5.0))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 900), min_size=97, max_size=260))
def test_the_least_dose_of_a_day_is_that_of_its_ticks(rates):
    course = Course()
    best = -4.0
    for k, rate in enumerate(rates):
        course.tick(rate)
        if k >= 95:
            best = max(best, np.log(min(rates[k - 95 : k + 1]) / START))
    assert course.memory["highest_calm"] == pytest.approx(best)


def test_names_are_those_of_the_catalog():
    from thecal.envs.kernel.observation import FIELD_NAMES

    assert set(MEMORY_FIELDS) <= set(FIELD_NAMES)
    assert {"nrs_mean8", "poss_mean36", "signs_mean144", "dose_mean36", "lowest_sign_dose"} <= set(MEMORY_FIELDS)
    assert len(MEMORY_FIELDS) == 24
