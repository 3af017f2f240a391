"""A thousand patient-years with every hazard on: nothing breaks, nothing is lost, and faults come as often as stated."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.devices.fault_records import FAULT_NAMES
from thecal.devices.reservoir import unaccounted
from thecal.envs.batch import Batch

PATIENTS = 512
YEARS = 1000.0


def check(batch: Batch) -> None:
    world = batch.world
    for part in ("pump", "fault", "patient"):
        for name in world[part].dtype.names:
            values = np.asarray(world[part][name])
            if values.dtype.kind == "f" and name not in ("pending_h", "until_h", "repair_at_h"):
                assert np.isfinite(values).all(), (part, name)
    assert (world["pump"]["true_ml"] >= 0.0).all()
    assert (world["pump"]["stored_ml"] >= 0.0).all()
    assert (world["pump"]["slug_ml"] >= 0.0).all()
    assert np.isfinite(batch.observations).all()
    for row in world["pump"]:
        for d in range(3):
            assert abs(unaccounted(row, d)) <= 1e-9 * max(1.0, float(row["filled_ug"][d]))


def soak(preset: str, pump: str, years: float, patients: int):
    """(events, expected) of every fault over ``years`` patient-years of half-year episodes."""
    batch = Batch("NonCancerMix", patients, split="test", faults=preset, pump=pump)
    actions = np.tile([0.0, 1.0], (patients, 1))
    rows = np.arange(patients)
    events, expected, lived, episode = np.zeros(len(FAULT_NAMES)), np.zeros(len(FAULT_NAMES)), 0.0, 0
    while lived < years:
        batch.restart(rows, rows, np.arange(patients, dtype=np.uint64) + 7919 * episode)
        hazard, chance = batch.par["fault"]["hazard_per_h"], batch.par["fault"]["chance"]
        for _ in range(batch.spec.n_steps):
            batch.advance(actions)
            lived += float(batch.out["alive_h"].sum()) / 8766.0
        fault = batch.world["fault"]
        events += fault["count"].sum(axis=0)
        expected += (fault["at_risk_h"] * hazard + fault["refills"] * chance).sum(axis=0)
        check(batch)
        episode += 1
    return events, expected


def assert_as_stated(events: np.ndarray, expected: np.ndarray) -> None:
    """Every count within 4.5 standard deviations of its hazard; one of 26 by chance has odds of one in five thousand."""
    wrong = np.abs(events - expected) > 4.5 * np.sqrt(expected) + 1.0
    assert not wrong.any(), [(FAULT_NAMES[k], events[k], expected[k]) for k in np.flatnonzero(wrong)]


def test_a_short_soak_under_stress():
    events, expected = soak("stress", "synchromed_ii_40", 10.0, 32)
    assert_as_stated(events, expected)
    assert events.sum() > 1000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "pump", "years"),
    [
        ("reference", "synchromed_ii_40", YEARS),
        ("stress", "synchromed_ii_20", YEARS),
        ("stress", "prometra_ii_20", 100.0),
        ("stress", "constant_0p5", 100.0),
    ],
)
def test_a_thousand_patient_years(preset, pump, years):
    events, expected = soak(preset, pump, years, PATIENTS)
    assert_as_stated(events, expected)
    if preset == "stress":
        assert (events > 0).all()
