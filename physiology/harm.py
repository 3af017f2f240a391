"""Adverse effects: sedation, nausea, itch, bladder, gut, motor block, cognition, gonadal axis.

Central effects follow the drive in the brainstem and those of the legs the motor site. Effects of several receptors
join by Bliss independence. Fast ones are evaluated every pump tick, slow ones once a slow step. Blood pressure and pulse are
in ``circulation``, granuloma and infection in ``catheter_harm``.
"""

from __future__ import annotations

from thecal.core.jit import kernel
from thecal.core.layout import MU, SLOW_H
from thecal.physiology.adaptation import share
from thecal.physiology.effect import hill

# POSS (Pasero opioid-induced sedation scale) read from the sedation level: 1 alert, 2 drowsy, 3 drifts off, 4 unrousable.
# The cut-points are an engineering choice; POSS 3 is where the scale itself asks for a lower dose.
OVERSEDATED_POSS = 3
POSS_CUTS = (0.25, 0.50, 0.80)
NAUSEA_MAX = 10.0
_WEEK_H = 168.0


@kernel
def poss(level):
    """Sedation level (0-1) as POSS 1-4."""
    return 1 + (level >= POSS_CUTS[0]) + (level >= POSS_CUTS[1]) + (level >= POSS_CUTS[2])


@kernel
def prepare_harm(par):
    """Write the shares of the slow lags."""
    par.nausea_share = share(par.nausea_tau_h)
    par.gut_share = share(par.gut_tau_h)
    par.cog_on_share = share(par.cog_on_tau_h)
    par.cog_off_share = share(par.cog_off_tau_h)
    par.endocrine_share = share(par.endocrine_tau_h)


@kernel
def step_legs(par, state):
    """Motor block, from the motor sites and a mass that presses on the cord."""
    motor = 1.0
    for c in range(par.n_channels):
        rule = par.channel[c]
        if rule.emax_motor > 0.0:
            motor *= 1.0 - rule.emax_motor * hill(state.channel[c].motor, rule.hill_mot)
    state.motor_block = max(1.0 - motor, state.deficit)


@kernel
def step_sedation(par, state):
    """Sedation (0-1) and its POSS."""
    alert = 1.0
    for c in range(par.n_channels):
        rule = par.channel[c]
        if rule.emax_sed > 0.0:
            alert *= 1.0 - rule.emax_sed * hill(state.channel[c].depressant / rule.ec50_sed_ratio, rule.hill_sed)
    state.sedation = 1.0 - alert
    state.poss = poss(state.sedation)


@kernel
def _bladder_drive(rule, channel):
    """What holds the bladder: an opioid in the cord, a local anesthetic at its nerves."""
    return channel.drive if rule.receptor == MU else channel.motor


@kernel
def step_slow_harm(par, state):
    """Advance nausea, itch, bladder, gut, cognition and the gonadal axis by one slow step."""
    calm = 1.0
    still = 1.0
    free = 1.0
    gut = 1.0
    clear = 1.0
    axis = 1.0
    for c in range(par.n_channels):
        rule = par.channel[c]
        channel = state.channel[c]
        if rule.emax_nausea > 0.0:
            calm *= 1.0 - rule.emax_nausea * hill(channel.central / rule.ec50_nausea_ratio, rule.hill_resp)
        if rule.emax_itch > 0.0:
            still *= 1.0 - rule.emax_itch * hill(channel.central / rule.ec50_itch_ratio, rule.hill_resp)
        if rule.emax_retention > 0.0:
            free *= 1.0 - rule.emax_retention * hill(_bladder_drive(rule, channel) / rule.ec50_retention_ratio, 2.0)
        if rule.emax_gut > 0.0:
            gut *= 1.0 - rule.emax_gut * hill(channel.exposure / rule.ec50_gut_ratio, 1.0)
        if rule.emax_endocrine > 0.0:
            axis *= 1.0 - rule.emax_endocrine * hill(channel.exposure / rule.ec50_endocrine, 1.0)
        if rule.emax_cog > 0.0:
            channel.central_week += SLOW_H / _WEEK_H * (channel.central - channel.central_week)
            rise = max(0.0, channel.central - channel.central_week)
            felt = (channel.central + rule.cog_rise * rise) / rule.ec50_cog_ratio
            clear *= 1.0 - rule.emax_cog * hill(felt, 2.0)
    _lag_slow_harm(par, state, 1.0 - calm, 1.0 - still, 1.0 - gut, 1.0 - clear, 1.0 - axis)
    state.retention = 1.0 - free


@kernel
def _lag_slow_harm(par, state, nausea, itch, gut, cognition, axis):
    """Move the lagged effects toward their levels; patients grow used to nausea and itch."""
    state.nausea_tol += par.nausea_share * (nausea - state.nausea_tol)
    state.nausea = NAUSEA_MAX * nausea * (1.0 - state.nausea_tol)
    state.itch_tol += par.nausea_share * (itch - state.itch_tol)
    state.itch = itch * (1.0 - state.itch_tol)
    state.gut += par.gut_share * (gut - state.gut)
    state.cognition += (par.cog_on_share if cognition > state.cognition else par.cog_off_share) * (
        cognition - state.cognition
    )
    state.psychotic = 1 if state.cognition > par.psychosis_at else 0
    state.endocrine += par.endocrine_share * (axis - state.endocrine)
