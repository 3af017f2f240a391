"""A hand-made patient for the tests of single equations: round numbers, no cohort, every field set."""

from __future__ import annotations

import numpy as np

from thecal.core.layout import MU, N_NODES, N_SENSORS, NODES
from thecal.physiology.patient import prepare_patient, start_patient
from thecal.physiology.records import PATIENT_PAR, PATIENT_STATE

DRUG = {
    "k_uptake": 0.6, "k_return": 0.8, "k_cord_loss": 0.15, "k_csf_loss": 0.12, "v_plasma_ml": 80e3, "k10": 1.05,
    "k12": 0.9, "k21": 0.45, "ke0_dh": 1.5, "ke0_bs": 0.6, "ke0_pl": 0.158, "ec50": 0.25, "ec50_bs": 1.5, "ec50_pl": 0.0091,
    "ec50_sym": np.inf, "ec50_mot": np.inf, "ec50_pressor": np.inf, "efficacy": 5.0, "granuloma": 1.0, "tol_share": 1.0,
}  # fmt: skip
CHANNEL = {
    "receptor": MU, "emax_noci": 0.8, "emax_neuro": 0.8, "hill": 2.4, "hill_resp": 1.2, "emax_resp": 1.0,
    "emax_sed": 1.0, "ec50_sed_ratio": 1.5, "hill_sed": 2.0, "emax_nausea": 0.8, "ec50_nausea_ratio": 1.0,
    "emax_itch": 1.0, "ec50_itch_ratio": 1.0, "emax_retention": 1.0, "ec50_retention_ratio": 8.0, "hill_sym": 1.0,
    "hill_mot": 1.0, "ec50_cog_ratio": 1.0, "emax_gut": 0.8, "ec50_gut_ratio": 3.0, "emax_endocrine": 0.8,
    "ec50_endocrine": 4.0, "tol_prior": 0.0, "tol_prior_tau_h": 1e12, "tol_half": 1.0,
    "habit_tau_h": 72.0, "habit_ceiling": 40.0, "tol_fast_max": 0.9, "tol_fast_tau_h": 45 * 24.0, "tol_slow_max": 0.6,
    "tol_slow_tau_h": 365 * 24.0, "cross": 0.65, "resp_tolerance": 0.7, "dep_tau_h": 120.0, "wd_tau_h": 12.0,
    "wd_gain": 1.5, "wd_nrs": 3.0, "wd_hr": 20.0, "wd_sbp": 20.0, "wd_temp": 0.3,
}  # fmt: skip
SCALARS = {
    "seed": 7, "patient": 11, "n_drugs": 1, "n_channels": 1, "last_node": N_NODES - 1, "cranial_out": 21.0,
    "cranial_loss": 1.0, "tip_ml": 2.0, "tip_flow": 4.0, "jet_ml": 0.1, "jet_flow": 1e12, "lumbar_node": NODES.index("L3"),
    "sym_first": NODES.index("T1"), "sym_last": NODES.index("L2"), "mot_first": NODES.index("L1"),
    "mot_last": NODES.index("S2"), "oih_max": 0.12, "oih_ec50": 20.0, "oih_hill": 1.0, "oih_tau_on_h": 60 * 24.0,
    "oih_tau_off_h": 28 * 24.0, "pain_base": 7.5, "neuropathic": 0.4, "pain_trend_per_h": 0.0005,
    "circ_amp": 0.7, "circ_peak_h": 20.0, "ou_sd": 0.8, "ou_tau_h": 12.0, "bt_rate_per_h": 0.19, "bt_nrs": 2.5,
    "bt_rise_h": 1 / 6, "bt_length_h": 1.0, "placebo": 0.12, "placebo_tau_h": 720.0, "press_nrs": 6.0,
    "press_every_h": 1.0, "wake_h": 7.0, "sleep_h": 23.0, "distress_tau_h": 168.0, "distress_nrs": 0.8,
    "function_tau_h": 48.0, "ashworth0": 1.0, "rebound": 1.0, "rr0": 14.0, "paco2_0": 40.0, "co2_gain": 4.3,
    "k_co2": 4.8, "aa_gradient": 12.0, "rr_power": 0.5, "nausea_tau_h": 72.0, "gut_tau_h": 72.0, "cog_on_tau_h": 24.0,
    "cog_off_tau_h": 120.0, "psychosis_at": 0.85, "endocrine_tau_h": 720.0, "granuloma_fade_h": 2880.0,
    "infection_h": 336.0, "hr0": 75.0, "sbp0": 130.0, "map0": 95.0, "act_hr": 8.0, "act_sbp": 5.0, "sed_hr": 5.0,
    "sed_sbp": 5.0, "nrs_noise": 0.6, "nrs_every_h": 4.0, "nrs_skip": 0.1, "nrs_skip_slope": 0.2, "poss_error": 0.1,
    "reset_tau_h": 4.0, "tone_tau_h": 1.5, "tone_night": 1.0, "day_tau_h": 48.0, "drug_lax_half": 0.1,
    "rr_swing_tau_h": 1.0, "act_dbp": 3.0, "reflex": 4.5, "granuloma_mg_per_ml": 2.0,
    "granuloma_mg_per_d": 1.5, "nal_mg": 2.0, "nal_half_mg": 0.9, "nal_tau_h": 1.5, "pressor_share": 0.8,
    "exchange_ml": 40.0, "wean_drive": 0.6, "wean_fall": 0.2,
}  # fmt: skip
SENSOR = {
    "s_rest": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.06, 1.0, np.log(5.0), np.log(25.0), 0.0, np.log(30.0)),
    "s_gain_pain": (0.2, 0.4, 0.3, 0.08, 0.0, 0.0, 0.07, -0.02, 0.01, -0.0075, 0.005, 0.005),
    "s_noise": (4.0, 6.0, 5.0, 1.2, 0.8, 2.5, 0.07, 0.2, 0.3, 0.25, 0.2, 0.25),
    "s_tau_h": (0.05, 0.05, 0.05, 0.05, 0.05, 0.02, 0.05, 0.1, 0.02, 0.1, 0.05, 0.5),
    "s_drop_per_h": (0.02,) * N_SENSORS, "s_drop_h": (0.5,) * N_SENSORS, "s_drift_tau_h": (48.0,) * N_SENSORS,
}  # fmt: skip


