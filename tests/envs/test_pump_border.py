"""At the pump's border: what the pump counts stands in the ledger, under every fault, and what can run beyond is bounded."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from thecal.core.layout import TICKS_PER_DAY
from thecal.devices.fault_records import FAULT_NAMES, REFILL_FAULTS, Fault
from thecal.envs.batch import Batch
from thecal.envs.kernel.shield_input import write_shield_input
from thecal.safety.invariants import Invariant

N = 6
DAYS, ONSET_H = 34, 30 * 24.0 - 5.0
SIZES = {"program_error": 10.0, "accidental_prime": 1.0}
LONG = ("command_lost", "program_error", "command_repeated", "accidental_prime")  # also a day of each that nobody mends
CASES = ["none", "reference", "stress", *FAULT_NAMES, *(f"{name} for a day" for name in LONG)]
PG_PER_ML = 1.0e6


def plan(case: str) -> Any:
    if case in ("none", "reference", "stress"):
        return case
    name, _, long = case.partition(" for ")
    entry: dict[str, Any] = {"fault": name, "at_h": 0.0 if Fault[name.upper()] in REFILL_FAULTS else ONSET_H}
    entry |= {"size": SIZES[name]} if name in SIZES else {}
    entry |= {"duration_h": 24.0} if long else {}
    return {"hazards": False, "serviced": not long, "planned": [entry]}


@cache
def course(case: str, pump: str | None = None) -> dict[str, np.ndarray]:
    """A policy that asks for everything for a month: per tick what the pump counted, per step what the ledger holds."""
    batch = Batch("CancerMorphine", N, split="test", faults=plan(case), pump=pump, horizon_d=DAYS, trail=True)
    batch.restart(np.arange(N), np.arange(N), np.full(N, 3, np.uint64))
    action = np.ones((N, batch.spec.n_actions))
    rows, ledger, dose24 = [], [], []
    for _ in range(batch.spec.n_steps):
        batch.advance(action)
        rows.append(batch.trail.T.copy())
        ledger.append(batch.world["shield"]["ledger"][:, 0].sum(axis=1))
        dose24.append(batch.out["dose24_ug"][:, 0].copy())
    ticks = np.concatenate(rows)
    return {
        "count": ticks["raw"]["commanded_ml"], "asked": ticks["rate"] + ticks["bolus"], "ledger": np.array(ledger),
        "dose24": np.array(dose24), "unverified": ticks["received"]["unverified"], "rate": ticks["rate"],
        "prev": ticks["prev_rate"], "bolus": ticks["bolus"], "read": ticks["raw"]["rate_nl"],
        "conc": batch.par["shield"]["conc"][:, 0].copy(), "cap": batch.par["shield"]["cap_pg"][:, 0].copy(),
        "flow": batch.par["pump"]["max_flow_nl"].copy(), "dead": batch.world["patient"]["dead"].copy(),
    }  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_ledger_is_never_below_the_pumps_own_count(case):
    """A step's report holds everything the pump counted up to the tick before its last, and what was allowed in that one."""
    run = course(case)
    per = len(run["count"]) // len(run["ledger"])
    for k in range(TICKS_PER_DAY // per, len(run["ledger"])):
        t = (k + 1) * per - 1
        counted = (run["count"][t] - run["count"][t - TICKS_PER_DAY]) * PG_PER_ML + run["asked"][t]
        slack = TICKS_PER_DAY + 1  # a nL of rounding for each tick
        assert (run["ledger"][k] >= (counted - slack) * run["conc"]).all()
        day = (run["count"][t] - run["count"][t - TICKS_PER_DAY + 1]) * PG_PER_ML + run["asked"][t]
        assert (run["dose24"][k] * 1.0e6 >= (day - slack) * run["conc"]).all(), "what `info` says of 24 h"


@pytest.mark.parametrize("case", CASES)
def test_beyond_a_cap_at_most_a_tick_of_the_highest_flow_runs(case):
    run = course(case)
    counted = (run["count"][TICKS_PER_DAY:] - run["count"][:-TICKS_PER_DAY]) * PG_PER_ML
    over = counted * run["conc"] / run["cap"]
    assert (over <= 1.0 + run["flow"] * run["conc"] / run["cap"] + 1e-6).all()
    if case not in ("accidental_prime", "program_error", "accidental_prime for a day", "program_error for a day"):
        assert (over <= 1.0 + 1e-9).all(), "a lost, late or repeated command runs nothing beyond"


@pytest.mark.parametrize("case", CASES)
def test_nothing_rises_while_the_pump_reads_back_otherwise(case):
    run = course(case)
    other = run["read"] != run["prev"]
    assert (run["unverified"][other] == 1).all()
    blind = run["unverified"] == 1
    assert (run["rate"] <= run["prev"])[blind].all()
    assert (run["bolus"][blind] == 0).all()


def test_the_faults_do_reach_the_border():
    """What is bounded above did happen: without the read-back these were 1.3 to 9.9 caps."""
    for case in ("program_error", "program_error for a day", "accidental_prime"):
        run = course(case)
        at = round(ONSET_H * 4)
        flowed = (run["count"][at + 1] - run["count"][at]) * PG_PER_ML
        assert (flowed > 2.0 * run["asked"][at]).any(), case
        assert (run["unverified"][at : at + 2] == 1).any()
    lost = course("command_lost for a day")
    assert (lost["unverified"][round(ONSET_H * 4) :] == 1).sum() >= 2


def begun() -> Batch:
    batch = Batch("CancerMorphine", 2, split="test")
    batch.restart(np.arange(2), np.arange(2), np.full(2, 3, np.uint64))
    return batch


def test_the_first_tick_and_a_restored_one_count_right():
    batch = begun()
    write_shield_input(batch._world[0].copy(), batch._par[0])
    batch.advance(np.zeros((2, 2)))
    there = batch.snapshot()
    batch.advance(np.ones((2, 2)))
    first = batch.world["received"]["pumped_nl"].copy()
    batch.restore(there)
    batch.advance(np.ones((2, 2)))
    np.testing.assert_array_equal(batch.world["received"]["pumped_nl"], first)
    batch.restart(np.arange(2), np.arange(2), np.full(2, 3, np.uint64))
    world = batch._world[0].copy()
    write_shield_input(world, batch._par[0])
    assert (world["received"]["pumped_nl"], world["received"]["unverified"]) == (0, 0)


@pytest.mark.parametrize("count", [0.0, np.nan, -1.0])
def test_a_counter_that_runs_backwards_cannot_be_read(count):
    batch = begun()
    for _ in range(3):
        batch.advance(np.zeros((2, 2)))
    world = batch._world[0].copy()
    world["pump"]["commanded_ml"] = count
    write_shield_input(world, batch._par[0])
    assert world["received"]["pumped_nl"] == -1
    world["pump"]["commanded_ml"] = world["episode"]["counted_ml"] + 2.0e-3
    write_shield_input(world, batch._par[0])
    assert world["received"]["pumped_nl"] == pytest.approx(2_000, abs=1), "and is read again from there"


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w["pump"].__setitem__("number", w["pump"]["number"] - 1),
        lambda w: w["pump"].__setitem__("taken_nl", w["pump"]["taken_nl"] + 100),
        lambda w: w["pump"].__setitem__("rate_nl", w["pump"]["rate_nl"] + 10),
        lambda w: w["pump"].__setitem__("prime_left_nl", 5.0),
    ],
    ids=["number", "bolus", "rate", "prime"],
)
def test_number_bolus_rate_and_prime_are_each_read_back(change):
    batch = begun()
    for _ in range(3):
        batch.advance(np.zeros((2, 2)))
    world = batch._world[0].copy()
    write_shield_input(world, batch._par[0])
    assert world["received"]["unverified"] == 0
    change(world)
    write_shield_input(world, batch._par[0])
    assert world["received"]["unverified"] == 1


def test_a_rise_that_the_read_back_withholds_is_marked():
    batch = begun()
    for _ in range(30):
        batch.advance(np.zeros((2, 2)))
    batch._world["pump"]["number"] -= 1
    batch._world["shield"]["since_increase"] = 10_000
    batch.advance(np.ones((2, 2)))
    assert (batch.out["binding"] >> Invariant.READ_BACK & 1 == 1).all()
