"""The Gymnasium ids of a task: the plain one and its variants, from one table. Light, because every import of Thecal reads it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from thecal.core.layout import COMPARTMENT
from thecal.physiology.structures import second_offered

_SINGLE = "thecal.envs.adapters.pictured:PicturedEnv"
_VECTOR = "thecal.envs.adapters.pictured_vector:PicturedVectorEnv"


class Variant(NamedTuple):
    """One way to register a task.

    Attributes:
        name: stands in the id, ``thecal/<Task>-<name>-v<N>``; empty for the task itself.
        text: what differs.
        options: arguments of the environment.
        difficulty: what the task's file has to name for the variant to exist.
        holds: whether it needs an action that keeps the rate: a relative rate, or the switch ``hold`` beside a target dose.
        single, vector: entry points.
    """

    name: str
    text: str
    options: Mapping[str, Any] = {}
    difficulty: str | None = None
    holds: bool = False
    single: str = _SINGLE
    vector: str = _VECTOR


VARIANTS = (
    Variant("", "the task as its file states it"),
    Variant(
        "Discrete", "a table of discrete actions with action_masks(), where an action can hold", holds=True,
        single="thecal.envs.adapters.pictured:PicturedDiscreteEnv",
        vector="thecal.envs.adapters.pictured_vector:PicturedDiscreteVectorEnv",
    ),
    Variant("Easy", "patients and sensors without trouble", {"difficulty": "easy"}, "easy"),
    Variant("Shift", "patients and sensors other than those of training", {"difficulty": "shift"}, "shift"),
    Variant("Swap", "the same patients by the second structural model, while it is offered", {"difficulty": "swap"}, "swap"),
    Variant("Faults", "with the reference rates of device faults", {"faults": "reference"}),
    Variant(
        "Cost", "step gives observation, reward, cost, terminated, truncated, info",
        single="thecal.envs.adapters.pictured:PicturedCostEnv",
        vector="thecal.envs.adapters.pictured_vector:PicturedCostVectorEnv",
    ),
    Variant(
        "Terms", "the reward is an array of the task's terms before they are weighed",
        single="thecal.envs.adapters.pictured:PicturedTermsEnv",
        vector="thecal.envs.adapters.pictured_vector:PicturedTermsVectorEnv",
    ),
)  # fmt: skip


class Entry(NamedTuple):
    """An id that is registered, the task it belongs to, and how."""

    id: str
    task: str
    variant: Variant


def entries() -> Iterator[Entry]:
    """Every id of the shipped tasks and of those that other packages add; a broken file has none."""
    for path in task_files():
        try:
            task = tomllib.loads(path.read_text(encoding="utf-8"))
            name, version, known = str(task["name"]), task["version"], dict(task["difficulty"])
        except (OSError, ValueError, KeyError, TypeError):  # load_task says what is wrong with it, when it is asked for
            continue
        for variant in VARIANTS:
            offered = variant.difficulty is None or _offered(known.get(variant.difficulty))
            if offered and (not variant.holds or _holds(task)):
                middle = f"-{variant.name}" if variant.name else ""
                yield Entry(f"thecal/{name}{middle}-v{version}", name, variant)


def _holds(task: Mapping[str, Any]) -> bool:
    """Whether a task's file has an action that keeps the rate; without ``fields`` it has a relative rate."""
    action = task.get("action")
    fields = action.get("fields", ()) if isinstance(action, dict) else ()
    return "target_dose" not in fields or "hold" in fields


def _offered(difficulty: Any) -> bool:
    """Whether a task's file names a difficulty and, where that takes the second structural model, patients of it are offered."""
    return isinstance(difficulty, dict) and (difficulty.get("structure") != COMPARTMENT or second_offered())


def task_files() -> Iterator[Path]:
    """The files of the shipped tasks and of those that other packages add, found without importing any of them."""
    yield from sorted((Path(__file__).resolve().parent / "data" / "tasks").glob("*.toml"))
    for point in entry_points(group="thecal.tasks"):
        yield from _added(point)


def _added(point: EntryPoint) -> Iterator[Path]:
    """The file of a task that is added as a package's resource; one behind an attribute is read when it is asked for."""
    try:
        spec = None if point.attr else find_spec(point.module)
    except (ImportError, ValueError):  # a broken package must not keep Thecal from being imported
        return
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(folder) / f"{point.name}.toml"
