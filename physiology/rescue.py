"""Rescue: what a clinician gives in an emergency, and how its effect comes and goes.

Naloxone competes with the opioid for its receptor (Gaddum: a dose ratio of 1 + B / K), in the cord as in the brainstem, so it
takes relief and brings withdrawal too. It leaves with its own half-life of about an hour, before the morphine that it was
given against, and is not repeated by itself. Ventilation and vasopressor stay until the patient's own drive and pressure
suffice. An exchange of CSF removes the share of the drug that the volume holds.

Only :mod:`thecal.envs.visits` and studies that state it order a rescue; no action of a policy leads here.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import TICK_H
from thecal.physiology.breathing import is_depressed
from thecal.physiology.effect import agonism

NALOXONE, PRESSOR, VENTILATION, EXCHANGE = 1, 2, 4, 8
ALL_MEASURES = NALOXONE | PRESSOR | VENTILATION | EXCHANGE
RESCUE_NAMES = {"naloxone": NALOXONE, "vasopressor": PRESSOR, "ventilation": VENTILATION, "exchange": EXCHANGE}
# What a clinician at the bedside acts on besides depressed breathing: an unrousable patient, and a fall of pressure by this
# share, the definition of hypotension in the studies that the circulation is held to.
_UNROUSABLE_POSS = 4
_HYPOTENSION = 0.3
_TRACE = 0.05


@kernel
def prepare_rescue(par):
    """Write what a tick leaves of naloxone."""
    par.nal_keep = math.exp(-TICK_H / par.nal_tau_h)


@kernel
def measures_for(par, state):
    """What a clinician at the bedside would order now (bits); 0 where nothing is wrong or nothing can be done."""
    if state.dead == 1:
        return 0
    bits = 0
    if state.ventilated == 0 and (is_depressed(state) or state.poss >= _UNROUSABLE_POSS):
        bits |= VENTILATION
        if par.mu_channel >= 0:
            bits |= NALOXONE
    if state.ventilated == 1 and state.exchanges == 0:
        bits |= EXCHANGE  # what the first measures did not end
    if state.bp_fall > _HYPOTENSION and state.pressor == 0.0:
        bits |= PRESSOR
    return bits


@kernel
def give_rescue(par, state, bits):
    """Carry out the measures of ``bits``, once."""
    if bits == 0 or state.dead == 1:
        return
    state.rescues += 1
    if bits & NALOXONE != 0:
        state.naloxone_mg += par.nal_mg
    if bits & PRESSOR != 0:
        state.pressor = 1.0
    if bits & VENTILATION != 0:
        state.ventilated = 1
    if bits & EXCHANGE != 0:
        state.exchanges += 1
        _exchange(par, state)


@kernel
def _exchange(par, state):
    """Replace CSF of the canal by saline: a well-mixed canal loses 1 - exp(-volume / its own volume) of its drug."""
    canal = 0.0
    for i in range(1, par.last_node + 1):
        canal += par.v_node[i]
    kept = math.exp(-par.exchange_ml / canal)
    for d in range(par.n_drugs):
        own = state.drug[d]
        gone = own.tip
        own.tip *= kept
        gone -= own.tip
        for i in range(1, par.last_node + 1):
            gone += (1.0 - kept) * own.csf[i]
            own.csf[i] *= kept
        own.eliminated += gone


@kernel
def step_rescue(par, state):
    """Advance what was given over one pump tick; call after the receptors' drives are known."""
    state.naloxone_mg *= par.nal_keep
    if par.mu_channel >= 0:
        _antagonize(par, state, par.mu_channel)
    # A drive that naloxone lends is not the patient's own.
    gone = state.naloxone_mg < _TRACE * par.nal_half_mg
    if state.ventilated == 1 and gone and state.drive >= par.wean_drive:
        state.ventilated = 0
    own_fall = state.bp_fall / (1.0 - par.pressor_share * state.pressor) if par.pressor_share < 1.0 else 0.0
    if state.pressor > 0.0 and own_fall < par.wean_fall:
        state.pressor = 0.0


@kernel
def _antagonize(par, state, c):
    """Lower the opioid's drives by the dose ratio of naloxone."""
    ratio = 1.0 + state.naloxone_mg / par.nal_half_mg
    channel = state.channel[c]
    rule = par.channel[c]
    channel.central /= ratio
    channel.depressant /= ratio
    channel.drive /= ratio
    load = 0.0
    for d in range(par.n_drugs):
        drug = par.drug[d]
        if drug.channel == c:
            load += state.drug[d].ce_dh / drug.ec50 * drug.load
    channel.effect = agonism(channel.drive, load / ratio, rule.hill)
