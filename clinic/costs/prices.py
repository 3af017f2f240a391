"""Price tables: what things cost, in one currency of one year, every row with its source; what they hold is judged row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import Field

from thecal.clinic.costs.rows import Evidence, Refusal, read_rows
from thecal.core.documents import has_suffix, read_tables
from thecal.core.errors import ConfigError, ParameterError, UnknownNameError, did_you_mean
from thecal.core.models import Strict, checked
from thecal.devices.fault_records import FAULT_NAMES
from thecal.physiology.population import drug_names

DEFAULT = "usd_2013"


class Item(Strict):
    """Something that can be priced.

    Attributes:
        per: what it is counted by.
        lowest, highest: between which a price can be believed.
        by_drug: whether each drug has a row of its own.
        text: what it is.
    """

    per: str
    lowest: float = Field(gt=0.0)
    highest: float = Field(gt=0.0)
    by_drug: bool = False
    text: str = Field(min_length=1)


class Catalog(Strict):
    """All items, the currencies a table may use, the first year of a price, and the faults that an item pays for."""

    currencies: tuple[str, ...] = Field(min_length=1)
    earliest_year: int = Field(ge=1900)
    faults: dict[str, tuple[str, ...]] = Field(min_length=1)
    item: dict[str, Item] = Field(min_length=1)


class Head(Strict):
    """What a table says beside its rows: its name for people, and the one currency and year of its prices."""

    title: str = Field(min_length=1)
    currency: str
    year: int


class Price(Evidence):
    """One row.

    Attributes:
        item: what is priced, a name of the catalog; ``drug`` for which drug.
        price: in ``currency`` of ``year``, for one ``per``.
    """

    item: str
    drug: str | None = None
    price: float = Field(gt=0.0)
    per: str
    currency: str
    year: int

    @property
    def center(self) -> float:
        """The price."""
        return self.price


@dataclass(frozen=True)
class Prices:
    """A table that was read.

    Attributes:
        name: of the file.
        title, currency, year: of its head.
        rows: by item, ``drug:morphine`` for drugs.
        refused: rows that were left out.
    """

    name: str
    title: str
    currency: str
    year: int
    rows: dict[str, Price]
    refused: tuple[Refusal, ...] = ()

    def __getitem__(self, key: str) -> float:
        """The price of an item.

        Raises:
            ConfigError: the table has none.
        """
        if key not in self.rows:
            raise ConfigError(f"{self.name}: no price for {key}{did_you_mean(key, self.rows)}")
        return self.rows[key].price


@cache
def catalog() -> Catalog:
    """The items that can be priced.

    Raises:
        ParameterError: the shipped file is corrupt.
    """
    source = files("thecal.clinic.costs") / "data" / "items.toml"
    found = checked(Catalog, read_tables(source, ParameterError), source.name, ParameterError)
    for name, item in found.item.items():
        if not item.lowest < item.highest:
            raise ParameterError(f"{source.name}: item.{name}.lowest: not below the highest, {item.highest:g}")
    paid = [(item, fault) for item, faults in found.faults.items() for fault in faults]
    for payer, fault in paid:
        if payer not in found.item or fault not in FAULT_NAMES:
            raise ParameterError(f"{source.name}: faults.{payer}: unknown item, or unknown fault {fault!r}")
    if len({fault for _, fault in paid}) < len(paid):
        raise ParameterError(f"{source.name}: faults: a fault is paid for twice")
    return found


def table_names() -> list[str]:
    """Names of the shipped tables."""
    place = files("thecal.clinic.costs") / "data" / "prices"
    return sorted(item.name.removesuffix(".toml") for item in place.iterdir() if item.name.endswith(".toml"))


def read_prices(source: str | Path | Any = DEFAULT, *, keep_good: bool = False) -> Prices:
    """A price table by name or path.

    Raises:
        UnknownNameError: no such name.
        ParameterError: see :func:`thecal.clinic.costs.rows.read_rows`; every row that lacks something, contradicts another or
            cannot be believed is told with its reason.
    """
    place: Any = source
    if isinstance(source, str) and not has_suffix(source, ".toml"):
        if source not in table_names():
            raise UnknownNameError("price table", source, table_names(), "or the path of a .toml file")
        place = files("thecal.clinic.costs") / "data" / "prices" / f"{source}.toml"
    found = read_rows(place, Price, _name, _judge, keep_good=keep_good, whole=_check_head)
    head = Head.model_validate(found.head)
    name = Path(str(place)).name
    return Prices(name, head.title, head.currency, head.year, found.kept, found.refused)


def _name(row: Mapping[str, Any]) -> str:
    return f"{row.get('item', '?')}:{row['drug']}" if "drug" in row else str(row.get("item", "?"))


def _check_head(head: Mapping[str, Any]) -> None:
    try:
        found = checked(Head, head, "", ParameterError)
    except ParameterError as problem:
        raise ParameterError(str(problem)) from problem
    why = _when_and_what(found.currency, found.year)
    if why:
        raise ParameterError(why)


def _when_and_what(currency: str, year: int) -> str:
    known = catalog()
    if currency not in known.currencies:
        return f"currency: {currency!r} is none of {', '.join(known.currencies)}"
    latest = date.today().year
    if not known.earliest_year <= year <= latest:
        return f"year: {year} does not lie between {known.earliest_year} and {latest}"
    return ""


def _judge(row: Price, kept: dict[str, Price], head: Mapping[str, Any]) -> str:
    """Why a row is refused; "" where it is not."""
    items = catalog().item
    if row.item not in items:
        return f"item: {row.item!r} is unknown{did_you_mean(row.item, items)}"
    item = items[row.item]
    if item.by_drug != (row.drug is not None):
        return f"drug: {row.item} {'needs the name of one' if item.by_drug else 'is of no drug'}"
    if row.drug is not None and row.drug not in drug_names():
        return f"drug: {row.drug!r} is unknown{did_you_mean(row.drug, drug_names())}"
    if row.per != item.per:
        return f"per: {row.item} is priced by {item.per}, not by {row.per!r}"
    why = _when_and_what(row.currency, row.year)
    if why:
        return why
    for field in ("currency", "year"):
        if getattr(row, field) != head[field]:
            return f"{field}: {getattr(row, field)} contradicts the table's {head[field]}"
    if not item.lowest <= row.price <= item.highest:
        return f"price: {row.price:g} is implausible, not between {item.lowest:g} and {item.highest:g} a {item.per}"
    if row.sd is not None and row.sd > row.price:
        return f"sd: {row.sd:g} is implausible for a price of {row.price:g}"
    whole = kept.get("implant")
    if row.item == "replacement" and whole is not None and row.price > whole.price:
        return f"price: {row.price:g} contradicts the implant, {whole.price:g}, of which a replacement is a part"
    return ""
