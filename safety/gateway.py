"""The door for typed commands: units, identity and time are checked before a request reaches the shield (invariants 1-3).

A command is a mapping, as a programmer's software would send it. Whatever arrives, :meth:`Gateway.read` answers with integers
and a reason; it never raises. Every entry is read once, and only plain numbers and texts are taken over, so that nothing
can look right when it is checked and be something else when it is used. An id that was read acts never again, however long ago.

A clinician signs a command with a token that agents do not hold: :func:`sign`. Nothing in a command itself is a signature.
"""

from __future__ import annotations

import hmac
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from thecal.core.guarded import is_mapping, type_name
from thecal.safety.records import REQUEST_LIMIT
from thecal.safety.tokens import Token, signing_key

USABLE, MALFORMED, UNITS, STALE = 1, 0, -1, -2
FIELDS = ("id", "seen", "issued_s", "rate", "bolus", "units")
OPTIONAL = ("dose_ug_per_d", "signed")
RATE_UNITS = {"mL/d": 1.0e6 / 96.0, "nL/tick": 1.0}
BOLUS_UNITS = {"uL": 1.0e3, "nL": 1.0}
_NUMBERS = ("issued_s", "rate", "bolus", "seen")
_REMEMBERED = 1 << 20  # ids of one pump: a command every five minutes for ten years; no more are taken then
_LONGEST_ID = 128
_LONGEST_REASON = 200
_MOST_ENTRIES = 16
_FOLD = 8.0  # a change by so much or more is asked about: common unit errors are ×10, ×24 and ×1000


@dataclass(frozen=True)
class Reading:
    """What became of a command: integers for the shield, whether it may be used (``USABLE`` or why not), and the words."""

    rate_nl: int
    bolus_nl: int
    valid: int
    reason: str = ""
    signed: bool = False


def sign(command: Mapping[str, Any], token: str) -> str:
    """A clinician's signature for ``signed`` of a command: an HMAC-SHA256 over all that it asks.

    ``env.step({**command, "signed": sign(command, token)})``. It fits one id, event, time, rate, bolus and pair of units.
    """
    return _signature(command, signing_key(token))


def _signature(command: Mapping[Any, Any], key: bytes) -> str:
    units = command["units"]
    content = [command["id"], *(float(command[name]).hex() for name in _NUMBERS), units["rate"], units["bolus"]]
    return hmac.new(key, json.dumps(content).encode(), "sha256").hexdigest()


