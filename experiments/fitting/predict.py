"""What a fit expects to see: the kernel's own course of many patients under one schedule, without chance, at chosen times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from thecal.clinic.events.schedule import Schedule
from thecal.core.jit import entry_point, source_key
from thecal.core.layout import TICKS_PER_DAY
from thecal.physiology.pain import activity, is_awake
from thecal.physiology.regimen import advance, begin

Floats = NDArray[np.float64]
SIGNALS = ("pain", "pain_latent", "relief", "distress", "lumbar", "plasma", "rr", "dead")
# What makes a course differ from day to day: taken out of the expected course, and given back to its spread.
CHANCE = (
    "ou_sd", "bt_rate_per_h", "occ_pain_sd", "occ_central_sd", "rr_swing", "infection_per_h", "death_per_h",
    "granuloma_per_h",
)  # fmt: skip
TICK_H = 24.0 / TICKS_PER_DAY


@dataclass(frozen=True)
class Course:
    """Expected signals ``[N, times]`` of each patient, by name."""

    signals: dict[str, Floats]


def without_chance(par: NDArray[np.void]) -> NDArray[np.void]:
    """Copies of patients whose days are all alike."""
    calm: NDArray[np.void] = par.copy()
    for field in CHANCE:
        calm[field] = 0.0
    return calm


def course(par: NDArray[np.void], schedule: Schedule, ticks: NDArray[np.int64], clock_h: float) -> Course:
    """Signals at the end of pump ticks ``ticks`` (rising, ``[times]``, from 1) under a schedule.

    Memory stays small: at most a day of all signals is held at once.
    """
    state = begin(par, clock_h)
    found = {name: np.zeros((len(par), len(ticks))) for name in SIGNALS}
    wanted, last = 0, int(ticks[-1])
    for stretch in schedule.stretches:
        at, bolus = stretch.first, stretch.bolus_ug
        while at < min(stretch.last, last):
            until = min(stretch.last, last, at + TICKS_PER_DAY)
            signals = advance(
                par, state, (until - at) * TICK_H, rate_ug_per_h=np.tile(stretch.rate_ug_per_h, (len(par), 1)),
                bolus_ug=np.tile(bolus, (len(par), 1)),
            )  # fmt: skip
            while wanted < len(ticks) and ticks[wanted] <= until:
                for name in SIGNALS:
                    found[name][:, wanted] = signals[name][ticks[wanted] - at - 1]
                wanted += 1
            at, bolus = until, np.zeros_like(bolus)
    return Course(found)


def _compile(key: int) -> Any:
    @entry_point(parallel=True)
    def run(par, clock_h, active, awake):  # type: ignore[no-untyped-def]
        for b in prange(par.shape[0]):
            for k in range(clock_h.shape[0]):
                active[b, k] = activity(par[b], clock_h[k])
                awake[b, k] = is_awake(par[b], clock_h[k])
        return key

    return run


_run_activity = _compile(source_key())


def activities(par: NDArray[np.void], clock_h: Floats) -> tuple[Floats, Floats]:
    """Activity relative to a waking day's mean, and 1 while awake, ``[N, times]`` each, at clock times."""
    active, awake = np.zeros((len(par), len(clock_h))), np.zeros((len(par), len(clock_h)))
    _run_activity(par, clock_h, active, awake)
    return active, awake
