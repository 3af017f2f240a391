"""Morphine's glucuronides: M6G, which acts like the drug, and M3G, which excites; both leave by the kidneys only.

What the body eliminates of the drug becomes glucuronide in a fixed share; each glucuronide fills one plasma volume and leaves it
at a rate that falls with renal function. M6G reaches the brain slowly and adds to the central opioid drive; M3G adds to the
exposure that brings hyperalgesia. Their half-lives are hours to days, so they advance in slow steps, exactly for a constant
input over the step. A drug without metabolites costs one comparison an hour.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import SLOW_H
from thecal.physiology.life_records import Lever

_RENAL = int(Lever.RENAL)


@kernel
def prepare_metabolites(drug):
    """Write the shares that stay over a slow step, and that the brain's gap to plasma closes."""
    drug.m6g_keep = math.exp(-drug.m6g_k * SLOW_H)
    drug.m3g_keep = math.exp(-drug.m3g_k * SLOW_H)
    drug.m6g_share = -math.expm1(-drug.m6g_ke0 * SLOW_H)


@kernel
def _after(amount, input_per_h, k, keep, kidneys):
    """Amount after a slow step with first-order loss ``k`` and a constant input, where the kidneys do their share ``kidneys``."""
    if kidneys != 1.0:
        k *= kidneys
        keep = math.exp(-k * SLOW_H)
    return amount * keep + input_per_h / k * (1.0 - keep)


@kernel
def step_metabolites(par, state):
    """Advance the glucuronides of every drug that has them by one slow step."""
    kidneys = 1.0 + state.life.lever[_RENAL]
    for d in range(par.n_drugs):
        drug = par.drug[d]
        if drug.m6g_formed > 0.0 or drug.m3g_formed > 0.0:
            own = state.drug[d]
            per_h = (own.eliminated - own.eliminated_seen) / SLOW_H
            own.eliminated_seen = own.eliminated
            own.m6g = _after(own.m6g, drug.m6g_formed * per_h, drug.m6g_k, drug.m6g_keep, kidneys)
            own.m3g = _after(own.m3g, drug.m3g_formed * per_h, drug.m3g_k, drug.m3g_keep, kidneys)
            own.ce_m6g += drug.m6g_share * (own.m6g / drug.m6g_ml - own.ce_m6g)


@kernel
def m6g_drive(drug, own):
    """Central opioid drive of M6G: its effect-site concentration over its EC50."""
    return own.ce_m6g / drug.ec50_m6g if drug.m6g_formed > 0.0 else 0.0


@kernel
def m3g_exposure(par, state):
    """What M3G adds to the opioid exposure that brings hyperalgesia (in C / naive EC50 of the dorsal horn)."""
    total = 0.0
    for d in range(par.n_drugs):
        drug = par.drug[d]
        if drug.m3g_formed > 0.0:
            total += state.drug[d].m3g / drug.m3g_ml / drug.m3g_unit
    return total
