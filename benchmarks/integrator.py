"""The integrator: largest error against an adaptive reference at the shipped steps, beside its speed and LSODA's."""

from __future__ import annotations

import numba
import numpy as np
from scipy.integrate import solve_ivp

from thecal.core.layout import COARSE_H, COARSE_PER_TICK, FINE_PER_COARSE, MAX_DRUGS, N_NODES, SETTLE_H, TICK_H
from thecal.physiology.jets import jet_share, jet_width
from thecal.physiology.patient import is_quiet, step_kinetics
from thecal.physiology.records import PATIENT_STATE
from thecal.physiology.transport import rate_of_change

from batch import ready
from common import Row, best
from single import STATES

PATIENTS = 8
HOURS = 16
BASAL_UG_PER_H, BASAL_ML_PER_H = 40.0, 0.01
BOLUS_UG, BOLUS_ML = 250.0, 0.05
BOLUS_TICK = 4  # an hour after the start
CHANGE_TICK = 48  # twelve hours after the start, in quiet times: the basal rate rises by CHANGE
CHANGE = 1.2
N_TICKS = round(HOURS / TICK_H)
N_TRANSPORT = 2 * N_NODES + 1  # CSF, cord, tip cell; the reference also adds up the loss
RTOL = 1e-3  # at which LSODA is about as accurate as the shipped steps
LOOP = 2000


def basal(tick: int) -> float:
    """Basal infusion (µg/h) during a tick."""
    return BASAL_UG_PER_H * (CHANGE if tick >= CHANGE_TICK else 1.0)


def shipped(par) -> np.ndarray:
    """The transport states ``[N_TICKS, N_TRANSPORT]`` at the end of every tick, as the environment computes them."""
    state = np.zeros(1, PATIENT_STATE)[0]
    state["settle_left_h"] = SETTLE_H
    tip_ug = np.zeros(MAX_DRUGS)
    rows = np.empty((N_TICKS, N_TRANSPORT))
    for tick in range(N_TICKS):
        bolus = tick == BOLUS_TICK
        n = 1 if is_quiet(state) and not bolus else COARSE_PER_TICK
        dt_h = TICK_H / n
        for s in range(n):
            first = bolus and s == 0
            tip_ug[0] = basal(tick) * dt_h + BOLUS_UG * first
            step_kinetics(par, state, tip_ug, BASAL_ML_PER_H * dt_h, BOLUS_ML * first, dt_h)
        own = state["drug"][0]
        rows[tick] = np.concatenate((own["csf"], own["cord"], [own["tip"]]))
    return rows


def pieces(par) -> list[tuple[float, float, float, float]]:
    """The program as pieces of constant input: (from, to, µg/h into the tip cell, µg/h as a jet)."""
    at, later = BOLUS_TICK * TICK_H, CHANGE_TICK * TICK_H
    direct = BOLUS_ML / (BOLUS_ML + BASAL_ML_PER_H * COARSE_H) * jet_share(par, BOLUS_ML)
    total = BASAL_UG_PER_H + BOLUS_UG / COARSE_H
    return [
        (0.0, at, BASAL_UG_PER_H, 0.0),
        (at, at + COARSE_H, total * (1.0 - direct), total * direct),
        (at + COARSE_H, later, BASAL_UG_PER_H, 0.0),
        (later, HOURS, BASAL_UG_PER_H * CHANGE, 0.0),
    ]


def adaptive(par, method: str, rtol: float) -> np.ndarray:
    """The same program by ``solve_ivp``, restarted where the input changes; the (constant) Jacobian is given to it."""
    size = N_TRANSPORT + 1
    drug = par["drug"][0]

    def slope(_t, y, tip_rate, jet_rate):
        out = np.zeros(size)
        rate_of_change(par, drug, y, tip_rate, jet_rate, par["tip_node"], jet_width(BOLUS_ML), out)
        return out

    jacobian = np.stack([slope(0.0, unit, 0.0, 0.0) for unit in np.eye(size)], axis=1)
    given = {"jac": lambda *_: jacobian} if method == "LSODA" else {"jac": jacobian}
    ticks = np.arange(1, N_TICKS + 1) * TICK_H
    y, rows = np.zeros(size), []
    for begin, end, *rates in pieces(par):
        wanted = ticks[(ticks > begin + 1e-9) & (ticks <= end + 1e-9)]
        grid = np.append(np.minimum(wanted, end), [] if wanted.size and abs(wanted[-1] - end) < 1e-9 else [end])
        found = solve_ivp(slope, (begin, end), y, method, grid, args=rates, rtol=rtol, atol=1e-3 * rtol, **given)
        rows.append(found.y.T[: len(wanted)])
        y = found.y[:, -1]
    return np.concatenate(rows)[:, :N_TRANSPORT]


def error(found: np.ndarray, truth: np.ndarray) -> float:
    """Largest error of any state at any time, each state on the scale of its own largest value."""
    return float((np.abs(found - truth) / np.abs(truth).max(axis=0)).max())


@numba.njit
def _many(par, state, tip_ug, bolus_ml, dt_h, n):
    for _ in range(n):
        step_kinetics(par, state, tip_ug, 1.0e-3, bolus_ml, dt_h)


def hours_per_s(par, bolus_ml: float, dt_h: float) -> float:
    """Simulated hours a second of the kinetics of one patient (transport, plasma, effect sites) on one core."""
    state = np.zeros(1, PATIENT_STATE)[0]
    tip_ug = np.zeros(MAX_DRUGS)
    tip_ug[0] = BASAL_UG_PER_H * dt_h

    def work() -> int:
        _many(par, state, tip_ug, bolus_ml, dt_h, LOOP)
        return LOOP

    work()
    return best(work) * dt_h


def lsoda_hours_per_s(par) -> float:
    """Simulated hours a second of LSODA over the compiled right-hand side."""

    def work() -> int:
        adaptive(par, "LSODA", RTOL)
        return HOURS

    return best(work)


def run() -> list[Row]:
    """Errors over several patients; speeds on the first."""
    patients = ready(PATIENTS).par["patient"]
    truths = [adaptive(par, "Radau", 1e-9) for par in patients]
    own = max(error(shipped(par), truth) for par, truth in zip(patients, truths, strict=True))
    rows = [
        Row(
            f"largest error of any state, {PATIENTS} patients, bolus, infusion, change of rate",
            own,
            "",
            1e-3,
            at_most=True,
        )
    ]
    for name, dt_h in (("15 min (quiet)", TICK_H), ("5 min (settling)", COARSE_H)):
        speed = hours_per_s(patients[0], 0.0, dt_h)
        rows.append(Row(f"kinetics alone, steps of {name}", speed, "patient-h/s"))
        rows.append(Row("... state updates", speed / dt_h * STATES, "1/s"))
    spreading = hours_per_s(patients[0], BOLUS_ML, COARSE_H)
    rows.append(Row("kinetics alone, steps of 50 s (a bolus spreads)", spreading, "patient-h/s"))
    rows.append(Row("... state updates", spreading / COARSE_H * FINE_PER_COARSE * STATES, "1/s"))
    theirs = max(error(adaptive(par, "LSODA", RTOL), truth) for par, truth in zip(patients, truths, strict=True))
    rows.append(Row(f"LSODA, rtol {RTOL:g}: largest error", theirs, ""))
    rows.append(Row(f"LSODA, rtol {RTOL:g}: transport alone", lsoda_hours_per_s(patients[0]), "patient-h/s"))
    return rows
