"""Who enters a trial and into which arm: criteria, permuted blocks within strata, whole clusters; keyed by the plan's seed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.experiments.analysis.trial_parts import Criterion, Stratum

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def stream(seed: int, purpose: str, *more: int) -> np.random.Generator:
    """A generator of one purpose, which no other purpose's draws move."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), *more])


def screened(
    chart: Mapping[str, Floats], criteria: Sequence[Criterion], n: int
) -> tuple[NDArray[np.bool_], dict[str, Ints]]:
    """Who of ``n`` patients may enter ``[n]``, and by reason which of them it kept out, each under the first that does."""
    free = np.ones(n, np.bool_)
    reasons = {}
    for one in criteria:
        value = chart[one.field]
        least = -np.inf if one.least is None else one.least
        most = np.inf if one.most is None else one.most
        out = free & ((value < least) | (value > most))
        reasons[one.reason] = np.flatnonzero(out)
        free &= ~out
    return free, reasons


def strata_of(chart: Mapping[str, Floats], strata: Sequence[Stratum], n: int) -> Ints:
    """The stratum of each patient ``[n]``: one number for every combination of pieces; a value at a cut lies above it."""
    found = np.zeros(n, np.int64)
    for one in strata:
        pieces = np.searchsorted(np.sort(np.asarray(one.cuts)), chart[one.field], side="right")
        found = found * (len(one.cuts) + 1) + pieces
    return found


def allocated(weights: Sequence[int], strata: Ints, block: int, seed: int) -> Ints:
    """The arm of each patient ``[n]`` in the order of entry: permuted blocks within each stratum, or simple randomization.

    Args:
        weights: of the arms.
        strata: of the patients, ``[n]``.
        block: a multiple of the sum of weights; 0 for simple randomization.
        seed: of the plan.

    Raises:
        ConfigError: the block is no multiple.
    """
    total = sum(weights)
    if block % total:
        raise ConfigError(f"a block of {block} is no multiple of the arms' weights, {total}")
    one = np.repeat(np.arange(len(weights)), weights)
    found = np.empty(len(strata), np.int64)
    for label in np.unique(strata):
        own = np.flatnonzero(strata == label)
        rng = stream(seed, "allocation", int(label))
        if block == 0:
            found[own] = rng.choice(one, size=own.size)
            continue
        whole = np.tile(one, block // total)
        blocks = [rng.permutation(whole) for _ in range(-(-own.size // block))]
        found[own] = np.concatenate(blocks)[: own.size]
    return found


def clusters_allocated(cohorts: Ints, seed: int) -> Ints:
    """The arm (0 or 1) of each cluster ``[K]``: half of the clusters of every cohort, the odd ones by turns."""
    found = np.empty(len(cohorts), np.int64)
    turn = int(stream(seed, "clusters").integers(2))
    for label in np.unique(cohorts):
        own = np.flatnonzero(cohorts == label)
        sides = (np.arange(own.size) + turn) % 2
        turn = (turn + own.size) % 2
        found[own] = stream(seed, "clusters", int(label)).permutation(sides)
    return found


def lost(shares: Floats, seed: int) -> NDArray[np.bool_]:
    """Who is lost to follow-up by the end ``[n]``, each with the share of the arm; drawn by seed and order of entry alone."""
    return np.asarray(stream(seed, "lost").random(len(shares)) < shares)
