"""Breathing: drugs lower the drive, CO2 rises and restores part of it, oxygen follows the alveolar gas equation.

Indirect-response model of Bouillon et al. 2003, Anesthesiology 99:779 (ventilation = drive * (PaCO2 / baseline) ** F,
PaCO2 eliminated by ventilation), solved for its steady state with a first-order lag at the model's own rate.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import TICK_H
from thecal.physiology.effect import hill

# Room air at sea level: 0.2093 of (760 - 47) mmHg; respiratory quotient 0.8 (standard values).
INSPIRED_O2_MMHG = 149.2
RESPIRATORY_QUOTIENT = 0.8
# Oxygen dissociation curve: Severinghaus 1979, J Appl Physiol 46:599.
SEVERINGHAUS_A = 23400.0
SEVERINGHAUS_B = 150.0
# A virtual patient dies after this long below this saturation (engineering choice: certain arrest, not a threshold of harm).
LETHAL_SPO2 = 60.0
LETHAL_H = 0.5
# Respiratory depression as counted in the studies the model is held to: RR < 8/min or SpO2 < 90 %.
DEPRESSED_RR = 8.0
DEPRESSED_SPO2 = 90.0
MIN_DRIVE = 0.01


@kernel
def saturation(pao2):
    """Oxygen saturation (%) at an arterial oxygen tension (mmHg)."""
    x = max(1.0, pao2)
    return 100.0 / (1.0 + SEVERINGHAUS_A / (x * (x * x + SEVERINGHAUS_B)))


@kernel
def respiratory_drive(par, state):
    """Drive to breathe relative to an awake patient without drug: every receptor's own depression, and apnea in sleep."""
    drive = 1.0
    for c in range(par.n_channels):
        rule = par.channel[c]
        if rule.emax_resp > 0.0:
            drive *= 1.0 - rule.emax_resp * hill(state.channel[c].depressant, rule.hill_resp)
    if state.awake == 0:
        drive *= 1.0 - par.apnea
    return max(MIN_DRIVE, drive)


@kernel
def step_breathing(par, state):
    """Advance PaCO2, ventilation, rate and saturation by one pump tick."""
    drive = respiratory_drive(par, state)
    log_drive = math.log(drive)
    relative = math.exp(-log_drive / (1.0 + par.co2_gain))
    rate = par.k_co2 * (1.0 + par.co2_gain) / relative
    state.paco2 -= math.expm1(-rate * TICK_H) * (par.paco2_0 * relative - state.paco2)
    state.drive = drive
    # Opioids slow the rhythm more than ventilation falls: CO2 restores ventilation through larger breaths.
    state.rr = par.rr0 * math.exp(par.rr_power * log_drive)
    state.spo2 = saturation(INSPIRED_O2_MMHG - state.paco2 / RESPIRATORY_QUOTIENT - par.aa_gradient)
    state.hypoxic_h = state.hypoxic_h + TICK_H if state.spo2 < LETHAL_SPO2 else 0.0
    if state.hypoxic_h >= LETHAL_H:
        state.dead = 1


@kernel
def ventilation(par, state):
    """Ventilation relative to rest: the drive times what CO2 restores."""
    return state.drive * (state.paco2 / par.paco2_0) ** par.co2_gain


@kernel
def is_depressed(state):
    """True while the patient's own (not the sensors') breathing meets the studies' definition of depression."""
    return state.rr < DEPRESSED_RR or state.spo2 < DEPRESSED_SPO2
