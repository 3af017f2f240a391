"""How soon the residual monitors show each fault: time to detect, dose error until then, false alarms in sound systems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.files import as_json, write_whole
from thecal.devices.fault_records import FAULT_NAMES, REFILL_FAULTS, Fault
from thecal.devices.monitor_records import MONITOR_NAMES, RESPONDS
from thecal.envs.batch import Batch
from thecal.envs.kernel.actions import holding
from thecal.envs.scenario import Scenario

ONSET_D = 30.0
_HOUR_D = 1.0 / 24.0


@dataclass(frozen=True)
class Table:
    """A table of texts."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class FaultFound:
    """One fault in all patients.

    Attributes:
        fault: its name.
        exposed: patients in whom it began.
        detected: of these, in whom a monitor that can show it rose.
        hours: time from onset to the first such monitor, h, of those detected, ``[detected]``.
        dose_days: |entered the CSF - ordered| until then (or the end), in days of the ordered dose, ``[exposed]``.
        first: how often each monitor was among the first, by name.
    """

    fault: str
    exposed: int
    detected: int
    hours: NDArray[np.float64]
    dose_days: NDArray[np.float64]
    first: dict[str, int]


@dataclass(frozen=True)
class Detection:
    """The study: what it ran on, what each fault did, and alarms without any."""

    task: str
    patients: int
    seed: int
    horizon_d: float
    patient_years: float
    false_alarms: dict[str, int]
    faults: tuple[FaultFound, ...]

    def as_dict(self) -> dict[str, Any]:
        """The numbers, for JSON."""
        return {
            "task": self.task,
            "patients": self.patients,
            "seed": self.seed,
            "horizon_d": self.horizon_d,
            "patient_years_without_fault": round(self.patient_years, 2),
            "false_alarms": self.false_alarms,
            "false_alarms_per_patient_year": {
                name: round(count / self.patient_years, 3) for name, count in self.false_alarms.items()
            },
            "faults": [
                {
                    "fault": found.fault,
                    "exposed": found.exposed,
                    "detected": found.detected,
                    "hours_to_detect": _quartiles(found.hours),
                    "dose_error_days": _quartiles(found.dose_days),
                    "first": found.first,
                }
                for found in self.faults
            ],
        }

    def tables(self) -> tuple[Table, Table]:
        """The study as two tables."""
        rows = tuple(
            (
                found.fault.replace("_", " "),
                f"{found.detected} of {found.exposed}",
                *(_delay(value) for value in _quartiles(found.hours) or ("", "", "")),
                _dose(found.dose_days),
                ", ".join(
                    name.replace("_", " ") for name, _ in sorted(found.first.items(), key=lambda item: -item[1])[:2]
                ),
            )
            for found in self.faults
        )
        columns = ("fault", "detected", "quartile", "median", "quartile", "dose error (days of dose)", "shown by")
        alarms = tuple(
            (name.replace("_", " "), str(count), f"{count / self.patient_years:.2f}")
            for name, count in self.false_alarms.items()
        )
        return (
            Table(f"Time from onset to detection, {self.patients} patients of {self.task}", columns, rows),
            Table(
                f"Alarms in {self.patient_years:.0f} patient-years without a fault",
                ("monitor", "alarms", "a year"),
                alarms,
            ),
        )


def _quartiles(values: NDArray[np.float64]) -> list[float] | None:
    return [round(float(value), 3) for value in np.quantile(values, (0.25, 0.5, 0.75))] if values.size else None


def _delay(hours: float | str) -> str:
    if isinstance(hours, str):
        return hours
    return f"{hours:.1f} h" if hours < 48.0 else f"{hours / 24.0:.1f} d"


def _dose(days: NDArray[np.float64]) -> str:
    return f"{np.median(days):.2f}" if days.size else ""


def _batch(scenario: Scenario, patients: int, faults: Any) -> Batch:
    batch = Batch(scenario, patients, faults=faults)
    rows = np.arange(patients)
    batch.restart(rows, rows, np.full(patients, scenario.seed, np.uint64))
    return batch


def _watch(batch: Batch, kind: int, steps: int) -> FaultFound:
    """Run one fault to the end and note what detected it first."""
    n = batch.n
    actions = np.tile(holding(batch.spec.action.fields), (n, 1))
    seen = np.zeros(n, np.bool_)
    daily = np.zeros(n)
    before: NDArray[np.int64] = np.zeros((n, len(MONITOR_NAMES)), np.int64)
    first = dict.fromkeys(MONITOR_NAMES, 0)
    able = (RESPONDS[kind] >> np.arange(len(MONITOR_NAMES)) & 1).astype(np.bool_)
    for _ in range(steps):
        batch.keep_rate()
        batch.advance(actions)
        fault = batch.world["fault"]
        begun = fault["count"][:, kind] > 0
        daily = np.where(begun, daily, batch.out["allowed_rate"] * batch.par["shield"]["conc"][:, 0])
        count = batch.world["monitor"]["count"]
        new = (fault["detected"][:, kind] > 0) & ~seen
        for row in np.flatnonzero(new):
            for monitor in np.flatnonzero((count[row] > before[row]) & able):
                first[MONITOR_NAMES[monitor]] += 1
        seen |= new
        before = count.copy()
    fault = batch.world["fault"]
    exposed = fault["count"][:, kind] > 0
    error = fault["error_ug"][exposed, kind] / np.maximum(daily[exposed], 1e-9)
    return FaultFound(
        fault=FAULT_NAMES[kind],
        exposed=int(exposed.sum()),
        detected=int(seen.sum()),
        hours=fault["delay_h"][seen, kind] / np.maximum(fault["detected"][seen, kind], 1),
        dose_days=error,
        first={name: times for name, times in first.items() if times},
    )


