"""Doses as a pump's program file and back: what one of them cannot say is refused line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from thecal.clinic.events.expand import expanded
from thecal.clinic.events.table import Event, EventTable, Refused
from thecal.core.errors import ConfigError
from thecal.core.layout import TICK_H
from thecal.devices.program_file import ProgramFile
from thecal.devices.program_lines import Line

_MG = 1000.0  # ug
_DAY_H = 24.0
_NEVER = "means nothing in a table of doses"
_WHY = {
    "flex": "a day of rates; write it as infusions of their own",
    "patient_bolus": "what a patient may give is no dose that was given",
    "press": "whether it is granted is the pump's to say; run the program, and note the doses given",
    "bridge": "its length follows from the catheter's volume; run the program, and note the doses given",
    "prime": "it fills the catheter and gives nothing",
    "minimum_rate": "its rate is the pump's own; run the program, and note the doses given",
    "reset": _NEVER,
}


def events_of(program: ProgramFile, patient: str = "1") -> tuple[EventTable, list[Refused]]:
    """The doses that a program asks for (of every drug of the fill), and the lines that are none, by their number from 1.

    A line of the program is a change; a row of a table is a dose with an amount. So each rate becomes an infusion that ends
    where the next change begins.
    """
    ratios = [conc / program.solution.mg_per_ml[0] for conc in program.solution.mg_per_ml]
    refused: list[Refused] = []
    rows: list[Event] = []
    rate, since, other = 0.0, 0.0, False
    lines = sorted(enumerate(program.do, 1), key=lambda item: item[1].at_h)
    for number, line in lines:
        if line.do in _WHY or (line.do == "refill" and line.mg_per_ml is not None):
            why = _WHY.get(line.do, "another concentration reaches the tip later than the refill; run the program")
            refused.append(Refused(number, line.do, why))
            other = other or line.do == "refill"
            continue
        if other and (line.ml is not None or line.ml_per_d is not None):
            refused.append(
                Refused(number, line.do, "a volume after a refill of another concentration; run the program")
            )
            continue
        mg = program.solution.mg_per_ml[0]
        if line.do == "bolus":
            amount = line.mg if line.mg is not None else (line.ml or 0.0) * mg
            length = (line.minutes or 0.0) / 60.0
            rows += _doses(patient, line.at_h, amount * _MG, length, program.solution.drugs, ratios)
        elif line.do in ("continuous", "stop"):
            rows += _infusion(patient, since, line.at_h, rate, program, ratios)
            rate, since = _rate(line, mg), line.at_h
    rows += _infusion(patient, since, program.days * _DAY_H, rate, program, ratios)
    return EventTable(tuple(sorted(rows, key=lambda row: row.time_h))), refused


def _rate(line: Line, mg_per_ml: float) -> float:
    if line.do == "stop":
        return 0.0
    return _MG / _DAY_H * (line.mg_per_d if line.mg_per_d is not None else (line.ml_per_d or 0.0) * mg_per_ml)


def _infusion(
    patient: str, start_h: float, stop_h: float, rate: float, program: ProgramFile, ratios: list[float]
) -> Iterator[Event]:
    if rate > 0.0 and stop_h > start_h:
        hours = stop_h - start_h
        yield from _doses(patient, start_h, rate * hours, hours, program.solution.drugs, ratios)


def _doses(
    patient: str, at_h: float, amount: float, hours: float, drugs: tuple[str, ...], ratios: list[float]
) -> Iterator[Event]:
    for drug, ratio in zip(drugs, ratios, strict=True):
        yield Event(patient, at_h, 1, ratio * amount, ratio * amount / hours if hours else 0.0, drug=drug)


def program_of(
    table: EventTable, *, mg_per_ml: float, pump: str = "synchromed_ii_40", days: float | None = None
) -> tuple[dict[str, Any], list[Refused]]:
    """One patient's doses as the tables of a program file, and the rows that a pump cannot give.

    Observations and covariates have no place in a program, and are left out.

    Raises:
        ConfigError: the table holds several patients, several drugs, or no dose that can be programmed.
    """
    if len(table.patients) != 1:
        raise ConfigError(f"a program is that of one patient, not of {len(table.patients)}")
    if len(table.drugs) > 1:
        raise ConfigError(f"one reservoir moves its drugs at one rate; the table has {', '.join(table.drugs)} apart")
    doses = [row for row in expanded(table).rows if row.is_dose]
    changes: dict[float, float] = {}
    lines: list[dict[str, Any]] = []
    refused = []
    taken: set[int] = set()
    for row in doses:
        if not row.rate_ug_per_h:
            slot = round(row.time_h / TICK_H)
            if slot in taken:
                refused.append(Refused(row.row, "TIME", "a second bolus within the same quarter of an hour"))
                continue
            taken.add(slot)
            lines.append({"at_h": row.time_h, "do": "bolus", "mg": row.amount_ug / _MG})
            continue
        changes[row.time_h] = changes.get(row.time_h, 0.0) + row.rate_ug_per_h
        if row.amount_ug:
            end = row.time_h + row.hours
            changes[end] = changes.get(end, 0.0) - row.rate_ug_per_h
    lines += _rates(changes)
    if not lines:
        raise ConfigError("the table holds no dose that a pump could be programmed with")
    last = max(line["at_h"] for line in lines)
    whole = days if days is not None else max(1.0, (last + TICK_H) / _DAY_H)
    solution = {"drugs": [table.drugs[0]], "mg_per_ml": [mg_per_ml]}
    ordered = sorted(lines, key=lambda line: (line["at_h"], line["do"]))
    return {"pump": pump, "days": whole, "solution": solution, "do": ordered}, refused


def _rates(changes: dict[float, float]) -> Iterator[dict[str, Any]]:
    """The changes of an infusion as lines; those of one quarter of an hour are one, since the pump takes one."""
    slots: dict[int, float] = {}
    for at_h, change in sorted(changes.items()):
        slot = round(at_h / TICK_H)
        slots[slot] = slots.get(slot, 0.0) + change
    rate = largest = 0.0
    for slot, change in sorted(slots.items()):
        if change == 0.0:
            continue
        rate += change
        largest = max(largest, rate)
        if rate <= 1e-9 * largest:  # what rounding leaves of a difference is no flow
            rate = 0.0
            yield {"at_h": slot * TICK_H, "do": "stop"}
        else:
            yield {"at_h": slot * TICK_H, "do": "continuous", "mg_per_d": rate * _DAY_H / _MG}
