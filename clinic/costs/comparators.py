"""What a pump is compared with: the prices that make up its course, and what is published of its effect and cost."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from pydantic import Field

from thecal.clinic.costs.prices import catalog
from thecal.core.documents import read_tables
from thecal.core.errors import ParameterError, UnknownNameError
from thecal.core.models import Strict, checked


class Finding(Strict):
    """A published number of a comparator; ``against`` is the same of what it was compared with."""

    what: str = Field(min_length=1)
    value: float
    unit: str = Field(min_length=1)
    against: float | None = None
    source: str = Field(min_length=4)


class Comparator(Strict):
    """A therapy without a pump.

    Attributes:
        title: for people.
        once, monthly: items of the price table that are paid at the start, and every month.
        published: findings.
    """

    title: str = Field(min_length=1)
    once: tuple[str, ...] = ()
    monthly: tuple[str, ...] = Field(min_length=1)
    published: tuple[Finding, ...] = ()

    @property
    def items(self) -> tuple[str, ...]:
        """Every item that it needs a price of."""
        return (*self.once, *self.monthly)


@cache
def comparators() -> dict[str, Comparator]:
    """All of them by name.

    Raises:
        ParameterError: the shipped file is corrupt.
    """
    source = files("thecal.clinic.costs") / "data" / "comparators.toml"
    found = {}
    for name, table in read_tables(source, ParameterError).items():
        found[name] = checked(Comparator, table, f"{source.name}: {name}", ParameterError)
        for item in found[name].items:
            if item not in catalog().item:
                raise ParameterError(f"{source.name}: {name}: once, monthly: unknown item {item!r}")
    return found


def comparator(name: str) -> Comparator:
    """One by name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in comparators():
        raise UnknownNameError("comparator", name, list(comparators()))
    return comparators()[name]
