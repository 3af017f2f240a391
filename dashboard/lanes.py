"""What happened to a patient as spans of time under names: limits that bound, harm, faults, alarms, suspicions, visits, life.

Every lane is told as ``[[begin, end], ...]`` in hours since the start, so that hundreds of steps in a row are one span.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.dashboard.tables import Shelf, Table
from thecal.devices.alarms import PumpAlarm
from thecal.devices.fault_records import Fault
from thecal.devices.monitor_records import MONITOR_NAMES
from thecal.physiology.life_records import LIFE_NAMES
from thecal.safety.invariants import TITLES, Invariant, ShieldMode

Column = NDArray[Any]
Lane = dict[str, Any]
REFUSAL, HARM, FAULT, ALARM, VISIT = "refusal", "harm", "fault", "alarm", "visit"
_LIMITS = {int(one): one.name.lower().replace("_", " ") for one in Invariant}
_BITS: dict[str, tuple[str, str, Mapping[int, str]]] = {
    "binding": ("shield", REFUSAL, _LIMITS),
    "violations": ("broken", REFUSAL, _LIMITS),  # told where nothing binds
    "faults": ("faults", FAULT, {int(one): one.name.lower().replace("_", " ") for one in Fault}),
    "alarms": ("alarms", ALARM, {int(one).bit_length() - 1: str(one.name).lower().replace("_", " ") for one in PumpAlarm}),
    "suspicions": ("suspicions", ALARM, {k: name.replace("_", " ") for k, name in enumerate(MONITOR_NAMES)}),
    "life": ("life", "life", {k: name.replace("_", " ") for k, name in enumerate(LIFE_NAMES)}),
}  # fmt: skip
_AMOUNTS = (
    ("resp_h", "harm", HARM, "respiratory depression"),
    ("sed_h", "harm", HARM, "over-sedation"),
    ("unrousable_h", "harm", HARM, "unrousable"),
    ("withdrawal_h", "harm", HARM, "withdrawal"),
    ("calls", "clinic", VISIT, "clinic called"),
    ("visits", "clinic", VISIT, "visit or refill"),
    ("rescues", "clinic", HARM, "emergency treated"),
)
GROUPS = {
    "shield": "Limits that bound",
    "broken": "Limits that requests broke (nothing bound them)",
    "harm": "Harm",
    "faults": "Faults (hidden from every policy)",
    "alarms": "Alarms of the pump",
    "suspicions": "Suspicions of the monitors",
    "clinic": "Clinic",
    "life": "Events of a life",
}
_FIELDS = (*_BITS, *(field for field, *_ in _AMOUNTS), "alive_h", "time_h")


def lanes_of(shelf: Shelf, table: Table, patient: int) -> dict[str, Any]:
    """The lanes of one patient under one policy, and where a death lies.

    Returns:
        ``lanes``: each with ``group``, ``label``, ``text``, ``kind`` (what a jump looks for) and ``spans`` in hours;
        ``death``: hours, or None; ``lacking``: stored fields that are not there.

    Raises:
        StoreError: the table cannot be read.
    """
    stored = shelf.of_patient(table, patient, _FIELDS)
    end = np.asarray(stored["time_h"], np.float64)
    begin = np.concatenate(([max(0.0, end[0] - table.task.tick_h)], end[:-1]))
    lanes: list[Lane] = []
    shielded = ShieldMode.of(table.scenario.shield_mode).shielded
    for field, (group, kind, names) in _BITS.items():
        if field in stored and not (field == "violations" and shielded):
            lanes += _of_bits(stored[field], names, group, kind, begin, end)
    for field, group, kind, label in _AMOUNTS:
        if field in stored and (spans := _spans(stored[field] > 0, begin, end)):
            lanes.append({"group": group, "kind": kind, "label": label, "text": "", "spans": spans})
    dead = np.flatnonzero(stored["alive_h"] <= 0) if "alive_h" in stored else np.zeros(0, np.int64)
    order = {group: k for k, group in enumerate(GROUPS)}
    return {
        "lanes": sorted(lanes, key=lambda lane: order[lane["group"]]),
        "death": float(begin[dead[0]]) if dead.size else None,
        "lacking": [field for field in _FIELDS if field not in stored],
    }


def _of_bits(bits: Column, names: Mapping[int, str], group: str, kind: str, begin: Column, end: Column) -> list[Lane]:
    whole = np.asarray(bits, np.int64)
    some = int(np.bitwise_or.reduce(whole)) if len(whole) else 0
    return [
        {
            "group": group,
            "kind": kind,
            "label": name,
            "text": TITLES.get(Invariant(k), "") if names is _LIMITS else "",
            "spans": _spans(whole >> k & 1 > 0, begin, end),
        }
        for k, name in names.items()
        if some >> k & 1
    ]


def _spans(there: Column, begin: Column, end: Column) -> list[list[float]]:
    """Runs of true as begin and end in hours."""
    edges = np.diff(np.concatenate(([0], there.astype(np.int8), [0])))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return [[float(begin[a]), float(end[b])] for a, b in zip(first, last, strict=True)]