def toy_patients(n: int = 1, **changes: object) -> np.ndarray:
    """``[n]`` PATIENT_PAR records, prepared, with ``patient`` counting up; a change may name a field of drug or channel."""
    par = np.zeros(n, PATIENT_PAR)
    for name, value in {**SCALARS, **SENSOR}.items():
        par[name] = value
    for name, value in DRUG.items():
        par["drug"][name][:, :] = value
    for name, value in CHANNEL.items():
        par["channel"][name][:, :] = value
    length_cm = np.full(N_NODES, 60.0 / (N_NODES - 1))
    par["v_node"] = np.concatenate(([60.0], np.full(N_NODES - 1, 100.0 / (N_NODES - 1))))
    d = 0.06 * (0.006 / 0.06) ** (np.arange(N_NODES - 1) / (N_NODES - 2)) * 3600.0
    area = 100.0 / 60.0
    par["g_node"][:, : N_NODES - 1] = d * area / length_cm[1:]
    par["tip_node"] = NODES.index("T10")
    par["w_pain"][:, NODES.index("T10")] = 0.5
    par["w_pain"][:, NODES.index("T12")] = 0.5
    par["patient"] += np.arange(n, dtype=np.uint64)
    for name, value in changes.items():
        if name in CHANNEL:
            par["channel"][name][:, 0] = value
        else:
            par[name] = value
    for row in par:
        prepare_patient(row)
    return par


def fresh_state(par: np.ndarray, clock_h: float = 8.0) -> np.ndarray:
    """The state of each patient on the day of the implant."""
    state = np.zeros(len(par), PATIENT_STATE)
    for i in range(len(par)):
        start_patient(par[i], state[i], clock_h)
    return state
