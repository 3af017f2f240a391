"""The records of the virtual patient: what changes (state) and what does not (parameters), with the unit of every field.

A patient is one row of a structured array, so a snapshot is ``state.copy()`` and a cohort is an array. Nodes of the spinal
axis run from the cranial compartment (0) through the vertebral levels C1 (1) to S2 (26). Amounts are in µg, volumes in mL,
times in h, concentrations in µg/mL, pressures in mmHg, pain on the NRS (0-10), unless a name says otherwise.
"""

from __future__ import annotations

import numpy as np

MAX_DRUGS = 3
TICK_H = 0.25  # pump tick: everything but kinetics advances by it
COARSE, FINE = 0, 1
COARSE_H = 5.0 / 60.0  # substep in quiet times
FINE_PER_COARSE = 6  # substeps of 50 s in place of one while a bolus spreads
FINE_H = 0.5  # for how long after a bolus
LEVELS = (
    *(f"C{i}" for i in range(1, 8)),
    *(f"T{i}" for i in range(1, 13)),
    *(f"L{i}" for i in range(1, 6)),
    "S1",
    "S2",
)
NODES = ("cranial", *LEVELS)
N_NODES = len(NODES)

SENSORS = ("hr", "sbp", "map", "rr", "spo2", "emg")
N_SENSORS = len(SENSORS)

_f = np.float64
_i = np.int64
_axis = (N_NODES,)
_sensors = (N_SENSORS,)


def _dtype(*fields: tuple[str, object] | tuple[str, object, tuple[int, ...]]) -> np.dtype[np.void]:
    return np.dtype(list(fields), align=True)


DRUG_STATE = _dtype(
    ("csf", _f, _axis),  # drug in the CSF of each node, µg
    ("cord", _f, _axis),  # drug in the cord tissue of each node, µg
    ("tip", _f),  # drug in the unmixed cell at the catheter tip, µg
    ("plasma", _f),  # central plasma, µg
    ("periph", _f),  # peripheral compartment, µg
    ("eliminated", _f),  # left the body since the start, µg
    ("given", _f),  # entered the CSF since the start, µg
    ("ce_dh", _f),  # effect site in the dorsal horn of the painful segments, µg/mL of CSF
    ("ce_bs", _f),  # effect site in the brainstem, µg/mL of CSF
    ("ce_pl", _f),  # effect site reached from plasma, µg/mL of plasma
    ("dorsal", _f),  # CSF over the painful segments at the last substep, µg/mL
)

STEP_PAR = _dtype(
    ("dt_h", _f),  # length of the substep
    ("elim", _f, _axis),  # elimination factors, from both ends of the chain to its middle
    ("elim_below", _f),  # the middle node's factor toward the lower half
    ("back", _f, _axis),  # back-substitution factors
    ("pivot", _f, _axis),  # reciprocals of the pivots
    ("cord_div", _f),  # 1 / (1 + gamma dt (k_return + k_cord_loss))
    ("tip_div", _f),  # 1 / (1 + gamma dt G / V_tip)
    ("p11", _f),  # plasma propagator over one substep
    ("p12", _f),
    ("p21", _f),
    ("p22", _f),
    ("q1", _f),  # plasma response to a constant input over one substep
    ("q2", _f),
    ("a_dh", _f),  # 1 - exp(-ke0 dt)
    ("a_bs", _f),
    ("a_pl", _f),
)

DRUG_PAR = _dtype(
    ("k_uptake", _f),  # CSF to cord, 1/h
    ("k_return", _f),  # cord to CSF, 1/h
    ("k_cord_loss", _f),  # cord to plasma, 1/h
    ("k_csf_loss", _f),  # CSF to epidural space and plasma, 1/h
    ("v_plasma_ml", _f),  # central volume, mL
    ("k10", _f),  # elimination, 1/h
    ("k12", _f),  # central to peripheral, 1/h
    ("k21", _f),  # peripheral to central, 1/h
    ("ke0_dh", _f),  # dorsal-horn effect site, 1/h
    ("ke0_bs", _f),  # brainstem effect site, 1/h
    ("ke0_pl", _f),  # effect site reached from plasma, 1/h
    ("ec50", _f),  # analgesia, opioid-naive, µg/mL of CSF at the painful segments
    ("ec50_bs", _f),  # respiratory depression, naive, µg/mL of cranial CSF
    ("ec50_pl", _f),  # respiratory depression, naive, µg/mL of plasma
    ("step", STEP_PAR, (2,)),  # prepared for the two substep lengths: COARSE and FINE
)

