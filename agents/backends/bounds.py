"""How large a network may be: what lies beyond is a mistake or a hostile file, and is refused before memory is taken."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field

WIDEST, DEEPEST = 16_384, 32
MOST_WEIGHTS = 100_000_000  # of the acting network: 400 MB

Width = Annotated[int, Field(ge=1, le=WIDEST)]
NetArch = Annotated[tuple[Width, ...], Field(min_length=1, max_length=DEEPEST)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Name = Annotated[str, Field(max_length=200)]


def weights_of(inputs: int, hidden: tuple[int, ...], outputs: int) -> int:
    """Numbers in a network of full layers, biases included."""
    sizes = (inputs, *hidden, outputs)
    return sum((before + 1) * after for before, after in pairwise(sizes))
