"""A limit profile in which no two numbers are alike, so that a limit read under another's name is seen."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import thecal.safety

# Of what a profile states, in its own units: as strict as the shipped one or stricter, and all different.
NUMBERS: dict[str, dict[str, tuple[float, str]]] = {
    "morphine": {
        "cap": (11.3, "mg/day"),
        "concentration": (17.9, "mg/mL"),
        "bolus": (0.41, "mg"),
        "equivalence": (1.0, "dimensionless"),
        "daily_fall": (0.13, "dimensionless"),
        "step_abs": (640.0, "ug/day"),
    },
    "hydromorphone": {
        "cap": (7.7, "mg/day"),
        "concentration": (12.3, "mg/mL"),
        "bolus": (0.083, "mg"),
        "equivalence": (5.5, "dimensionless"),
        "daily_fall": (0.17, "dimensionless"),
    },
    "bupivacaine": {
        "cap": (12.1, "mg/day"),
        "concentration": (23.0, "mg/mL"),
        "bolus": (1.9, "mg"),
        "vasoactive": (1, "dimensionless"),
        "daily_fall": (0.9, "dimensionless"),
    },
    "clonidine": {
        "cap": (0.53, "mg/day"),
        "concentration": (0.91, "mg/mL"),
        "bolus": (0.018, "mg"),
        "sedative": (1, "dimensionless"),
        "vasoactive": (1, "dimensionless"),
        "interval": (31.0, "hour"),
        "patient_bolus": (0, "dimensionless"),
    },
    "cancer": {
        "step": (0.18, "dimensionless"),
        "interval": (26.0, "hour"),
        "escalation": (3.7, "dimensionless"),
        "rise_28d": (3.9, "dimensionless"),
    },
    "noncancer": {
        "step": (0.14, "dimensionless"),
        "interval": (175.0, "hour"),
        "escalation": (0.46, "dimensionless"),
        "rise_28d": (0.44, "dimensionless"),
    },
    "titration": {
        "transits": (1.3, "dimensionless"),
    },
    "opioids": {
        "cap": (14.2, "mg/day"),
    },
    "sedatives": {
        "factor": (0.45, "dimensionless"),
    },
    "withdrawal": {
        "daily_fall": (0.19, "dimensionless"),
        "exposed_after": (161.0, "hour"),
    },
    "bolus": {
        "share": (0.16, "dimensionless"),
        "lockout": (4.75, "hour"),
        "count": (3.0, "dimensionless"),
    },
    "breathing": {
        "rate_warn": (10.4, "breath/min"),
        "rate_lock": (8.3, "breath/min"),
        "saturation_warn": (92.6, "percent"),
        "saturation_lock": (90.7, "percent"),
        "co2_warn": (48.8, "mmHg"),
        "co2_lock": (57.9, "mmHg"),
        "watch": (25.0, "hour"),
        "reduce_to": (0.43, "dimensionless"),
        "stale": (30.0, "minute"),
        "flat": (75.0, "minute"),
        "flat_other": (105.0, "minute"),
        "recut": (0.75, "hour"),
        "rate_jump": (9.2, "breath/min"),
        "saturation_jump": (13.4, "percent"),
        "co2_jump": (18.6, "mmHg"),
    },
    "sedation": {
        "hold": (3.0, "dimensionless"),
        "lock": (4.0, "dimensionless"),
    },
    "circulation": {
        "systolic": (91.2, "mmHg"),
        "mean": (61.3, "mmHg"),
        "heart_rate": (51.4, "1/min"),
        "fall": (0.27, "dimensionless"),
    },
    "neurology": {
        "hold": (2.0, "dimensionless"),
    },
    "reservoir": {
        "reserve": (2.15, "mL"),
    },
    "refill": {
        "hold": (27.0, "hour"),
        "pocket_watch": (4.25, "hour"),
        "balance": (0.139, "dimensionless"),
    },
    "restart": {
        "gap": (22.0, "hour"),
        "share": (0.47, "dimensionless"),
    },
    "automation": {
        "errors": (2, "dimensionless"),
        "lease": (23.0, "hour"),
        "clock": (83.0, "second"),
    },
    "command": {
        "age": (4.5, "minute"),
    },
    "monitored": {
        "step": (0.06, "dimensionless"),
        "interval": (6.25, "hour"),
        "day": (0.11, "dimensionless"),
        "fresh": (45.0, "minute"),
        "quiet": (12.5, "hour"),
        "settle": (5.5, "hour"),
        "sedation": (2.0, "dimensionless"),
        "near": (0.62, "dimensionless"),
    },
    "mixture": {
        "bupivacaine+morphine": (1, "dimensionless"),
        "clonidine+morphine": (1, "dimensionless"),
        "hydromorphone+morphine": (1, "dimensionless"),
    },
}


def distinct_profile(folder: Path, without: str = "") -> Path:
    """The profile as a file: the shipped strict one's keys with the numbers of this module, less one table."""
    shipped = Path(thecal.safety.__file__).parent / "data" / "profiles" / "seed_2025.toml"
    tables: dict[str, Any] = {
        name: dict(part) for name, part in tomllib.loads(shipped.read_text(encoding="utf-8")).items() if name != "title"
    }
    drugs = {"fentanyl", "sufentanil", "ziconotide", "baclofen", "dexmedetomidine", "midazolam"}
    for name in (*drugs, "mixture"):
        tables.pop(name, None)
    for name, numbers in NUMBERS.items():
        table = tables.setdefault(name, {})
        for key, (value, unit) in numbers.items():
            old = table.get(key, {})
            table[key] = {"source": "made up for a test", "confidence": "low", **old, "value": value, "unit": unit}
    tables.pop(without, None)
    lines = ['title = "Distinct"']
    for name, table in tables.items():
        lines.append(f"\n[{name}]")
        for key, entry in table.items():
            inside = ", ".join(f"{word} = {_text(value)}" for word, value in entry.items())
            lines.append(f'"{key}" = {{ {inside} }}')
    path = folder / "distinct.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _text(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "[" + ", ".join(map(_text, value)) + "]" if isinstance(value, list) else repr(value)
