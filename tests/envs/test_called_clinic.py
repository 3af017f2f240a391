"""Who calls the clinic, what it does when it comes, and that nobody lies without drug for longer than the delays say."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from thecal.agents import make_policy
from thecal.devices.alarms import PumpAlarm
from thecal.devices.fault_presets import FaultSpec, fault_parameters
from thecal.devices.fault_records import FAULT_NAMES, REFILL_FAULTS, Fault
from thecal.devices.monitor_records import Monitor
from thecal.devices.records import STOPPED
from thecal.envs import ThecalVectorEnv
from thecal.envs.batch import Batch
from thecal.envs.clinician import RESUMED_PUMP, STOPPED_PUMP
from thecal.envs.scenario import Scenario
from thecal.experiments.rollouts.view import context_for

from support.fault_runs import planned

N = 4
CALL_TICKS = 96  # a called clinic comes a day later
HOLD = np.zeros((N, 2))


def begun(**options: Any) -> Batch:
    batch = Batch("CancerMorphine", N, split="test", **options)
    batch.restart(np.arange(N), np.arange(N), np.full(N, 3, np.uint64))
    return batch


def depress(batch: Batch) -> None:
    """A lock that is closed at the pump's lowest rate while samples and bedside say that harm goes on."""
    show(batch)
    batch._par["task"]["clinician"]["sedation"] = 0.0  # nobody is found awake


def show(batch: Batch) -> None:
    """The same as far as the shield sees it."""
    shield, lowest = batch._world["shield"], batch.par["shield"]["min_rate"]
    shield["lock_resp"], shield["lock_samples"] = 1, 7
    for name in ("prev_rate", "allowed_rate", "lock_rate"):
        shield[name] = lowest
    shield["rate_hist"] = lowest[:, None]
    shield["highest24"] = lowest
    pump = batch._world["pump"]
    pump["rate_nl"] = np.where(pump["latched"] == 1, pump["rate_nl"], lowest)


def run(batch: Batch, hours: int, each: Any = None) -> np.ndarray:
    rows = []
    for _ in range(hours):
        if each is not None:
            each(batch)
        batch.advance(HOLD)
        rows.append(batch.out.copy())
    return np.stack(rows)


def test_harm_at_the_lowest_rate_calls_once_and_stops_the_pump():
    batch = begun()
    out = run(batch, 23, depress)
    left = batch.world["episode"]["call_left"].copy()
    assert ((left > 0) & (left < CALL_TICKS)).all(), "a call stands and is not made anew"
    assert not out["calls"].any(), "no policy called"
    assert not out["visits"].any()
    out = run(batch, 4, depress)
    assert (out["visits"].sum(axis=0) == 1).all()
    assert (np.bitwise_or.reduce(out["clinician"]) & STOPPED_PUMP).all()
    assert (batch.world["pump"]["mode"] == STOPPED).all()
    before = batch.world["pump"]["delivered_ml"].copy()
    run(batch, 3, depress)
    np.testing.assert_array_equal(batch.world["pump"]["delivered_ml"], before)
    assert (batch.world["received"]["unverified"] == 1).all()


def test_a_stopped_pump_runs_again_in_a_well_patient():
    batch = begun()
    run(batch, 27, depress)
    assert (batch.world["pump"]["mode"] == STOPPED).all()
    batch._world["shield"]["lock_samples"] = 0
    batch._par["task"]["clinician"]["sedation"] = 2.0
    out = run(batch, 24)
    alive = batch.world["patient"]["dead"] == 0
    assert (np.bitwise_or.reduce(out["clinician"]) & RESUMED_PUMP).astype(bool)[alive].all()
    assert (batch.world["pump"]["mode"] != STOPPED)[alive].all()
    assert (batch.world["received"]["unverified"] == 0)[alive].all()


def test_harm_that_only_a_sensor_shows_stops_no_pump():
    batch = begun()
    out = run(batch, 27, show)
    assert (out["visits"].sum(axis=0) == 1).all()
    assert not (np.bitwise_or.reduce(out["clinician"]) & STOPPED_PUMP).any()
    assert (batch.world["pump"]["latched"] == 0).all()


def test_above_the_lowest_rate_nobody_is_called():
    batch = begun()
    batch._world["shield"]["lock_resp"] = 1
    batch._world["shield"]["lock_rate"] = batch._world["shield"]["prev_rate"]
    batch._world["patient"]["s_valid"] = 0
    run(batch, 1)
    assert not batch.world["episode"]["call_left"].any()


