"""What chronic opioid does: tolerance on two scales, hyperalgesia, dependence and withdrawal.

All four are first-order lags toward a level set by exposure, so they saturate, fade after a reduction, and stay bounded.
Tolerance is a shift of log EC50; occupancy uses the naive EC50, so a tolerant patient's receptors still count as occupied.
"""

from __future__ import annotations

import math

from thecal.physiology.jit import kernel
from thecal.physiology.records import TICK_H


@kernel
def share(tau_h):
    """Share of the gap to its target that a first-order lag with time constant ``tau_h`` closes in one pump tick."""
    return -math.expm1(-TICK_H / tau_h)


@kernel
def prepare_adaptation(par):
    """Write the shares of all slow lags."""
    par.tol_fast_share = share(par.tol_fast_tau_h)
    par.tol_slow_share = share(par.tol_slow_tau_h)
    par.oih_on_share = share(par.oih_tau_on_h)
    par.oih_off_share = share(par.oih_tau_off_h)
    par.dep_share = share(par.dep_tau_h)
    par.wd_share = share(par.wd_tau_h)
    par.nausea_share = share(par.nausea_tau_h)


@kernel
def analgesic_shift(par, state):
    """Shift of log EC50 for analgesia: earlier opioids plus both tolerance scales."""
    return par.tol_prior + state.tol_fast + state.tol_slow


@kernel
def respiratory_shift(par, state):
    """Shift of log EC50 for breathing and sedation; tolerance protects these only in part."""
    return par.resp_tolerance * analgesic_shift(par, state)


@kernel
def step_adaptation(par, state, u):
    """Advance tolerance, hyperalgesia, dependence and withdrawal by one pump tick at dorsal exposure ``u`` (C / naive EC50)."""
    occupancy = u / (1.0 + u)
    state.tol_fast += par.tol_fast_share * (par.tol_fast_max * occupancy - state.tol_fast)
    state.tol_slow += par.tol_slow_share * (par.tol_slow_max * occupancy - state.tol_slow)
    target = par.oih_max * u / (u + par.oih_ec50)
    state.oih += (par.oih_on_share if target > state.oih else par.oih_off_share) * (target - state.oih)
    # Dependence and withdrawal live on the adapted scale: what matters is the effect the body is used to.
    adapted = u * math.exp(-analgesic_shift(par, state))
    effect = adapted / (1.0 + adapted)
    missing = max(0.0, state.dependence - effect)
    state.dependence += par.dep_share * (effect - state.dependence)
    state.withdrawal += par.wd_share * (min(1.0, par.wd_gain * missing) - state.withdrawal)
