"""Raw readings for the shield harness: what sensors, pump and clinic would have shown for the input that a test wants."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.safety.records import RAW

_LOW, _STALL, _ERI, _SPENT = 1, 4, 16, 32  # bits of the pump's alarms
_SCAN, _BRIDGE, _CONTINUOUS = 2, 4, 2
_NO_REPORT_H = 1e3


def raw_of(received: NDArray[np.void], before: Any = 0, given: Any = 0) -> NDArray[np.void]:
    """``[ticks]`` RAW records that show what ``received`` (SHIELD_INPUT) says, one tick after another from midnight on.

    Args:
        received: consistent with itself, see :func:`consistent`.
        before: rate in force before each tick, nL, which the pump shows where it is verified.
        given: bolus allowed in the tick before each, nL, which the pump has taken.
    """
    ticks = np.arange(received.size)
    raw: Any = np.zeros(received.size, RAW)
    for name in ("rr", "spo2", "co2", "sbp", "map", "hr"):
        raw[name] = np.where(received[name] >= 0, received[name] / 10.0, np.nan)
    for name in ("poss", "weakness", "confusion", "confirms"):
        raw[name] = received[name]
    raw["nrs_mean"] = np.maximum(received["nrs"], 0) / 10.0
    raw["nrs_age_h"] = np.where(received["nrs"] >= 0, 1.0, _NO_REPORT_H)
    raw["clock_h"] = ticks * 0.25 % 24.0
    raw["present"] = received["clear"] | (received["confirms"] & (received["poss"] < 3))
    raw["taken_nl"] = given
    raw["number"] = raw["sent"] = ticks
    raw["estimated_ml"] = (received["reservoir_nl"] + 0.5) / 1e6
    raw["age_h"] = ticks * 0.25
    raw["fill_h"] = raw["age_h"] - 0.25 * received["since_refill"]
    raw["residual"] = received["residual"] / 1000.0
    raw["alarms"] = received["alarms"]
    raw["halt"] = _SCAN * received["mri"]
    raw["mode"] = np.where(received["bridging"] > 0, _BRIDGE, _CONTINUOUS)
    raw["rate_nl"] = before + received["unverified"]
    raw["commanded_ml"] = np.cumsum(np.maximum(received["pumped_nl"], 0)) / 1e6
    raw["commanded_ml"][received["pumped_nl"] < 0] = np.nan
    raw["bolus_left_nl"] = received["bolus_running"]
    raw["clock_offset_h"] = received["skew_s"] / 3600.0
    return np.asarray(raw)


def consistent(received: NDArray[np.void]) -> NDArray[np.void]:
    """Make one world of an input, in place: a pump that stands shows an alarm, who cannot be roused clears nothing."""
    spent = received["battery"] > 1
    received["stopped"] |= spent
    received["alarms"] = (
        np.where(received["alarms"] > 0, _LOW, 0) | _STALL * (received["stopped"] & ~spent)
        | np.where(spent, _SPENT, _ERI * received["battery"])
    )  # fmt: skip
    for name in ("since_refill", "fill_age"):  # no fill lies ahead
        received[name] = np.maximum(received[name], 0)
    received["clear"] &= received["poss"] < 3
    received["confirms"] &= received["poss"] < 3
    return received
