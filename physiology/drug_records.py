"""The records of a drug and of a receptor in one patient: state, parameters and prepared step factors.

Amounts are in µg, volumes in mL, times in h, concentrations in µg/mL unless a name says otherwise.
"""

from __future__ import annotations

import numpy as np

from thecal.core.layout import N_NODES

_f = np.float64
_i = np.int64
_axis = (N_NODES,)


def dtype(*fields: tuple[str, object] | tuple[str, object, tuple[int, ...]]) -> np.dtype[np.void]:
    """A record of named fields, aligned as the compiler expects."""
    return np.dtype(list(fields), align=True)


DRUG_STATE = dtype(
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
    ("ce_sym", _f),  # effect site of the sympathetic outflow (T1-L2), µg/mL of CSF
    ("ce_mot", _f),  # effect site of the legs (roots L1-S2, or neurons T11-L1), µg/mL of CSF
    ("dorsal", _f),  # CSF over the painful segments at the last substep, µg/mL
    ("tol_fast", _f),  # tolerance this drug has brought about, shift of log EC50
    ("tol_slow", _f),
    ("eliminated_seen", _f),  # of it at the last slow step, µg
    ("m6g", _f),  # glucuronides in plasma, µg
    ("m3g", _f),
    ("ce_m6g", _f),  # M6G at its central effect site, µg/mL of plasma
)

