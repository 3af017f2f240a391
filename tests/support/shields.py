"""Shields for tests: the pump's integers restated, a compiled loop that drives one, and the judge's limits to match."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from thecal.safety.parameters import shield_parameters
from thecal.safety.profiles import load_profile
from thecal.safety.records import SHIELD_INPUT, SHIELD_PAR, SHIELD_STATE
from thecal.safety.shield import new_shield_state, shield_tick

from support.shield_oracle import Limits, Vitals

# 24 mL/d and 0.048 mL/d in nL per 15 min; grids of the SynchroMed II.
ENVELOPE = {"min_rate_nl": 500, "max_rate_nl": 250_000, "rate_step_nl": 10, "bolus_step_nl": 100}
CAP_PG = {"morphine": 15_000_000_000, "bupivacaine": 15_000_000_000}
BOLUS_PG = {"morphine": 500_000_000, "bupivacaine": 2_500_000_000}
INTERVAL_H = {"cancer": 24, "noncancer": 168}
RISE_PERMILLE = {"cancer": 4000, "noncancer": 500}
WELL = (140, 970, 1)  # 14 breaths/min, 97 %, alert
BIT = {"finite": 1, "envelope": 5, "cap": 6, "step": 11, "interval": 12, "floor": 13, "size": 14, "lockout": 15}
BIT |= {"count": 16, "resp": 19, "sedation": 20, "stale": 23, "rise": 41}


class Run(NamedTuple):
    """An executed trajectory, ``[T]`` each, and the shield's last state."""

    rates: NDArray[np.int64]
    boluses: NDArray[np.int64]
    binding: NDArray[np.int64]
    violations: NDArray[np.int64]
    asked: NDArray[np.int64]
    state: NDArray[np.void]


def parameters(
    conc: float | tuple[float, ...] = 10_000.0,
    setting: str = "cancer",
    drugs: tuple[str, ...] = ("morphine",),
    mode: str = "project",
    **changes: int,
) -> np.void:
    """SHIELD_PAR of the strict profile on the SynchroMed's grid; ``changes`` overwrite single fields."""
    concs = conc if isinstance(conc, tuple) else (conc,)
    par = shield_parameters(
        load_profile("seed_2025"), drugs=drugs, conc_ug_per_ml=concs, setting=setting, mode=mode, **ENVELOPE
    )
    # Tests show constant vital signs and believe every recovery; the rules on both have tests of their own.
    for name, value in {
        "flat": 1 << 40,
        "flat_other": 1 << 40,
        "rr_jump": 10_000,
        "spo2_jump": 10_000,
        **changes,
    }.items():
        par[name] = value
    return par


def limits(conc: int, setting: str = "cancer", drug: str = "morphine") -> Limits:
    """What the judge holds against the strict profile."""
    return Limits(CAP_PG[drug], conc, BOLUS_PG[drug], INTERVAL_H[setting], RISE_PERMILLE[setting])


def fresh(par: np.void, start: int = 2000) -> np.void:
    """A shield on the day of the implant."""
    return new_shield_state(par, start)


def grown_up(par: np.void, start: int = 2000, ticks: int = 700) -> np.void:
    """A shield after a week of holding: every interval has passed and the floor holds."""
    return drive(par, start, np.zeros(ticks), np.zeros(ticks), relative=True).state[0]


def tick(
    state: np.void, par: np.void, request: int, bolus: int = 0, *, valid: int = 1, vitals: tuple[int, int, int] = WELL,
    clear: int = 0, **others: int,
) -> tuple[int, int]:  # fmt: skip
    """One tick in place; returns the allowed rate and bolus. ``others`` are further received."""
    boxes = np.empty(1, SHIELD_STATE), np.empty(1, SHIELD_PAR)
    boxes[0][0], boxes[1][0] = state, par
    received = shield_input(rr=vitals[0], spo2=vitals[1], poss=vitals[2], clear=clear, **others)
    _one(boxes[0], boxes[1], received, np.int64(request), np.int64(bolus), valid)
    for name in state.dtype.names or ():
        state[name] = boxes[0][0][name]
    return int(state["allowed_rate"]), int(state["allowed_bolus"])


def drive(
    par: np.void, start: int, requests: Any, boluses: Any, vitals: Vitals | None = None, *, relative: bool = False
) -> Run:
    """Run a series of requests; ``relative`` adds each to the rate in force."""
    asks, sizes = np.asarray(requests, dtype=np.int64), np.asarray(boluses, dtype=np.int64)
    n = len(asks)
    seen = vitals or well(n)
    state, pars = np.empty(1, SHIELD_STATE), np.empty(1, SHIELD_PAR)
    state[0], pars[0] = fresh(par, start), par
    out = np.zeros((5, n), dtype=np.int64)
    _many(state, pars, shield_input(), asks, sizes, seen.rr, seen.spo2, seen.poss, seen.clear, relative, out)
    return Run(*out, state)


def well(n: int) -> Vitals:
    """``n`` ticks of a patient who is well."""
    rr, spo2, poss = (np.full(n, value, dtype=np.int64) for value in WELL)
    return Vitals(rr, spo2, poss, np.zeros(n, dtype=np.int64))


def shield_input(**changes: int) -> NDArray[np.void]:
    """One SHIELD_INPUT record: a sound pump, long after its refill, and a patient who is well."""
    received = np.zeros(1, SHIELD_INPUT)
    sound = {"rr": 140, "spo2": 970, "co2": 380, "sbp": 1300, "map": 900, "hr": 700, "poss": 1, "nrs": -1}
    for name, value in {**sound, "reservoir_nl": 10**9, "since_refill": 10**6, **changes}.items():
        received[name] = value
    return received


@numba.njit
def _one(state, par, received, request, bolus, valid):  # type: ignore[no-untyped-def]
    shield_tick(state[0], par[0], received[0], request, bolus, valid)


@numba.njit
def _many(state, par, received, requests, boluses, rr, spo2, poss, clear, relative, out):  # type: ignore[no-untyped-def]
    shield = state[0]
    for t in range(len(requests)):
        request = requests[t] + (shield.prev_rate if relative else 0)
        received[0].rr, received[0].spo2, received[0].poss, received[0].clear = rr[t], spo2[t], poss[t], clear[t]
        shield_tick(shield, par[0], received[0], request, boluses[t], 1)
        out[0, t] = shield.allowed_rate
        out[1, t] = shield.allowed_bolus
        out[2, t] = shield.binding
        out[3, t] = shield.violations
        out[4, t] = request
