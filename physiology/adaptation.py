"""What chronic opioid does: tolerance on two scales, hyperalgesia, dependence and withdrawal.

All four are first-order lags toward a level set by exposure, so they saturate, fade after a reduction, and stay bounded.
Tolerance is a shift of log EC50; occupancy uses the naive EC50, so a tolerant patient's receptors still count as occupied.
"""

from __future__ import annotations

import math

from thecal.physiology.jit import kernel


@kernel
def analgesic_shift(par, state):  # type: ignore[no-untyped-def]
    """Shift of log EC50 for analgesia: earlier opioids plus both tolerance scales."""
    return par.tol_prior + state.tol_fast + state.tol_slow


@kernel
def respiratory_shift(par, state):  # type: ignore[no-untyped-def]
    """Shift of log EC50 for breathing and sedation; tolerance protects these only in part."""
    return par.resp_tolerance * analgesic_shift(par, state)


@kernel
def approach(value, target, tau_h, dt_h):  # type: ignore[no-untyped-def]
    """Exact first-order lag: ``value`` after ``dt_h`` toward ``target`` with time constant ``tau_h``."""
    return value - math.expm1(-dt_h / tau_h) * (target - value)


@kernel
def step_adaptation(par, state, u, dt_h):  # type: ignore[no-untyped-def]
    """Advance tolerance, hyperalgesia, dependence and withdrawal by ``dt_h`` at dorsal exposure ``u`` (C / naive EC50)."""
    occupancy = u / (1.0 + u)
    state.tol_fast = approach(state.tol_fast, par.tol_fast_max * occupancy, par.tol_fast_tau_h, dt_h)
    state.tol_slow = approach(state.tol_slow, par.tol_slow_max * occupancy, par.tol_slow_tau_h, dt_h)
    target = par.oih_max * u / (u + par.oih_ec50)
    tau = par.oih_tau_on_h if target > state.oih else par.oih_tau_off_h
    state.oih = approach(state.oih, target, tau, dt_h)
    # Dependence and withdrawal live on the adapted scale: what matters is the effect the body is used to.
    adapted = u * math.exp(-analgesic_shift(par, state))
    effect = adapted / (1.0 + adapted)
    missing = max(0.0, state.dependence - effect)
    state.dependence = approach(state.dependence, effect, par.dep_tau_h, dt_h)
    state.withdrawal = approach(state.withdrawal, min(1.0, par.wd_gain * missing), par.wd_tau_h, dt_h)