STEP_PAR = dtype(
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

DRUG_PAR = dtype(
    ("k_uptake", _f),  # CSF to cord, 1/h
    ("k_return", _f),  # cord to CSF, 1/h
    ("k_cord_loss", _f),  # cord to plasma, 1/h
    ("k_csf_loss", _f),  # CSF to epidural space and plasma, 1/h
    ("v_plasma_ml", _f),  # central volume, mL
    ("k10", _f),  # elimination, 1/h
    ("renal", _f),  # share of it by the kidneys, in this patient
    ("k12", _f),  # central to peripheral, 1/h
    ("k21", _f),  # peripheral to central, 1/h
    ("ke0_dh", _f),  # dorsal-horn effect site, 1/h
    ("ke0_bs", _f),  # brainstem effect site, 1/h
    ("ke0_pl", _f),  # effect site reached from plasma, 1/h
    ("channel", _i),  # index in PATIENT_PAR.channel of the receptor it acts on
    ("spinal", _i),  # 1 when its sympathetic and motor sites are followed
    ("efficacy", _f),  # transducer ratio tau of the operational model
    ("ec50", _f),  # analgesia, drug-naive, µg/mL of CSF at the painful segments
    ("ec50_bs", _f),  # central effects (breathing, sedation), naive, µg/mL of cranial CSF
    ("ec50_pl", _f),  # central effects, naive, µg/mL of plasma
    ("ec50_sym", _f),  # fall of blood pressure, µg/mL of CSF at T1-L2
    ("ec50_mot", _f),  # legs (motor block or spasticity), µg/mL of CSF at ce_mot's site
    ("tol_share", _f),  # share of the receptor's tolerance (log scale) that this drug feels: less for a high efficacy
    ("m6g_formed", _f),  # µg of glucuronide per µg of drug eliminated; 0 where the drug has none
    ("m3g_formed", _f),
    ("m6g_k", _f),  # renal elimination, 1/h
    ("m3g_k", _f),
    ("m6g_ml", _f),  # plasma volumes, mL
    ("m3g_ml", _f),
    ("m6g_ke0", _f),  # central effect site of M6G, 1/h
    ("ec50_m6g", _f),  # µg/mL of plasma
    ("m3g_unit", _f),  # M3G in plasma that counts as one unit of exposure for hyperalgesia, µg/mL
    ("m6g_keep", _f),  # prepared by metabolites.prepare_metabolites(), as the next two
    ("m3g_keep", _f),
    ("m6g_share", _f),
    ("ec50_pressor", _f),  # vasoconstriction, µg/mL of plasma
    ("granuloma", _f),  # morphine equivalents of a mg for granuloma growth; they weigh concentration and dose
    ("jet_shift", _f),  # levels a bolus moves caudad in an upright patient (baricity)
    ("potency", _f),  # prepared: agonist drive per C / EC50
    ("load", _f),  # prepared: receptor occupancy per C / EC50 (0 in the Hill form)
    ("step", STEP_PAR, (3,)),  # prepared for the substep lengths QUIET, COARSE and FINE
)

# A receptor in use. Drugs of one receptor share a channel; effects of zero size cost no evaluation.
CHANNEL_PAR = dtype(
    ("receptor", _i),  # MU ... GABA_A
    ("emax_noci", _f),  # largest fraction of nociceptive pain it can remove
    ("emax_neuro", _f),  # largest fraction of neuropathic pain
    ("hill", _f),
    ("synergy", _f),  # Greco interaction with the opioid, analgesia
    ("synergy_resp", _f),  # Greco interaction with the opioid, breathing and sedation
    ("synergy_block", _f),  # Greco interaction with a local anesthetic, sensory and motor block
    ("emax_resp", _f),  # largest fraction of the respiratory drive removed
    ("hill_resp", _f),
    ("emax_sed", _f),
    ("ec50_sed_ratio", _f),  # EC50 of sedation / EC50 of the central effect
    ("hill_sed", _f),
    ("emax_nausea", _f),
    ("ec50_nausea_ratio", _f),
    ("emax_itch", _f),
    ("ec50_itch_ratio", _f),
    ("emax_retention", _f),  # bladder: driven by the dorsal horn, or by the motor site of a local anesthetic
    ("ec50_retention_ratio", _f),
    ("emax_bp", _f),  # largest fall of blood pressure (fraction), from the sympathetic site
    ("emax_hr", _f),  # largest fall of heart rate (fraction)
    ("emax_pressor", _f),  # largest rise of blood pressure (fraction), from plasma
    ("hill_sym", _f),
    ("emax_motor", _f),  # motor block
    ("emax_spasm", _f),  # largest fraction of spasticity removed
    ("hill_mot", _f),
    ("emax_cog", _f),  # cognitive and psychiatric effect
    ("ec50_cog_ratio", _f),
    ("cog_rise", _f),  # weight of exposure above its weekly mean: fast titration harms more
    ("emax_gut", _f),  # constipation
    ("ec50_gut_ratio", _f),
    ("emax_endocrine", _f),  # suppression of the gonadal axis
    ("ec50_endocrine", _f),  # dorsal exposure (C / naive EC50) of half of it
    ("tol_prior", _f),  # log EC50 shift from drugs of the class before the implant
    ("tol_fast_max", _f),
    ("tol_slow_max", _f),  # of this patient: an escalator's is larger
    ("tol_half", _f),  # exposure (C / naive EC50) of half of the largest tolerance
    ("escalator", _f),  # 1 in a patient whose slow tolerance is an escalator's
    ("tol_prior_tau_h", _f),  # over which tolerance from before the implant fades where no receptor is occupied
    ("cross", _f),  # share of one drug's tolerance that holds for another drug of the receptor
    ("resp_tolerance", _f),  # share of tolerance (log scale) that protects breathing
    ("habit_gain", _f),  # central habituation: rise of the EC50 per unit of accustomed central drive; 0 is none
    ("habit_power", _f),  # its exponent: 1 is complete adaptation at large drives
    ("habit_ceiling", _f),  # accustomed drive at which habituation has half of what it can reach, before the exponent
    ("habit_tau_h", _f),
    ("habit_prior", _f),  # central drive to which a very high oral dose before the implant has accustomed the brainstem
    ("dep_prior", _f),  # dependence at the implant of a patient on a very high oral dose
    ("wd_gain", _f),  # withdrawal (0-1) per unit of missing effect
    ("wd_nrs", _f),  # at full withdrawal: pain, NRS
    ("wd_hr", _f),  # heart rate, beats/min
    ("wd_sbp", _f),  # systolic pressure, mmHg
    ("wd_temp", _f),  # temperature, degree C
    ("wd_spasm", _f),  # rebound of spasticity, Ashworth points
    ("tol_fast_tau_h", _f),
    ("tol_slow_tau_h", _f),
    ("dep_tau_h", _f),
    ("wd_tau_h", _f),
    ("habit_share", _f),  # prepared, as the next
    ("prior_share", _f),
    ("tol_fast_share", _f),  # prepared: shares of a gap closed in one slow step
    ("tol_slow_share", _f),
    ("dep_share", _f),
    ("wd_share", _f),
)

CHANNEL_STATE = dtype(
    ("drive", _f),  # agonist drive in the dorsal horn, adapted by tolerance
    ("exposure", _f),  # sum of C / naive EC50 in the dorsal horn
    ("effect", _f),  # fraction of the largest analgesic effect
    ("central", _f),  # drive in the brainstem, adapted by the tolerance that protects it
    ("own_central", _f),  # the same before other receptors' interaction
    ("habit_seen", _f),  # what the first of habituation's three steps has followed, and the second
    ("habit_due", _f),
    ("habit", _f),  # central drive to which the brainstem is accustomed; block to which the vessels are
    (
        "accustomed",
        _f,
    ),  # factor by which habituation has raised the EC50 of breathing and sedation; 0 before the first step
    ("depressant", _f),  # central drive less what habituation takes of it: breathing and sedation
    ("prior", _f),  # what is left of the tolerance from before the implant, shift of log EC50
    ("sympathetic", _f),
    ("motor", _f),
    ("dependence", _f),
    ("withdrawal", _f),  # 0-1
    ("central_week", _f),  # central exposure averaged over a week
)