class Gateway:
    """Reads the commands of one pump.

    Args:
        conc_ug_per_ml: label concentration of the first drug, for commands that also state their dose.
        max_age_s: age at which a command lapses (``command.age`` of the profile).
        known: ids that were used before, oldest first.
        token: what signatures are checked with; without one nothing can be signed.
    """

    def __init__(
        self, conc_ug_per_ml: float, max_age_s: float, known: Iterable[str] = (), token: Token | None = None
    ) -> None:
        self.conc_ug_per_ml = conc_ug_per_ml
        self.max_age_s = max_age_s
        self._known = dict.fromkeys(known)
        self._token = token
        self._bolus_nl = 0  # the last one that was taken

    @property
    def known(self) -> tuple[str, ...]:
        """Ids that may not be used again, oldest first."""
        return tuple(self._known)

    def read(self, command: Any, *, now_s: float, head: int, rate_nl: int) -> Reading:
        """Check one command.

        Args:
            command: ``id`` (text), ``seen`` (the last event its writer had seen), ``issued_s``, ``rate``, ``bolus``, ``units``
                (``{"rate": "mL/d", "bolus": "uL"}`` or nL/tick and nL); may state ``dose_ug_per_d`` of the first drug, and
                be ``signed`` by a clinician (:func:`sign`), which lets a change by eightfold or more, and one to or from a
                standstill, through to the shield.
            now_s: monotonic time, s.
            head: id of the newest event of the pump.
            rate_nl: rate in force, nL per tick.
        """
        try:
            return self._read(command, now_s, head, rate_nl)
        except Exception as error:
            return _refused(MALFORMED, f"unreadable ({type_name(error)})")

    def _read(self, command: Any, now_s: float, head: int, rate_nl: int) -> Reading:
        if not is_mapping(command):
            return _refused(MALFORMED, "not a mapping")
        entries = _entries(command)
        known = {*FIELDS, *OPTIONAL}
        unknown = [str(key) for key in entries if type(key) is not str or key not in known]
        missing = [name for name in FIELDS if name not in entries]
        if unknown or missing:
            return _refused(MALFORMED, f"fields missing {sorted(missing)}, unknown {sorted(unknown)}")
        numbers = {name: _number(entries[name]) for name in _NUMBERS}
        if not all(math.isfinite(value) for value in numbers.values()) or min(numbers["rate"], numbers["bolus"]) < 0.0:
            return _refused(MALFORMED, "a number is missing, negative or not finite")
        stale = self._stale(entries["id"], numbers["seen"], now_s - numbers["issued_s"], head)
        if stale:
            return _refused(STALE, stale)
        return self._in_units(entries, numbers["rate"], numbers["bolus"], rate_nl)

    def _stale(self, name: Any, seen: float, age_s: float, head: int) -> str:
        if type(name) is not str or not 0 < len(name) <= _LONGEST_ID:
            return "no usable id"
        if name in self._known:
            return "repeated"
        if len(self._known) >= _REMEMBERED:  # an id that was forgotten could act again
            return f"{_REMEMBERED} commands are remembered, and no more can be"
        self._known[name] = None
        if seen != head:
            return f"written before event {head} was seen"
        return "" if 0.0 <= age_s <= self.max_age_s else f"issued {age_s:.0f} s ago"

    def _in_units(self, entries: dict[Any, Any], rate: float, bolus: float, rate_nl: int) -> Reading:
        units = _entries(entries["units"]) if is_mapping(entries["units"]) else {}
        if not all(type(key) is str for key in units) or set(units) != {"rate", "bolus"}:
            return _refused(UNITS, "units of rate and bolus are missing")
        if not all(type(unit) is str for unit in units.values()):
            return _refused(UNITS, "unknown units: not texts")
        if units["rate"] not in RATE_UNITS or units["bolus"] not in BOLUS_UNITS:
            return _refused(UNITS, f"unknown units {units['rate']!r}, {units['bolus']!r}")
        rate *= RATE_UNITS[units["rate"]]
        bolus *= BOLUS_UNITS[units["bolus"]]
        if entries.get("dose_ug_per_d") is not None:
            dose = rate * 96.0e-6 * self.conc_ug_per_ml
            gap = abs(_number(entries["dose_ug_per_d"]) - dose)
            if not (math.isfinite(dose) and gap <= 1e-9 * dose):  # asked so, NaN fits nothing, and 0 only a standstill
                return _refused(UNITS, "the stated dose is not rate times concentration")
        # The smallest slack absorbs the rounding of a rate that was a whole number of nL before its unit was changed.
        whole = [math.floor(min(value, float(REQUEST_LIMIT)) + 1e-6) for value in (rate, bolus)]
        signed = self._is_signed(entries, units)
        if not signed:
            if entries.get("signed") is not None:
                return _refused(UNITS, "the signature does not fit the command")
            if _is_folded(rate, whole[0], rate_nl):
                return _refused(UNITS, f"{rate / max(rate_nl, 1):.4g} times the rate in force")
            if whole[1] > 0 and 0 < self._bolus_nl * _FOLD <= bolus:
                return _refused(UNITS, f"{bolus / self._bolus_nl:.4g} times the last bolus")
        self._bolus_nl = whole[1] or self._bolus_nl
        return Reading(whole[0], whole[1], USABLE, signed=signed)

    def _is_signed(self, entries: dict[Any, Any], units: dict[Any, Any]) -> bool:
        given = entries.get("signed")
        if self._token is None or type(given) is not str:
            return False
        return self._token.uses(_signature({**entries, "units": units}, self._token.key), given)


def _is_folded(rate: float, whole: int, rate_nl: int) -> bool:
    """Whether a rate is so far from the one in force that it may be a slip; a fall to 0, or a start from it, is one."""
    if whole == 0 or rate_nl <= 0:
        return whole != max(rate_nl, 0)
    return max(rate / rate_nl, rate_nl / rate) >= _FOLD


def _refused(valid: int, reason: str) -> Reading:
    return Reading(0, 0, valid, reason[:_LONGEST_REASON])


def _entries(mapping: Any) -> dict[Any, Any]:
    """The entries of a mapping, each read once; more than any command has are not read, for there may be no end of them."""
    return {key: mapping[key] for key in islice(mapping, _MOST_ENTRIES)}


def _number(value: Any) -> float:
    """``value`` as a float; NaN unless it is a number (a boolean or a text is none)."""
    kind = type(value)
    if issubclass(kind, (bool, np.timedelta64)) or not issubclass(kind, (int, float, np.integer, np.floating)):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf
