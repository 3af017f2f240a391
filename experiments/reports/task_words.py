"""What a task's file says, in words for its page: goal, limits, start, what happens, and the comments beside its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from thecal.devices.fault_presets import FaultSpec
from thecal.envs import tasks
from thecal.envs.kernel.actions import ACTIONS
from thecal.envs.kernel.well import (
    CONFUSION_BOUND,
    CONTROLLED_NRS,
    GOAL_ASHWORTH,
    GOAL_SPASM,
    NAUSEA_BOUND,
    WEAKNESS_BOUND,
    WITHDRAWAL_LEVEL,
)
from thecal.envs.outcomes import outcome
from thecal.envs.tasks import TaskSpec
from thecal.physiology.breathing import DEPRESSED_RR, DEPRESSED_SPO2
from thecal.physiology.harm import OVERSEDATED_POSS
from thecal.physiology.life_presets import load_life
from thecal.safety.profile_schema import INDICATIONS
from thecal.safety.profiles import load_profile

NONE = "none"
SMALL_UG = 1000.0
_HOURS_PER_DAY = 24.0
_OF_SENSORS = ("s_", "nrs_")  # parameters of sensors and reports
_COMMENTED = re.compile(r"^(\w+) = ([^#]+?)\s*#\s*(.+)$")
_SECTION = re.compile(r"^\[([\w.]+)\]$")


def source_of(name: str) -> Path:
    """The file of a shipped task."""
    return Path(tasks.__file__).resolve().parent / "data" / "tasks" / f"{name}.toml"


def about(name: str) -> str:
    """The first line of a task's file: what it is about."""
    return source_of(name).read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def commented(name: str) -> Iterator[tuple[str, str, str]]:
    """Every number of a task's file that has a comment beside it: key with its table, value, comment."""
    table = ""
    for line in source_of(name).read_text(encoding="utf-8").splitlines():
        if section := _SECTION.match(line):
            table = f"{section[1]}."
        elif found := _COMMENTED.match(line):
            yield f"{table}{found[1]}", found[2], found[3]


def dose(ug_per_d: float) -> str:
    """A daily dose in the unit in which it is usually told."""
    return f"{ug_per_d:g} µg/d" if ug_per_d < SMALL_UG else f"{ug_per_d / SMALL_UG:g} mg/d"


def span(hours: float) -> str:
    """A time in hours, or in days where it is a whole number of them."""
    days = hours / _HOURS_PER_DAY
    return f"{days:g} d" if days >= 1.0 and days.is_integer() else f"{hours:g} h"


def goal(task: TaskSpec) -> str:
    """What has to hold for an hour to be at its goal."""
    if task.goal == "spasticity":
        return f"modified Ashworth score ≤ {GOAL_ASHWORTH:g} and spasm score ≤ {GOAL_SPASM:g}"
    mild = f"felt pain NRS ≤ {CONTROLLED_NRS:g}"
    if task.goal_relief is None:
        return mild
    return f"{mild}, or {100 * task.goal_relief:g} % below the pain at the implant"


def harms() -> str:
    """What takes an hour from being well treated, in the order in which it is counted."""
    return (
        f"depressed breathing (below {DEPRESSED_RR:g}/min or SpO2 below {DEPRESSED_SPO2:g} %), over-sedation (POSS "
        f"{OVERSEDATED_POSS:g} or 4), withdrawal (above {WITHDRAWAL_LEVEL:g} of its worst), confusion (from "
        f"{CONFUSION_BOUND:g} of its worst), weakness (from {WEAKNESS_BOUND:g}) and nausea ({NAUSEA_BOUND:g} of 10 or more)"
    )


def limits(task: TaskSpec) -> list[str]:
    """The limits beside the primary outcome."""
    return [f"{outcome(key).label} ≤ {most:g} {outcome(key).unit}" for key, most in task.primary.limits.items()]


def start(task: TaskSpec) -> str:
    """How the dose at the implant comes about."""
    own = task.start
    words = "the cohort's conversion of the oral dose" if own.dose_ug_per_d is None else dose(own.dose_ug_per_d)
    if own.low != own.high:
        words += f" × {own.low:g} to {own.high:g}"
    return words + (", inherited" if own.inherited else "")


def beside(task: TaskSpec) -> str:
    """What happens beside the pump and to it, for a table."""
    faults = task.faults.preset if isinstance(task.faults, FaultSpec) else task.faults
    parts = [f"events `{task.life}`"] if task.life != NONE else []
    parts += [f"faults `{faults}`"] if faults != NONE else []
    parts += ["poor sensors"] if any(key.startswith(_OF_SENSORS) for key in task.difficulty["real"]) else []
    return ", ".join(parts) or "nothing"


def events(task: TaskSpec) -> str:
    """The kinds of events of the task's life."""
    preset = load_life(task.life)
    if preset is None:
        return "Nothing happens beside the pump."
    kinds = ", ".join(kind.name.replace("_", " ") for kind in preset.kinds)
    return f"Events of the preset `{task.life}` ([what they do](../life.md)): {kinds}. Nobody tells them to the policy."


def binding(task: TaskSpec) -> str:
    """The limits of the profile that matter most to a dose."""
    profile = load_profile(task.profile)
    caps = ", ".join(f"{dose(profile.cap_ug(drug))} of {drug}" for drug in task.drugs)
    of = INDICATIONS if task.goal == "spasticity" else ("",)
    steps = sorted({100 * profile.share(task.setting, "step", task.drugs, origin) for origin in of})
    most = min(profile.option(drug, "step_abs") for drug in task.drugs)
    wait = max(profile.limit(f"{task.setting}.interval"), *(profile.option(drug, "interval") for drug in task.drugs))
    absolute = any(f"{drug}.step_abs" in profile.file for drug in task.drugs)
    rise = f"at most {dose(most)}" if absolute else f"at most {' or '.join(f'{step:g}' for step in steps)} %"
    words = f"at most {caps} in 24 h; a rise of {rise}, {span(wait)} after the last one"
    month = profile.share(task.setting, "rise_28d", task.drugs)
    return words if absolute else f"{words}; in 28 days to at most {1 + month:g} times"


def actions(task: TaskSpec) -> Iterator[tuple[str, str, str, str]]:
    """Each component of an action: name, what -1 and 1 stand for, what it asks."""
    given = {
        "max_down": task.action.max_down, "max_up": task.action.max_up, "target_low": task.action.target_low,
        "target_high": task.action.target_high, "lockout_low": task.action.lockout_low_h,
        "lockout_high": task.action.lockout_high_h,
    }  # fmt: skip
    for field in ACTIONS:
        if field.name in task.action.fields:
            low, high = (f"{given[end]:g}" if given.get(end) is not None else end for end in (field.low, field.high))
            yield field.name, low, high, f"{field.text} ({field.unit})"
