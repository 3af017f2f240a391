"""Sedation and nausea from the brainstem, and the circulation's response to pain, withdrawal and sleep."""

from __future__ import annotations

from thecal.physiology.effect import hill
from thecal.physiology.jit import kernel

# POSS (Pasero opioid-induced sedation scale) read from the sedation level: 1 alert, 2 drowsy, 3 drifts off, 4 unrousable.
# The cut-points are an engineering choice; POSS 3 is where the scale itself asks for a lower dose.
POSS_CUTS = (0.25, 0.50, 0.80)


@kernel
def poss(level):
    """Sedation level (0-1) as POSS 1-4."""
    return 1 + (level >= POSS_CUTS[0]) + (level >= POSS_CUTS[1]) + (level >= POSS_CUTS[2])


@kernel
def step_harm(par, state, u, shift):
    """Advance sedation and nausea by one pump tick at brainstem exposure ``u`` (C / naive respiratory EC50)."""
    state.sedation = hill(u / par.ec50_sed_ratio, shift, par.hill_sed)
    state.poss = poss(state.sedation)
    level = hill(u / par.ec50_nausea_ratio, shift, par.hill_resp)
    state.nausea_tol += par.nausea_share * (level - state.nausea_tol)
    state.nausea = par.nausea_max * level * (1.0 - state.nausea_tol)


@kernel
def heart_rate(par, state, act):
    """True heart rate (beats/min) at relative activity ``act``."""
    return (
        par.hr0
        + par.s_gain_pain[0] * state.pain
        + par.wd_hr * state.withdrawal
        + par.act_hr * act
        - par.sed_hr * state.sedation
    )


@kernel
def systolic(par, state, act):
    """True systolic pressure (mmHg) at relative activity ``act``."""
    return (
        par.sbp0
        + par.s_gain_pain[1] * state.pain
        + par.wd_sbp * state.withdrawal
        + par.act_sbp * act
        - par.sed_sbp * state.sedation
    )