PATIENT_PAR = _dtype(
    ("seed", np.uint64),  # of the study; with patient and stream it keys every random number
    ("patient", np.uint64),  # identity of the patient
    ("n_drugs", _i),
    ("drug", DRUG_PAR, (MAX_DRUGS,)),
    # --- anatomy and CSF
    ("v_node", _f, _axis),  # CSF volume of each node, mL
    ("g_node", _f, _axis),  # exchange flow between node i and i+1, mL/h (last entry 0)
    ("cranial_out", _f),  # absorption of CSF from the cranial node, mL/h
    ("tip_node", _i),  # node of the catheter tip
    ("tip_ml", _f),  # volume of the unmixed cell at the tip, mL
    ("tip_flow", _f),  # exchange flow between tip cell and its node, mL/h
    ("jet_ml", _f),  # bolus volume at which half of it leaves the tip cell at once, mL
    ("w_pain", _f, _axis),  # weights of the painful segments (sum 1)
    # --- opioid pharmacodynamics
    ("emax", _f),  # largest fraction of the pain the opioid can remove
    ("hill", _f),
    ("hill_resp", _f),
    ("emax_resp", _f),  # largest fraction of the respiratory drive removed
    ("resp_tolerance", _f),  # share of analgesic tolerance (log scale) that protects breathing
    ("ec50_sed_ratio", _f),  # EC50 of sedation / EC50 of respiratory depression
    ("ec50_nausea_ratio", _f),  # EC50 of nausea / EC50 of respiratory depression
    # --- adaptation (log EC50 shifts)
    ("tol_prior", _f),  # from opioids before the implant
    ("tol_fast_max", _f),
    ("tol_fast_tau_h", _f),
    ("tol_slow_max", _f),
    ("tol_slow_tau_h", _f),
    ("oih_max", _f),  # largest relative rise of nociceptive gain
    ("oih_ec50", _f),  # dorsal-horn exposure (ce / naive ec50) of half-maximal hyperalgesia
    ("oih_tau_on_h", _f),
    ("oih_tau_off_h", _f),
    ("dep_tau_h", _f),  # dependence follows occupancy
    ("wd_tau_h", _f),  # onset and fading of withdrawal
    ("wd_gain", _f),  # withdrawal (0-1) per unit of missing occupancy
    ("wd_nrs", _f),  # pain added at full withdrawal, NRS
    # --- pain
    ("pain_base", _f),  # at implant, without intrathecal drug, NRS
    ("pain_trend_per_h", _f),  # disease progression, NRS/h
    ("circ_amp", _f),  # circadian half-amplitude, NRS
    ("circ_peak_h", _f),  # clock time of the circadian peak, h
    ("ou_sd", _f),  # Ornstein-Uhlenbeck fluctuation, NRS
    ("ou_tau_h", _f),
    ("bt_rate_per_h", _f),  # breakthrough episodes while awake, 1/h
    ("bt_nrs", _f),  # typical height of an episode, NRS
    ("bt_rise_h", _f),
    ("bt_length_h", _f),
    ("placebo", _f),  # relative relief at the start of therapy
    ("placebo_tau_h", _f),
    ("press_nrs", _f),  # felt pain at which the patient asks for a bolus
    ("press_every_h", _f),  # shortest time between two presses
    ("wake_h", _f),  # clock time of waking
    ("sleep_h", _f),  # clock time of falling asleep
    # --- breathing, circulation and adverse effects
    ("rr0", _f),  # breaths/min
    ("paco2_0", _f),
    ("co2_gain", _f),  # exponent F of the ventilatory response to CO2
    ("k_co2", _f),  # CO2 elimination, 1/h
    ("aa_gradient", _f),  # alveolar-arterial O2 difference, mmHg
    ("rr_power", _f),  # share of the fall of the drive (log) that the rate takes; tidal volume makes up the rest
    ("nausea_max", _f),  # 0-10 scale
    ("nausea_tau_h", _f),  # tolerance to nausea
    ("hill_sed", _f),  # slope of sedation
    ("hr0", _f),  # beats/min
    ("sbp0", _f),
    ("map0", _f),
    ("wd_hr", _f),  # rise of heart rate at full withdrawal, beats/min
    ("wd_sbp", _f),  # rise of systolic pressure at full withdrawal, mmHg
    ("act_hr", _f),  # rise of heart rate at mean waking activity, beats/min
    ("act_sbp", _f),
    ("sed_hr", _f),  # fall of heart rate at full sedation, beats/min
    ("sed_sbp", _f),
    # --- sensors, in the order of SENSORS
    ("s_gain_pain", _f, _sensors),  # per NRS point of felt pain (log for EMG)
    ("s_noise", _f, _sensors),  # within-patient SD
    ("s_tau_h", _f, _sensors),  # lag
    ("s_drop_per_h", _f, _sensors),  # dropouts start at this rate
    ("s_drop_h", _f, _sensors),  # mean length of a dropout
    ("emg0", _f),  # resting EMG, µV
    ("nrs_noise", _f),  # SD of a report, NRS
    ("nrs_every_h", _f),  # interval of the scheduled report
    ("nrs_skip", _f),  # probability that a scheduled report is missing at no pain
    ("nrs_skip_slope", _f),  # rise of its log-odds per NRS point above 5
    ("poss_error", _f),  # probability that an hourly sedation score is one step off
    # prepared by patient.prepare_patient(): shares of a gap closed in one pump tick, and what else is the same every tick
    ("pain_first", _i),  # first and last painful node
    ("pain_last", _i),
    ("tol_fast_share", _f),
    ("tol_slow_share", _f),
    ("oih_on_share", _f),
    ("oih_off_share", _f),
    ("dep_share", _f),
    ("wd_share", _f),
    ("nausea_share", _f),
    ("ou_keep", _f),
    ("ou_kick", _f),
    ("s_share", _f, _sensors),
    ("s_drop_chance", _f, _sensors),
)

