"""``thecal list limits``: what a profile allows of a drug, beside what the references say and how far any profile may go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from thecal.core.errors import UnknownNameError

if TYPE_CHECKING:
    from thecal.core.parameters import Quantity

DEFAULT = "seed_2025"


def limits(profile: str = DEFAULT, drug: str | None = None) -> list[dict[str, object]]:
    """What a profile allows (--profile, --drug), beside review, label and consensus, doses of studies, and the ceiling."""
    from thecal.safety.ceilings import ceiling_of
    from thecal.safety.profiles import load_profile
    from thecal.safety.references import COLUMNS, STUDY, references

    found = load_profile(profile)
    if drug is not None and drug not in found.drugs:
        raise UnknownNameError(f"drug of profile {found.name}", drug, list(found.drugs))
    columns = references()
    keys = dict.fromkeys([*found.file, *(key for name in columns for key in columns[name])])
    rows = []
    for key in keys:
        head = key.partition(".")[0]
        if head == "mixture" or (head not in found.drugs and key not in found.file) or drug not in (None, head):
            continue
        own = found.file.get(key)
        ceiling = ceiling_of(key)
        stated = {name: columns[name].get(key) for name in (*COLUMNS, STUDY)}
        limit = None if ceiling is None else ceiling.quantity
        rows.append(
            {
                "name": key,
                found.name: _shown(own),
                **{name: _shown(stated[name]) for name in COLUMNS},
                "dose of a study, no limit": _shown(stated[STUDY]),
                "ceiling": "" if ceiling is None else f"{_shown(limit)} at {ceiling.side}",
                "evidence": {
                    name: _evidence(quantity)
                    for name, quantity in {"value": own, **stated, "ceiling": limit}.items()
                    if quantity is not None
                },
            }
        )
    return sorted(rows, key=lambda row: str(row["name"]).partition(".")[0] not in found.drugs)


def _shown(quantity: Quantity | None) -> str:
    if quantity is None:
        return ""
    span = "" if quantity.range is None else f" ({quantity.range[0]:g} to {quantity.range[1]:g})"
    unit = "" if quantity.unit == "dimensionless" else f" {quantity.unit}".replace("ug", "µg")
    return f"{quantity.value:g}{unit}{span}"


def _evidence(quantity: Quantity) -> dict[str, Any]:
    return quantity.model_dump(include={"value", "unit", "source", "confidence", "kind", "range"}, exclude_none=True)
