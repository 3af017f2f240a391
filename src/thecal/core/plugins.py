"""What other packages add, by entry points: policies, tasks, limit profiles and cohorts.

An entry point's name is the name under which commands, reports and ``thecal list`` show what it adds. A policy's value is the
class or factory (``package.module:Name``). A task's, profile's or cohort's value is the package that holds ``<name>.toml``
(``package.folder``), or an object that is such a file (``package.module:PATH``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

from thecal.core.errors import ConfigError

Loaded = TypeVar("Loaded")
POLICIES, TASKS, PROFILES, COHORTS = "thecal.policies", "thecal.tasks", "thecal.profiles", "thecal.cohorts"


@cache
def plugins(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name, sorted; nothing is loaded yet.

    Raises:
        ConfigError: two packages add the same name.
    """
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise ConfigError(
                f"{group} {point.name!r} is added twice: by {_origin(other)} ({other.value}) and {_origin(point)} ({point.value})"
            )
    return found


def plugin(group: str, name: str) -> Any:
    """What an entry point stands for, loaded.

    Raises:
        ConfigError: it cannot be loaded; the text names the package.
    """
    point = plugins(group)[name]
    try:
        return point.load()
    except Exception as error:  # another package's code may fail in any way
        raise ConfigError(
            f"{group} {name!r} of {_origin(point)} cannot be loaded ({type(error).__name__}: {error})"
        ) from error


def plugin_file(group: str, name: str) -> Traversable:
    """The TOML file that an entry point adds.

    Raises:
        ConfigError: there is no such file, or its package cannot be loaded.
    """
    point = plugins(group)[name]
    if point.attr:
        found = plugin(group, name)
        place = found if isinstance(found, Traversable) else None
    else:
        try:
            place = files(point.module) / f"{name}.toml"
        except Exception as error:  # importing the package may fail in any way
            raise ConfigError(f"{group} {name!r} of {_origin(point)} cannot be loaded ({error})") from error
    if place is None or not place.is_file():
        raise ConfigError(f"{group} {name!r} of {_origin(point)}: {point.value} is no file {name}.toml")
    return place


def sound(
    group: str,
    names: Iterable[str],
    load: Callable[[str], Loaded],
    left_out: Callable[[ConfigError], None] = lambda _error: None,
) -> dict[str, Loaded]:
    """What ``load`` gives for every name, without the plug-ins that fail: one broken package must not hide the others.

    Args:
        group: of the names.
        names: shipped and added.
        load: raises :class:`ConfigError` for what is broken; for a shipped name that is raised on.
        left_out: called with the error of each plug-in that is left out.
    """
    found = {}
    for name in names:
        try:
            found[name] = load(name)
        except ConfigError as error:
            if name not in plugins(group):
                raise
            left_out(error)
    return found


def origin(group: str, name: str) -> str:
    """The distribution that adds ``name``, with its version; empty for what is shipped."""
    point = plugins(group).get(name)
    return "" if point is None else _origin(point)


def _origin(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else f"{point.dist.name} {point.dist.version}"
