"""Plasma: two linear compartments fed by the drug that leaves the canal, advanced exactly over one substep."""

from __future__ import annotations

import math

from thecal.core.jit import kernel


@kernel
def prepare_plasma(drug, step, dt_h):
    """Write the exact propagator of the two compartments and their response to a constant input over ``dt_h``.

    With eigenvalues -a and -b of [[-(k10+k12), k21], [k12, -k21]]; the closed form needs a != b, which k12, k21 > 0 ensure.
    """
    total = drug.k10 + drug.k12 + drug.k21
    root = math.sqrt(total * total - 4.0 * drug.k10 * drug.k21)
    a = 0.5 * (total + root)
    b = drug.k10 * drug.k21 / a
    ea = math.exp(-a * dt_h)
    eb = math.exp(-b * dt_h)
    step.p11 = ((a - drug.k21) * ea + (drug.k21 - b) * eb) / (a - b)
    step.p12 = drug.k21 * (eb - ea) / (a - b)
    step.p21 = drug.k12 * (eb - ea) / (a - b)
    step.p22 = ((drug.k21 - b) * ea + (a - drug.k21) * eb) / (a - b)
    ia = -math.expm1(-a * dt_h) / a
    ib = -math.expm1(-b * dt_h) / b
    step.q1 = ((a - drug.k21) * ia + (drug.k21 - b) * ib) / (a - b) / dt_h
    step.q2 = drug.k12 * (ib - ia) / (a - b) / dt_h


@kernel
def step_plasma(step, state, absorbed_ug):
    """Advance both compartments by one substep in which ``absorbed_ug`` enters plasma at a constant rate."""
    before = state.plasma + state.periph + absorbed_ug
    central = step.p11 * state.plasma + step.p12 * state.periph + step.q1 * absorbed_ug
    state.periph = step.p21 * state.plasma + step.p22 * state.periph + step.q2 * absorbed_ug
    state.plasma = central
    state.eliminated += before - central - state.periph


@kernel
def spare(state, eliminated_ug, share):
    """Return to plasma the ``share`` of what left in the substep that failing kidneys did not take."""
    kept = eliminated_ug * share
    state.plasma += kept
    state.eliminated -= kept
