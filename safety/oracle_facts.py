"""The auditor's own reading of the raw columns: what sensors, pump and clinic showed, and what the shield should have been told.

Every number is made again from the text of what it means. Where the shield was told another, its wiring is wrong, whatever it
then decided; the rules are judged on what was shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.safety.oracle_case import Findings, Ints

_TICK_H = 0.25
_MOST = 2.0**40  # larger numbers are none that telemetry could mean
_NEVER = 2**40
_REPORT_H = 24.0  # age up to which a report of pain still says something
_ROUSED = 3  # sedation score from which on nobody clears anything
_WORST = 4
_LOW, _EMPTY, _STALL, _ERI, _SPENT, _RESET, _SHUT = 1, 2, 4, 16, 32, 64, 128  # bits of the pump's alarms
_DEAD = _EMPTY | _STALL | _SPENT | _RESET | _SHUT  # with any of them nothing is delivered
_SCAN, _BRIDGE = 2, 4  # bit of a halt for a scan, mode of a bridge
MODES = ("project", "replace", "mask", "monitor", "off")
# Which invariant a wrongly told fact concerns.
CONCERNS = {
    "rr": 19, "spo2": 19, "co2": 19, "sbp": 21, "map": 21, "hr": 21, "poss": 20, "weakness": 22, "confusion": 22, "nrs": 37,
    "clear": 38, "reservoir_nl": 25, "fill_age": 26, "since_refill": 32, "residual": 34, "stopped": 27, "mri": 28,
    "alarms": 18, "bolus_running": 18, "bridging": 30, "unverified": 42, "battery": 29, "skew_s": 4, "confirms": 40,
    "pumped_nl": 42,
}  # fmt: skip
Floats = NDArray[np.float64]


def facts(
    raw: Mapping[str, Floats], before: Ints, bolus: Ints, told: Mapping[str, Ints], who: Mapping[str, Any]
) -> dict[str, Ints]:
    """What the shield should have been told, tick by tick.

    A clinician's acts are free: somebody who is there may clear or confirm and need not. So they are what was told, where
    somebody was there to act.

    Args:
        raw: columns of the trail's ``raw`` record.
        before: rate in force before each tick, nL.
        bolus: allowed in the tick before each, nL.
        told: columns of the trail's ``received`` record; only the clinician's acts are read.
        who: what the meta record says of the patient.
    """
    found = {name: _tenths(raw[name]) for name in ("rr", "spo2", "co2", "sbp", "map", "hr")}
    poss = np.where((raw["poss"] >= 1) & (raw["poss"] <= _WORST), raw["poss"], _WORST)
    fill = (raw["age_h"] - raw["fill_h"]) / _TICK_H
    alarms = raw["alarms"].astype(np.int64)
    counted = np.concatenate(([0.0], raw["commanded_ml"]))
    there, token = _on_round(raw["clock_h"], who) | (raw["present"] == 1), raw["token"] == 1
    unheard = (raw["number"] != raw["sent"]) | (raw["taken_nl"] != bolus)
    if not who.get("adjustable", True):  # a pump of one flow takes no commands and numbers none
        unheard[:] = False
    found |= {
        "poss": poss.astype(np.int64),
        "weakness": _nearest(raw["weakness"], 0, _WORST, _WORST),
        "confusion": _nearest(raw["confusion"], 0, _WORST, _WORST),
        "nrs": np.where(raw["nrs_age_h"] <= _REPORT_H, _nearest(10.0 * raw["nrs_mean"], 0, 100, -1), -1),
        "clear": told["clear"] * (token | (there & (poss < _ROUSED))),
        "confirms": told["confirms"] * (token | (there & (poss < _ROUSED))) * (raw["confirms"] == 1),
        "reservoir_nl": _volume(raw["estimated_ml"], who),
        "fill_age": _nearest(fill, -0.5, _MOST, _NEVER),
        "since_refill": _nearest(fill, -0.5, _MOST, 0),
        "residual": _nearest(1000.0 * raw["residual"], -_MOST, _MOST, _NEVER),
        "alarms": alarms,
        "stopped": (alarms & _DEAD != 0).astype(np.int64),
        "mri": (raw["halt"].astype(np.int64) & _SCAN != 0).astype(np.int64),
        "bolus_running": ((raw["bolus_left_nl"] > 0.0) | (raw["prime_left_nl"] > 0.0)).astype(np.int64),
        "bridging": (raw["mode"] == _BRIDGE).astype(np.int64),
        "unverified": ((raw["rate_nl"] != before) | (raw["prime_left_nl"] > 0.0) | unheard).astype(np.int64),
        "battery": np.where(alarms & _SPENT != 0, 2, np.where(alarms & _ERI != 0, 1, 0)),
        "skew_s": _nearest(3600.0 * raw["clock_offset_h"], -_MOST, _MOST, _NEVER),
        "pumped_nl": _nearest(1e6 * np.diff(counted), -0.5, _MOST, -1),
    }
    return found


def check_told(patient: int, told: Mapping[str, Ints], shown: Mapping[str, Ints], tick: Ints, found: Findings) -> None:
    """Hold what the shield was told against what was shown."""
    for name, true in shown.items():
        wrong = np.flatnonzero(told[name] != true)
        if wrong.size:
            k = wrong[0]
            more = f" ({wrong.size} ticks)" if wrong.size > 1 else ""
            words = f"the shield was told {name} {told[name][k]}, and {true[k]} was shown{more}"
            found.breaches.append((CONCERNS[name], patient, int(tick[k]), words))


def check_clock(
    patient: int, tick: Ints, raw: Mapping[str, Floats], mode: Ints, meta: Mapping[str, Any], found: Findings
) -> None:
    """The tick against the patient's own clock, and the mode of every row against the head's."""
    start = meta["patients"][str(patient)].get("start_clock_h")
    if start is not None:
        due = (start + tick * _TICK_H) % 24.0
        off = np.abs((raw["clock_h"] - due + 12.0) % 24.0 - 12.0)
        _note(found, patient, tick, ~(off < 1e-6), "the patient's clock is not that of the tick")
    word = meta["mode"]
    other = mode != MODES.index(word) if word in MODES else np.ones(mode.size, bool)
    _note(found, patient, tick, other, f"the limits that ran are not those of the mode {word!r:.20}")


def _note(found: Findings, patient: int, tick: Ints, where: NDArray[np.bool_], words: str) -> None:
    wrong = np.flatnonzero(where)
    if wrong.size:
        found.breaches.append((38, patient, int(tick[wrong[0]]), f"{words} ({wrong.size} ticks)"))


def _tenths(value: Floats) -> Ints:
    """Half a tenth rounds up; a missing sample is -1."""
    shown = np.isfinite(value)
    return np.where(shown, np.floor(10.0 * np.clip(np.where(shown, value, 0.0), 0.0, 1e4) + 0.5), -1).astype(np.int64)


def _nearest(value: Floats, least: float, most: float, instead: int) -> Ints:
    good = (value >= least) & (value <= most)  # never for NaN
    return np.where(good, np.floor(np.where(good, value, 0.0) + 0.5), instead).astype(np.int64)


def _volume(ml: Floats, who: Mapping[str, Any]) -> Ints:
    """Whole nL that are surely there; none where the estimate is none of this reservoir."""
    nl = 1e6 * ml
    good = (nl >= 0.5) & (nl <= 1e6 * who.get("capacity_ml", np.inf) + 0.5)
    return np.where(good, np.floor(np.where(good, nl, 0.0)), 0).astype(np.int64)


def _on_round(clock_h: Floats, who: Mapping[str, Any]) -> NDArray[np.bool_]:
    if who.get("clinic_clock_h") is None:
        return np.zeros(clock_h.size, bool)
    near: NDArray[np.bool_] = np.abs(clock_h - who["clinic_clock_h"]) < 0.5 * _TICK_H
    return near
