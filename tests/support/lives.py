"""Files of lives that a test writes: events by key and number, with the evidence that every number needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from thecal.physiology.life_presets import LEVERS

_UNITS = {
    "hazard": "1/month", "chance": "dimensionless", "most": "dimensionless",
    **dict.fromkeys(("earliest", "latest", "rise", "length", "fade"), "hour"),
    **{lever: unit for lever, (unit, *_) in LEVERS.items()},
}  # fmt: skip


def life_file(folder: Path, name: str = "mine", **kinds: dict[str, Any]) -> Path:
    """``name.toml``: by kind its keys, each a number in the key's unit, or a number and more of its entry as text."""
    lines = []
    for kind, keys in kinds.items():
        lines.append(f"[{kind}]")
        for key, value in keys.items():
            number, more = value if isinstance(value, tuple) else (value, "")
            unit = _UNITS.get(key, "hour")
            lines.append(
                f'{key} = {{ value = {number}, unit = "{unit}", source = "a test", confidence = "low"{more} }}'
            )
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def once(at_h: float = 48.0, **levers: float) -> dict[str, Any]:
    """An event that comes at ``at_h``, rises within six hours, stays two days and fades in a day."""
    return {"chance": 1.0, "earliest": at_h, "latest": at_h, "rise": 6.0, "length": 48.0, "fade": 24.0, **levers}
