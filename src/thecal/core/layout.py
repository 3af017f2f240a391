"""The layout every record shares: time steps, nodes of the spinal axis, receptors, sensors and the two structures."""

from __future__ import annotations

MAX_DRUGS = 3
TICK_H = 0.25  # pump tick: everything but kinetics advances by it
TICK_S = 900
TICKS_PER_DAY = 96
REPORT_VALID_H = 24.0  # age up to which a self-report still says something
NL_PER_ML = 1.0e6
NL_PER_UL = 1.0e3
PG_PER_UG = 1.0e6
SLOW_TICKS = 4  # what changes over days is advanced every hour
SLOW_H = SLOW_TICKS * TICK_H
QUIET, COARSE, FINE = 0, 1, 2
COARSE_PER_TICK = 3  # substeps of 5 min in place of one of 15 min while the concentrations settle
COARSE_H = TICK_H / COARSE_PER_TICK
FINE_PER_COARSE = 6  # substeps of 50 s in place of one of 5 min while a bolus spreads
FINE_H = 0.5  # for how long after a bolus
SETTLE_H = 6.0  # for how long after a bolus, the start or a large change of the infusion
LEVELS = (
    *(f"C{i}" for i in range(1, 8)),
    *(f"T{i}" for i in range(1, 13)),
    *(f"L{i}" for i in range(1, 6)),
    "S1",
    "S2",
)
NODES = ("cranial", *LEVELS)
N_NODES = len(NODES)

# The second structural model lumps the levels into regions (REGIONS) and lets receptors, not EC50, be lost.
AXIAL, COMPARTMENT = 0, 1
REGIONS = ("cranial", "cervical", "thoracic", "lumbar", "sacral")

RECEPTORS = ("mu", "sodium_channel", "alpha2", "n_calcium", "gaba_b", "gaba_a")
MU, SODIUM_CHANNEL, ALPHA2, N_CALCIUM, GABA_B, GABA_A = range(len(RECEPTORS))

SENSORS = ("hr", "sbp", "map", "rr", "spo2", "etco2", "conductance", "activity", "emg", "hrv", "eeg", "sweat")
N_SENSORS = len(SENSORS)
LOG_SENSORS = SENSORS[8:]  # EMG, HRV, EEG, sweat: kept as logarithms, so gain and noise are relative
