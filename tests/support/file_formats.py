"""What a kind of file is that people write, and the ways in which a test lets one be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from thecal.core.documents import file_name, read_tables
from thecal.core.errors import ConfigError


@dataclass(frozen=True)
class Format:
    """A kind of file: where the shipped ones lie, how one is loaded, what it raises, and which keys it may lack."""

    name: str
    shipped: dict[str, dict[str, Any]]
    load: Callable[[Path, pytest.MonkeyPatch], object]
    error: type[ConfigError]
    optional: str = r"(?!)"  # of the dotted key
    ending: str = ".toml"


def tables(package: str, folder: str, only: str = ".*") -> dict[str, dict[str, Any]]:
    place = files(package).joinpath("data", *folder.split("/"))
    names = sorted(item.name for item in place.iterdir() if item.name.endswith(".toml"))
    return {name: read_tables(place / name) for name in names if re.fullmatch(only, name)}


def instead(module: Any, reader: str, path: Path, patch: pytest.MonkeyPatch) -> None:
    """Let a module read ``path`` where it would read the shipped file of this name."""
    honest = getattr(module, reader)

    def read(source: Any, *more: Any, **options: Any) -> Any:
        return honest(path if file_name(source) == path.name else source, *more, **options)

    patch.setattr(module, reader, read)


def patched(call: Callable[[str], object], *places: tuple[Any, str]) -> Callable[[Path, pytest.MonkeyPatch], object]:
    def load(path: Path, patch: pytest.MonkeyPatch) -> object:
        for module, reader in places:
            instead(module, reader, path, patch)
        return call(path.stem)

    return load
