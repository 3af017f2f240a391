"""Explains a patient's decisions in sentences: what a policy asked, what the shield gave and why, and what happened beside it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from thecal.devices.alarms import alarm_names
from thecal.devices.fault_records import FAULT_NAMES
from thecal.experiments.reports.data import Note
from thecal.experiments.rollouts.trajectories import Trajectories
from thecal.safety.invariants import TITLES, ShieldMode

# Number of each limit with its short name and the sentence it stands for.
LIMITS = {int(entry): (entry.name.lower().replace("_", " "), text) for entry, text in TITLES.items()}
MOST = 16  # of one patient under one policy
_MOVES = 0.01  # relative: a smaller change of the rate is the pump's grid, not a decision
_BEGIN = (("faults", "fault", "A fault begins, unseen by the policy"), ("alarms", "alarm", "The pump raises an alarm"))
_HARMS = (("resp_h", "breathing is depressed"), ("sed_h", "over-sedated"), ("withdrawal_h", "in withdrawal"))


def notes_of(run: Trajectories, row: int) -> list[Note]:
    """The moments of one patient that say most, in the order of time: at most :data:`MOST`.

    Death, the first time of each harm, fault and alarm come first; then the largest request that was cut for each limit, then
    the largest rises and reductions that went through.
    """
    lived = run["alive_h"][:, row] > 0
    found = [*_death(run, row), *_harms(run, row, lived), *_bits(run, row, lived)]
    found += [*_cut(run, row, lived), *_moves(run, row, lived)]
    unique: dict[tuple[float, str], Note] = {}
    for note in found:
        unique.setdefault((note.time_h, note.text), note)
    return sorted(list(unique.values())[:MOST], key=lambda note: note.time_h)


def when(time_h: float) -> str:
    """``day 12, hour 9``, both counted from the start."""
    return f"Day {int(time_h // 24)}, hour {time_h % 24:g}"


def _at(run: Trajectories, step: int) -> float:
    """When a step began, h since the start."""
    return float(run["time_h"][step].max()) - run.step_h


def _death(run: Trajectories, row: int) -> Iterator[Note]:
    gone = np.flatnonzero(run["terminated"][:, row])
    if gone.size:
        yield Note(time_h=_at(run, int(gone[0])), kind="harm", text="The patient died.")


def _harms(run: Trajectories, row: int, lived: NDArray[np.bool_]) -> Iterator[Note]:
    for field, words in _HARMS:
        steps = np.flatnonzero((run[field][:, row] > 0) & lived)
        if steps.size:
            hours = float(run[field][:, row][lived].sum())
            text = f"The patient is {words} for the first time ({hours:.1f} h in all)."
            if words.startswith("breathing"):
                text = f"Breathing is depressed for the first time ({hours:.1f} h in all)."
            yield Note(time_h=_at(run, int(steps[0])), kind="harm", text=text)


def _bits(run: Trajectories, row: int, lived: NDArray[np.bool_]) -> Iterator[Note]:
    """The first step of each fault and of each alarm."""
    for field, kind, words in _BEGIN:
        values = np.where(lived, run[field][:, row], 0).astype(np.int64)
        ever = int(np.bitwise_or.reduce(values)) if len(values) else 0
        for number in range(ever.bit_length()):
            if ever >> number & 1:
                step = int(np.flatnonzero(values >> number & 1)[0])
                name = FAULT_NAMES[number] if kind == "fault" else " ".join(alarm_names(1 << number))
                yield Note(time_h=_at(run, step), kind=kind, text=f"{words}: {name.replace('_', ' ')}.")


def _before(run: Trajectories, row: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The rate in force before each step, the change asked for and the change given, both as shares of it.

    The rate before the first step is not recorded, so that step counts as no change.
    """
    asked, given = (np.asarray(run[name][:, row], np.float64) for name in ("requested_rate", "allowed_rate"))
    before = np.concatenate([given[:1], given[:-1]])
    known = before > 0.0
    change, got = np.zeros_like(before), np.zeros_like(before)
    np.divide(asked - before, before, out=change, where=known)
    np.divide(given - before, before, out=got, where=known)
    change[0] = got[0] = 0.0
    return before, change, got


def _cut(run: Trajectories, row: int, lived: NDArray[np.bool_]) -> Iterator[Note]:
    """For each limit that ever bound, the step in which it took most from a request, the largest first."""
    _, asked, given = _before(run, row)
    bits = np.where(lived, run["binding"][:, row], 0).astype(np.int64)
    ever = int(np.bitwise_or.reduce(bits)) if len(bits) else 0
    best: dict[int, int] = {}
    for number in range(ever.bit_length()):
        steps = np.flatnonzero(bits >> number & 1)
        if steps.size:
            best[number] = int(steps[np.argmax((asked - given)[steps])])
    for step in sorted(set(best.values()), key=lambda step: given[step] - asked[step]):
        limits = [number for number in range(ever.bit_length()) if bits[step] >> number & 1]
        yield Note(
            time_h=_at(run, step), kind="refused", text=_sentence(run, row, step, asked[step], given[step], limits)
        )


def _sentence(run: Trajectories, row: int, step: int, asked: float, given: float, limits: list[int]) -> str:
    """Request, what was given, and every limit that bound: ``Asked +20 %; given no change: interval (...).`` and so on."""
    why = "; ".join(f"{LIMITS[number][0]} ({LIMITS[number][1]})" for number in limits if number in LIMITS)
    bolus = float(run["requested_bolus_ul"][step, row])
    also = f" and a bolus of {bolus:.3g} µL" if bolus > 0 else ""
    acts = ShieldMode.of(run.shield_mode).shielded
    does = f"given {_percent(given)}" if acts else f"given {_percent(given)} all the same (the shield only watched)"
    seen = float(run["nrs_report"][step - 1, row]) if step > 0 else float("nan")
    after = f", after a report of {seen:.0f}" if np.isfinite(seen) else ""
    return f"Asked {_percent(asked)}{also}{after}; {does}: {why}."


def _percent(share: float) -> str:
    """A change of the rate in whole percent with a true minus sign; ``no change`` for none."""
    rounded = round(100.0 * share)
    return f"{rounded:+d} %".replace("-", "−") if rounded else "no change"


def _moves(run: Trajectories, row: int, lived: NDArray[np.bool_]) -> Iterator[Note]:
    """The largest rises and reductions that went through as asked."""
    _, asked, given = _before(run, row)
    free = lived & (run["binding"][:, row] == 0) & (np.abs(asked) > _MOVES) & (np.abs(given) > _MOVES)
    steps = np.flatnonzero(free)
    largest = steps[np.argsort(-np.abs(given[steps]), kind="stable")][:MOST]
    for step in largest.tolist():
        seen = run["nrs_report"][max(0, step - 1), row]
        after = f" after a report of {seen:.0f}" if np.isfinite(seen) else " without a new report"
        text = f"Asked {_percent(asked[step])}{after}; given {_percent(given[step])}."
        yield Note(time_h=_at(run, step), kind="given", text=text)