PATIENT_STATE = _dtype(
    ("tick", _i),  # pump ticks since the start
    ("clock_h", _f),  # clock time at tick 0, h
    ("drug", DRUG_STATE, (MAX_DRUGS,)),
    ("fine_left_h", _f),  # time left in fine substeps, h
    ("tol_fast", _f),
    ("tol_slow", _f),
    ("oih", _f),
    ("dependence", _f),
    ("withdrawal", _f),  # 0-1
    ("ou", _f),
    ("bt_age_h", _f),  # age of the running episode; negative when there is none
    ("bt_height", _f),
    ("pain_latent", _f),  # nociceptive drive before drug, NRS
    ("pain", _f),  # felt pain, NRS
    ("relief", _f),  # fraction of the drive removed by drug
    ("paco2", _f),
    ("vent", _f),  # ventilation / baseline
    ("rr", _f),
    ("spo2", _f),
    ("sedation", _f),  # 0-1
    ("poss", _i),  # 1-4
    ("nausea", _f),  # 0-10
    ("nausea_tol", _f),
    ("awake", _i),
    ("dead", _i),
    ("hypoxic_h", _f),  # time in a row with SpO2 under the lethal threshold, h
    ("s_lag", _f, _sensors),  # lagged true value
    ("s_value", _f, _sensors),  # last valid reading
    ("s_valid", _i, _sensors),  # 1 when the last sample arrived
    ("s_age_h", _f, _sensors),  # age of the last valid reading
    ("s_drop_left_h", _f, _sensors),
    ("nrs_report", _f),  # last report
    ("nrs_age_h", _f),
    ("nrs_new", _i),  # 1 when a report arrived in this tick
    ("nrs_mean", _f),  # running mean of reports (24 h weight), NRS
    ("poss_seen", _i),  # last sedation score an observer gave
    ("nausea_seen", _f),  # nausea at the last report, 0-10
    ("demand", _i),  # 1 when the patient pressed the button in this tick
    ("press_age_h", _f),  # time since the last press
    # scratch of the transport step; inside the record because a separate array costs reference counting at every call
    ("csf_work", _f, _axis),
    ("cord_work", _f, _axis),
)
