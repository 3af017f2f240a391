"""Effect sites and the concentration-effect curve.

Each effect site follows its driving concentration with a first-order lag (ke0). Agonists of one receptor add as
concentration / EC50 (Loewe), and the sum ``u`` enters a Hill curve whose EC50 tolerance has shifted by ``exp(shift)``.
"""

from __future__ import annotations

import math

from thecal.physiology.jit import kernel
from thecal.physiology.records import N_NODES


@kernel
def prepare_effect(drug, step, dt_h):
    """Write the share of the gap that each effect site closes in ``dt_h``."""
    step.a_dh = -math.expm1(-drug.ke0_dh * dt_h)
    step.a_bs = -math.expm1(-drug.ke0_bs * dt_h)
    step.a_pl = -math.expm1(-drug.ke0_pl * dt_h)


@kernel
def prepare_segments(par):
    """Write the first and the last painful node, so that a substep visits no others."""
    par.pain_first = N_NODES
    par.pain_last = -1
    for i in range(N_NODES):
        if par.w_pain[i] > 0.0:
            par.pain_first = min(par.pain_first, i)
            par.pain_last = i


@kernel
def painful_concentration(par, state):
    """CSF concentration (µg/mL) over the painful segments, weighted."""
    total = 0.0
    for i in range(par.pain_first, par.pain_last + 1):
        total += par.w_pain[i] * state.csf[i] / par.v_node[i]
    return total


@kernel
def cranial_concentration(par, state):
    """CSF concentration (µg/mL) in the cranial compartment."""
    return state.csf[0] / par.v_node[0]


@kernel
def step_effect_sites(step, state, dorsal, cranial, plasma):
    """Move the three effect sites toward the mean concentrations (µg/mL) of the substep."""
    state.ce_dh += step.a_dh * (dorsal - state.ce_dh)
    state.ce_bs += step.a_bs * (cranial - state.ce_bs)
    state.ce_pl += step.a_pl * (plasma - state.ce_pl)


@kernel
def hill(u, shift, slope):
    """Fraction of the largest effect at ``u`` = sum of concentration / EC50 when EC50 is shifted by ``exp(shift)``."""
    if u <= 0.0:
        return 0.0
    x = math.exp(slope * (math.log(u) - shift))
    return x / (1.0 + x)


@kernel
def dorsal_potency(par, state):
    """Sum over drugs of dorsal-horn concentration / naive EC50."""
    total = 0.0
    for d in range(par.n_drugs):
        total += state.drug[d].ce_dh / par.drug[d].ec50
    return total


@kernel
def brainstem_potency(par, state):
    """Sum over drugs of brainstem exposure / naive EC50, from cranial CSF and from plasma."""
    total = 0.0
    for d in range(par.n_drugs):
        drug = par.drug[d]
        total += state.drug[d].ce_bs / drug.ec50_bs + state.drug[d].ce_pl / drug.ec50_pl
    return total
