"""The one rule of when a policy is better: superior on the primary outcome, no harm worse, and shielded."""

from __future__ import annotations

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
        unshielded: whether the shield's limits did not bind; such results support no claim.
        better: whether the claim is supported.
        words: the decision in a few words.
    """

    superior: bool
    harms_worse: list[str]
    harms_not_ruled_out: list[str]
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
    better = superior and not open_harms and not found.unshielded
    return Decision(
        superior=superior,
        harms_worse=worse,
        harms_not_ruled_out=open_harms,
        unshielded=found.unshielded,
        better=better,
        words=words_of(found.unshielded, superior, open_harms),
    )


def words_of(unshielded: bool, superior: bool, open_harms: list[str]) -> str:
    """The decision in a few words, from what it rests on."""
    if unshielded:
        return f"no claim: {UNSHIELDED}"
    if not superior:
        return "not shown better"
    return f"more effective; no worse harm not shown for {', '.join(open_harms)}" if open_harms else "better"


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
