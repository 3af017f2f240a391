"""What chronic exposure does: tolerance of cord and of brainstem, opioid hyperalgesia, dependence and withdrawal.

All are first-order lags toward a level set by exposure, advanced once a slow step (an hour), so they saturate, fade after a
reduction, and stay bounded. Tolerance is a shift of log EC50 that each drug builds by its share of the exposure, half of it where
exposure (in naive EC50) reaches a receptor's own level: microdoses bring little. Tolerance from before the implant fades.

The brainstem habituates by itself and within days: the EC50 of breathing and sedation rises as (1 + gain * H) ** power with the
central drive H to which it is accustomed, up to a bound (H stands for H / (1 + H / ceiling)). H follows the drive in three steps
of one time constant, so that it is slow to begin and then quick: six hours after a bolus, when breathing is lowest, there is
little of it, in the first night of an infusion half. Acute and chronic data cannot be met by one EC50 without it
(docs/decisions/0022), nor all of them by two steps (docs/decisions/0029). Whether breathing grows tolerant that fast is
disputed: see receptors/mu.toml.

The same lag serves the circulation under a local anesthetic: there H is the blocked share of the sympathetic outflow, and what
grows is the counterforce of blood volume, renin and vessels that lost their nerves. It divides the fall of pressure.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import GABA_B, SLOW_H, SODIUM_CHANNEL
from thecal.physiology.effect import hill, power
from thecal.physiology.metabolites import m3g_exposure

# A baclofen withdrawal this deep, times the patient's susceptibility, is the dangerous course: fever, rigidity, muscle
# breakdown. Without drug it kills after this long (engineering choice within the reported progression over 24-72 h).
CRISIS_LEVEL = 1.0
LETHAL_CRISIS_H = 72.0


@kernel
def share(tau_h):
    """Share of the gap to its target that a first-order lag with time constant ``tau_h`` closes in one slow step."""
    return -math.expm1(-SLOW_H / tau_h)


@kernel
def prepare_adaptation(par):
    """Write the shares of all slow lags of adaptation."""
    par.oih_on_share = share(par.oih_tau_on_h)
    par.oih_off_share = share(par.oih_tau_off_h)
    for c in range(par.n_channels):
        channel = par.channel[c]
        channel.tol_fast_share = share(channel.tol_fast_tau_h)
        channel.tol_slow_share = share(channel.tol_slow_tau_h)
        channel.habit_share = share(channel.habit_tau_h)
        channel.prior_share = share(channel.tol_prior_tau_h)
        channel.dep_share = share(channel.dep_tau_h)
        channel.wd_share = share(channel.wd_tau_h)


@kernel
def accustomed(rule, habit):
    """Factor by which a brainstem that is accustomed to a central drive needs more of it.

    Receptors that are left cannot adapt without end: an overdose outruns habituation.
    """
    if rule.habit_gain <= 0.0:
        return 1.0
    return power(1.0 + rule.habit_gain * habit / (1.0 + habit / rule.habit_ceiling), rule.habit_power)


@kernel
def start_adaptation(par, state):
    """Tolerance and dependence that earlier drugs of the class have left at the implant."""
    for c in range(par.n_channels):
        rule = par.channel[c]
        channel = state.channel[c]
        channel.prior = rule.tol_prior
        # Tolerance is log(1 + dose / reference), so this is dose / (dose + reference) of what a very high dose leaves.
        channel.habit = -rule.habit_prior * math.expm1(-rule.tol_prior)
        channel.habit_seen = channel.habit
        channel.habit_due = channel.habit
        channel.accustomed = accustomed(rule, channel.habit)
        # In the same way: the effect the body is used to.
        channel.dependence = -rule.dep_prior * math.expm1(-rule.tol_prior)


@kernel
def step_tolerance(par, state):
    """Advance the tolerance each drug builds at its receptor; what earlier drugs have left fades in free receptors only."""
    for c in range(par.n_channels):
        channel = state.channel[c]
        channel.prior -= par.channel[c].prior_share * channel.prior / (1.0 + channel.exposure)
    for d in range(par.n_drugs):
        drug = par.drug[d]
        rule = par.channel[drug.channel]
        own = state.drug[d]
        occupied = own.ce_dh / drug.ec50 / (rule.tol_half + state.channel[drug.channel].exposure)
        own.tol_fast += rule.tol_fast_share * (rule.tol_fast_max * occupied - own.tol_fast)
        own.tol_slow += rule.tol_slow_share * (rule.tol_slow_max * occupied - own.tol_slow)


@kernel
def step_habituation(par, state):
    """Advance what each receptor's brainstem (of a local anesthetic: the vessels) is accustomed to, and what that changes."""
    for c in range(par.n_channels):
        rule = par.channel[c]
        if rule.habit_gain > 0.0:
            channel = state.channel[c]
            felt = channel.own_central
            if rule.receptor == SODIUM_CHANNEL:
                felt = hill(channel.sympathetic, rule.hill_sym)
            channel.habit_seen += rule.habit_share * (felt - channel.habit_seen)
            channel.habit_due += rule.habit_share * (channel.habit_seen - channel.habit_due)
            channel.habit += rule.habit_share * (channel.habit_due - channel.habit)
            channel.accustomed = accustomed(rule, channel.habit)


@kernel
def step_hyperalgesia(par, state):
    """Advance the rise of nociceptive gain that chronic opioid brings, slower to fade than to form.

    Its slope lets small doses bring little of it and large ones more than their relief, which has saturated by then.
    """
    target = 0.0
    if par.mu_channel >= 0:
        u = state.channel[par.mu_channel].exposure + m3g_exposure(par, state)
        target = par.oih_max * hill(u / par.oih_ec50, par.oih_hill)
    state.oih += (par.oih_on_share if target > state.oih else par.oih_off_share) * (target - state.oih)


@kernel
def step_withdrawal(par, state):
    """Advance dependence and withdrawal of every receptor, and the dangerous course of a baclofen withdrawal.

    Both live on the adapted scale: what matters is the effect the body is used to.
    """
    state.withdrawal = 0.0
    crisis = False
    for c in range(par.n_channels):
        rule = par.channel[c]
        channel = state.channel[c]
        if rule.wd_gain > 0.0:
            drive = channel.motor if rule.receptor == GABA_B else channel.drive
            effect = drive / (1.0 + drive)
            missing = max(0.0, channel.dependence - effect)
            channel.dependence += rule.dep_share * (effect - channel.dependence)
            channel.withdrawal += rule.wd_share * (min(1.0, rule.wd_gain * missing) - channel.withdrawal)
            state.withdrawal = max(state.withdrawal, channel.withdrawal)
            if rule.receptor == GABA_B and channel.withdrawal * par.rebound > CRISIS_LEVEL:
                crisis = True
    state.crisis_h = state.crisis_h + SLOW_H if crisis else 0.0
    if state.crisis_h >= LETHAL_CRISIS_H:
        state.dead = 1


@kernel
def withdrawal_pain(par, state):
    """Pain (NRS) added by withdrawal."""
    total = 0.0
    for c in range(par.n_channels):
        total += par.channel[c].wd_nrs * state.channel[c].withdrawal
    return total
