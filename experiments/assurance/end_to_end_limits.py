"""The end-to-end judge's own reading of profile, pump and task files: TOML by the standard library, in units of its own.

Minutes, µL, µg, shares; breathing, pulse and pressure as in the file. Nothing of the shield or of the environments is imported.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_UNITS = {
    "dimensionless": 1.0, "percent": 1.0, "mmHg": 1.0, "breath/min": 1.0, "1/min": 1.0, "beat/min": 1.0,
    "second": 1.0 / 60.0, "minute": 1.0, "hour": 60.0, "day": 1440.0, "week": 10080.0, "year": 525960.0,
    "mg": 1e3, "ug": 1.0, "µg": 1.0, "mg/day": 1e3, "ug/day": 1.0, "µg/day": 1.0, "mg/mL": 1.0, "ug/mL": 1e-3, "µg/mL": 1e-3,
    "nL": 1e-3, "uL": 1.0, "µL": 1.0, "mL": 1e3, "nL/hour": 1e-3 / 60.0, "mL/hour": 1e3 / 60.0, "mL/day": 1e3 / 1440.0,
}  # fmt: skip


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, dict[str, Any]]:
    """Every number of a file by dotted key."""
    found = {}
    for key, entry in table.items():
        if isinstance(entry, dict) and "value" in entry:
            found[prefix + key] = entry
        elif isinstance(entry, dict):
            found |= _flat(entry, f"{prefix}{key}.")
    return found


def _read(text: str) -> dict[str, float]:
    """Numbers of a file in the judge's units; those in a unit that is none of its concern are left out."""
    numbers = _flat(tomllib.loads(text))
    return {key: entry["value"] * _UNITS[entry["unit"]] for key, entry in numbers.items() if entry["unit"] in _UNITS}


@dataclass(frozen=True)
class Limits:
    """What one program must keep.

    Attributes:
        of: every number of the profile by dotted key, in the judge's units.
        caps: (µg of 24 h, weight of each drug) of every cap; the weights of a single drug are 0 but for one.
    """

    of: dict[str, float]
    drugs: tuple[str, ...]
    setting: str
    step: float
    wait_min: float
    rise_28d: float
    step_ug_per_d: tuple[float, ...]
    bolus_ug: tuple[float, ...]
    eligible: bool
    vasoactive: bool
    caps: tuple[tuple[float, tuple[float, ...]], ...]
    shrinks: float  # of the caps, in a patient who takes a depressant
    monitored: bool
    least: float  # rates of the pump, µL/min
    most: float
    grid: float
    bolus_grid: float  # µL
    adjustable: bool


def read_limits(profile: str, pump: str, task: str, drugs: Sequence[str] | None = None, base: str = "") -> Limits:
    """Limits of a program from the texts of its profile, pump and task; ``base`` is that of the profile it rests on.

    Raises:
        KeyError: a limit is missing.
    """
    of, flow, about = _read(profile), _read(pump), tomllib.loads(task)
    of = (_read(base) if base else {}) | of
    names = tuple(drugs or about["drugs"])
    setting = about["setting"]

    def each(name: str, otherwise: float) -> tuple[float, ...]:
        return tuple(of.get(f"{drug}.{name}", otherwise) for drug in names)

    weight = each("equivalence", 0.0)
    caps = [(of[f"{drug}.cap"], tuple(float(other == drug) for other in names)) for drug in names]
    opioids = sum(w > 0.0 for w in weight)
    if opioids > 1:
        caps.append((of["opioids.cap"], weight))
    shrinks = of["sedatives.factor"] if opioids else 1.0
    if opioids and max(each("sedative", 0.0)) > 0.0:
        caps = [(cap * shrinks, weights) for cap, weights in caps]
        shrinks = 1.0
    grid = flow["flow.rate_step"]
    return Limits(
        of=of, drugs=names, setting=setting, step=min(_steps(of, setting, names)),
        wait_min=max(of[f"{setting}.interval"], *each("interval", 0.0)),
        rise_28d=min(each("rise_28d", of[f"{setting}.rise_28d"])), step_ug_per_d=each("step_abs", 1e12),
        bolus_ug=each("bolus", 0.0), eligible=min(each("patient_bolus", 1.0)) > 0.0,
        vasoactive=max(each("vasoactive", 0.0)) > 0.0,
        caps=tuple(caps), shrinks=shrinks, monitored=of.get("monitored.step", 0.0) > 0.0,
        least=grid * math.ceil(flow["flow.min_rate"] / grid - 1e-6),
        most=grid * math.floor(flow["flow.max_rate"] / grid + 1e-6), grid=grid,
        bolus_grid=flow["flow.bolus_step"], adjustable=tomllib.loads(pump)["kind"] != "constant",
    )  # fmt: skip


def _steps(of: dict[str, float], setting: str, drugs: Sequence[str]) -> list[float]:
    """The largest relative step of each drug: its own, or the setting's.

    Where it differs by the origin of spasticity, which the judge does not know, the larger.
    """
    origins = {
        drug: [of[key] for key in (f"{drug}.step_spinal", f"{drug}.step_cerebral") if key in of] for drug in drugs
    }
    return [max(origins[drug] or [of.get(f"{drug}.step", of[f"{setting}.step"])]) for drug in drugs]
