"""A person in the place of a policy: what is seen is told, a line of text is read, and the run is scored like any other."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import BatchPolicy
from thecal.agents.find import find_policies
from thecal.agents.info import PolicyInfo
from thecal.agents.view import BOLUS, RATE, Components, Fields, Flags
from thecal.core.errors import ConfigError
from thecal.envs.outcomes import Outcome, outcomes
from thecal.envs.scenario import Resolved
from thecal.experiments.analysis.results import task_outcomes
from thecal.experiments.rollouts.fit import check_fit
from thecal.experiments.rollouts.rollout import rollout

Read = Callable[[], str | None]  # the next line, None at the end of the input
Write = Callable[[str], None]
NAME = "hand"
HELP = (
    "  + or +10    raise the rate by the largest step, or by 10 %\n"
    "  - or -10    lower it\n"
    "  Enter or h  hold for one decision\n"
    "  h 24        hold for 24 h; a new danger sign ends it\n"
    "  b or b 0.5  arm or disarm the patient's bolus, or arm half of the largest\n"
    "  q           hold to the end\n"
    "  ?           this help"
)
_BARS, _PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.-=oO0@"
_SHOWN_REPORTS = 24
_SEEN = (
    ("dose_mg_per_d", "{:.3g} mg/d"), ("rate_ratio_start", "{:.2f}x start"), ("rr", "RR {:.0f}"), ("spo2", "SpO2 {:.0f}"),
    ("poss", "POSS {:.0f}"), ("nausea", "nausea {:.0f}"), ("spasms", "spasms {:.1f}/d"),
)  # fmt: skip
_FLAGS = (
    ("lock_resp", "respiratory lock"), ("lock_sedation", "sedation lock"), ("stale", "vital signs are stale"),
    ("pump_alarm", "the pump raises an alarm"), ("clinic_on_its_way", "the clinic is on its way"),
)  # fmt: skip
_SEDATED = 3.0  # POSS from which a patient is over-sedated
_UNASKED = 0.02  # a smaller change of the rate is the pump's grid and the observation's
_NUMBER = re.compile(r"([+-])\s*(\d+(?:\.\d+)?)?\s*%?")


class Move(NamedTuple):
    """What a line asks for: a relative change of the rate, hours to hold, a bolus to arm; ``end`` holds to the end."""

    change: float = 0.0
    hours: float = 0.0
    bolus: float | None = None
    toggles: bool = False
    end: bool = False


def read_move(line: str) -> Move | None:
    """The move a line asks for; ``None`` for one that says nothing known (``?`` among them)."""
    text = line.strip().lower()
    if text in ("", "h"):
        return Move()
    if text in ("q", "quit"):
        return Move(end=True)
    if text == "b":
        return Move(toggles=True)
    found = _NUMBER.fullmatch(text)
    if found:
        size = math.inf if found[2] is None else float(found[2]) / 100.0
        return Move(change=math.copysign(size, 1.0 if found[1] == "+" else -1.0))
    word, _, rest = text.partition(" ")
    try:
        number = float(rest)
    except ValueError:
        return None
    if word == "h" and 0.0 < number < math.inf:
        return Move(hours=number)
    return Move(bolus=number) if word == "b" and 0.0 <= number <= 1.0 else None


def sparkline(reports: list[float], *, plain: bool = False) -> str:
    """Reports of pain, NRS 0 to 10, as bars of a line; a space where none came."""
    bars = _PLAIN_BARS if plain else _BARS
    places = [
        None if math.isnan(value) else round(min(max(value, 0.0), 10.0) / 10.0 * (len(bars) - 1)) for value in reports
    ]
    return "".join(" " if place is None else bars[place] for place in places)


@dataclass
class _Memory:
    reports: list[float] = field(default_factory=list)
    hold: float = 0.0  # hours still to hold
    over: bool = False
    bolus: float = 0.0
    asked: float | None = None
    ratio: float = math.nan
    warned: frozenset[str] = frozenset()


class HandPolicy(BatchPolicy):
    """One patient, dosed by whoever answers.

    Args:
        read: gives the next line, ``None`` when there is none: then the rate is held to the end, which is said.
        write: takes a line of text.
        plain: letters instead of bars, for a terminal without Unicode.
    """

    info = PolicyInfo(
        name=NAME, label="By hand", kind="rule", text="A person at the keyboard, who saw what a policy sees."
    )

    def __init__(self, read: Read, write: Write, *, plain: bool = False) -> None:
        super().__init__()
        self._read, self._write, self._plain = read, write, plain
        self._memory = _Memory()

    def _begin(self, rows: Flags) -> None:
        if self.n != 1:
            raise ConfigError(f"one person doses one patient at a time, not {self.n}")
        self._memory = _Memory()

    def _decide(self, fields: Fields) -> Components:
        memory = self._memory
        seen = {name: float(values[0]) for name, values in fields.items()}
        memory.reports = [*memory.reports, seen.get("nrs_report", math.nan)][-_SHOWN_REPORTS:]
        signs = frozenset(_signs(seen))
        if memory.hold > 0.0 and signs - memory.warned:
            memory.hold = 0.0
        memory.warned = signs
        move = Move()
        if not memory.over and memory.hold <= 0.0:
            self._tell(seen, signs)
            move = self._ask()
        memory.hold = max(0.0, memory.hold - self.view.tick_h)
        memory.ratio, memory.asked = seen.get("rate_ratio_start", math.nan), move.change or None
        asked = {RATE: np.array([self._relative(move.change)])}
        return {**asked, BOLUS: np.array([memory.bolus])} if BOLUS in self.view.action_names else asked

    def _relative(self, change: float) -> float:
        scale = self.view.actions
        return float(scale.rate(np.clip(change, -scale.max_down, scale.max_up))) if change else 0.0

    def _tell(self, seen: dict[str, float], signs: frozenset[str]) -> None:
        """What the last request came to, then what is seen now."""
        memory, hours = self._memory, float(self.steps[0]) * self.view.tick_h
        now = seen.get("rate_ratio_start", math.nan)
        got = now / memory.ratio - 1.0 if memory.ratio > 0.0 else math.nan
        given = "unknown" if math.isnan(got) else f"{100.0 * got:+.0f} %"
        if memory.asked is not None:
            largest = self.view.actions.max_up if memory.asked > 0.0 else -self.view.actions.max_down
            asked = largest if math.isinf(memory.asked) else memory.asked
            self._write(f"  asked {100.0 * asked:+.0f} %, the rate changed by {given}")
        elif abs(got) > _UNASKED:
            self._write(f"  nothing was asked, and the rate changed by {given}")
        report = seen.get("nrs_report", math.nan)
        pain = "no report" if math.isnan(report) else f"NRS {report:.0f}"
        parts = [form.format(seen[name]) for name, form in _SEEN if not math.isnan(seen.get(name, math.nan))]
        bars = sparkline(memory.reports, plain=self._plain)
        self._write(f"day {int(hours // 24)}, hour {hours % 24:g}  {pain}  [{bars}]")
        self._write("  " + "  ".join([*parts, *(["bolus armed"] if memory.bolus else [])]))
        for sign in sorted(signs):
            self._write(f"  ! {sign}")

    def _ask(self) -> Move:
        """The next move; lines that say nothing known are answered with the help."""
        memory = self._memory
        while True:
            line = self._read()
            if line is None:
                self._write("  no more input: the rate is held to the end")
            move = Move(end=True) if line is None else read_move(line)
            if move is None:
                self._write(HELP)
                continue
            if move.toggles or move.bolus is not None:
                self._arm((0.0 if memory.bolus else 1.0) if move.bolus is None else move.bolus)
                continue
            memory.over, memory.hold = move.end, move.hours
            return move

    def _arm(self, share: float) -> None:
        if BOLUS not in self.view.action_names:
            self._write("  this task gives no bolus")
            return
        self._memory.bolus = share
        self._write(f"  bolus {'disarmed' if share == 0.0 else f'armed: {100.0 * share:.0f} % of the largest'}")


def _signs(seen: dict[str, float]) -> list[str]:
    found = [words for name, words in _FLAGS if seen.get(name, 0.0) > 0.5]
    return [*found, "over-sedated (POSS 3 or more)"] if seen.get("poss", 0.0) >= _SEDATED else found


@dataclass(frozen=True)
class Score:
    """What a game came to: every outcome of the task of each policy on the one patient, ``hand`` first.

    Attributes:
        scene: what the patient met.
        patient: number in the split.
        measured: the task's outcomes, the primary one first.
        values: ``values[policy][outcome]``.
    """

    scene: Resolved
    patient: int
    measured: tuple[Outcome, ...]
    values: dict[str, dict[str, float]]

    def as_dict(self) -> dict[str, Any]:
        """The score as plain data."""
        return {
            "note": "simulation only", "task": self.scene.task.id, "scenario_hash": self.scene.hash, "patient": self.patient,
            "unshielded": not self.scene.mode.shielded, "primary": self.measured[0].key, "values": self.values,
        }  # fmt: skip


def play(scene: Resolved, patient: int, against: tuple[str, ...], hand: HandPolicy) -> Score:
    """Let a person dose one patient, then the others the same patient on the same days.

    Raises:
        ConfigError: a policy does not fit the task, or the patient lies outside the cohort; before anything is asked.
    """
    others = [policy for policy in find_policies(against) if policy.info.name != NAME]
    check_fit([hand, *others], scene)
    measured = task_outcomes(scene.task)
    who: NDArray[np.int64] = np.array([patient])
    values = {}
    for policy in (hand, *others):
        found = outcomes(rollout(policy, scene, who, record="summary"), [entry.key for entry in measured])
        values[policy.info.name] = {key: float(column[0]) for key, column in found.items()}
    return Score(scene, patient, measured, values)
