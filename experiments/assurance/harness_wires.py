"""Wrong wiring between what is shown and what the shield is told: each must be found by the auditor, who reads what was shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.assurance.harness_loop import HIDE_COUNT, HIDE_RESERVOIR

_LONG_AGO = 1 << 20


def _last_shown(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every missing sample replaced by the one before, as a driver does that hides dropouts."""
    last = np.maximum.accumulate(np.where(values >= 0, np.arange(values.size), 0))
    return values[last]


def _constant(**values: int) -> Callable[[Any], None]:
    def cut(told: Any) -> None:
        for name, value in values.items():
            told[name] = value

    return cut


def _masked(told: Any) -> None:
    for name in ("rr", "spo2"):
        told[name] = _last_shown(told[name])


def _late(told: Any) -> None:
    told[1:] = told[:-1].copy()


def _swapped(told: Any) -> None:
    told["rr"] = told["hr"]


def _low_score(told: Any) -> None:
    told["poss"] -= 1


def _percent(told: Any) -> None:
    told["spo2"] = np.where(told["spo2"] >= 0, told["spo2"] // 10, -1)


def _absolute(told: Any) -> None:
    told["skew_s"] = np.minimum(told["skew_s"], 0)


# What is wrong, and what it does to the input on its way to the shield.
WIRES: dict[str, Callable[[Any], None]] = {
    "breathing rate from the heart rate": _swapped,
    "sedation score one too low": _low_score,
    "dropouts masked": _masked,
    "capnography unwired": _constant(co2=-1),
    "saturation in percent for tenths": _percent,
    "pressure unwired": _constant(sbp=-1, map=-1),
    "everything one tick late": _late,
    "weakness never told": _constant(weakness=0),
    "confusion never told": _constant(confusion=0),
    "pain never told": _constant(nrs=-1),
    "scan never told": _constant(mri=0),
    "stop never told": _constant(stopped=0),
    "alarms never told": _constant(alarms=0),
    "residual never told": _constant(residual=0),
    "other rate never told": _constant(unverified=0),
    "battery never told": _constant(battery=0),
    "clock never told": _constant(skew_s=0),
    "clock ahead never told": _absolute,
    "bridge never told": _constant(bridging=0),
    "running bolus never told": _constant(bolus_running=0),
    "refill never told": _constant(since_refill=_LONG_AGO),
    "old solution never told": _constant(fill_age=0),
    "a clinician who is always there": _constant(clear=1),
    "confirmed by itself": _constant(confirms=1),
}
HIDDEN = {"count never read": HIDE_COUNT, "reservoir always full": HIDE_RESERVOIR}


def wired(wire: str | None, shown: NDArray[np.void]) -> tuple[NDArray[np.void], int]:
    """(what the shield is told, bits of the wires that are cut in the loop) under one wrong wiring, or none."""
    told = shown.copy()
    if wire in WIRES:
        WIRES[wire](told)
    return told, HIDDEN.get(wire or "", 0)
