"""Rows of an event table among each other: none goes back in time, contradicts another, or resets a body."""

from __future__ import annotations

from thecal.clinic.events.table import Event, Refused


def in_order(rows: list[Event]) -> tuple[list[Event], list[Refused]]:
    """Rows whose time does not go back and whose observation does not stand there already; a reset begins anew."""
    kept, refused = [], []
    last: dict[str, float] = {}
    seen: dict[tuple[str, str, float], Event] = {}
    for row in rows:
        before = last.get(row.patient, 0.0)
        if row.kind in (3, 4):
            refused.append(Refused(row.row, "EVID", f"{row.kind} resets the patient, and a body cannot be reset"))
            continue
        if row.time_h < before:
            refused.append(Refused(row.row, "TIME", f"goes back from {before:g} to {row.time_h:g} h"))
            continue
        key = (row.patient, row.what, row.time_h)
        if row.what and key in seen:
            other = seen[key]
            why = "stands already in" if other.value == row.value else "contradicts"
            refused.append(Refused(row.row, "DV", f"{why} row {other.row}: {row.what} at {row.time_h:g} h"))
            continue
        if row.what:
            seen[key] = row
        last[row.patient] = row.time_h
        kept.append(row)
    return kept, refused
