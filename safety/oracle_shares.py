"""How far a rise may go in an admixture, as the auditor reads the limits: each drug's own share, or else that of the setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PLACES = ("spinal", "cerebral")


def share_of(limits: Mapping[str, float], who: Mapping[str, Any], name: str) -> float:
    """The smallest share of the patient's drugs: ``step``, ``rise_28d`` or ``escalation``.

    A drug that states a step by the origin of spasticity has that of the patient's own; the smaller where he has none of both.
    """
    found = []
    for drug in who["drugs"]:
        place = who.get("indication", "")
        by_place = {one: limits[f"{drug}.{name}_{one}"] for one in _PLACES if f"{drug}.{name}_{one}" in limits}
        if by_place:
            found.append(by_place[place] if place in by_place else min(by_place.values()))
        else:
            found.append(limits.get(f"{drug}.{name}", limits[f"{who['setting']}.{name}"]))
    return min(found)
