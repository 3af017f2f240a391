"""The limits that run are the numbers of the profile: for the setting, the drugs, the patient, the pump and the stage."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ConfigError, ProfileError, UnknownNameError
from thecal.devices.specs import load_pump
from thecal.safety.invariants import ShieldMode
from thecal.safety.parameters import shield_parameters
from thecal.safety.profiles import load_profile
from thecal.safety.shield import largest_bolus, new_shield_state

from support.distinct import NUMBERS, distinct_profile
from support.wiring import Bench, ticking

PUMP = {"min_rate_nl": 510, "max_rate_nl": 240_000, "rate_step_nl": 10, "bolus_step_nl": 100}
# par's field: (key of the profile, what one unit of it is there, up or down)
GENERAL = {
    "exposed_after": ("withdrawal.exposed_after", 4, "up"),
    "bolus_permille": ("bolus.share", 1000, "down"),
    "lockout": ("bolus.lockout", 4, "up"),
    "bolus_most": ("bolus.count", 1, "down"),
    "rr_warn": ("breathing.rate_warn", 10, "up"),
    "rr_lock": ("breathing.rate_lock", 10, "up"),
    "spo2_warn": ("breathing.saturation_warn", 10, "up"),
    "spo2_lock": ("breathing.saturation_lock", 10, "up"),
    "co2_warn": ("breathing.co2_warn", 10, "down"),
    "co2_lock": ("breathing.co2_lock", 10, "down"),
    "poss_hold": ("sedation.hold", 1, "up"),
    "poss_lock": ("sedation.lock", 1, "up"),
    "stale": ("breathing.stale", 1 / 15, "down"),
    "flat": ("breathing.flat", 1 / 15, "down"),
    "flat_other": ("breathing.flat_other", 1 / 15, "down"),
    "recut": ("breathing.recut", 4, "up"),
    "rr_jump": ("breathing.rate_jump", 10, "down"),
    "spo2_jump": ("breathing.saturation_jump", 10, "down"),
    "co2_jump": ("breathing.co2_jump", 10, "down"),
    "watch": ("breathing.watch", 4, "up"),
    "lock_permille": ("breathing.reduce_to", 1000, "down"),
    "sbp_low": ("circulation.systolic", 10, "up"),
    "map_low": ("circulation.mean", 10, "up"),
    "hr_low": ("circulation.heart_rate", 10, "up"),
    "neuro_hold": ("neurology.hold", 1, "up"),
    "reserve_nl": ("reservoir.reserve", 10**6, "up"),
    "refill_hold": ("refill.hold", 4, "up"),
    "pocket_watch": ("refill.pocket_watch", 4, "up"),
    "balance_permille": ("refill.balance", 1000, "down"),
    "gap_most": ("restart.gap", 4, "down"),
    "restart_permille": ("restart.share", 1000, "down"),
    "errors_most": ("automation.errors", 1, "down"),
    "lease": ("automation.lease", 4, "down"),
    "skew_s": ("automation.clock", 1, "down"),
    "quick_permille": ("monitored.step", 1000, "down"),
    "quick_interval": ("monitored.interval", 4, "up"),
    "quick_day_permille": ("monitored.day", 1000, "down"),
    "quick_fresh": ("monitored.fresh", 1 / 15, "down"),
    "quick_quiet": ("monitored.quiet", 4, "up"),
    "quick_settle": ("monitored.settle", 4, "up"),
    "quick_poss": ("monitored.sedation", 1, "down"),
    "quick_near_permille": ("monitored.near", 1000, "down"),
}
OF_SETTING = {"step_permille": "step", "rise_permille": "rise_28d", "escalation_permille": "escalation"}


def number(key: str) -> float:
    table, _, name = key.partition(".")
    return float(NUMBERS[table][name][0])


def whole(value: float, way: str) -> int:
    return math.ceil(value - 1e-6) if way == "up" else math.floor(value + 1e-6)


def ug(drug: str, key: str) -> float:
    value, unit = NUMBERS[drug][key]
    return float(value) * (1000.0 if unit.startswith("mg") else 1.0)


def limits(folder: Path, drugs: tuple[str, ...], conc: tuple[float, ...], **options: Any) -> Any:
    given = {"setting": "cancer", **PUMP, **options}
    return shield_parameters(load_profile(distinct_profile(folder)), drugs=drugs, conc_ug_per_ml=conc, **given)


@pytest.mark.parametrize("setting", ["cancer", "noncancer"])
def test_every_limit_is_the_profiles_own(tmp_path: Path, setting: str) -> None:
    par = limits(tmp_path, ("morphine",), (9_999.5,), setting=setting, dead_ml=0.21, stable_h=1_000.3)
    for field, (key, scale, way) in GENERAL.items():
        assert par[field] == whole(number(key) * scale, way), field
    for field, name in OF_SETTING.items():
        assert par[field] == whole(1000 * number(f"{setting}.{name}"), "down"), field
    assert par["interval"] == 4 * number(f"{setting}.interval")
    assert par["sbp_keep_permille"] == 730
    assert par["keep_permille"] == 870
    assert [int(par[name]) for name in ("min_rate", "max_rate", "rate_step", "bolus_step")] == list(PUMP.values())
    assert par["transit_nl"] == 273_000
    assert par["shelf"] == 4_001
    assert (par["n_drugs"], par["n_caps"]) == (1, 1)
    assert par["conc"][0] == 10_000
    assert par["cap_pg"][0] == 11_300_000_000
    assert par["bolus_abs"] == 410_000_000 // 10_000
    assert par["step_abs"] == 640_000_000 // (10_000 * 96)
    assert (par["bolus_eligible"], par["vasoactive"]) == (1, 0)


def test_without_monitored_titration_nothing_rises_sooner(tmp_path: Path) -> None:
    profile = load_profile(distinct_profile(tmp_path, without="monitored"))
    par = shield_parameters(profile, drugs=("morphine",), conc_ug_per_ml=(1_000.0,), setting="cancer", **PUMP)
    assert par["quick_permille"] == 0
    assert par["quick_day_permille"] == 0


def test_an_admixture_keeps_the_limits_of_all_its_drugs(tmp_path: Path) -> None:
    both = ("morphine", "bupivacaine")
    par = limits(tmp_path, both, (5_000.0, 7_000.0))
    assert (par["n_drugs"], par["n_caps"]) == (2, 2)
    assert par["conc"][:2].tolist() == [5_000, 7_000]
    assert par["cap_pg"][:2].tolist() == [11_300_000_000, 12_100_000_000]
    assert par["bolus_abs"] == min(410_000_000 // 5_000, 1_900_000_000 // 7_000)
    assert par["step_abs"] == 640_000_000 // (5_000 * 96)
    assert (par["vasoactive"], par["bolus_eligible"]) == (1, 1)
    assert par["keep_permille"] == 870
    assert limits(tmp_path, ("bupivacaine",), (7_000.0,))["keep_permille"] == 100
    beside = limits(tmp_path, ("morphine", "clonidine"), (5_000.0, 500.0))
    assert beside["cap_pg"][:2].tolist() == [5_085_000_000, 238_500_000]
    assert (beside["bolus_eligible"], beside["vasoactive"]) == (0, 1)
    assert beside["interval"] == 4 * 31
    assert beside["quick_interval"] == 4 * 31
    assert limits(tmp_path, ("clonidine",), (500.0,))["keep_permille"] == 750
    assert limits(tmp_path, ("clonidine",), (500.0,))["cap_pg"][0] == 530_000_000, "no opioid beside it"
    opioids = limits(tmp_path, ("hydromorphone", "morphine"), (2_000.0, 5_000.0))
    assert (opioids["n_drugs"], opioids["n_caps"]) == (2, 3)
    assert opioids["conc"][:3].tolist() == [2_000, 5_000, 16_000]
    assert opioids["cap_pg"][:3].tolist() == [7_700_000_000, 11_300_000_000, 14_200_000_000]
    slow = limits(tmp_path, ("clonidine",), (500.0,), setting="noncancer")
    assert slow["interval"] == 4 * 175, "the longer of both"


def test_a_patient_who_takes_a_depressant_has_smaller_caps(tmp_path: Path) -> None:
    par = limits(tmp_path, ("morphine",), (5_000.0,), sedated=True)
    assert par["cap_pg"][0] == 5_085_000_000
    assert limits(tmp_path, ("bupivacaine",), (5_000.0,), sedated=True)["cap_pg"][0] == 12_100_000_000
    both = limits(tmp_path, ("hydromorphone", "morphine"), (2_000.0, 5_000.0), sedated=True)
    assert both["cap_pg"][2] == 6_390_000_000


def test_stage_and_mode_are_those_asked_for(tmp_path: Path) -> None:
    for k, stage in enumerate(("advise", "confirm", "lower", "auto")):
        assert limits(tmp_path, ("morphine",), (5_000.0,), stage=stage)["stage"] == k
    for mode in ShieldMode:
        assert limits(tmp_path, ("morphine",), (5_000.0,), mode=mode)["mode"] == mode
        assert limits(tmp_path, ("morphine",), (5_000.0,), mode=mode.name.lower())["mode"] == mode
    assert limits(tmp_path, ("morphine",), (5_000.0,))["stage"] == 3
    assert limits(tmp_path, ("morphine",), (5_000.0,))["mode"] == ShieldMode.PROJECT


def test_what_cannot_be_limited_is_refused(tmp_path: Path) -> None:
    cases: list[tuple[type[Exception], tuple[str, ...], tuple[float, ...], dict[str, Any]]] = [
        (ConfigError, ("morphine",), (5_000.0,), {"setting": "home"}),
        (ConfigError, ("morphine",), (5_000.0,), {"stage": "later"}),
        (ConfigError, ("morphine",), (5_000.0, 1.0), {}),
        (ConfigError, (), (), {}),
        (ConfigError, ("morphine", "morphine"), (1.0, 1.0), {}),
        (ConfigError, ("morphine", "a", "b", "c"), (1.0, 1.0, 1.0, 1.0), {}),
        (ProfileError, ("morphine",), (17_901.0,), {}),
        (ProfileError, ("morphine",), (0.0,), {}),
        (ProfileError, ("morphine",), (-1.0,), {}),
        (ProfileError, ("bupivacaine", "clonidine"), (1.0, 1.0), {}),
        (UnknownNameError, ("water",), (1.0,), {}),
        (ProfileError, ("morphine",), (17_900.0,), {"min_rate_nl": 7_000}),
    ]
    for kind, drugs, conc, options in cases:
        with pytest.raises(kind):
            limits(tmp_path, drugs, conc, **options)
    limits(tmp_path, ("morphine",), (17_900.0,))


def test_the_first_day_begins_with_the_start_in_force() -> None:
    bench = Bench()
    par = bench.batch.par[0]["shield"]
    sustained = int(par["cap_pg"][0]) // (97 * int(par["conc"][0]))
    most = max(min(sustained, int(par["max_rate"])) // 10 * 10, int(par["min_rate"]))
    for start, rate in ((1_234, 1_230), (0, int(par["min_rate"])), (10**9, most)):
        state = new_shield_state(par, start)
        assert (state["rate_hist"] == rate).all()
        assert (state["day_rate"] == rate).all()
        for name in ("prev_rate", "allowed_rate", "highest24", "baseline", "quick_top"):
            assert state[name] == rate, name
        assert state["since_bolus"] == par["lockout"] > 0
        assert [int(state[name]) for name in ("rr_last", "spo2_last", "co2_last")] == [-1, -1, -1]
        assert (state["week_nrs"] == -1).all()
        assert not state["ledger"].any()
        zero = {name for name in state.dtype.names if not np.any(state[name])}
        assert {"ticks", "dose24", "since_increase", "lock_resp", "owed", "excess", "errors", "gap"} <= zero


def test_the_largest_bolus_is_the_smaller_of_share_and_size() -> None:
    bench = Bench()
    par, state = bench.par["shield"], bench.shield
    for rate, size, share in ((1_000, 10**9, 200), (1_000, 900, 200), (2_000, 10**9, 100)):
        state["prev_rate"], par["bolus_abs"], par["bolus_permille"] = rate, size, share
        box, limit = np.array([state]), np.array([par])
        assert largest_bolus(box[0], limit[0]) == min(size, 96 * rate * share // 1000)


def test_a_batch_runs_the_limits_of_its_scenario(tmp_path: Path) -> None:
    path = distinct_profile(tmp_path)
    for task, setting in (("CancerMorphine", "cancer"), ("NonCancerMorphine", "noncancer")):
        spec = ticking(task)
        bench = Bench(spec, profile=str(path), stage="lower", shield_mode="monitor", allow_wide=True)
        pump, par = bench.par["pump"], bench.par["shield"]
        conc = float(bench.par["ordered_conc"][0])
        due = limits(
            tmp_path, ("morphine",), (conc,), setting=setting, stage="lower", mode="monitor",
            min_rate_nl=int(pump["min_rate_nl"]), max_rate_nl=int(pump["max_rate_nl"]),
            rate_step_nl=int(pump["rate_step_nl"]), bolus_step_nl=int(pump["bolus_step_nl"]),
            dead_ml=float(pump["dead_ml"]), stable_h=24.0 * 90.0, sedated=bench.batch.is_sedated(0),
        )  # fmt: skip
        for name in due.dtype.names:
            np.testing.assert_array_equal(par[name], due[name], err_msg=f"{task} {name}")
        assert bench.quiet()["mode"] == ShieldMode.MONITOR
        assert bench.out["shield_mode"] == ShieldMode.MONITOR
        assert bench.batch.mode is ShieldMode.MONITOR


def test_patients_with_a_depressant_have_their_own_caps() -> None:
    caps: dict[bool, set[int]] = {True: set(), False: set()}
    for patient in range(12):
        bench = Bench(patient=patient)
        caps[bench.batch.is_sedated(patient)].add(int(bench.par["shield"]["cap_pg"][0]))
    assert caps == {False: {15_000_000_000}, True: {7_500_000_000}}


def test_the_pump_of_the_scenario_runs() -> None:
    for name in ("synchromed_ii_20", "synchromed_ii_40"):
        bench = Bench(pump=name)
        spec = load_pump(name)
        assert bench.pump["estimated_ml"] == bench.pump["true_ml"] == spec.capacity_ml
        assert bench.par["pump"]["capacity_ml"] == spec.capacity_ml
        assert bench.par["shield"]["max_rate"] == bench.par["pump"]["max_rate_nl"] == spec.max_rate_nl
        assert bench.pump["rate_nl"] == bench.par["task"]["start_rate_nl"] // 10 * 10 == bench.shield["prev_rate"]
        assert bench.pump["start_clock_h"] == 8.0
        np.testing.assert_array_equal(bench.pump["conc"], bench.par["ordered_conc"])
        np.testing.assert_array_equal(bench.pump["label_conc"], bench.par["ordered_conc"])
