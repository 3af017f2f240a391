"""What ``thecal list lives`` shows: the events of every preset, how often they come, for how long, and what they change."""

from __future__ import annotations

import math

_MONTH_H = 24.0 * 30.0


def lives() -> list[dict[str, object]]:
    """What happens to a patient beside the pump, and how often."""
    from thecal.physiology.life_presets import life_presets, load_preset

    return [
        {
            "preset": name,
            "event": kind.name,
            "per 30 days": f"{kind.hazard_per_h * _MONTH_H:.2g}" if kind.hazard_per_h else "",
            "per patient": f"{kind.chance:.2g}" if kind.chance else "",
            "rise, days": f"{kind.rise_h / 24:.2g}",
            "length, days": "for good" if kind.length_h == math.inf else f"{kind.length_h / 24:.2g}",
            "changes": ", ".join(f"{lever} {low:g} to {high:g}" for lever, low, high in kind.levers),
        }
        for name in life_presets()
        for kind in load_preset(name).kinds
    ]
