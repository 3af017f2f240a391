"""A task with other drugs or another horizon than its file states, checked like the file itself."""

from __future__ import annotations

import math
from typing import Any

from thecal.core.errors import ConfigError
from thecal.core.models import checked
from thecal.envs.kernel.observation import DOSE_FIELDS
from thecal.envs.tasks import TaskSpec
from thecal.safety.profiles import LimitProfile, load_profile


def read_drugs(text: str) -> tuple[tuple[str, ...], tuple[float | None, ...]]:
    """The drugs of ``morphine+bupivacaine:2``, and for every one after the first its mass per mass of the first.

    Raises:
        ConfigError: the text is not of this form.
    """
    names, ratios = [], []
    for place, part in enumerate(text.split("+")):
        name, colon, number = (piece.strip() for piece in part.partition(":"))
        if not name or (place == 0 and colon):
            raise ConfigError(
                f"drugs {text!r}: give the first drug alone and the others with a ratio, as morphine+bupivacaine:2"
            )
        names.append(name)
        ratios.append(_ratio(text, name, number) if colon else None)
    if len(set(names)) < len(names):
        raise ConfigError(f"drugs {text!r}: a drug stands twice")
    return tuple(names), tuple(ratios[1:])


def adapted(task: TaskSpec, drugs: str | None, horizon_d: float | None, profile: str) -> TaskSpec:
    """The task with the drugs and the horizon (days) of a scenario, where they are given and differ.

    A first drug that is another keeps the task's choice of concentrations as shares of the highest that the limit profile
    allows, begins with the cohort's conversion for that drug, and is observed on the scale of its own cap.

    Args:
        task: as its file states it.
        drugs: as :func:`read_drugs` takes them.
        horizon_d: length of an episode.
        profile: name or path of the limit profile in force.

    Raises:
        ConfigError: a drug has no limits, a mixture is not listed or lacks a ratio, or the horizon is not whole steps.
    """
    changes: dict[str, Any] = {} if drugs is None else _with_drugs(task, drugs, load_profile(profile))
    words = [f"drugs {_written(changes)}"] if "drugs" in changes else []
    if horizon_d is not None and horizon_d != task.horizon_d:
        changes["horizon_d"] = horizon_d
        words.append(f"horizon {horizon_d:g} d")
    if not changes:
        return task
    stated = {name: getattr(task, name) for name in TaskSpec.model_fields}
    title = f"{task.title} ({', '.join(words)})"
    return checked(TaskSpec, stated | changes | {"title": title}, f"task {task.name}")


def _written(changes: dict[str, Any]) -> str:
    first, *others = changes["drugs"]
    ratios = changes["solution"].ratios
    return "+".join([first, *(f"{name}:{ratio:g}" for name, ratio in zip(others, ratios, strict=True))])


def _with_drugs(task: TaskSpec, text: str, profile: LimitProfile) -> dict[str, Any]:
    """The fields of the task that other drugs change; none where they are the task's own."""
    names, given = read_drugs(text)
    own = dict(zip(task.drugs[1:], task.solution.ratios, strict=True)) if names[0] == task.drugs[0] else {}
    ratios = tuple(
        _needed(name, own.get(name) if ratio is None else ratio, names[0])
        for name, ratio in zip(names[1:], given, strict=True)
    )
    if names == task.drugs and ratios == task.solution.ratios:
        return {}
    if task.solution.mixtures:
        raise ConfigError(
            f"task {task.name} chooses among mixtures of {', '.join(task.drugs)} and takes no other drugs"
        )
    highest = [profile.max_concentration(name) for name in names]
    profile.require_mixture(names)
    solution: dict[str, Any] = {"ratios": ratios}
    changes: dict[str, Any] = {
        "drugs": names,
        "evidence": f"none stated: the task's file speaks of {' + '.join(task.drugs)}",
    }
    if names[0] != task.drugs[0]:
        if task.start.rule == "fixed":
            raise ConfigError(
                f"task {task.name} states a starting dose of {task.drugs[0]}, which is none of {names[0]}"
            )
        of_own = _holding(profile, task, task.drugs[0]).max_concentration(task.drugs[0])
        solution["options_mg_per_ml"] = tuple(
            option * highest[0] / of_own for option in task.solution.options_mg_per_ml
        )
        scale = (0.0, _holding(load_profile(task.profile), task, names[0], profile).cap_ug(names[0]) / 1000.0)
        bounds = dict(task.observation.bounds) | dict.fromkeys(DOSE_FIELDS, scale)
        changes["observation"] = task.observation.model_copy(update={"bounds": bounds})
    changes["solution"] = task.solution.model_copy(update=solution)
    return changes


def _holding(first: LimitProfile, task: TaskSpec, drug: str, second: LimitProfile | None = None) -> LimitProfile:
    """The profile that knows a drug: the first, or else the second (the task's own, where none is given)."""
    return first if drug in first.drugs else second or load_profile(task.profile)


def _needed(name: str, ratio: float | None, first: str) -> float:
    if ratio is None:
        raise ConfigError(f"drugs: {name} needs its mass for each mg of {first}, as {first}+{name}:2")
    return ratio


def _ratio(text: str, name: str, number: str) -> float:
    try:
        ratio = float(number)
    except ValueError:
        ratio = math.nan
    if not (math.isfinite(ratio) and ratio > 0.0):
        raise ConfigError(f"drugs {text!r}: the ratio of {name} is not a positive number")
    return ratio