def _plan(kind: Fault) -> dict[str, Any]:
    entry: dict[str, Any] = {"fault": kind.name.lower(), "at_h": 0.0 if kind in REFILL_FAULTS else ONSET_D / _HOUR_D}
    if kind in (Fault.SENSOR_STUCK, Fault.SENSOR_DROPOUT):
        entry |= {"sensor": "spo2", "duration_h": 24.0}
    elif kind is Fault.SENSOR_BIAS:
        entry |= {"sensor": "rr", "size": -0.4, "duration_h": 7.0 / _HOUR_D}
    elif kind in (Fault.STALL_TRANSIENT, Fault.COMMAND_LOST):
        entry["duration_h"] = 3.0
    elif kind in (Fault.ALTITUDE, Fault.PROGRAM_ERROR, Fault.CLOCK_JUMP):
        entry["duration_h"] = 48.0
    elif kind in (Fault.ACCIDENTAL_PRIME, Fault.COMMAND_REPEATED):
        entry["duration_h"] = 1.0
    return {"hazards": False, "serviced": False, "planned": [entry]}


def study(
    scenario: Any,
    patients: int,
    seed: int | None = None,
    progress: Callable[[int, str], None] = lambda _done, _next: None,
    **options: Any,
) -> Detection:
    """Give every fault, one at a time, to the same patients on day 30 (a refill error at the first refill).

    The basal rate is held and the patient may give boluses, so that nothing but the fault changes the dose. Severity is
    drawn from the reference preset; nothing is repaired.

    Args:
        scenario: a scenario, or a task, then on its test patients; what it says of faults gives way to the study's own.
        patients: how many.
        seed: of their days, in place of the scenario's.
        progress: called with the number of faults done and the one that comes next; the sound systems come first of all.
        **options: fields of the scenario that differ.
    """
    if not isinstance(scenario, Scenario):
        options.setdefault("split", "test")
    where = Scenario.of(scenario, **options, **({} if seed is None else {"seed": seed}))
    sound = _batch(where, patients, {"hazards": False})
    steps = sound.spec.n_steps
    actions = np.tile(holding(sound.spec.action.fields), (patients, 1))
    years = 0.0
    for _ in range(steps):
        sound.keep_rate()
        sound.advance(actions)
        years += float(sound.out["alive_h"].sum()) / 8766.0
    counts = sound.world["monitor"]["count"].sum(axis=0)
    found = []
    for k, kind in enumerate(Fault):
        progress(k, kind.name.lower().replace("_", " "))
        found.append(_watch(_batch(where, patients, _plan(kind)), int(kind), steps))
    return Detection(
        task=sound.spec.name,
        patients=patients,
        seed=where.seed,
        horizon_d=sound.spec.horizon_d,
        patient_years=years,
        false_alarms={name: int(count) for name, count in zip(MONITOR_NAMES, counts, strict=True)},
        faults=tuple(found),
    )


_HEAD = """# How soon a fault is seen

Made by `thecal pump detection -n {patients} --docs docs` on {patients} virtual patients of {task}, seed {seed}. The basal
rate is held; every fault begins on day {onset:.0f} (a refill error at the first refill) and is not repaired; its severity is
drawn from the reference preset. Faults, hazards and monitors are described in [devices.md](devices.md). A monitor counts only
for the faults that it can show. Research simulation only: the monitors' limits are proposals; those of the effect monitor were
chosen after a first look at twenty of these patients.
"""


def write_detection(found: Detection, folder: Path) -> Path:
    """Write ``detection.md`` and ``detection.json``; returns the page's path.

    Raises:
        StoreError: the folder cannot be written.
    """
    parts = [_HEAD.format(patients=found.patients, task=found.task, seed=found.seed, onset=ONSET_D)]
    for table in found.tables():
        parts.append(f"## {table.title}\n")
        parts.append("| " + " | ".join(table.columns) + " |\n|" + "---|" * len(table.columns))
        parts += ["| " + " | ".join(row) + " |" for row in table.rows]
        parts.append("")
    write_whole(folder / "detection.json", as_json(found.as_dict(), indent=1))
    return write_whole(folder / "detection.md", "\n".join(parts).rstrip() + "\n")
