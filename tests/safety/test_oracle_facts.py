"""The auditor's own facts: in real patients they are what the shield was told, and every crossed wire is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from thecal.envs.batch import Batch
from thecal.envs.scenario import Scenario
from thecal.envs.trails import trail_meta
from thecal.experiments.assurance.harness_wires import WIRES
from thecal.safety.invariants import ShieldMode
from thecal.safety.oracle import audit
from thecal.safety.oracle_facts import CONCERNS, MODES
from thecal.safety.records import RAW, SHIELD_INPUT, TRAIL_ROW

from support.runs import short_task
from support.trajectories import Trajectory

T, N = 400, 6
Run = tuple[dict[str, Any], np.ndarray]


def _run(mode: str = "project", faults: str = "stress") -> Run:
    """Two weeks of patients under stress, with requests at random and signals that drop out."""
    scene = Scenario.of(short_task(14.0), faults=faults, seed=4, shield_mode=mode)
    batch = Batch(scene, N, trail=True)
    batch.restart(np.arange(N), np.arange(N) + 300, np.full(N, 9, np.uint64))
    meta, rng = trail_meta(batch), np.random.default_rng(0)
    rows = np.zeros((batch.spec.n_steps, *batch.trail.shape), TRAIL_ROW)
    for k in range(batch.spec.n_steps):
        batch.advance(rng.uniform(-1.0, 1.0, (N, batch.spec.n_actions)))
        rows[k] = batch.trail
    return meta, rows.transpose(1, 0, 2).reshape(-1).copy()


@pytest.fixture(scope="module")
def stressed() -> Run:
    return _run()


def test_every_fact_is_what_the_shield_was_told(stressed: Run) -> None:
    meta, rows = stressed
    assert audit(meta, rows).breaches == []
    told = rows["received"]
    varied = {name for name in SHIELD_INPUT.names if np.unique(told[name]).size > 1}
    assert varied >= {"rr", "spo2", "sbp", "poss", "nrs", "clear", "reservoir_nl", "fill_age", "pumped_nl"}
    assert set(CONCERNS) == set(SHIELD_INPUT.names)


@pytest.mark.parametrize("mode", ["replace", "mask", "monitor", "off"])
def test_facts_are_read_in_every_mode(mode: str) -> None:
    meta, rows = _run(mode, "none")
    assert audit(meta, rows).breaches == []
    rows["received"]["rr"] = rows["received"]["hr"]
    assert {breach[0] for breach in audit(meta, rows).breaches} == {19}


@pytest.mark.parametrize(
    "wire",
    ["breathing rate from the heart rate", "sedation score one too low", "dropouts masked", "capnography unwired",
     "everything one tick late", "pain never told", "pressure unwired"],
)  # fmt: skip
def test_a_crossed_wire_is_found_in_patients(wire: str, stressed: Run) -> None:
    meta, rows = stressed[0], stressed[1].copy()
    for key in meta["patients"]:
        own = rows["patient"] == int(key)
        told = rows["received"][own]
        WIRES[wire](told)
        rows["received"][own] = told
    words = [breach[3] for breach in audit(meta, rows).breaches]
    assert any("the shield was told" in word for word in words)


# What a hand-made trajectory shows, which the shield was never told.
SHOWN: list[tuple[dict[str, int], dict[str, int], int]] = [
    ({"mri": 1}, {"mri": 0}, 28), ({"stopped": 1}, {"stopped": 0}, 27), ({"alarms": 1}, {"alarms": 0}, 18),
    ({"residual": 146}, {"residual": 0}, 34), ({"unverified": 1}, {"unverified": 0}, 42), ({"battery": 1}, {"battery": 0}, 29),
    ({"skew_s": 91}, {"skew_s": 0}, 4), ({"weakness": 3}, {"weakness": 0}, 22), ({"poss": 3}, {"poss": 2}, 20),
    ({"bridging": 1}, {"bridging": 0}, 30), ({"since_refill": 5}, {"since_refill": 5_000}, 32),
    ({"fill_age": 8_001}, {"fill_age": 0}, 26), ({"reservoir_nl": 10}, {"reservoir_nl": 10**8}, 25),
    ({"pumped_nl": 9_999}, {"pumped_nl": 0}, 42), ({"hr": -1}, {"hr": 700}, 21), ({"bolus_running": 1}, {"bolus_running": 0}, 18),
]  # fmt: skip


@pytest.mark.parametrize(("shown", "told", "invariant"), SHOWN)
def test_what_was_never_told_is_found_with_its_tick(
    shown: dict[str, int], told: dict[str, int], invariant: int
) -> None:
    spoiled = Trajectory().received(T, **shown).complete()
    assert spoiled.judged().breaches == []
    for name, value in told.items():
        spoiled.rows["received"][name][T] = value
    (breach,) = (found for found in spoiled.judged().breaches if next(iter(told)) in found[3])
    assert breach[:3] == (invariant, 0, T)
    true, wrong = next(iter(shown.values())), next(iter(told.values()))
    assert breach[3] == f"the shield was told {next(iter(told))} {wrong}, and {true} was shown"


@pytest.mark.parametrize(
    ("shown", "act", "invariant"),
    [({"mri": 1}, "rise", 28), ({"poss": 3}, "rise", 20), ({"rr": -1}, "none", 0), ({"bolus_running": 1}, "bolus", 18)],
)
def test_rules_are_judged_on_what_was_shown(shown: dict[str, int], act: str, invariant: int) -> None:
    patient = Trajectory().received(T, **shown)
    patient = patient.rate(T, 2_100) if act == "rise" else patient.bolus(T) if act == "bolus" else patient
    patient.complete()
    for name in shown:
        patient.rows["received"][name] = Trajectory().rows["received"][name]
    words = {breach[3] for breach in patient.judged().breaches if "was told" not in breach[3]}
    assert len(words) == (0 if act == "none" else 1)
    assert invariant == 0 or invariant in patient.broken()


def test_a_wrong_clock_tick_or_mode_is_found() -> None:
    spoils: dict[str, Callable[[Any], None]] = {
        "clock is not": lambda rows: rows["raw"]["clock_h"].__setitem__(T, 3.0),
        "missing from": lambda rows: rows["tick"].__setitem__(slice(T, None), rows["tick"][T:] + 1),
        "of the mode": lambda rows: rows["mode"].__setitem__(slice(T, None), 4),
        "not the one before": lambda rows: rows["prev_rate"].__setitem__(T, 7),
    }
    for words, spoil in spoils.items():
        patient = Trajectory().complete()
        spoil(patient.rows)
        assert any(breach[0] == 38 and words in breach[3] for breach in patient.judged().breaches), words
    assert tuple(mode.name.lower() for mode in ShieldMode) == MODES


def test_numbers_that_are_none_withhold() -> None:
    """What telemetry or a clinician cannot mean reads as the worst of it, as in the text."""
    patient = Trajectory().complete()
    raw = patient.rows["raw"]
    for name in RAW.names:
        raw[name][T] = (
            np.nan if name not in ("alarms", "halt", "mode", "rate_nl", "present", "clock_h") else raw[name][T]
        )
    words = {breach[3].split(",")[-1].split(" (")[0] for breach in patient.judged().breaches}
    assert words >= {" and 4 was shown", " and -1 was shown", " and 1099511627776 was shown", " and 0 was shown"}
