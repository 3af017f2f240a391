"""The mutants of the wiring that were once made by hand, as patches: a piece of text in a module, and what stands in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def patches() -> Iterator[tuple[str, str, Callable[[], None]]]:
    yield from ()
