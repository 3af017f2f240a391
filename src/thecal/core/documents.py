"""Files of tables: the one reader of what people write as TOML, JSON or YAML, and of what may be wrong with such a file."""

from __future__ import annotations

import json
import re
import stat
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from thecal.core.errors import ConfigError

LARGEST = 16 * 1024 * 1024  # bytes: a hundred times the largest file that is shipped
DEEPEST = 32  # tables within tables
_KINDS = {".toml": "TOML", ".json": "JSON", ".yaml": "YAML", ".yml": "YAML"}
# Scalars as YAML 1.2 has them: yes and no are words, 1e-3 is a number.
_YAML_SCALARS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
)


def has_suffix(path: Any, *suffixes: str) -> bool:
    """Whether a name ends with one of ``suffixes`` (small letters, with the dot), in capitals or not."""
    return Path(path).suffix.lower() in suffixes


def is_toml(path: Any) -> bool:
    """Whether what a user gives is the path of a TOML file rather than a name."""
    return has_suffix(path, ".toml")


def read_text(source: Any, error: type[ConfigError] = ConfigError, *, largest: int = LARGEST) -> str:
    """The text of a regular file, in UTF-8 with or without a byte order mark.

    Args:
        source: a path, or an item of :mod:`importlib.resources`.
        error: what to raise.
        largest: bytes it may have.

    Raises:
        ConfigError: it is missing, no regular file (a folder, a pipe, a device), too large, or no text.
    """
    name = file_name(source)
    try:
        raw = _content(source, largest) if isinstance(source, (str, Path)) else source.read_bytes()
    except OSError as problem:
        raise error(f"{name}: cannot be read ({problem.strerror or problem})") from problem
    except ValueError as problem:  # a path with a NUL, or what _content refuses
        raise error(f"{name}: cannot be read ({problem})") from problem
    if b"\0" in raw:
        raise error(f"{name}: cannot be read (it holds a NUL, so it is no text)")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw[: problem.start].count(b"\n") + 1
        raise error(f"{name}: cannot be read (line {line} is not UTF-8; save it as UTF-8)") from problem


def file_name(source: Any) -> str:
    """The name by which messages call a file."""
    return Path(source).name if isinstance(source, (str, Path)) else str(getattr(source, "name", source))


def check_regular(path: str | Path) -> None:
    """See that a path is that of a regular file, before it is opened: a pipe would wait for ever.

    Raises:
        OSError: there is nothing, or it cannot be looked at.
        ValueError: it is something else.
    """
    mode = Path(path).stat().st_mode
    if not stat.S_ISREG(mode):
        raise ValueError("it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file")


def _content(source: str | Path, largest: int) -> bytes:
    check_regular(source)
    with Path(source).open("rb") as file:
        raw = file.read(largest + 1)
    if len(raw) > largest:
        raise ValueError(f"it is larger than {largest // 1024 // 1024} MB")
    return raw


def read_tables(source: Any, error: type[ConfigError] = ConfigError, *, kind: str | None = None) -> dict[str, Any]:
    """The tables of a file as plain data: dictionaries with texts as keys, lists, texts, numbers, dates, true and false.

    Args:
        source: a path, or an item of :mod:`importlib.resources`.
        error: what to raise.
        kind: ``"TOML"``, ``"JSON"`` or ``"YAML"``; by the ending when missing, and TOML for an ending that says nothing.

    Raises:
        ConfigError: see :func:`read_text`; or it is not valid, gives a key twice, is nested too deeply, or holds no table.
    """
    name = file_name(source)
    form = kind or _KINDS.get(Path(name).suffix.lower(), "TOML")
    text = read_text(source, error)
    try:
        found = _PARSERS[form](text)
    except RecursionError as problem:
        raise error(f"{name}: not valid {form} (nested too deeply)") from problem
    except ImportError as problem:
        raise error(f"{name}: YAML needs PyYAML (it comes with thecal[track]); TOML needs nothing") from problem
    except ValueError as problem:  # of the parser, or of a number with thousands of digits
        raise error(f"{name}: not valid {form} ({_one_line(problem)})") from problem
    if not isinstance(found, dict):
        raise error(f"{name}: the top level is not a table")
    _check_depth(found, f"{name}: not valid {form} (nested too deeply)", error)
    return found


def value_of(text: str) -> Any:
    """A value as TOML reads it, for one that is written on a command line or in the environment; else the text itself."""
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text.strip()
    return found["value"] if len(found) == 1 else text.strip()


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:200]


def _check_depth(table: dict[str, Any], words: str, error: type[ConfigError]) -> None:
    level: list[Any] = [table]
    for _ in range(DEEPEST):
        level = [
            entry
            for group in level
            for entry in (group.values() if isinstance(group, dict) else group)
            if isinstance(entry, (dict, list))
        ]
        if not level:
            return
    raise error(words)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} is given twice")
        found[key] = value
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=_yaml_loader())  # noqa: S506  (a subclass of the safe loader)
    except yaml.YAMLError as problem:
        raise ValueError(_one_line(problem)) from problem


@cache
def _yaml_loader() -> Any:
    """PyYAML's safe loader with the scalars of YAML 1.2, each key once, and no references (which could grow without end)."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        yaml_implicit_resolvers: dict[str, Any] = {}

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise ValueError(f"line {self.peek_event().start_mark.line + 1}: references (*) are not taken")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            pairs = [
                (self.construct_object(key, deep=True), self.construct_object(value, True)) for key, value in node.value
            ]
            for key, _ in pairs:
                if not isinstance(key, str):
                    raise ValueError(f"the key {key!r} is not a text; put it in quotes")
            return _once(pairs)

        def construct_whole(self, node: Any) -> int:
            text = str(self.construct_scalar(node))
            return int(text, 0 if text[:2] in ("0x", "0o") else 10)

    for name, pattern, first in _YAML_SCALARS:
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(f"^(?:{pattern})$"), list(first))
    Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_whole)
    Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: _yaml_float(loader.construct_scalar(node)))
    Loader.add_constructor("tag:yaml.org,2002:map", lambda loader, node: loader.construct_mapping(node, deep=True))
    return Loader


def _yaml_float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_PARSERS: dict[str, Callable[[str], Any]] = {"TOML": tomllib.loads, "JSON": _json, "YAML": _yaml}
