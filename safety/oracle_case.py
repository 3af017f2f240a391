"""What the auditor reads and what it finds: one patient's trajectory, breaches, margins, and how often a rule was tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

PER_HOUR = 4  # ticks
PER_DAY = 96
USABLE, SILENT = 1, 2  # a request; a tick in which nobody asked: the pump holds between two decisions
Ints = NDArray[np.int64]


@dataclass
class Findings:
    """What an audit found: breaches as (invariant, patient, tick, words) and the narrowest margin of each invariant."""

    ticks: int = 0
    patients: int = 0
    breaches: list[tuple[int, int, int, str]] = field(default_factory=list)
    margins: dict[int, float] = field(default_factory=dict)  # share of the limit that was left, 0 at the limit
    tested: dict[int, int] = field(default_factory=dict)  # ticks on which an invariant was put to the test

    commands: Counter[str] = field(default_factory=Counter)  # commands sent by an attack, by the verdict they were due

    def at(self, invariant: int, case: Case, where: NDArray[np.bool_], words: str) -> None:
        """Note every tick of ``where`` as a breach; the first of them is described."""
        found = np.flatnonzero(where)
        if found.size:
            more = f" ({found.size} ticks)" if found.size > 1 else ""
            self.breaches.append((invariant, case.patient, int(case.tick[found[0]]), words + more))

    def margin(self, invariant: int, value: float) -> None:
        """Note a margin; the narrowest stays."""
        self.margins[invariant] = min(self.margins.get(invariant, float("inf")), float(value))

    def test(self, invariant: int, where: NDArray[np.bool_]) -> None:
        """Count the ticks of ``where`` as tests of an invariant."""
        self.tested[invariant] = self.tested.get(invariant, 0) + int(where.sum())

    def join(self, other: Findings) -> None:
        """Add what another audit found."""
        self.ticks += other.ticks
        self.patients += other.patients
        self.breaches += other.breaches
        for invariant, value in other.margins.items():
            self.margin(invariant, value)
        for invariant, count in other.tested.items():
            self.tested[invariant] = self.tested.get(invariant, 0) + count
        self.commands.update(other.commands)


@dataclass(frozen=True)
class Case:
    """One patient's trajectory with what the meta record says of him."""

    patient: int
    tick: Ints
    rate: Ints  # allowed, nL per tick
    bolus: Ints  # nL
    before: Ints  # rate in force before each tick
    request: Ints
    bolus_request: Ints
    valid: Ints
    broken: Ints  # bits of the limits that the shield says were broken; counted, never believed
    facts: Mapping[str, Ints]  # what was shown, as the auditor reads it
    who: Mapping[str, Any]
    limits: Mapping[str, float]  # in the units of the profile's schema
    stage: str

    @property
    def cap_pairs(self) -> list[tuple[int, str, float, float]]:
        """(invariant, whose, µg/mL, µg allowed in 24 h) of every cap: of each drug, and of several opioids together."""
        limits, who = self.limits, self.who
        named = list(zip(who["drugs"], who["conc_ug_per_ml"], strict=True))
        pairs = [(6, drug, conc, limits[f"{drug}.cap"] * self.cap_factor) for drug, conc in named]
        if len(self.opioids) > 1:
            both = sum(conc * limits.get(f"{drug}.equivalence", 0.0) for drug, conc in named)
            pairs.append((9, "opioids together", both, limits["opioids.cap"] * self.cap_factor))
        return pairs

    @property
    def opioids(self) -> list[str]:
        """The drugs that have a morphine equivalent."""
        return [drug for drug in self.who["drugs"] if self.limits.get(f"{drug}.equivalence", 0.0) > 0.0]

    @property
    def cap_factor(self) -> float:
        """What caps shrink to when an opioid meets a depressant, in the reservoir or in the patient."""
        beside = self.who["sedated"] or any(self.limits.get(f"{d}.sedative", 0.0) > 0.0 for d in self.who["drugs"])
        return self.limits["sedatives.factor"] if self.opioids and beside else 1.0

    def of_drugs(self, name: str, otherwise: float) -> list[float]:
        """An optional limit of each drug, ``otherwise`` where the profile states none."""
        return [self.limits.get(f"{drug}.{name}", otherwise) for drug in self.who["drugs"]]

    @property
    def rises(self) -> NDArray[np.bool_]:
        """Where the rate rose."""
        return self.rate > self.before

    @property
    def asks(self) -> NDArray[np.bool_]:
        """Where more was asked for: a rise, or a bolus."""
        more = (self.valid != SILENT) & (self.request > self.before)
        wanted: NDArray[np.bool_] = more | (self.bolus_request > 0)
        return wanted
