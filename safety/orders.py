"""Orders of the clinic that are checked once, not every tick: a refill and a prime (invariants 8, 31, 33 and 36).

The decisions are two scalar kernels over numbers, :func:`order_bits` and :func:`prime_bits`, which the compiled visits call as
they are; :func:`refill_faults` and :func:`prime_faults` run the same functions and say in words what they found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from thecal.core.errors import ConfigError, ProfileError
from thecal.core.jit import kernel
from thecal.safety.profiles import LimitProfile

# Ratios that a common unit error leaves: a decimal point, a half or a double strength, mg for µg.
UNIT_ERRORS = (0.1, 0.5, 2.0, 10.0, 100.0, 1000.0)
TOLERANCE = 0.01


class OrderFault(IntFlag):
    """What is wrong with an order; the bits of :func:`order_bits` and, from CATHETER on, of :func:`prime_bits`."""

    PATIENT = 1
    LOT = 2
    EXPIRED = 4
    FILLED_DRUGS = 8
    FILLED_AMOUNT = 16
    FILLED_UNIT = 32  # with FILLED_AMOUNT: by a ratio that a common unit error leaves
    PROGRAMMED_DRUGS = 64
    PROGRAMMED_AMOUNT = 128
    PROGRAMMED_UNIT = 256
    CONCENTRATION = 512
    CATHETER = 1024
    PRIMED = 2048
    VOLUME = 4096


# Numba takes plain numbers; what was filled and what was programmed are one comparison, its bits three places apart.
_PATIENT, _LOT, _EXPIRED = int(OrderFault.PATIENT), int(OrderFault.LOT), int(OrderFault.EXPIRED)
_DRUGS, _AMOUNT, _UNIT = int(OrderFault.FILLED_DRUGS), int(OrderFault.FILLED_AMOUNT), int(OrderFault.FILLED_UNIT)
_PLACES = 3
_CONCENTRATION = int(OrderFault.CONCENTRATION)
_CATHETER, _PRIMED, _VOLUME = int(OrderFault.CATHETER), int(OrderFault.PRIMED), int(OrderFault.VOLUME)


@kernel
def order_bits(
    ordered: Any,
    label: Any,
    programmed: Any,
    max_conc: Any,
    n_drugs: int,
    same_patient: bool,
    same_lot: bool,
    expired: bool,
) -> int:
    """Bits of :class:`OrderFault` for a refill; 0 when it may change the infusion.

    Args:
        ordered, label, programmed: concentrations [drugs], µg/mL: of the order, on the syringe, and as set in the pump. 0 where
            a solution does not hold the drug; NaN and negative numbers are faults.
        max_conc: highest concentration [drugs], µg/mL.
        n_drugs: how many entries count.
        same_patient, same_lot: whether the label bears the order's.
        expired: whether the day of expiry is past.
    """
    found = 0
    if not same_patient:
        found |= _PATIENT
    if not same_lot:
        found |= _LOT
    if expired:
        found |= _EXPIRED
    for i in range(n_drugs):
        for step in range(2):
            wanted = ordered[i] if step == 0 else label[i]
            given = label[i] if step == 0 else programmed[i]
            places = _PLACES * step
            if (wanted == 0.0) != (given == 0.0):
                found |= _DRUGS << places
            elif wanted != 0.0:
                ratio = given / wanted
                if not (wanted > 0.0 and abs(ratio - 1.0) <= TOLERANCE):
                    found |= _AMOUNT << places
                    for error in UNIT_ERRORS:
                        if wanted > 0.0 and abs(ratio / error - 1.0) <= TOLERANCE:
                            found |= _UNIT << places
        if label[i] != 0.0 and not 0.0 < label[i] <= max_conc[i]:
            found |= _CONCENTRATION
    return found


@kernel
def prime_bits(volume_ml: float, dead_ml: float, catheter_empty: bool, primed_before: bool) -> int:
    """Bits of :class:`OrderFault` for a prime of ``volume_ml`` into a dead volume of ``dead_ml``; 0 when it may run."""
    found = 0
    if not catheter_empty:
        found |= _CATHETER
    if primed_before:
        found |= _PRIMED
    if not 0.0 < volume_ml <= dead_ml:
        found |= _VOLUME
    return found


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
        programmed: concentrations set in the pump, µg/mL.
        today_d: day, on the scale of ``expires_d``.
    """
    order = _plain(order_bits)
    bits = order(
        (), (), (), (), 0, label.patient == ordered.patient, label.lot == ordered.lot, not label.expires_d >= today_d
    )
    found = [words for fault, words in _IDENTITY.items() if bits & fault]
    found += _same("filled", ordered.drugs, label.drugs) + _same("programmed", label.drugs, programmed)
    try:
        profile.require_mixture(tuple(label.drugs))
        for drug, conc in label.drugs.items():
            strength = (_present(conc),)
            if (
                order(strength, strength, strength, (profile.max_concentration(drug),), 1, True, True, False)
                & _CONCENTRATION
            ):
                found.append(f"{drug} at {conc:g} ug/mL is over its limit")
    except (ProfileError, ConfigError) as error:
        found.append(str(error))
    return found


def prime_faults(volume_ml: float, dead_ml: float, *, catheter_empty: bool, primed_before: bool) -> Sequence[str]:
    """Why a prime may not run; empty when it may."""
    bits = _plain(prime_bits)(volume_ml, dead_ml, catheter_empty, primed_before)
    return [words.format(volume=volume_ml, dead=dead_ml) for fault, words in _PRIME.items() if bits & fault]


_IDENTITY = {
    OrderFault.PATIENT: "another patient's",
    OrderFault.LOT: "another lot",
    OrderFault.EXPIRED: "expired",
}
_PRIME = {
    OrderFault.CATHETER: "the catheter is not proven empty: a prime would push its drug into the patient",
    OrderFault.PRIMED: "primed once already",
    OrderFault.VOLUME: "{volume:g} mL is not within the {dead:g} mL between reservoir and tip",
}


def _same(what: str, wanted: Mapping[str, float], given: Mapping[str, float]) -> list[str]:
    if set(wanted) != set(given):
        return [f"{what}: {', '.join(sorted(given))} instead of {', '.join(sorted(wanted))}"]
    found = []
    for drug, conc in wanted.items():
        first, second = (_present(conc),), (_present(given[drug]),)
        # One drug at a time says which; the second comparison, of the label with itself, is only read for the first.
        bits = _plain(order_bits)(first, second, second, second, 1, True, True, False)
        if bits & (_DRUGS | _AMOUNT):
            ratio = given[drug] / conc if conc > 0.0 else float("inf")
            found.append(f"{what}: {drug} is {ratio:.3g} times what it should be" + _UNIT_WORDS * bool(bits & _UNIT))
    return found


_UNIT_WORDS = " (a common unit error)"


def _present(conc: float) -> float:
    """A drug that is named at 0 is a fault, not an absent drug."""
    return float("nan") if conc == 0.0 else float(conc)


def _plain(function: Callable[..., int]) -> Callable[..., int]:
    """The kernel's Python text, which needs no compiler for a handful of numbers."""
    result: Callable[..., int] = getattr(function, "py_func", function)
    return result
