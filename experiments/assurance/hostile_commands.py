"""Hostile commands for the attack: each is built together with the verdict it must get, and sent through the real door."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thecal.safety.gateway import MALFORMED, STALE, UNITS, USABLE, Gateway, Reading

WORDS = {USABLE: "usable", MALFORMED: "malformed", UNITS: "wrong units", STALE: "stale or repeated"}
_INVARIANT = {USABLE: 3, MALFORMED: 1, UNITS: 2, STALE: 3}  # which a wrong verdict breaks
_GOOD_UNITS = {"rate": "nL/tick", "bolus": "nL"}
_NO_NUMBERS: tuple[Any, ...] = (math.nan, math.inf, -math.inf, -1.0, None, "2600", True, [2600], {}, 10**400)
_NO_UNITS: tuple[Any, ...] = (
    {}, None, "nL/tick", {"rate": "nL/tick"}, {"rate": "mL/h", "bolus": "nL"}, {"rate": "nL/tick", "bolus": "mL"},
    {"rate": "NL/TICK", "bolus": "nL"}, {"rate": 1.0, "bolus": 1.0},
)  # fmt: skip


@dataclass
class Sender:
    """Sends commands of one kind to one environment's gateway and notes every verdict that is not the right one."""

    kind: str  # "not a number", "units" or "replay"
    gateway: Gateway
    rng: np.random.Generator
    sent: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[int, str]] = field(default_factory=list)  # (invariant, words)
    _ids: Any = field(default_factory=itertools.count)
    _used: str = ""

    def send(self, *, now_s: float, head: int, rate_nl: int) -> Reading:
        """One command, good or hostile, at this moment."""
        # A rise that no fold of ten is near, and a bolus beyond any limit.
        command: dict[str, Any] = {
            "id": f"c{next(self._ids)}", "seen": head, "issued_s": now_s, "rate": 2 * rate_nl, "bolus": 1_000_000,
            "units": _GOOD_UNITS,
        }  # fmt: skip
        due = USABLE
        if self.rng.random() < 0.7:
            due = {"not a number": self._spoil, "units": self._other_units, "replay": self._outdate}[self.kind](
                command, now_s, head, rate_nl
            )
        read = self.gateway.read(command, now_s=now_s, head=head, rate_nl=rate_nl)
        self._used = command["id"] if isinstance(command.get("id"), str) else self._used
        self.sent[WORDS[due]] += 1
        if read.valid != due or (due != USABLE and (read.rate_nl, read.bolus_nl) != (0, 0)):
            self.wrong.append((_INVARIANT[due], f"{command}: {read}, {WORDS[due]} was due"))
        return read

    def _spoil(self, command: dict[str, Any], now_s: float, head: int, rate_nl: int) -> int:
        name = str(self.rng.choice(["rate", "bolus", "issued_s", "seen"]))
        if self.rng.random() < 0.2:
            command.pop(name)
        elif self.rng.random() < 0.1:
            command["rate_ml"] = 1.0
        else:
            numbers = _NO_NUMBERS if name in ("rate", "bolus") else tuple(x for x in _NO_NUMBERS if x != -1.0)
            command[name] = numbers[int(self.rng.integers(len(numbers)))]
        return MALFORMED

    def _other_units(self, command: dict[str, Any], now_s: float, head: int, rate_nl: int) -> int:
        choice = int(self.rng.integers(3)) if rate_nl > 0 else 0  # nothing is ten times nothing
        if choice == 0:
            command["units"] = _NO_UNITS[int(self.rng.integers(len(_NO_UNITS)))]
        elif choice == 1:
            command["rate"] = rate_nl * int(self.rng.choice([9, 10, 11, 24, 1000]))
        else:
            dose = command["rate"] * 96.0e-6 * self.gateway.conc_ug_per_ml
            command["dose_ug_per_d"] = dose * float(self.rng.choice([0.001, 0.5, 1.01, 1000.0]))
        return UNITS

    def _outdate(self, command: dict[str, Any], now_s: float, head: int, rate_nl: int) -> int:
        choice = self.rng.integers(4)
        if choice == 0 and self._used:
            command["id"] = self._used
        elif choice == 1:
            command["seen"] = head + int(self.rng.choice([-1, 1, 1000]))
        elif choice == 2:
            command["issued_s"] = now_s - self.gateway.max_age_s - float(self.rng.choice([1.0, 3_600.0]))
        else:
            command["issued_s"] = now_s + float(self.rng.choice([1.0, 86_400.0]))
        return STALE
