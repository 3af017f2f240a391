"""The integrator: largest error against an adaptive reference at the shipped steps, beside its speed and LSODA's."""

from __future__ import annotations

import numba
import numpy as np
from scipy.integrate import solve_ivp

from thecal.physiology.layout import COARSE_H, FINE_PER_COARSE, MAX_DRUGS, N_NODES
from thecal.physiology.patient import step_kinetics
from thecal.physiology.records import PATIENT_STATE
from thecal.physiology.transport import jet_share, rate_of_change

from batch import ready
from common import Row, best
from single import STATES

PATIENTS = 8
HOURS = 12
BASAL_UG_PER_H, BASAL_ML_PER_H = 40.0, 0.01
BOLUS_UG, BOLUS_ML = 250.0, 0.05
BOLUS_STEP = 12  # the coarse substep, an hour after the start, in which the bolus leaves the catheter
N_STEPS = round(HOURS / COARSE_H)
N_TRANSPORT = 2 * N_NODES + 1  # CSF, cord, tip cell; the reference also adds up the loss
RTOL = 1e-3  # at which LSODA is about as accurate as the shipped steps
LOOP = 2000


def inputs(par, k: int) -> tuple[float, float]:
    """Drug (µg/h) entering the tip cell and as a jet during coarse substep ``k``."""
    if k != BOLUS_STEP:
        return BASAL_UG_PER_H, 0.0
    basal_ml = BASAL_ML_PER_H * COARSE_H
    direct = BOLUS_ML / (BOLUS_ML + basal_ml) * jet_share(par, BOLUS_ML)
    total = BASAL_UG_PER_H + BOLUS_UG / COARSE_H
    return total * (1.0 - direct), total * direct


def shipped(par) -> np.ndarray:
    """The transport states ``[N_STEPS, N_TRANSPORT]`` as the environment computes them."""
    state = np.zeros(1, PATIENT_STATE)[0]
    tip_ug = np.zeros(MAX_DRUGS)
    rows = np.empty((N_STEPS, N_TRANSPORT))
    for k in range(N_STEPS):
        bolus = k == BOLUS_STEP
        tip_ug[0] = BASAL_UG_PER_H * COARSE_H + BOLUS_UG * bolus
        step_kinetics(par, state, tip_ug, BASAL_ML_PER_H * COARSE_H, BOLUS_ML * bolus)
        own = state["drug"][0]
        rows[k] = np.concatenate((own["csf"], own["cord"], [own["tip"]]))
    return rows


def adaptive(par, method: str, rtol: float) -> np.ndarray:
    """The same program by ``solve_ivp``, restarted where the input changes; the (constant) Jacobian is given to it."""
    size = N_TRANSPORT + 1
    drug = par["drug"][0]

    def slope(_t, y, tip_rate, jet_rate):
        out = np.zeros(size)
        rate_of_change(par, drug, y, tip_rate, jet_rate, out)
        return out

    jacobian = np.stack([slope(0.0, unit, 0.0, 0.0) for unit in np.eye(size)], axis=1)
    given = {"jac": lambda *_: jacobian} if method == "LSODA" else {"jac": jacobian}
    y, rows = np.zeros(size), []
    for first, last in ((0, BOLUS_STEP), (BOLUS_STEP, BOLUS_STEP + 1), (BOLUS_STEP + 1, N_STEPS)):
        grid = np.arange(1, last - first + 1) * COARSE_H
        found = solve_ivp(
            slope, (0.0, grid[-1]), y, method, grid, args=inputs(par, first), rtol=rtol, atol=1e-3 * rtol, **given
        )
        rows.append(found.y.T)
        y = found.y[:, -1]
    return np.concatenate(rows)[:, :N_TRANSPORT]


def error(found: np.ndarray, truth: np.ndarray) -> float:
    """Largest error of any state at any time, each state on the scale of its own largest value."""
    return float((np.abs(found - truth) / np.abs(truth).max(axis=0)).max())


@numba.njit
def _many(par, state, tip_ug, bolus_ml, n):
    for _ in range(n):
        step_kinetics(par, state, tip_ug, 1.0e-3, bolus_ml)


def hours_per_s(par, bolus_ml: float) -> float:
    """Simulated hours a second of the kinetics of one patient (transport, plasma, effect sites) on one core."""
    state = np.zeros(1, PATIENT_STATE)[0]
    tip_ug = np.zeros(MAX_DRUGS)
    tip_ug[0] = BASAL_UG_PER_H * COARSE_H

    def work() -> int:
        _many(par, state, tip_ug, bolus_ml, LOOP)
        return LOOP

    work()
    return best(work) * COARSE_H


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
    rows = [Row(f"largest error of any state, {PATIENTS} patients, bolus and infusion", own, "", 1e-3, at_most=True)]
    quiet, spreading = hours_per_s(patients[0], 0.0), hours_per_s(patients[0], BOLUS_ML)
    rows.append(Row("kinetics alone, steps of 5 min", quiet, "patient-h/s"))
    rows.append(Row("... state updates", quiet / COARSE_H * STATES, "1/s"))
    rows.append(Row("kinetics alone, steps of 50 s (a bolus spreads)", spreading, "patient-h/s"))
    rows.append(Row("... state updates", spreading / COARSE_H * FINE_PER_COARSE * STATES, "1/s"))
    theirs = max(error(adaptive(par, "LSODA", RTOL), truth) for par, truth in zip(patients, truths, strict=True))
    rows.append(Row(f"LSODA, rtol {RTOL:g}: largest error", theirs, ""))
    rows.append(Row(f"LSODA, rtol {RTOL:g}: transport alone", lsoda_hours_per_s(patients[0]), "patient-h/s"))
    return rows
