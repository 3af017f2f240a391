"""Practical identifiability: how well reports and taps of one patient determine the parameters behind them.

From the sensitivities of the expected observations to the logarithm of each parameter: the Fisher information, the smallest
relative standard error any unbiased fit can reach (Cramer-Rao), the correlation of estimates, and the collinearity index of
Brun, Reichert and Künsch 2001, Water Resour Res 37:1015 (above about 10 a set cannot be told apart).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.sensitivity.regimens import reference_patient
from thecal.physiology.regimen import advance, begin

Floats = NDArray[np.float64]
_STEP = 0.02  # relative step of the central difference
_REPORT_SD = 0.7  # NRS, of one report (sensors.toml: report.noise)
_TAP_CV = 0.15  # of one assay of CSF (engineering choice)
_DAY_H = 24.0
# Name, record part, field.
PARAMETERS = (
    ("EC50", "drug", "ec50"),
    ("largest effect, nociceptive", "channel", "emax_noci"),
    ("largest effect, neuropathic", "channel", "emax_neuro"),
    ("slope", "channel", "hill"),
    ("tolerance, fast", "channel", "tol_fast_max"),
    ("tolerance before the implant", "channel", "tol_prior"),
    ("baseline pain", "patient", "pain_base"),
    ("placebo", "patient", "placebo"),
    ("loss from CSF", "drug", "k_csf_loss"),
    ("effect-site lag", "drug", "ke0_dh"),
)


@dataclass(frozen=True)
class Identifiability:
    """Relative standard errors ``[P]``, correlations ``[P, P]`` and the collinearity index of a set of parameters."""

    names: tuple[str, ...]
    relative_se: Floats
    correlation: Floats
    collinearity: float


def analyze(sensitivities: Floats, names: tuple[str, ...]) -> Identifiability:
    """From sensitivities ``[observations, parameters]`` of observations (in units of their noise) to log parameters.

    A direction that no observation sees gives an infinite standard error rather than an exception.
    """
    values, vectors = np.linalg.eigh(sensitivities.T @ sensitivities)
    seen = values > 1e-12 * values.max()
    inverse = np.where(seen, 1.0 / np.where(seen, values, 1.0), np.inf)
    with np.errstate(invalid="ignore"):
        parts = np.where(
            vectors[:, None, :] * vectors[None, :, :] == 0.0, 0.0, vectors[:, None, :] * vectors[None, :, :] * inverse
        )
        covariance = parts.sum(axis=2)
        se = np.sqrt(np.diag(covariance))
        correlation = covariance / np.outer(se, se)
    norms = np.linalg.norm(sensitivities, axis=0)
    scaled = sensitivities / np.where(norms > 0.0, norms, 1.0)
    smallest = float(np.linalg.eigvalsh(scaled.T @ scaled)[0])
    return Identifiability(names, se, correlation, 1.0 / np.sqrt(smallest) if smallest > 1e-14 else np.inf)


def observe(par: NDArray[np.void], *, taps: bool) -> Floats:
    """Expected observations ``[N, observations]`` in units of their noise: reports of four weeks on three doses, and taps."""
    state = begin(par)
    rows = []
    for day in range(28):
        dose = (500.0, 1000.0, 2000.0)[min(2, day // 9)]
        course = advance(par, state, _DAY_H, rate_ug_per_h=dose / _DAY_H)
        rows.append(course["pain"][7:64:16] / _REPORT_SD)  # while awake
        if taps and day in (8, 17, 27):
            rows.append(np.log(course["lumbar"][-1:]) / _TAP_CV)
    return np.concatenate(rows).T


def morphine_patient(*, taps: bool) -> Identifiability:
    """What four weeks of reports (and three taps) say about one patient on morphine."""
    par = np.repeat(reference_patient("noncancer", ("morphine",)), 2 * len(PARAMETERS))
    for i, (_, where, field) in enumerate(PARAMETERS):
        values = par[field] if where == "patient" else par[where][field][:, 0]
        values[2 * i] *= 1.0 + _STEP
        values[2 * i + 1] *= 1.0 - _STEP
    seen = observe(par, taps=taps)
    width = np.log((1.0 + _STEP) / (1.0 - _STEP))
    sensitivities = (seen[0::2] - seen[1::2]).T / width
    return analyze(sensitivities, tuple(name for name, _, _ in PARAMETERS))
