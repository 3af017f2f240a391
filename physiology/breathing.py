"""Breathing: drugs lower the drive, CO2 rises and restores part of it, oxygen follows the alveolar gas equation.

Indirect-response model of Bouillon et al. 2003, Anesthesiology 99:779 (ventilation = drive * (PaCO2 / baseline) ** F,
PaCO2 eliminated by ventilation), solved for its steady state with a first-order lag at the model's own rate.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import AXIAL, NODES, REGIONS, SODIUM_CHANNEL, TICK_H
from thecal.physiology.effect import hill
from thecal.physiology.life_records import Lever

_APNEA, _GRADIENT = int(Lever.APNEA), int(Lever.GRADIENT)
# Room air at sea level: 0.2093 of (760 - 47) mmHg; respiratory quotient 0.8 (standard values).
INSPIRED_O2_MMHG = 149.2
RESPIRATORY_QUOTIENT = 0.8
# Oxygen dissociation curve: Severinghaus 1979, J Appl Physiol 46:599.
SEVERINGHAUS_A = 23400.0
SEVERINGHAUS_B = 150.0
# Under assisted ventilation: half oxygen, at the resting rate and PaCO2.
VENTILATED_O2_MMHG = 356.5
# The phrenic nerve leaves at C3-C5; in the second structure the neck is one region.
_PHRENIC = NODES.index("C3"), NODES.index("C5")
_NECK = REGIONS.index("cervical")
# Respiratory depression as counted in the studies the model is held to: RR < 8/min or SpO2 < 90 %.
DEPRESSED_RR = 8.0
DEPRESSED_SPO2 = 90.0
MIN_DRIVE = 0.01
# PaCO2 above which CO2 is a narcotic and drives breathing no further (80-90 mmHg, textbooks, recalled).
CO2_NARCOSIS_MMHG = 80.0


@kernel
def saturation(pao2):
    """Oxygen saturation (%) at an arterial oxygen tension (mmHg)."""
    x = max(1.0, pao2)
    return 100.0 / (1.0 + SEVERINGHAUS_A / (x * (x * x + SEVERINGHAUS_B)))


@kernel
def phrenic_block(par, state):
    """Share of the diaphragm's nerves that local anesthetics in the neck block: a high spinal block."""
    first, last = (_PHRENIC[0], _PHRENIC[1]) if par.structure == AXIAL else (_NECK, _NECK)
    level = 0.0
    slope = 1.0
    for d in range(par.n_drugs):
        drug = par.drug[d]
        rule = par.channel[drug.channel]
        if rule.receptor == SODIUM_CHANNEL:
            slope = rule.hill_mot
            for i in range(first, last + 1):
                level += state.drug[d].csf[i] / par.v_node[i] / (last - first + 1) / drug.ec50_mot
    return hill(level, slope) if level > 0.0 else 0.0


@kernel
def set_point(par, state):
    """PaCO2 (mmHg) that the patient holds without drug: higher asleep."""
    return par.paco2_0 if state.awake == 1 else par.paco2_0 + par.sleep_paco2


@kernel
def respiratory_drive(par, state):
    """Drive to breathe relative to a patient without drug: receptors' depression, block of the diaphragm, apnea in sleep."""
    drive = 1.0 - phrenic_block(par, state)
    for c in range(par.n_channels):
        rule = par.channel[c]
        if rule.emax_resp > 0.0:
            drive *= 1.0 - rule.emax_resp * hill(state.channel[c].depressant, rule.hill_resp)
    if state.awake == 0:
        drive *= 1.0 - min(1.0, par.apnea + state.life.lever[_APNEA])
    return max(MIN_DRIVE, drive)


@kernel
def retained_co2(par, state, log_drive):
    """PaCO2 relative to its set point where ventilation, as driven by CO2, removes what is produced.

    Above the pressure at which CO2 itself is a narcotic it drives no more, so a drive too low for that ends in arrest.
    """
    reset = par.co2_gain * state.reset
    relative = math.exp((reset - log_drive) / (1.0 + par.co2_gain))
    most = CO2_NARCOSIS_MMHG / set_point(par, state)
    if relative > most:
        relative = math.exp(reset - log_drive - par.co2_gain * math.log(most))
    return relative


