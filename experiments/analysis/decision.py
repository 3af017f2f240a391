"""The one rule of when a policy is better: superior on the primary outcome, no harm worse, the task's limits kept, shielded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from thecal.experiments.analysis.results import UNSHIELDED, ComparisonResult, Interval, Verdict

NO_WORSE = ("non-inferior", "superior")


@dataclass(frozen=True)
class Decision:
    """What may be claimed of one policy against the reference.

    Attributes:
        superior: on the task's registered outcome.
        harms_worse: keys of the harms that were shown to be worse.
        harms_not_ruled_out: keys of all harms that were not shown to be no worse, the worse ones among them.
        limits_broken: keys of the task's limits that the policy's mean lies above.
        limits_not_shown: keys of all limits that were not shown to be kept, the broken ones among them.
        unshielded: whether the shield's limits did not bind; such results support no claim.
        better: whether the claim is supported.
        words: the decision in a few words.
    """

    superior: bool
    harms_worse: list[str]
    harms_not_ruled_out: list[str]
    limits_broken: list[str]
    limits_not_shown: list[str]
    unshielded: bool
    better: bool
    words: str

    @property
    def harms_undecided(self) -> list[str]:
        """Keys of the harms that were shown neither worse nor no worse."""
        return [key for key in self.harms_not_ruled_out if key not in self.harms_worse]


def decide(found: ComparisonResult, policy: str) -> Decision:
    """What may be claimed of ``policy``, by the rule fixed beforehand.

    Args:
        found: the comparison.
        policy: any but the reference.
    """
    gaps = found.differences[policy]
    superior = gaps[found.primary.key].verdict == "superior"
    worse = [harm.key for harm in found.harms if gaps[harm.key].verdict == "inferior"]
    open_harms = [harm.key for harm in found.harms if gaps[harm.key].verdict not in NO_WORSE]
    broken, not_shown = limits_of(found, policy)
    better = superior and not open_harms and not not_shown and not found.unshielded
    return Decision(
        superior=superior,
        harms_worse=worse,
        harms_not_ruled_out=open_harms,
        limits_broken=broken,
        limits_not_shown=not_shown,
        unshielded=found.unshielded,
        better=better,
        words=words_of(found.unshielded, superior, open_harms, limit_words(found, policy)),
    )


def limits_of(found: ComparisonResult, policy: str) -> tuple[list[str], list[str]]:
    """Of a policy of a comparison, what :func:`broken_of` says."""
    return broken_of(found.policies[policy].estimates, found.limits)


def broken_of(means: Mapping[str, Interval], limits: Mapping[str, float]) -> tuple[list[str], list[str]]:
    """Keys of the task's limits that a policy's mean lies above, and of all that were not shown to be kept.

    A limit is shown to be kept where the whole 95 % interval of the mean lies at or below it. It holds for the reference as for
    any other policy, because it is a number and no difference.
    """
    broken = [key for key, limit in limits.items() if means[key].mean > limit]
    return broken, [key for key, limit in limits.items() if not means[key].high <= limit]


def limit_words(found: ComparisonResult, policy: str) -> str:
    """Of a policy of a comparison, what :func:`kept_words` says."""
    return kept_words(found.policies[policy].estimates, found.limits)


def kept_words(means: Mapping[str, Interval], limits: Mapping[str, float]) -> str:
    """Whether a policy keeps the task's limits, in a few words; "" where the task has none."""
    if not limits:
        return ""
    broken, not_shown = broken_of(means, limits)
    unclear = [key for key in not_shown if key not in broken]
    parts = [f"{', '.join(broken)} above the limit"] if broken else []
    parts += [f"{', '.join(unclear)} not shown within the limit"] if unclear else []
    return "; ".join(parts) or "limits kept"


def words_of(unshielded: bool, superior: bool, open_harms: list[str], limits: str = "") -> str:
    """The decision in a few words, from what it rests on; ``limits`` as :func:`kept_words` words them."""
    if unshielded:
        return f"no claim: {UNSHIELDED}"
    first = "better"
    if not superior:
        first = "not shown better"
    elif open_harms:
        first = f"more effective; no worse harm not shown for {', '.join(open_harms)}"
    elif limits not in ("", "limits kept"):
        first = "more effective"
    return f"{first}; {limits}" if limits else first


def verdict(gap: Interval, better: int, margin: float | None = None) -> Verdict:
    """What a difference from the reference allows one to say.

    Superior where the whole interval is better than no difference; non-inferior where it is not worse than ``margin``;
    inferior where the whole interval is worse (and not within the margin); else inconclusive.
    """
    if better == 0 or not (np.isfinite(gap.low) and np.isfinite(gap.high)):
        return "inconclusive"
    worst, best = (gap.low, gap.high) if better > 0 else (-gap.high, -gap.low)
    if worst > 0:
        return "superior"
    if margin is not None and worst >= -margin:
        return "non-inferior"
    return "inferior" if best < 0 else "inconclusive"
