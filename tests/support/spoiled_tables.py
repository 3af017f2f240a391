"""Tables spoiled in one place at a time, and written as TOML, JSON or YAML."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Place = tuple[str | int, ...]
QUANTITY = {"value": 1.0, "unit": "dimensionless", "source": "made up for a test", "confidence": "low"}


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """The place of every entry within a table, tables and lists included; the table itself first."""
    yield here
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield from places(entry, (*here, key))


def at(table: Any, place: Place) -> Any:
    """The entry at a place."""
    for key in place:
        table = table[key]
    return table


def changed(table: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    """A copy with another value at a place; ``...`` removes the entry."""
    found = copy.deepcopy(table)
    parent = at(found, place[:-1])
    if value is ...:
        del parent[place[-1]]
    else:
        parent[place[-1]] = value
    return found


def spoiled(table: dict[str, Any], *, numbers_apart: bool) -> Iterator[tuple[str, Place, dict[str, Any]]]:
    """(what was done, where, the table then): an unknown key, a number that is none, a key left out; one at a time."""
    for place in places(table):
        value = at(table, place)
        if isinstance(value, dict):
            inside = not numbers_apart or "value" in value
            yield "unknown", (*place, "nonsense"), changed(table, (*place, "nonsense"), 1 if inside else QUANTITY)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            for name, other in (("text", str(value)), ("true", True), ("table", {"x": value})):
                yield name, place, changed(table, place, other)
        if place and isinstance(place[-1], str):
            yield "left out", place, changed(table, place, ...)


def write(path: Path, table: dict[str, Any]) -> Path:
    """A table as a file in the format of its ending."""
    if path.suffix == ".toml":
        path.write_text(
            "".join(f"{json.dumps(key)} = {_toml(value)}\n" for key, value in table.items()), encoding="utf-8"
        )
    else:  # JSON is YAML
        path.write_text(json.dumps(table), encoding="utf-8")
    return path


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else json.dumps(value)
