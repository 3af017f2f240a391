"""What a trail's records may hold: a chain says that nothing was altered since, this says that what it chains are records."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.safety.invariants import Invariant
from thecal.safety.records import (
    ASKED,
    MALFORMED,
    NEVER,
    OUTDATED,
    REQUEST_LIMIT,
    TRAIL_ROW,
    UNASKED,
    WRONG_UNITS,
)

META, ROWS, CLOSE = 0, 1, 2
_MOST_BYTES = 1 << 30  # that one record of rows may unpack to; a writer keeps one step of one block of patients in it
_MODES = ("project", "replace", "mask", "monitor", "off")
_NOTE = {"resumed", "torn_bytes"}  # what a later meta record says, and nothing else
_VALID = (ASKED, UNASKED, MALFORMED, WRONG_UNITS, OUTDATED)
_BITS = 2 << max(Invariant)  # that the marks of every invariant lie below
_MOST = {"rate": REQUEST_LIMIT, "bolus": REQUEST_LIMIT, "prev_rate": REQUEST_LIMIT, "binding": _BITS, "violations": _BITS,
         "fallback": 16}  # fmt: skip
# Of what the shield received, and of what was shown: (lowest, highest) that there can be.
_TENTHS = (-1, 100_000)
_FLAG = (0, 1)
_RECEIVED: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("rr", "spo2", "co2", "sbp", "map", "hr"), _TENTHS),
    **dict.fromkeys(("clear", "confirms", "stopped", "mri", "bolus_running", "bridging", "unverified"), _FLAG),
    "poss": (1, 4), "weakness": (0, 4), "confusion": (0, 4), "nrs": (-1, 100), "battery": (0, 2), "alarms": (0, 255),
    "reservoir_nl": (0, REQUEST_LIMIT), "fill_age": (0, NEVER), "since_refill": (0, NEVER), "pumped_nl": (-1, REQUEST_LIMIT),
    "residual": (-NEVER, NEVER), "skew_s": (-NEVER, NEVER),
}  # fmt: skip
# What is shown may be missing (NaN) or, from a broken sensor, any number; what telemetry says of itself may not.
_RAW: dict[str, tuple[float, float]] = {
    "present": _FLAG, "confirms": _FLAG, "clock_h": (0.0, 24.0), "alarms": (0, 255), "halt": (0, 31), "mode": (0, 4),
    "rate_nl": (0, REQUEST_LIMIT), "age_h": (0.0, REQUEST_LIMIT), "commanded_ml": (0.0, REQUEST_LIMIT),
    "bolus_left_nl": (0.0, REQUEST_LIMIT), "estimated_ml": (0.0, REQUEST_LIMIT), "token": _FLAG,
    "prime_left_nl": (0.0, REQUEST_LIMIT), "taken_nl": (0, REQUEST_LIMIT), "number": (0, NEVER), "sent": (0, NEVER),
}  # fmt: skip
# Of the raw readings, those that are whole numbers.
_WHOLE = ("present", "confirms", "token", "alarms", "halt", "mode", "rate_nl", "taken_nl", "number", "sent")


class Content:
    """Reads the payloads of one trail in their order, and says of each what is wrong with it.

    Attributes:
        meta: the first meta record, empty before it was read.
    """

    def __init__(self) -> None:
        self.meta: dict[str, Any] = {}
        self._begun = False
        self._last: dict[int, tuple[int, int]] = {}  # tick and rate of each patient's last row

    def read(self, kind: int, payload: bytes) -> tuple[NDArray[np.void] | None, str]:
        """(rows, what is wrong): the rows of a record that holds some, and words that are empty for a good record."""
        first, self._begun = not self._begun, True
        if kind not in (META, ROWS, CLOSE):
            return None, f"a record of the unknown kind {kind}"
        if first and kind != META:
            return None, "the first record is no meta record"
        if kind == META:
            return None, self._read_meta(payload, first)
        if kind == CLOSE:
            return None, "a closing record that holds something" if payload else ""
        return self._read_rows(payload)

    def _read_meta(self, payload: bytes, first: bool) -> str:
        try:
            found = json.loads(payload, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return "a meta record that is no JSON"
        if not isinstance(found, dict):
            return "a meta record that is no JSON object"
        if first:
            self.meta = found
            known, mode = found.get("patients", {}), found.get("mode", _MODES[0])
            if not isinstance(known, dict) or not all(key.isdecimal() and key.isascii() for key in known):
                return "patients that are no JSON object of their numbers"
            return "" if mode in _MODES else f"a mode of the shield that is none: {str(mode)[:20]!r}"
        return "" if set(found) == _NOTE else f"a later meta record that speaks of {', '.join(sorted(found))[:80]}"

    def _read_rows(self, payload: bytes) -> tuple[NDArray[np.void] | None, str]:
        data = _unpacked(payload)
        if data is None:
            return None, "rows that cannot be unpacked"
        if not data or len(data) % TRAIL_ROW.itemsize:
            return None, f"{len(data)} bytes that are no whole rows"
        rows = np.frombuffer(data, TRAIL_ROW)
        return rows, self._values(rows) or self._order(rows)

    def _values(self, rows: NDArray[np.void]) -> str:
        """A number that no tick of a shield leaves."""
        for name, limit in _MOST.items():
            if rows[name].min() < 0 or rows[name].max() >= limit:
                return f"a {name} that cannot be"
        if not np.isin(rows["valid"], _VALID).all():
            return "a request of an unknown kind"
        if rows["mode"].min() < 0 or rows["mode"].max() >= len(_MODES):
            return "a mode of the shield that is none"
        for part, limits in (("received", _RECEIVED), ("raw", _RAW)):
            for name, (least, most) in limits.items():
                values = rows[part][name]
                if not ((values >= least) & (values <= most)).all():
                    return f"{part}.{name} cannot be: it lies outside [{least}, {most}]"
        for name in _WHOLE:
            if (rows["raw"][name] % 1.0 != 0.0).any():
                return f"raw.{name} is no whole number"
        return ""

    def _order(self, rows: NDArray[np.void]) -> str:
        """A patient whom the trail does not name, a tick that was there, a rate in force that is not the one before."""
        known = self.meta.get("patients")
        columns = (rows[name].tolist() for name in ("patient", "tick", "prev_rate", "rate"))
        for patient, tick, before, rate in zip(*columns, strict=True):
            if known is not None and str(patient) not in known:
                return f"a row of patient {patient}, whom the trail does not name"
            last, held = self._last.get(patient, (-1, -1))
            if tick <= last:
                return f"tick {tick} of patient {patient} after tick {last}"
            if tick == last + 1 and held >= 0 and before != held:
                return f"tick {tick} of patient {patient} begins at another rate than the one before left"
            self._last[patient] = (tick, rate)
        return ""


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _unpacked(payload: bytes) -> bytes | None:
    """What was packed, whole and with nothing behind it."""
    reader = zlib.decompressobj()
    try:
        data = reader.decompress(payload, _MOST_BYTES)
    except zlib.error:
        return None
    return data if reader.eof and not reader.unused_data else None
