"""What the end-to-end judge is shown: columns read from the pump's and the patients' own states, tick by tick, in its units."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import SENSORS
from thecal.devices.alarms import PumpEvent
from thecal.devices.fault_records import Fault
from thecal.devices.records import N_EVENTS
from thecal.envs.batch import Batch

_SIGNS = {name: SENSORS.index("etco2" if name == "co2" else name) for name in ("rr", "spo2", "co2", "sbp", "map", "hr")}
# Faults by which the pump runs another program than it was sent, and those that move fluid on top of it.
_OWN = sum(
    1 << fault for fault in (Fault.COMMAND_LOST, Fault.COMMAND_REPEATED, Fault.PROGRAM_ERROR, Fault.BATTERY_RESET)
)
_MOVED = 1 << Fault.ACCIDENTAL_PRIME | 1 << Fault.MRI_SCAN
_NL_PER_UL, _MIN_PER_TICK, _MIN_PER_H = 1e3, 15.0, 60.0


def shown(batch: Batch, drugs: int, round_h: float) -> dict[str, Any]:
    """The columns of one moment; ``round_h`` is the clock time of the daily round."""
    world = batch.world
    pump, patient, fault = world["pump"], world["patient"], world["fault"]
    values, valid = patient["s_value"], patient["s_valid"] == 1
    clock = (patient["clock_h"] + 0.25 * patient["tick"]) % 24.0
    active = fault["active"]
    found = {name: np.where(valid[:, k], values[:, k], np.nan) for name, k in _SIGNS.items()}
    return found | {
        "tick": patient["tick"].copy(),
        "rate": pump["rate_nl"] / (_NL_PER_UL * _MIN_PER_TICK),
        "counted": 1e3 * pump["commanded_ml"],
        "left": 1e3 * pump["estimated_ml"],
        "conc": pump["label_conc"][:, :drugs] / 1e3,
        "alarms": pump["alarms"].copy(),
        "halt": pump["halt"].copy(),
        "mode": pump["mode"].copy(),
        "offset": _MIN_PER_H * pump["clock_offset_h"],
        "since_fill": _MIN_PER_TICK * pump["ticks"] - _MIN_PER_H * pump["fill_h"],
        "events": pump["events"].copy(),
        "residual": world["monitor"]["residual"].copy(),
        "poss": patient["poss_seen"].copy(),
        "weakness": patient["weakness_seen"].copy(),
        "confusion": patient["confusion_seen"].copy(),
        "dead": patient["dead"] == 1,
        "clinic": (np.abs(clock - round_h) < 0.125) | (world["episode"]["present"] == 1),
        "device": active & _OWN != 0,
        "primed": active & _MOVED != 0,
        "sedated": np.fromiter(map(batch.is_sedated, batch.patients.tolist()), bool, batch.n),
    }


def begun(batch: Batch) -> NDArray[np.bool_]:
    """Where the pump itself changed its program in the last step."""
    found: NDArray[np.bool_] = batch.out["fault_begun"] & (_OWN | _MOVED) != 0
    return found


def programmed(batch: Batch, since: NDArray[np.int64]) -> NDArray[np.float64]:
    """Boluses (µL) that the pump's own log says were programmed after the entries ``since``."""
    pump, found = batch.world["pump"], np.zeros(batch.n)
    for i in np.flatnonzero(pump["events"] > since).tolist():
        row = pump[i]
        for k in range(max(int(since[i]), int(row["events"]) - N_EVENTS), int(row["events"])):
            if row["event_kind"][k % N_EVENTS] == PumpEvent.PROGRAM:
                found[i] += row["event_b"][k % N_EVENTS] / _NL_PER_UL
    return found
