"""What a programmer shows of an implanted pump: settings, estimated volume, alarms, battery, log. Never hidden truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from thecal.core.layout import TICK_H, TICKS_PER_DAY
from thecal.devices.alarms import PumpEvent, alarm_names
from thecal.devices.program import grants24
from thecal.devices.records import CONTINUOUS, ML_PER_NL, MODES, N_EVENTS
from thecal.devices.specs import PumpSpec

_UL = 1000.0  # per mL


def _per_day(rate_nl: float) -> float:
    return rate_nl * ML_PER_NL * TICKS_PER_DAY


def _ul(volume_nl: float) -> str:
    return f"{volume_nl * ML_PER_NL * _UL:.1f} µL"


def _hours(hours: float) -> str:
    return f"day {int(hours // 24)} {int(hours % 24):02d}:{round(hours % 1 * 60) % 60:02d}"


def describe_event(kind: int, a: float, b: float) -> str:
    """One entry of the log in words."""
    event = PumpEvent(kind)
    texts = {
        PumpEvent.PROGRAM: f"program: {_per_day(a):.4f} mL/d" + (f", bolus {_ul(b)}" if b > 0 else ""),
        PumpEvent.FLEX: f"flex schedule of {a:.0f} steps",
        PumpEvent.BRIDGE: f"bridge: {_ul(a)} at {_per_day(b):.4f} mL/d",
        PumpEvent.BRIDGE_END: f"bridge complete: {_per_day(a):.4f} mL/d",
        PumpEvent.PRIME: f"prime: {_ul(a)}",
        PumpEvent.BOLUS_CANCELED: f"bolus canceled, {_ul(a)} not infused",
        PumpEvent.PATIENT_BOLUS: f"patient bolus {_ul(a)}",
        PumpEvent.PATIENT_DENIED: f"patient bolus denied ({a:.2f} h of lockout left, {b:.0f} in 24 h)",
        PumpEvent.REFILL: f"refill: {a:.1f} mL aspirated, {b:.1f} mL expected",
        PumpEvent.ALARM: f"alarm: {', '.join(alarm_names(int(a)))}",
        PumpEvent.ALARM_CLEARED: f"alarm cleared: {', '.join(alarm_names(int(a)))}",
        PumpEvent.STALL_RECOVERED: "motor stall recovered",
        PumpEvent.RESET_BY_CLINICIAN: "reset by clinician",
        PumpEvent.MRI: "magnetic field " + ("entered" if a else "left"),
        PumpEvent.REFUSED: "command refused",
        PumpEvent.REPLACED: "new pump",
        PumpEvent.EXPLANTED: "pump removed",
        PumpEvent.PATIENT_SETTINGS: f"patient bolus set to {_ul(a)}, lockout {b:g} h" if a > 0 else "patient bolus off",
        PumpEvent.REPEATED: f"command {a:.0f} repeated, not run (the newest is {b:.0f})",
        PumpEvent.CLINIC_STOP: "stopped by clinician",
    }
    return texts[event]


def _settings(state: Any, par: Any, drugs: Sequence[str]) -> Iterator[tuple[str, str]]:
    rate = _per_day(float(state["rate_nl"]))
    mode = "constant flow" if not par["rate_adjustable"] else MODES[int(state["mode"])]
    yield "mode", mode + (" (waits for a reset by a clinician)" if state["latched"] else "")
    yield "basal rate", f"{rate:.4f} mL/d"
    for k, drug in enumerate(drugs):
        label = float(state["label_conc"][k])
        yield drug, f"{label / 1e3:g} mg/mL on the label, {rate * label / 1e3:.4g} mg/d"
    for k in range(int(state["n_parts"]) if int(state["mode"]) > CONTINUOUS else 0):
        minutes = round(float(state["part_tick"][k]) * TICK_H * 60)
        clock = f"{minutes // 60:02d}:{minutes % 60:02d}"
        yield f"from {clock}", f"{_per_day(float(state['part_rate_nl'][k])):.4f} mL/d"
    if state["ptm_bolus_nl"] > 0:
        yield (
            "patient bolus",
            f"{_ul(float(state['ptm_bolus_nl']))}, lockout {float(state['ptm_lockout_h']):g} h, "
            f"{int(grants24(state))} of {int(state['ptm_allotted'])} used in 24 h, {int(state['ptm_denied'])} denied in all",
        )


def _status(state: Any, par: Any) -> Iterator[tuple[str, str]]:
    rate = _per_day(float(state["rate_nl"]))
    volume = float(state["estimated_ml"])
    left = volume - float(par["low_reservoir_ml"])
    days = f", low-reservoir alarm in {left / rate:.0f} days at this rate" if rate > 0.0 and left > 0.0 else ""
    yield "reservoir (computed)", f"{volume:.1f} mL{days}"
    yield "age of the fill", f"{(float(state['age_h']) - float(state['fill_h'])) / 24:.0f} days"
    if par["battery_h"] < float("inf"):
        eri = float(state["eri_h"])
        after = f"ERI reached, {max(0.0, (eri + float(par['eri_left_h']) - float(state['age_h'])) / 24):.0f} days of service left"
        yield (
            "battery",
            after if eri >= 0.0 else f"{100 * min(float(state['battery_used']), 1.0):.0f} % of the time to ERI used",
        )
    alarms = alarm_names(int(state["alarms"]))
    yield "alarms", ", ".join(alarms) if alarms else "none"


def recent_events(state: Any) -> list[tuple[int, float, int, float, float]]:
    """The entries still in the pump's own log, oldest first: (id, hours by its clock, kind, a, b)."""
    last = int(state["events"])
    entries = []
    for event in range(max(0, last - N_EVENTS), last):
        slot = event % N_EVENTS
        entries.append(
            (
                event,
                float(state["event_h"][slot]),
                int(state["event_kind"][slot]),
                float(state["event_a"][slot]),
                float(state["event_b"][slot]),
            )
        )
    return entries


def interrogate(
    state: Any, par: Any, spec: PumpSpec, drugs: Sequence[str], *, entries: int = 20
) -> dict[str, list[tuple[str, str]]]:
    """What the programmer shows, as sections of (name, text) rows: settings, status, log.

    Args:
        state, par: PUMP_STATE and PUMP_PAR records.
        spec: the model of pump.
        drugs: names of the drugs in the reservoir.
        entries: latest entries of the log to show.
    """
    clock = float(state["age_h"]) + float(state["clock_offset_h"])
    log = recent_events(state)[-entries:] if entries > 0 else []
    sections = {
        f"{spec.title}, {_hours(clock)} by its clock": list(_settings(state, par, drugs)),
        "status": list(_status(state, par)),
    }
    if log:
        sections[f"log, latest {len(log)} of {int(state['events'])}"] = [
            (f"{event} {_hours(hours)}", describe_event(kind, a, b)) for event, hours, kind, a, b in log
        ]
    return sections


def as_text(sections: dict[str, list[tuple[str, str]]]) -> str:
    """Sections as plain text."""
    lines: list[str] = []
    for title, rows in sections.items():
        lines += [title, *(f"  {name:<24} {text}" for name, text in rows), ""]
    return "\n".join([*lines, "Simulation only: this is a virtual pump."])
