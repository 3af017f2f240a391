"""Harm that shows for many of the last 24 h brings the clinic, which stops the pump of a patient it finds harmed."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.devices.records import STOPPED
from thecal.envs.batch import Batch
from thecal.envs.clinician import RESUMED_PUMP, STOPPED_PUMP
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import TaskSpec, load_task
from thecal.envs.visits import harm_shows
from thecal.physiology.records import PATIENT_STATE
from thecal.physiology.sensors import RR, SPO2

N = 4
HOLD = np.zeros((N, 2))
HOURS = 12.0


def calling(harm_call_h: float | None = HOURS, **changes) -> TaskSpec:
    task = load_task("CancerMorphine")
    visits = task.visits.model_copy(update={"harm_call_h": harm_call_h, "call_delay_h": 6.0})
    return task.model_copy(update={"visits": visits, **changes})


def begun(task: TaskSpec, **options) -> Batch:
    batch = Batch(Scenario.of(task, split="test", **options), N)
    batch.restart(np.arange(N), np.arange(N), np.full(N, 3, np.uint64))
    batch._par["patient"]["poss_error"] = 0.0
    return batch


def run(batch: Batch, hours: int, *, found: bool) -> np.ndarray:
    """Reports of hours in which whoever is at the bedside finds the patients harmed, or not."""
    batch._par["task"]["clinician"]["sedation"] = 0.0 if found else 4.0
    rows = []
    for _ in range(hours):
        batch.advance(HOLD)
        rows.append(batch.out.copy())
    return np.stack(rows)


def force(batch: Batch, ticks: int) -> None:
    """So many ticks of the last day with harm."""
    episode = batch._world["episode"]
    episode["harm"][:, :ticks], episode["harm24"] = 1, ticks


@pytest.mark.parametrize(
    ("seen", "shows"),
    [
        ({}, False), ({"poss_seen": 3}, True), ({"poss_seen": 2}, False), ({"rr": 7.9}, True), ({"rr": 8.0}, False),
        ({"spo2": 89.9}, True), ({"spo2": 90.0}, False), ({"rr": 3.0, "valid": 0}, False), ({"poss": 4, "true_rr": 2.0}, False),
    ],
)  # fmt: skip
def test_only_what_is_seen_counts(seen, shows):
    patient = np.zeros(1, PATIENT_STATE)[0]
    patient["rr"], patient["poss"] = seen.get("true_rr", 14.0), seen.get("poss", 1)
    patient["poss_seen"] = seen.get("poss_seen", 1)
    patient["s_value"][RR], patient["s_value"][SPO2] = seen.get("rr", 14.0), seen.get("spo2", 97.0)
    patient["s_valid"][[RR, SPO2]] = seen.get("valid", 1)
    assert harm_shows(patient) is shows


@pytest.mark.parametrize(("ticks", "calls"), [(48, True), (47, False)])
def test_the_call_stands_once_half_a_day_is_harm(ticks, calls):
    batch = begun(calling())
    force(batch, ticks)
    batch._world["patient"]["tick"] = batch._world["shield"]["ticks"] = 48  # what was forced stays for half a day
    run(batch, 1, found=True)
    assert ((batch.world["episode"]["call_left"] > 0) == calls).all()
    assert (batch.world["episode"]["called_harm"] == calls).all()
    assert not batch.out["calls"].any(), "no policy called"


def test_the_count_is_that_of_the_last_day():
    batch = begun(calling())
    batch._par["task"]["harm_call"] = 10_000  # counts, and calls nobody
    batch._par["patient"]["poss_error"] = 1.0  # scores of 1 and 2 only
    rng = np.random.default_rng(1)
    for _ in range(60):
        batch._world["patient"]["s_value"][:, RR] = rng.choice([4.0, 14.0], N)
        batch.advance(HOLD)
        episode = batch.world["episode"]
        np.testing.assert_array_equal(episode["harm24"], episode["harm"].sum(axis=1))


def test_whoever_comes_stops_the_pump_and_counts_anew():
    batch = begun(calling())
    episode = batch._world["episode"]
    episode["called_harm"], episode["call_left"] = 1, 1
    force(batch, 60)
    out = run(batch, 1, found=True)
    assert (out["clinician"][0] & STOPPED_PUMP != 0).all()
    assert (batch.world["pump"]["mode"] == STOPPED).all()
    assert (batch.world["pump"]["latched"] == 1).all()
    assert (episode["harm24"] <= 4).all()
    assert not episode["called_harm"].any()
    given = batch.world["pump"]["delivered_ml"].copy()
    run(batch, 3, found=True)
    np.testing.assert_array_equal(batch.world["pump"]["delivered_ml"], given)
    out = run(batch, 25, found=False)
    assert (np.bitwise_or.reduce(out["clinician"]) & RESUMED_PUMP != 0).all()
    assert (batch.world["pump"]["mode"] != STOPPED).all()


def test_a_patient_found_well_keeps_the_pump():
    batch = begun(calling())
    episode = batch._world["episode"]
    episode["called_harm"], episode["call_left"] = 1, 1
    out = run(batch, 1, found=False)
    assert (out["visits"][0] == 1).all()
    assert not (out["clinician"] & STOPPED_PUMP).any()
    assert (batch.world["pump"]["latched"] == 0).all()
    assert not episode["called_harm"].any()


def test_a_task_without_the_option_counts_nothing():
    batch = begun(calling(None))
    run(batch, 30, found=True)
    episode = batch.world["episode"]
    assert not episode["harm"].any()
    assert not episode["harm24"].any()
    assert not episode["call_left"].any()


def test_a_dose_that_harms_for_days_is_ended():
    """Patients with a dose that they cannot bear: without the option it goes on."""
    hours = {}
    for option in (None, HOURS):
        batch = begun(calling(option), shield_mode="off", profile="research_wide", allow_wide=True)
        total = np.zeros(N)
        for k in range(20 * 24):
            batch.advance(np.ones((N, 2)) if k < 96 else HOLD)
            total += batch.out["sed_h"] + batch.out["resp_h"]
        hours[option] = total
    assert hours[None].sum() > 200.0
    assert hours[HOURS].sum() < 0.7 * hours[None].sum()


@pytest.mark.parametrize("hours", [0.0, -1.0, 24.5, float("nan")])
def test_hours_beyond_a_day_are_refused(hours):
    with pytest.raises(ConfigError, match="harm_call_h"):
        load_task(calling(hours))


def test_the_hash_knows_the_option_only_where_it_is_stated():
    task = load_task("CancerMorphine")
    same = task.model_copy(update={"visits": task.visits.model_copy(update={"harm_call_h": None})})
    assert same.hash == task.hash
    assert calling().hash != calling(None).hash
