"""The records of the virtual patient: what changes (state) and what does not (parameters), with the unit of every field.

A patient is one row of a structured array, so a snapshot is ``state.copy()`` and a cohort is an array. Nodes of the spinal
axis run from the cranial compartment (0) through the vertebral levels C1 (1) to S2 (26). Amounts are in µg, volumes in mL,
times in h, concentrations in µg/mL, pressures in mmHg, pain on the NRS (0-10), unless a name says otherwise.
"""

from __future__ import annotations

import numpy as np

from thecal.core.layout import MAX_DRUGS, N_NODES, N_SENSORS
from thecal.physiology.drug_records import CHANNEL_PAR, CHANNEL_STATE, DRUG_PAR, DRUG_STATE, dtype
from thecal.physiology.life_records import LIFE_PAR, LIFE_STATE

_f = np.float64
_i = np.int64
_axis = (N_NODES,)
_sensors = (N_SENSORS,)

PATIENT_PAR = dtype(
    ("seed", np.uint64),  # of the study; with patient and stream it keys every random number
    ("patient", np.uint64),  # identity of the patient
    ("structure", _i),  # AXIAL or COMPARTMENT
    ("n_drugs", _i),
    ("drug", DRUG_PAR, (MAX_DRUGS,)),
    ("n_channels", _i),
    ("channel", CHANNEL_PAR, (MAX_DRUGS,)),
    # --- anatomy and CSF
    ("last_node", _i),  # caudal end of the chain: 26, or 4 with regions
    ("v_node", _f, _axis),  # CSF volume of each node, mL
    ("g_node", _f, _axis),  # exchange flow between node i and i+1, mL/h (0 at the end)
    ("q_node", _f, _axis),  # net caudad flow from node i to i+1, mL/h (0 at the end)
    ("k_bulk", _f),  # absorption of CSF along the canal, 1/h
    ("cranial_out", _f),  # absorption of CSF from the cranial node, mL/h
    ("cranial_loss", _f),  # loss from the cranial node relative to the epidural loss of a level
    ("tip_node", _i),  # node of the catheter tip
    ("tip_ml", _f),  # volume of the unmixed cell at the tip, mL
    ("tip_flow", _f),  # exchange flow between tip cell and its node, mL/h
    ("jet_ml", _f),  # bolus volume at which half of it leaves the tip cell at once, mL
    ("jet_flow", _f),  # infusion flow at which half of it does, mL/h
    ("push", _f),  # levels to either side that each mL of a bolus beyond the first drives it
    ("lumbar_node", _i),  # where a lumbar tap samples
    ("w_pain", _f, _axis),  # weights of the painful segments (sum 1)
    ("sym_first", _i),  # nodes of the sympathetic outflow
    ("sym_last", _i),
    ("mot_first", _i),  # nodes of the legs' roots
    ("mot_last", _i),
    # --- opioid-induced hyperalgesia
    ("oih_max", _f),  # largest relative rise of nociceptive gain
    ("oih_ec50", _f),  # opioid exposure in the dorsal horn (C / naive EC50) of half of it
    ("oih_hill", _f),
    ("oih_tau_on_h", _f),
    ("oih_tau_off_h", _f),
    # --- days on which the patient is more or less sensitive
    ("occ_pain_sd", _f),  # SD of the log of analgesic sensitivity
    ("occ_central_sd", _f),  # the same of central sensitivity (breathing, sedation)
    ("occ_correlation", _f),
    ("occ_tau_h", _f),
    # --- pain and function
    ("pain_base", _f),  # at implant, without intrathecal drug, NRS
    ("neuropathic", _f),  # neuropathic share of it
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
    ("distress_tau_h", _f),  # mood follows pain
    ("distress_nrs", _f),  # what full distress adds to a report, and none takes from it, NRS
    ("distress_felt", _f),  # share by which full distress raises felt pain against calm
    ("function_tau_h", _f),
    # --- spasticity
    ("ashworth0", _f),  # modified Ashworth (1-5) without drug; 1 is none
    ("spasm0", _f),  # spasm frequency score (0-4) without drug
    ("spasm_circ", _f),  # circadian half-amplitude of the demand, fraction
    ("spasm_peak_h", _f),
    ("spasm_nrs", _f),  # pain of the worst spasms, NRS
    ("rebound", _f),  # susceptibility to a dangerous baclofen withdrawal (1 in the median patient)
    # --- breathing, circulation and adverse effects
    ("rr0", _f),  # breaths/min
    ("paco2_0", _f),
    ("co2_gain", _f),  # exponent F of the ventilatory response to CO2
    ("k_co2", _f),  # CO2 elimination, 1/h
    ("reset", _f),  # share of a lasting rise of PaCO2 (log) to which the chemoreflex resets
    ("reset_tau_h", _f),
    ("reset_share", _f),  # prepared: share of that gap closed in one pump tick
    ("aa_gradient", _f),  # alveolar-arterial O2 difference, mmHg
    ("rr_power", _f),  # share of the fall of the drive (log) that the rate takes; tidal volume makes up the rest
    ("apnea", _f),  # share of the drive that sleep takes in a patient with sleep apnea
    ("sleep_paco2", _f),  # rise of the set point asleep, mmHg
    ("rr_swing", _f),  # SD of the log of the rate by its fluctuation within hours
    ("rr_swing_tau_h", _f),
    ("rr_days", _f),  # fluctuation from day to day relative to it
    ("obstruction", _f),  # mean depth of a quarter of an hour's deepest dip of saturation asleep, %
    ("drug_lax", _f),  # largest laxness of the airway under a drug relative to sleep
    ("drug_lax_half", _f),  # loss of drive at which half of it is there
    ("nausea_tau_h", _f),  # tolerance to nausea and itch
    ("gut_tau_h", _f),
    ("cog_on_tau_h", _f),
    ("cog_off_tau_h", _f),
    ("psychosis_at", _f),  # cognitive effect at which this patient becomes psychotic
    ("endocrine_tau_h", _f),
    ("granuloma_per_h", _f),  # growth at 10 mg/mL and 5 mg/d of morphine, 1/h
    ("granuloma_mg_per_ml", _f),  # concentration and dose of half of the largest growth, mg of morphine
    ("granuloma_mg_per_d", _f),
    ("granuloma_fade_h", _f),
    ("infection_per_h", _f),  # hazard
    ("infection_h", _f),  # length of a treated infection
    ("death_per_h", _f),  # hazard of death by what the model does not follow
    ("hr0", _f),  # beats/min
    ("sbp0", _f),
    ("map0", _f),
    ("act_hr", _f),  # rise of heart rate at mean waking activity, beats/min
    ("act_sbp", _f),
    ("sed_hr", _f),  # fall of heart rate at full sedation, beats/min
    ("sed_sbp", _f),
    ("act_dbp", _f),  # rise of diastolic pressure at mean waking activity
    ("reflex", _f),  # how much an open outflow makes up for what a block takes from pressure
    ("tone_hr", _f),  # per SD of sympathetic tone, beats/min
    ("tone_sbp", _f),  # per SD of sympathetic tone, mmHg
    ("tone_night", _f),  # the same asleep relative to awake
    ("day_sbp", _f),  # SD of the level of pressure from day to day, mmHg
    ("day_tau_h", _f),  # memory of a day's levels
    ("tone_hrv", _f),  # fall of log RMSSD per SD of sympathetic tone
    ("tone_tau_h", _f),
    ("night_hr", _f),  # fall of heart rate asleep, beats/min
    ("night_dip", _f),  # share of pressure that sleep takes
    ("night_hrv", _f),  # rise of log RMSSD asleep
    # --- rescue
    ("nal_mg", _f),  # naloxone of one dose
    ("nal_half_mg", _f),  # naloxone that occupies half of the mu receptors
    ("nal_tau_h", _f),
    ("pressor_share", _f),  # share of a fall of pressure that a vasopressor makes up for
    ("exchange_ml", _f),  # CSF replaced by saline in one exchange
    ("wean_drive", _f),  # own drive at which ventilation is withdrawn
    ("wean_fall", _f),  # own fall of pressure at which the vasopressor is withdrawn
    ("life", LIFE_PAR),  # what may happen beside the pump
    # --- sensors, in the order of SENSORS
    ("s_rest", _f, _sensors),  # level at rest where no other field states it (log of it for LOG_SENSORS)
    ("s_gain_pain", _f, _sensors),  # per NRS point of felt pain
    ("s_gain_sed", _f, _sensors),  # at full sedation
    ("s_noise", _f, _sensors),  # within-patient SD
    ("s_motion", _f, _sensors),  # relative rise of the noise at mean waking activity
    ("s_drift", _f, _sensors),  # SD of the slow drift
    ("s_drift_tau_h", _f, _sensors),
    ("s_tau_h", _f, _sensors),  # lag
    ("s_drop_per_h", _f, _sensors),  # dropouts start at this rate
    ("s_drop_h", _f, _sensors),  # mean length of a dropout
    ("s_stuck", _f, _sensors),  # share of dropouts in which the old value is repeated as if it were new
    ("nrs_noise", _f),  # SD of a report, NRS
    ("nrs_every_h", _f),  # interval of the scheduled report
    ("nrs_skip", _f),  # probability that a scheduled report is missing at no pain
    ("nrs_skip_slope", _f),  # rise of its log-odds per NRS point above 5
    ("poss_error", _f),  # probability that an hourly sedation score is one step off
    # prepared by patient.prepare_patient(): shares of a gap closed in one step, and what else is the same every tick
    ("pain_first", _i),  # first and last painful node
    ("pain_last", _i),
    ("sym_ml", _f),
    ("mot_ml", _f),
    ("mu_channel", _i),  # index of the opioid channel, -1 without an opioid
    ("block_channel", _i),  # index of the local anesthetic's, -1 without one
    ("oih_on_share", _f),
    ("oih_off_share", _f),
    ("nausea_share", _f),
    ("gut_share", _f),
    ("cog_on_share", _f),
    ("cog_off_share", _f),
    ("endocrine_share", _f),
    ("distress_share", _f),
    ("function_share", _f),
    ("infection_chance", _f),
    ("death_chance", _f),
    ("tone_keep", _f),
    ("tone_kick", _f),
    ("rhythm_keep", _f),
    ("rhythm_kick", _f),
    ("nal_keep", _f),
    ("ou_keep", _f),
    ("ou_kick", _f),
    ("s_share", _f, _sensors),
    ("s_drift_keep", _f, _sensors),
    ("s_drift_kick", _f, _sensors),
    ("s_drop_chance", _f, _sensors),
    ("s_any_drop", _f),  # chance that any sensor starts a dropout in a tick
)