def test_the_clinic_treats_what_it_finds():
    batch = begun()
    batch._par["task"]["rescue_delay"] = 1_000  # no other help comes
    batch._world["patient"]["ventilated"] = 1
    batch._world["episode"]["call_left"][:2] = 1
    out = run(batch, 1)
    np.testing.assert_array_equal(out["rescues"][0], [1, 1, 0, 0])
    np.testing.assert_array_equal(batch.world["patient"]["exchanges"], [1, 1, 0, 0])


def test_an_alarm_calls_and_calls_again_while_it_stands():
    batch = begun()

    def alarm(batch: Batch) -> None:
        batch._world["pump"]["alarms"] |= int(PumpAlarm.ERI)

    visits = run(batch, 24 * 9, alarm)["visits"].cumsum(axis=0)
    assert (visits[26] == 1).all()
    assert (visits[24 * 7] == 1).all(), "one alarm is answered once"
    assert (visits[-1] == 2).all(), "and again after a week in which it stood"


@pytest.mark.parametrize("standing", [0, -1], ids=["nothing before", "everything stood before"])
def test_a_monitor_that_stood_before_hides_no_fault(standing):
    batch = begun(faults=planned("stall_permanent", serviced=True, at_h=24.0))
    run(batch, 24)
    monitor = batch._world["monitor"]
    for one in (Monitor.ALARM, Monitor.MOTOR, Monitor.VOLUME_LOW, Monitor.EFFECT_LOSS):
        if standing:
            monitor["standing"] |= 1 << one
            monitor["last_h"][:, one] = 24.0
    run(batch, 24 * 4)
    assert (batch.world["fault"]["detected"][:, Fault.STALL_PERMANENT] == 1).all()


REACHED_H = 48.0 + 24.0  # no flow for so long is an alarm, and a call is answered a day later
# The pump is sound and full, and drug is lost or useless behind it: only what a patient reports can show that.
UNSEEN = frozenset({"disconnection", "leak", "dislodgement", "wrong_drug"})


def longest_h(name: str) -> float:
    """Hours that a patient may lie without drug: the pump's alarm, the call, and the repair that the fault's file states."""
    if name in ("none", "reference", "stress"):
        return REACHED_H + 14 * 24.0
    kind = Fault[name.upper()]
    par = fault_parameters(FaultSpec(), drugs=("morphine",), patient=0, wrong_slot=-1)
    repair = float(np.asarray(par["repair_h"]).reshape(-1)[kind])
    return REACHED_H + (repair if np.isfinite(repair) else 0.0) + 24.0


@cache
def without_drug(name: str, n: int = 3, days: int = 75) -> np.ndarray:
    """Longest time without drug of each patient, h, under the guideline."""
    faults: Any = name
    if name in FAULT_NAMES:
        early = Fault[name.upper()] in REFILL_FAULTS
        entry: dict[str, Any] = {"fault": name, "at_h": 0.0 if early else 12 * 24.0}
        entry |= {"size": 1.0} if name in ("occlusion", "disconnection", "leak") else {}
        faults = {"hazards": False, "serviced": True, "planned": [entry]}
    scene = Scenario.of("CancerMorphine", split="test", faults=faults, horizon_d=days)
    env = ThecalVectorEnv(scene, n, autoreset=False, truth=True)
    policy = make_policy("guideline")
    seen, _ = env.reset(seed=3, options={"patients": np.arange(n)})
    policy.reset(context_for(policy, env, np.arange(n)))
    first = name in FAULT_NAMES and Fault[name.upper()] in REFILL_FAULTS
    env.batch._par["task"]["refill_h"] = 24.0 * 12 if first else np.inf
    lies, longest = np.zeros(n), np.zeros(n)
    for _ in range(days * 24):
        seen, _, _, _, info = env.step(policy.act(seen))
        out = info["out"]
        if first:
            env.batch._par["task"]["refill_h"][env.batch.world["fault"]["ever"] != 0] = np.inf
        dry = (out["tip_ug"][:, 0] < 0.05 * out["dose_ug"][:, 0]) & (out["terminated"] == 0)
        lies = np.where(dry, lies + 1.0, 0.0)
        longest = np.maximum(longest, lies)
    return longest


@pytest.mark.parametrize("name", ["none", "reference", "stress", *(one for one in FAULT_NAMES if one not in UNSEEN)])
def test_nobody_lies_without_drug_longer_than_the_delays(name):
    assert (without_drug(name) <= longest_h(name)).all()


def test_after_a_pocket_fill_the_clinic_comes_and_fills():
    """The reproduction: a guideline lay 62 days without drug."""
    longest = without_drug("pocket_fill")
    assert (longest > 1.0).all(), "there is a time without drug"
    assert (longest <= 84.0).all()
