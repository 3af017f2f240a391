"""Shipped patients for the tests of the body: drawn, copied, calmed, with effect sites held where a test wants them."""

from __future__ import annotations

import numpy as np

from thecal.core.layout import AXIAL
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec

_HELD_KE0 = 1e-15  # 1/h: an effect site that no longer moves, so a test can set it and let days pass
_QUIET = (
    "ou_sd", "bt_rate_per_h", "circ_amp", "pain_trend_per_h", "placebo", "spasm_circ", "infection_per_h", "occ_pain_sd",
    "occ_central_sd", "tone_hr", "tone_sbp", "tone_hrv", "rr_swing", "day_sbp", "distress_felt",
)  # fmt: skip
_SITES = ("dh", "bs", "pl", "sym", "mot")


def drawn(drugs, n=1, *, cohort="noncancer", seed=5, structure=AXIAL):
    """``[n]`` PATIENT_PAR of the shipped cohort, not yet prepared."""
    return draw(load_cohort_spec(cohort), list(drugs), range(n), "test", seed, structure=structure).par


def copies(par, n):
    """``[n]`` copies of the first patient: same identity, so the same days."""
    return np.repeat(par[:1], n)


def calm(par):
    """Take every swing, episode, trend and hazard out of ``par``, so that only drug moves the patient."""
    for name in _QUIET:
        par[name] = 0.0
    par["channel"]["dep_prior"] = 0.0
    return par


def naive(par):
    """Take tolerance away, that of drugs before the implant included."""
    for name in ("tol_prior", "tol_fast_max", "tol_slow_max"):
        par["channel"][name] = 0.0
    return par


def held(drugs, n=1, *, cohort="noncancer", structure=AXIAL):
    """``[n]`` copies of one calm drug-naive patient whose effect sites stay where :func:`hold` puts them."""
    par = calm(copies(drawn(drugs, cohort=cohort, structure=structure), n))
    par["channel"]["tol_prior"] = 0.0
    for name in ("ke0_dh", "ke0_bs", "ke0_pl"):
        par["drug"][name] = _HELD_KE0
    return par


def hold(par, state, d=0, **sites):
    """Put effect sites (dh, bs, pl, sym, mot) of drug ``d`` at the given multiples of their EC50."""
    for site, multiple in sites.items():
        assert site in _SITES
        field = "ec50" if site == "dh" else f"ec50_{site}"
        state["drug"][f"ce_{site}"][:, d] = np.asarray(multiple) * par["drug"][field][:, d]


def amount(state, d=0):
    """Drug ``d`` (µg, ``[B]``) in CSF, cord, tip cell, plasma and periphery, and eliminated."""
    own = state["drug"][:, d]
    inside = own["csf"].sum(axis=1) + own["cord"].sum(axis=1) + own["tip"]
    return inside + own["plasma"] + own["periph"] + own["eliminated"]