PATIENT_STATE = dtype(
    ("tick", _i),  # pump ticks since the start
    ("clock_h", _f),  # clock time at tick 0, h
    ("drug", DRUG_STATE, (MAX_DRUGS,)),
    ("channel", CHANNEL_STATE, (MAX_DRUGS,)),
    ("settle_left_h", _f),  # time left in coarse substeps, h
    ("fine_left_h", _f),  # time left in fine substeps, h
    ("source", _f),  # drug 0 entering at the last substep, µg/h
    ("grain_ug", _f),  # first drug in one stroke of the pump, µg: a change no larger is none
    ("tip_ug", _f),  # drug, weighted by its granuloma potency, since the last slow step, µg
    ("tip_ml", _f),  # fluid that carried it, mL
    ("oih", _f),
    ("withdrawal", _f),  # of the receptor that is worst off, 0-1
    ("occ_pain", _f),  # analgesic sensitivity on this day relative to the patient's usual one
    ("occ_central", _f),
    ("life", LIFE_STATE),  # what happens beside the pump, and what it changes
    ("ou", _f),
    ("bt_age_h", _f),  # age of the running episode; negative when there is none
    ("bt_height", _f),
    ("pain_latent", _f),  # nociceptive drive before drug, NRS
    ("pain", _f),  # felt pain, NRS
    ("relief_noci", _f),  # fraction of nociceptive pain removed by drug
    ("relief_neuro", _f),  # fraction of neuropathic pain removed
    ("relief", _f),  # both, weighted by the patient's pain without breakthrough
    ("distress", _f),  # 0-1
    ("function", _f),  # 0-100
    ("ashworth", _f),  # 1-5
    ("spasm", _f),  # 0-4
    ("paco2", _f),
    ("reset", _f),  # log shift of the chemoreflex toward a lasting rise of PaCO2
    ("drive", _f),  # respiratory drive / that of an awake patient without drug
    ("rr", _f),
    ("spo2", _f),
    ("sedation", _f),  # 0-1
    ("poss", _i),  # 1-4
    ("nausea", _f),  # 0-10
    ("nausea_tol", _f),
    ("itch", _f),  # 0-1
    ("itch_tol", _f),
    ("retention", _f),  # 0-1
    ("gut", _f),  # constipation, 0-1
    ("bp_fall", _f),  # fraction of blood pressure lost to drug
    ("hr_fall", _f),
    ("motor_block", _f),  # 0-1
    ("cognition", _f),  # cognitive effect, 0-1
    ("psychotic", _i),
    ("endocrine", _f),  # suppression of the gonadal axis, 0-1
    ("granuloma", _f),  # 0 none, 1 clinically evident
    ("deficit", _f),  # neurological deficit, 0-1
    ("infection_left_h", _f),
    ("infections", _i),
    ("temperature", _f),  # degree C
    ("crisis_h", _f),  # time in a row in a dangerous withdrawal, h
    ("activity", _f),  # relative activity in this tick, mean 1 while awake
    ("awake", _i),
    ("dead", _i),
    ("failure", _f),  # of the heart by lack of oxygen or perfusion, 0-1; at 1 it stands still
    ("tone", _f),  # sympathetic against vagal tone, in SD
    ("rhythm", _f),  # slow fluctuation of the breathing rate, in SD
    ("day_pressure", _f),  # level of pressure on this day, in SD
    ("day_breath", _f),  # level of the breathing rate on this day, in SD
    ("airway", _f),  # luck of the upper airway in this tick, 0-1 (uniform): near 0 the deepest dip
    ("rescues", _i),  # how often a clinician treated an emergency
    ("exchanges", _i),  # of CSF
    ("naloxone_mg", _f),  # in the body
    ("ventilated", _i),  # 1 while somebody breathes for the patient
    ("pressor", _f),  # vasopressor running, 0-1
    ("s_lag", _f, _sensors),  # lagged true value
    ("s_value", _f, _sensors),  # last valid reading
    ("s_valid", _i, _sensors),  # 1 when the last sample arrived
    ("s_age_h", _f, _sensors),  # age of the last valid reading
    ("s_drop_left_h", _f, _sensors),
    ("s_stuck_now", _i, _sensors),  # 1 while the old value is repeated as if it were new
    ("s_wander", _f, _sensors),  # slow drift
    ("nrs_report", _f),  # last report
    ("nrs_age_h", _f),
    ("asked_age_h", _f),  # time since a report was last due while the patient was rousable
    ("nrs_new", _i),  # 1 when a report arrived in this tick
    ("nrs_mean", _f),  # running mean of reports (24 h weight), NRS
    ("poss_seen", _i),  # last sedation score an observer gave
    ("nausea_seen", _f),  # nausea at the last report, 0-10
    ("spasm_seen", _f),  # spasms at the last report, 0-4
    ("weakness_seen", _f),  # motor block as seen at the last report, 0-4
    ("confusion_seen", _f),  # cognitive effect as seen at the last report, 0-4
    ("demand", _i),  # 1 when the patient pressed the button in this tick
    ("press_age_h", _f),  # time since the last press
    # scratch of the transport step; inside the record because a separate array costs reference counting at every call
    ("csf_work", _f, _axis),
    ("cord_work", _f, _axis),
)
