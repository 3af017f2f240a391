"""Orders of the clinic that are checked once, not every tick: a refill and a prime (invariants 8, 31, 33 and 36)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from thecal.core.errors import ConfigError, ProfileError
from thecal.safety.profiles import LimitProfile

_SLIPS = (0.1, 0.5, 2.0, 10.0, 100.0, 1000.0)
_TOLERANCE = 0.01


@dataclass(frozen=True)
class Fill:
    """What an order, a label or a program says of a solution: patient, lot, day of expiry, and drugs with µg/mL."""

    patient: str
    lot: str
    expires_d: float
    drugs: Mapping[str, float]


def refill_faults(
    profile: LimitProfile, ordered: Fill, label: Fill, programmed: Mapping[str, float], today_d: float
) -> list[str]:
    """Why a refill may not change the infusion; empty when it may.

    Args:
        profile: limits of concentration and admixture.
        ordered, label: the order and what stands on the syringe, read by two people.
        programmed: concentrations the pump is told, µg/mL.
        today_d: day, on the scale of ``expires_d``.
    """
    found = []
    if label.patient != ordered.patient:
        found.append("another patient's")
    if label.lot != ordered.lot:
        found.append("another lot")
    if not label.expires_d >= today_d:
        found.append("expired")
    found += _same("filled", ordered.drugs, label.drugs) + _same("programmed", label.drugs, programmed)
    try:
        profile.require_mixture(tuple(label.drugs))
        for drug, conc in label.drugs.items():
            if not 0.0 < conc <= profile.max_concentration(drug):
                found.append(f"{drug} at {conc:g} ug/mL is over its limit")
    except (ProfileError, ConfigError) as error:
        found.append(str(error))
    return found


def _same(what: str, wanted: Mapping[str, float], given: Mapping[str, float]) -> list[str]:
    if set(wanted) != set(given):
        return [f"{what}: {', '.join(sorted(given))} instead of {', '.join(sorted(wanted))}"]
    found = []
    for drug, conc in wanted.items():
        ratio = given[drug] / conc if conc > 0.0 else float("inf")
        if not abs(ratio - 1.0) <= _TOLERANCE:
            slip = next((s for s in _SLIPS if abs(ratio / s - 1.0) <= _TOLERANCE), None)
            found.append(
                f"{what}: {drug} is {ratio:.3g} times what it should be" + (" (a slip of the unit)" if slip else "")
            )
    return found


def prime_faults(volume_ml: float, dead_ml: float, *, catheter_empty: bool, primed_before: bool) -> Sequence[str]:
    """Why a prime may not run; empty when it may."""
    found = []
    if not catheter_empty:
        found.append("the catheter is not proven empty: a prime would push its drug into the patient")
    if primed_before:
        found.append("primed once already")
    if not 0.0 < volume_ml <= dead_ml:
        found.append(f"{volume_ml:g} mL is not within the {dead_ml:g} mL between reservoir and tip")
    return found
