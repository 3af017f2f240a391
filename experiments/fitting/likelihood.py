"""How probable observations are for a patient: expected values, and what chance adds to them, from the patient's own numbers.

A report is what the patient would say on an average day, plus the fluctuation of pain (Ornstein-Uhlenbeck), days on which the
drug works better or worse (the same, over days), episodes of breakthrough, noise and rounding. All that is Gaussian but the
episodes and the ends of the scale, which enter by their first two moments. A level has a relative error; below the limit of
quantification it counts by the probability of being there (the field's method M3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from thecal.core.errors import ConfigError
from thecal.experiments.fitting.predict import TICK_H, Course, activities

Floats = NDArray[np.float64]
_ROUNDING = 1.0 / 12.0  # variance of a whole point
_SKIPS_ABOVE = 5.0  # NRS above which a report is missing more often (physiology/reports.py)
_TOP = 10.0
_DAY_H = 24.0


@dataclass(frozen=True)
class Observations:
    """What was observed of one patient, in order of time.

    Attributes:
        ticks: pump ticks at whose end each was made, ``[J]``.
        what: names of ``columns.OBSERVED``, ``[J]``.
        value: in their units, ``[J]``.
        censored: 1 for a level under the limit that ``value`` states, ``[J]``.
    """

    ticks: NDArray[np.int64]
    what: NDArray[np.str_]
    value: Floats
    censored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ticks)

    def of(self, name: str) -> NDArray[np.int64]:
        """Places of one kind."""
        return np.flatnonzero(self.what == name)


@dataclass(frozen=True)
class Errors:
    """Errors of measurement: relative of a level, and of a breathing rate counted at the bedside (breaths/min)."""

    level_cv: float
    rate_sd: float


@dataclass(frozen=True)
class Expected:
    """Gaussian of what is observed of each patient: mean ``[N, J]`` and covariance ``[N, J, J]`` (log of levels)."""

    mean: Floats
    covariance: Floats


def _correlated(hours: Floats, tau_h: Floats) -> Floats:
    """Correlation ``[N, J, J]`` of an Ornstein-Uhlenbeck process."""
    return np.asarray(np.exp(-np.abs(hours[:, None] - hours[None, :]) / tau_h[:, None, None]))


def reports(par: NDArray[np.void], seen: Course, places: NDArray[np.int64], hours: Floats, clock_h: float) -> Expected:
    """Mean and covariance of reports of pain (NRS)."""
    get = {name: values[:, places] for name, values in seen.signals.items()}
    pain, latent, relief = get["pain"], np.maximum(get["pain_latent"], 0.1), get["relief"]
    gain = np.clip(pain / latent, 0.0, 1.5)
    channel = par["channel"][:, 0]
    top = channel["emax_noci"] + par["neuropathic"] * (channel["emax_neuro"] - channel["emax_noci"])
    top = np.maximum(top, 1e-3)[:, None]
    # d pain / d log sensitivity of a Hill curve, in the same proportion of what is felt.
    felt = gain / np.maximum(1.0 - relief, 0.02)
    slope = felt * latent * channel["hill"][:, None] * relief * np.clip(1.0 - relief / top, 0.0, 1.0)
    fast = par["ou_sd"][:, None] * gain * _mood(par, pain, par["ou_tau_h"])
    slow = par["occ_pain_sd"][:, None] * slope * _mood(par, pain, par["occ_tau_h"])
    covariance = fast[:, :, None] * fast[:, None, :] * _correlated(hours, par["ou_tau_h"])
    covariance += slow[:, :, None] * slow[:, None, :] * _correlated(hours, par["occ_tau_h"])
    more, spread = _episodes(par, gain, (clock_h + hours) % _DAY_H)
    mean = pain + par["distress_nrs"][:, None] * (get["distress"] - 0.5) + more
    diagonal = np.arange(len(places))
    covariance[:, diagonal, diagonal] += spread
    mean = mean - covariance[:, diagonal, diagonal] * _tilt(par, pain + more)
    covariance[:, diagonal, diagonal] += par["nrs_noise"][:, None] ** 2 + _ROUNDING
    return _within_scale(mean, covariance)


def _mood(par: NDArray[np.void], pain: Floats, tau_h: Floats) -> Floats:
    """By how much mood, which follows pain, enlarges a change of what is reported that lasts for ``tau_h``."""
    followed = tau_h / (tau_h + par["distress_tau_h"])
    more = par["distress_felt"][:, None] * pain + par["distress_nrs"][:, None]
    return np.asarray(1.0 + more / _TOP * followed[:, None])


def _episodes(par: NDArray[np.void], gain: Floats, clock_h: Floats) -> tuple[Floats, Floats]:
    """Mean and variance that breakthrough episodes add to felt pain."""
    active, _ = activities(par, np.ascontiguousarray(clock_h))
    load = par["bt_rate_per_h"][:, None] * active * par["bt_length_h"][:, None]
    share = load / (1.0 + load)
    ramp = np.minimum(par["bt_rise_h"] / par["bt_length_h"], 0.5)[:, None]
    height = par["bt_nrs"][:, None] * gain
    mean = share * height * (1.0 - ramp)
    square = share * height**2 * (1.0 + 1.0 / 12.0) * (1.0 - 4.0 / 3.0 * ramp)
    return mean, np.maximum(square - mean**2, 0.0)


def _tilt(par: NDArray[np.void], pain: Floats) -> Floats:
    """How far a missing report says that pain was worse: -d log P(a report) / d pain."""
    odds = (par["nrs_skip"] / (1.0 - par["nrs_skip"]))[:, None]
    odds = odds * np.exp(par["nrs_skip_slope"][:, None] * np.maximum(0.0, pain - _SKIPS_ABOVE))
    return np.asarray(np.where(pain > _SKIPS_ABOVE, par["nrs_skip_slope"][:, None] * odds / (1.0 + odds), 0.0))


def _within_scale(mean: Floats, covariance: Floats) -> Expected:
    """Moments after what lies beyond the ends of the scale is put on them."""
    diagonal = np.arange(mean.shape[1])
    variance = covariance[:, diagonal, diagonal]
    sd = np.sqrt(variance)
    low, high = (0.0 - mean) / sd, (_TOP - mean) / sd
    inside = ndtr(high) - ndtr(low)
    bell_low, bell_high = (np.exp(-0.5 * edge**2) / np.sqrt(2.0 * np.pi) for edge in (low, high))
    first = mean * inside + sd * (bell_low - bell_high) + _TOP * ndtr(-high)
    second = (mean**2 + variance) * inside + sd * (
        mean * (bell_low - bell_high) + low * sd * bell_low - high * sd * bell_high
    )
    second = second + mean * sd * (bell_low - bell_high) + _TOP**2 * ndtr(-high)
    clipped = np.maximum(second - first**2, 1e-3)
    kept = np.maximum(inside, 1e-3)
    linear = covariance * kept[:, :, None] * kept[:, None, :]
    linear[:, diagonal, diagonal] = np.maximum(clipped, linear[:, diagonal, diagonal] + 1e-6)
    return Expected(first, linear)


def log_gauss(expected: Expected, value: Floats) -> Floats:
    """Logarithm of the density ``[N]`` of ``value`` ``[J]``."""
    lower = np.linalg.cholesky(expected.covariance)
    white = np.linalg.solve(lower, (value - expected.mean)[:, :, None])[:, :, 0]
    found = -0.5 * np.sum(white**2, axis=1) - np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
    return np.asarray(found - 0.5 * len(value) * np.log(2.0 * np.pi))


def whitened(expected: Expected, value: Floats) -> Floats:
    """Standardized, decorrelated residuals ``[N, J]``."""
    lower = np.linalg.cholesky(expected.covariance)
    return np.asarray(np.linalg.solve(lower, (value - expected.mean)[:, :, None])[:, :, 0])


def log_likelihood(par: NDArray[np.void], seen: Course, data: Observations, errors: Errors, clock_h: float) -> Floats:
    """Logarithm of the likelihood ``[N]``; of a patient who is dead at an observation, -inf."""
    total = np.zeros(len(par))
    hours: Floats = (data.ticks * TICK_H).astype(np.float64)
    places = data.of("nrs")
    if len(places):
        total += log_gauss(reports(par, seen, places, hours[places], clock_h), data.value[places])
    for name, signal in (("csf", "lumbar"), ("plasma", "plasma")):
        places = data.of(name)
        if len(places):
            total += _levels(
                seen.signals[signal][:, places], data.value[places], data.censored[places], errors.level_cv
            )
    places = data.of("rr")
    if len(places):
        total += log_gauss(breaths(par, seen, places, hours[places], errors), data.value[places])
    dead = (seen.signals["dead"] > 0.0).any(axis=1)
    return np.where(dead | ~np.isfinite(total), -np.inf, total)


def _levels(expected: Floats, value: Floats, censored: NDArray[np.bool_], cv: float) -> Floats:
    sd = np.sqrt(np.log1p(cv**2))
    away = (np.log(value) - np.log(np.maximum(expected, 1e-12))) / sd
    known = -0.5 * away**2 - np.log(sd) - 0.5 * np.log(2.0 * np.pi)
    return np.asarray(np.where(censored, log_ndtr(away), known).sum(axis=1))


def breaths(par: NDArray[np.void], seen: Course, places: NDArray[np.int64], hours: Floats, errors: Errors) -> Expected:
    """Mean and covariance of breathing rates: the rate's own fluctuation within hours and from day to day, and counting."""
    mean = seen.signals["rr"][:, places]
    swing = par["rr_swing"][:, None] * mean
    pair = swing[:, :, None] * swing[:, None, :]
    days = (par["rr_days"] ** 2)[:, None, None] * _correlated(hours, par["day_tau_h"])
    covariance = pair * (_correlated(hours, par["rr_swing_tau_h"]) + days)
    diagonal = np.arange(len(places))
    covariance[:, diagonal, diagonal] += errors.rate_sd**2
    return Expected(mean, covariance)


def check(data: Observations, fewest: int) -> None:
    """Refuse what is too little to fit a patient to.

    Raises:
        ConfigError: fewer observations than ``fewest``, or all of them alike and censored.
    """
    if len(data) < fewest:
        raise ConfigError(f"{len(data)} observations are too few to fit a patient to; {fewest} are needed")
    if data.censored.all():
        raise ConfigError("every observation lies below the limit of quantification")