@kernel
def prepare_breathing(par):
    """Write the share of the gap that the chemoreflex's reset closes in a pump tick."""
    par.reset_share = -math.expm1(-TICK_H / par.reset_tau_h)


@kernel
def step_reset(par, state, relative):
    """Reset the chemoreflex toward a PaCO2 (relative to its set point) that lasts.

    Bicarbonate follows CO2 into the brain's fluid. CO2 then drives breathing less, so that a long depression deepens after the
    drug has peaked.
    """
    if relative > 1.0 or state.reset > 0.0:
        most = CO2_NARCOSIS_MMHG / set_point(par, state)
        target = par.reset * math.log(max(1.0, min(relative, most)))
        state.reset += par.reset_share * (target - state.reset)


@kernel
def step_breathing(par, state):
    """Advance PaCO2, ventilation, rate and saturation by one pump tick."""
    drive = respiratory_drive(par, state)
    state.drive = drive
    gradient = par.aa_gradient + state.life.lever[_GRADIENT]
    if state.ventilated == 1:
        state.paco2 = par.paco2_0
        state.rr = par.rr0
        state.spo2 = saturation(VENTILATED_O2_MMHG - state.paco2 / RESPIRATORY_QUOTIENT - gradient)
        step_reset(par, state, 1.0)
        return
    log_drive = math.log(drive)
    relative = retained_co2(par, state, log_drive)
    rate = par.k_co2 * (1.0 + par.co2_gain) / relative
    state.paco2 -= math.expm1(-rate * TICK_H) * (set_point(par, state) * relative - state.paco2)
    # Opioids slow the rhythm more than ventilation falls: CO2 restores ventilation through larger breaths.
    most = CO2_NARCOSIS_MMHG / set_point(par, state)
    if relative <= most:
        state.rr = par.rr0 * math.exp(par.rr_power * log_drive)
    else:
        # CO2 enlarges breaths no more: the rate falls with ventilation from what it was there, down to apnea.
        onset = par.co2_gain * state.reset - (1.0 + par.co2_gain) * math.log(most)
        state.rr = par.rr0 * math.exp(par.rr_power * onset) * most / relative
    step_reset(par, state, relative)
    state.spo2 = saturation(INSPIRED_O2_MMHG - state.paco2 / RESPIRATORY_QUOTIENT - gradient)


@kernel
def ventilation(par, state):
    """Ventilation relative to rest: the drive times what CO2 restores; 1 under assisted ventilation."""
    if state.ventilated == 1:
        return 1.0
    stimulus = min(state.paco2, CO2_NARCOSIS_MMHG) / set_point(par, state) * math.exp(-state.reset)
    return state.drive * stimulus**par.co2_gain


@kernel
def co2_response(par, state):
    """Ventilation at a PaCO2 that is held, relative to that without drug: what rebreathing measures."""
    return state.drive * math.exp(-par.co2_gain * state.reset)


@kernel
def lowest_saturation(par, state):
    """Lowest saturation (%) that half a minute of the tick had: under its mean by a dip while the upper airway was lax.

    Sleep makes it lax, and so does a drug that takes from the drive, by day as well. Depths are exponential: a few of many
    quarters of an hour hold the deepest dips. They are too brief for arterial CO2, for the sensors' averages and for the
    definition of depression; who records saturation by the second sees them.
    """
    if state.dead == 1 or state.ventilated == 1:
        return state.spo2
    lost = 1.0 - min(1.0, state.drive)
    lax = par.drug_lax * lost / (lost + par.drug_lax_half) if lost > 0.0 else 0.0
    if state.awake == 0:
        lax = max(1.0, lax)
    return max(0.0, state.spo2 + par.obstruction * lax * math.log(1.0 - state.airway))


@kernel
def is_depressed(state):
    """True while the patient's own (not the sensors') breathing meets the studies' definition of depression."""
    return state.rr < DEPRESSED_RR or state.spo2 < DEPRESSED_SPO2
