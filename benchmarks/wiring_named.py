"""The mutants of the wiring that a review made by hand, as patches: a piece of a module's text and what stands in its place."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from wiring_mutants import exchange, text_of

NAMED = Path(__file__).parent / "wiring_named.toml"


def patches() -> Iterator[tuple[str, str, Callable[[], None], str]]:
    """(name, module, what puts it in place, the test that is tried first) for every mutant of the file.

    Raises:
        ValueError: a piece of text is not there, or more than once: the module has changed and the mutant must follow.
    """
    for name, entry in tomllib.loads(NAMED.read_text(encoding="utf-8")).items():
        text = text_of(entry["module"])
        if text.count(entry["old"]) != 1 or entry["old"].count("\n") != entry["new"].count("\n"):
            raise ValueError(f"{NAMED.name}: {name}: its text is not once in {entry['module']}, or changes its lines")
        tree = ast.parse(text.replace(entry["old"], entry["new"]))
        yield name, entry["module"], partial(exchange, entry["module"], tree), entry["first"]
