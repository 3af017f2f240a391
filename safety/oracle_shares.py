"""How far a rise may go in an admixture, as the auditor reads the limits: each drug's own share, or else that of the setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# By share: the key of a setting or of a drug; by where spasticity comes from: that of a step.
_KEYS = {"step": "{}.step", "rise_28d": "{}.rise_28d", "escalation": "{}.escalation"}
_BY_PLACE = {"spinal": "{}.step_spinal", "cerebral": "{}.step_cerebral"}


def share_of(limits: Mapping[str, float], who: Mapping[str, Any], name: str) -> float:
    """The smallest share of the patient's drugs: ``step``, ``rise_28d`` or ``escalation``.

    A drug that states a step by the origin of spasticity has that of the patient's own; the smaller where he has none of both.
    """
    found = []
    for drug in who["drugs"]:
        place = who.get("indication", "")
        keys = {one: key.format(drug) for one, key in _BY_PLACE.items()} if name == "step" else {}
        by_place = {one: limits[key] for one, key in keys.items() if key in limits}
        if by_place:
            found.append(by_place[place] if place in by_place else min(by_place.values()))
        else:
            found.append(limits.get(_KEYS[name].format(drug), limits[_KEYS[name].format(who["setting"])]))
    return min(found)
