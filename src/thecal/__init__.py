"""Thecal: a research platform for adaptive closed-loop intrathecal dosing. Simulation only, never a clinical tool."""

import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from gymnasium.envs.registration import register

__version__ = "0.2.0"


def _files() -> Iterator[Path]:
    """The files of the shipped tasks and of those that other packages add, found without importing any of them."""
    spec = find_spec("thecal.envs")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield from sorted((Path(folder) / "data" / "tasks").glob("*.toml"))
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


def _register() -> None:
    for path in _files():
        try:
            task = tomllib.loads(path.read_text(encoding="utf-8"))
            name = f"thecal/{task['name']}-v{task['version']}"
        except (OSError, ValueError, KeyError):  # load_task says what is wrong with it, when it is asked for
            continue
        register(
            id=name,
            entry_point="thecal.envs.adapters.single:ThecalEnv",
            vector_entry_point="thecal.envs.adapters.vector:ThecalVectorEnv",
            kwargs={"task": task["name"]},
            disable_env_checker=True,
        )


_register()
