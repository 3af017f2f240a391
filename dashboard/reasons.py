"""Why the shield gave less than was asked, in a clause for each limit: the limit's own number and what stood against it.

Where the profile of the run can be loaded unchanged the clause has the numbers; else it is the sentence by which the catalog of
invariants states the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from thecal.envs.scenario import Resolved
from thecal.safety.invariants import TITLES, Invariant

_DAY_H = 24.0


@dataclass(frozen=True)
class Limits:
    """The numbers of a profile that a decision is explained by, for a task's drugs and setting.

    Attributes:
        profile: its name.
        step, rise_28d: largest rise at once and over 28 days, shares of the rate.
        interval_h: between rises.
        fall: largest fall a day after exposure, share.
        lockout_h, boluses: between boluses, and how many in 24 h.
    """

    profile: str
    step: float
    rise_28d: float
    interval_h: float
    fall: float
    lockout_h: float
    boluses: float

    @classmethod
    def of(cls, scene: Resolved) -> Limits:
        """The numbers in force for a patient of a scenario."""
        profile, task = scene.profile, scene.task
        own = [profile.option(drug, "interval") for drug in task.drugs]
        return cls(
            profile=profile.name,
            step=profile.share(task.setting, "step", task.drugs),
            rise_28d=profile.share(task.setting, "rise_28d", task.drugs),
            interval_h=max(profile.limit(f"{task.setting}.interval"), *own),
            fall=profile.daily_fall(task.drugs),
            lockout_h=profile.limit("bolus.lockout"),
            boluses=profile.limit("bolus.count"),
        )


@dataclass(frozen=True)
class Moment:
    """What stood at a decision.

    Attributes:
        begin_h: since the start.
        since_rise_h: since the last rise; None where there was none.
        lowered: whether the request lay below what was allowed.
        dose24_mg, cap_mg: drug of the last 24 h and its cap; NaN where they are not stored.
    """

    begin_h: float
    since_rise_h: float | None
    dose24_mg: float
    cap_mg: float
    lowered: bool


def clauses(binding: int, limits: Limits | None, moment: Moment) -> list[str]:
    """One clause for each limit that bound."""
    return [_clause(one, limits, moment) for one in Invariant if binding >> one & 1]


def _clause(which: Invariant, limits: Limits | None, moment: Moment) -> str:
    make = _WITH_NUMBERS.get(which)
    return (make(limits, moment) if make is not None and limits is not None else "") or TITLES[which]


def _interval(limits: Limits, moment: Moment) -> str:
    asked = f"{limits.profile} asks for {span(limits.interval_h)} between rises"
    if moment.since_rise_h is None:
        begun = f"therapy began {span(moment.begin_h)} ago" if moment.begin_h > 0.0 else "therapy begins"
        return f"{begun}, and {asked}" if moment.begin_h < limits.interval_h else asked
    if moment.since_rise_h >= limits.interval_h:
        return f"the last rise, {span(moment.since_rise_h)} ago, has not passed the catheter to its tip yet"
    return f"last rise {span(moment.since_rise_h)} ago, {asked}"


def _cap(_: Limits, moment: Moment) -> str:
    if not np.isfinite(moment.cap_mg):
        return ""
    return f"24 h may hold {_amount(moment.cap_mg)} and held {_amount(moment.dose24_mg)} (past and committed count)"


_WITH_NUMBERS: Mapping[Invariant, Callable[[Limits, Moment], str]] = {
    Invariant.ENVELOPE: lambda _, at: "the pump runs no lower rate" if at.lowered else "",
    Invariant.INTERVAL: _interval,
    Invariant.STEP_UP: lambda at, _: f"{at.profile} allows at most {100 * at.step:+.0f} % at once",
    Invariant.RISE_28D: lambda at, _: f"{at.profile} allows at most {100 * at.rise_28d:+.0f} % over 28 days",
    Invariant.FLOOR: lambda at, _: f"after exposure the rate may fall by {100 * at.fall:.0f} % a day, not faster",
    Invariant.CAP_24H: _cap,
    Invariant.LOCKOUT: lambda at, _: f"{at.profile} asks for {span(at.lockout_h)} between boluses",
    Invariant.BOLUS_COUNT: lambda at, _: f"{at.profile} allows {at.boluses:.0f} boluses in 24 h",
}  # fmt: skip


def span(hours: float) -> str:
    """A length of time in words: ``45 minutes``, ``6 hours``, ``7 days``, ``6.5 days``."""
    if hours < 1.0:
        return _counted(60.0 * hours, "minute")
    return _counted(hours, "hour") if hours < 2 * _DAY_H else _counted(hours / _DAY_H, "day")


def _counted(value: float, unit: str) -> str:
    text = f"{value:.1f}".removesuffix(".0")
    return f"{text} {unit}{'' if text == '1' else 's'}"


def _amount(mg: float) -> str:
    return f"{mg:.3g} mg" if mg >= 0.1 else f"{1000.0 * mg:.3g} µg"
