"""Economic evaluation of two options: incremental ratio, net benefit, dominance, and how sure the choice is.

Closed forms over arrays of draws; Briggs, Sculpher and Claxton, "Decision Modelling for Health Economic Evaluation" (2006) has
them all (recalled).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.core.errors import ConfigError

Floats = NDArray[np.float64]
Place = Literal["dominant", "dominated", "dearer and better", "cheaper and worse", "equal"]


class Increment(NamedTuple):
    """One option against another: difference of cost and effect, their ratio (NaN where it says nothing), and where it lies.

    A ratio of an option that is cheaper and worse is what is saved for a unit of effect lost, which is read the other way round.
    """

    cost: float
    effect: float
    icer: float
    place: Place


def increment(cost: float, effect: float, other_cost: float, other_effect: float) -> Increment:
    """An option against another by expected cost and effect."""
    more, better = cost - other_cost, effect - other_effect
    if more == 0.0 and better == 0.0:
        return Increment(more, better, float("nan"), "equal")
    if more <= 0.0 and better >= 0.0:
        return Increment(more, better, float("nan"), "dominant")
    if more >= 0.0 and better <= 0.0:
        return Increment(more, better, float("nan"), "dominated")
    return Increment(more, better, more / better, "dearer and better" if more > 0.0 else "cheaper and worse")


def net_benefit(cost: ArrayLike, effect: ArrayLike, worth: ArrayLike) -> Floats:
    """Net monetary benefit: effect at ``worth`` a unit, less cost; arrays broadcast."""
    return np.asarray(np.asarray(worth, np.float64) * np.asarray(effect, np.float64) - np.asarray(cost, np.float64))


class Acceptability(NamedTuple):
    """Of one worth of a unit of effect.

    Attributes:
        worth: of a unit of effect.
        share: of draws in which the option has more net benefit than the other; ties count half.
        error: Monte-Carlo standard error of the share.
        gain: mean net benefit over the other, ``gain_error`` its Monte-Carlo standard error.
        perfect_information: expected value, for one patient, of knowing every number before choosing.
    """

    worth: float
    share: float
    error: float
    gain: float
    gain_error: float
    perfect_information: float


def acceptability(cost: ArrayLike, effect: ArrayLike, worths: ArrayLike) -> list[Acceptability]:
    """The acceptability curve of an option from draws of its incremental cost and effect, ``[draws]`` each.

    Raises:
        ConfigError: there are fewer than two draws, or their numbers differ.
    """
    more, better = np.asarray(cost, np.float64), np.asarray(effect, np.float64)
    if more.ndim != 1 or more.shape != better.shape or more.size < 2:
        raise ConfigError("an acceptability curve needs two draws or more of cost and of effect, as many of each")
    found = []
    for worth in np.atleast_1d(np.asarray(worths, np.float64)):
        gain = net_benefit(more, better, worth)
        share = float(np.mean((gain > 0.0) + 0.5 * (gain == 0.0)))
        known = float(np.mean(np.maximum(gain, 0.0)) - max(float(gain.mean()), 0.0))
        found.append(
            Acceptability(
                float(worth),
                share,
                float(np.sqrt(share * (1.0 - share) / gain.size)),
                float(gain.mean()),
                float(gain.std(ddof=1) / np.sqrt(gain.size)),
                known,
            )
        )
    return found
