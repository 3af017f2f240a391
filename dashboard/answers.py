"""What the page asks for, as plain data: the list, a run, one patient with all tracks and lanes, and its decisions."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from thecal.core.documents import read_tables
from thecal.core.errors import ConfigError
from thecal.core.files import plain
from thecal.dashboard.decisions import NEEDED, Decisions, decisions
from thecal.dashboard.index import Entry, Index, UnknownRunError
from thecal.dashboard.lanes import GROUPS, lanes_of
from thecal.dashboard.panels import missing_words, panels_of, starts_of, track_of
from thecal.dashboard.reasons import Limits
from thecal.dashboard.runs import Run
from thecal.dashboard.tables import Shelf
from thecal.dashboard.whom import LABELS, order
from thecal.experiments.analysis.results import Interval
from thecal.experiments.analysis.shown import shown, shown_difference
from thecal.experiments.reports.theme import DASHES, styles_of

PARTS = ("first", "rest")
SHOWN = ("refused", "changes", "all")
MOST_DECISIONS = 400
_LENGTH = struct.Struct("<I")


def listed(index: Index) -> dict[str, Any]:
    """Everything that is stored, in short."""
    entries = index.entries()
    return {"roots": [str(root) for root in index.roots], "runs": [_short(entry) for entry in entries]}


def _short(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "kind": entry.kind,
        "place": entry.place,
        "changed": entry.changed,
        "problem": entry.problem,
        "writing": entry.writing,
        "head": plain(entry.head),
    }


def styles(run: Run) -> list[dict[str, Any]]:
    """How each policy is named and drawn, in the order of the result."""
    looks = styles_of(run.infos.values())
    return [
        {
            "name": name,
            "label": looks[name].label,
            "color": looks[name].color,
            "dash": [int(part) for part in DASHES[looks[name].dash].split() if part.isdigit()],
            "kind": info.marked_kind,
            "text": info.text,
            "tracks": name in run.tables,
        }
        for name, info in run.infos.items()
    ]


def run_of(run: Run) -> dict[str, Any]:
    """One run: conditions, policies, and of a comparison the estimates, differences and what may be claimed."""
    base = {
        **_short(run.entry),
        "policies": styles(run),
        "troubles": run.troubles,
        "measured": run.outcomes,
        "first_patient": first_patient(run),
    }
    if run.result is None:
        return plain({**base, **_evaluated(run)})  # type: ignore[no-any-return]
    found, n = run.result, len(run.patients)
    rows = []
    for entry in found.outcomes:
        cells = {}
        for name, one in found.policies.items():
            seen = shown(one.estimates[entry.key], entry, n)
            cells[name] = {"value": seen.value, "spread": seen.spread, **one.estimates[entry.key].model_dump()}
            if name != found.reference:
                gap = found.differences[name][entry.key]
                said = shown_difference(gap, entry)
                cells[name]["gap"] = {**gap.model_dump(), "text": said.value, "spread": said.spread}
        rows.append({"outcome": entry.model_dump(), "cells": cells})
    return plain(  # type: ignore[no-any-return]
        {
            **base,
            "patients": n,
            "task": found.spec["name"],
            "reference": found.reference,
            "mark": found.mark,
            "rows": rows,
            "transfers": found.transfers,
            "limits": found.limits,
        }
    )


def _evaluated(run: Run) -> dict[str, Any]:
    """What an evaluation estimated of its one policy."""
    n, stored = len(run.patients), read_tables(run.entry.file, kind="JSON")["outcomes"]
    rows = []
    for entry in run.outcomes:
        if entry.key in stored:
            found = Interval.model_validate(stored[entry.key])
            seen = shown(found, entry, n)
            rows.append(
                {"outcome": entry.model_dump(), "value": seen.value, "spread": seen.spread, **found.model_dump()}
            )
    return {"patients": n, "task": run.any_table.task.name, "estimates": rows}


def first_patient(run: Run) -> int | None:
    """Whom a view shows that was asked for nobody: the worst under the first policy beside the reference."""
    if run.result is None:
        return run.patients[0] if run.tables else None
    lead = next(iter(run.result.others), run.result.reference)
    return run.patients[order(run, lead, run.outcomes[0])[0]]


def require_patient(run: Run, patient: int) -> int:
    """A patient of a run.

    Raises:
        UnknownRunError: it has no such patient.
    """
    if patient not in run.patients:
        raise UnknownRunError(f"this run has no patient {patient}")
    return patient


def patient_of(run: Run, shelf: Shelf, patient: int) -> dict[str, Any]:
    """What surrounds the tracks of one patient: panels, policies, and what is not stored."""
    table = run.any_table
    starts = starts_of(shelf, table, patient)
    return plain(  # type: ignore[no-any-return]
        {
            "patient": patient,
            "policies": styles(run),
            "panels": panels_of(run.tables.values(), starts),
            "starts": starts,
            "steps": table.groups[0].steps,
            "tick_h": table.task.tick_h,
            "clock_h": table.task.start_clock_h,
            "task": table.task.name,
            "title": table.task.title,
            "lacking": missing_words(run.tables.values()),
            "troubles": run.troubles,
            "without": [name for name in run.infos if name not in run.tables],
        }
    )


def events_of(run: Run, shelf: Shelf, patient: int) -> dict[str, Any]:
    """The lanes of one patient under every policy."""
    return {"groups": GROUPS, "policies": {name: lanes_of(shelf, one, patient) for name, one in run.tables.items()}}


def chart_of(run: Run, patient: int) -> dict[str, Any]:
    """What the chart of one patient says."""
    chart, why = run.charts()
    row = run.patients.index(patient)
    return {
        "chart": [{"key": name, "label": LABELS[name], "value": float(values[row])} for name, values in chart.items()],
        "lacking": why,
    }


def tracks_of(run: Run, shelf: Shelf, patient: int, part: str) -> bytes:
    """The numbers of one patient's panels under every policy: a JSON head, then little-endian 32-bit floats.

    The head's length comes first (4 bytes, little-endian). ``head["series"][policy][field]`` is the place of an array of
    ``head["steps"][policy]`` numbers, counted in numbers from the end of the head; ``time_h`` is one of the fields.
    """
    if part not in PARTS:
        raise ConfigError(f"part {part!r} is not one of {', '.join(PARTS)}")
    starts = starts_of(shelf, run.any_table, patient)
    panels = [one for one in panels_of(run.tables.values(), starts) if one["first"] == (part == "first")]
    series: dict[str, dict[str, int]] = {}
    steps: dict[str, int] = {}
    arrays, at = [], 0
    for name, table in run.tables.items():
        time_h = shelf.of_patient(table, patient, ("time_h",))
        track = {"time_h": np.asarray(time_h["time_h"], np.float32), **track_of(shelf, table, patient, panels)}
        steps[name] = len(track["time_h"])
        series[name] = {}
        for field, values in track.items():
            series[name][field] = at
            at += len(values)
            arrays.append(np.ascontiguousarray(values, "<f4"))
    head = json.dumps({"series": series, "steps": steps}).encode()
    head += b" " * (-len(head) % 4)
    return b"".join([_LENGTH.pack(len(head)), head, *(values.tobytes() for values in arrays)])


def decisions_of(
    run: Run, shelf: Shelf, patient: int, policy: str, show: str, first_day: int, last_day: int | None
) -> dict[str, Any]:
    """The decisions of one policy on one patient, of some days.

    Raises:
        ConfigError: no such policy or choice.
        StoreError: its trajectories are not stored.
    """
    if show not in SHOWN:
        raise ConfigError(f"show {show!r} is not one of {', '.join(SHOWN)}")
    table = run.table(policy)
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        raise ConfigError(f"the stored trajectories lack {', '.join(missing)}, without which no decision can be told")
    scene, why = run.scene()
    limits = None if scene is None else Limits.of(scene)
    all_of = decisions(shelf, table, patient)
    end = int(all_of.day[-1]) if len(all_of.day) else 0
    chosen = {"refused": all_of.refused, "changes": all_of.changes, "all": np.ones(len(all_of.day), np.bool_)}[show]
    wanted = np.flatnonzero(
        chosen & (all_of.day >= first_day) & (all_of.day <= (end if last_day is None else last_day))
    )
    return plain(  # type: ignore[no-any-return]
        {
            "decisions": [_told(all_of, int(k), limits) for k in wanted[:MOST_DECISIONS]],
            "found": len(wanted),
            "all": len(all_of.day),
            "refused": int(all_of.refused.sum()),
            "last_day": end,
            "refused_days": np.unique(all_of.day[all_of.refused]),
            "lacking": why and f"The limits' own numbers are left out: {why}.",
        }
    )


def _told(all_of: Decisions, k: int, limits: Limits | None) -> dict[str, Any]:
    return {
        "step": k,
        "begin_h": float(all_of.begin_h[k]),
        "day": int(all_of.day[k]),
        "at_day": (float(all_of.begin_h[k]) + all_of.clock_h) / 24.0,
        "refused": bool(all_of.refused[k]),
        "text": all_of.text(k, limits),
    }
