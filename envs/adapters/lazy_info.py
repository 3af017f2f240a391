"""The ``info`` of one environment's step: a dictionary that makes its entries when somebody reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

_FEW = 4  # entries made one by one; whoever reads more is given all at once, which costs as much


class Source(Protocol):
    """What makes the entries of a row."""

    def one(self, row: Any, name: str) -> Any:
        """The entry of a name.

        Raises:
            KeyError: there is none.
        """

    def everything(self, row: Any) -> dict[str, Any]:
        """All entries, in their order."""


class Info(dict[str, Any]):
    """A dictionary whose entries are made when they are read: most steps are never asked for more than two or three.

    It reads, compares, copies, pickles and prints as the plain dictionary it stands for (copies and pickles *are* plain);
    what is written into it stays. It keeps its own copy of what the step reported, so that later steps change nothing.
    Python itself, ``json`` and ``pickle`` read a subclass that has an ``__iter__`` by its methods; a library in C that reads the
    memory of a dictionary directly (orjson does) is given ``info.copy()``.
    """

    _source: Source | None = None  # until all is made
    _row: Any = None

    @classmethod
    def of(cls, source: Source, row: Any, name: str, value: Any) -> Info:
        """An unread one of what ``source`` makes of a ``row``.

        One entry is in it from the start: C code (that of ``json``) asks a dictionary whether it is empty before anything else.
        """
        made = cls(((name, value),))
        made._source, made._row = source, row
        return made

    def _whole(self) -> Info:
        """Itself, with all entries made; what was written or read before stays as it is."""
        source = self._source
        if source is not None:
            kept = dict(dict.items(self))
            dict.clear(self)
            dict.update(self, source.everything(self._row))
            dict.update(self, kept)
            self._source = self._row = None
        return self

    def __missing__(self, key: str) -> Any:
        if self._source is None:
            raise KeyError(key)
        if dict.__len__(self) > _FEW:
            whole = self._whole()
            if dict.__contains__(whole, key):
                return dict.__getitem__(whole, key)
            raise KeyError(key)
        value = self._source.one(self._row, key)
        dict.__setitem__(self, key, value)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """As ``dict.get``."""
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        if self._source is None or not isinstance(key, str):
            return dict.__contains__(self._whole(), key)
        try:
            self[key]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self._whole())

    def __reversed__(self) -> Iterator[str]:
        return dict.__reversed__(self._whole())

    def __len__(self) -> int:
        return dict.__len__(self._whole())

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self._whole(), other._whole() if isinstance(other, Info) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # as of every dictionary

    def __repr__(self) -> str:
        return dict.__repr__(self._whole())

    def __delitem__(self, key: str) -> None:
        dict.__delitem__(self._whole(), key)

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()

    def __reduce_ex__(self, _protocol: Any) -> tuple[Any, ...]:
        return dict, (self.copy(),)

    def __copy__(self) -> dict[str, Any]:
        return self.copy()

    def copy(self) -> dict[str, Any]:
        """A plain dictionary of the same."""
        return dict(dict.items(self._whole()))

    def keys(self) -> Any:
        """As ``dict.keys``."""
        return dict.keys(self._whole())

    def values(self) -> Any:
        """As ``dict.values``."""
        return dict.values(self._whole())

    def items(self) -> Any:
        """As ``dict.items``."""
        return dict.items(self._whole())

    def pop(self, *arguments: Any) -> Any:
        """As ``dict.pop``."""
        return dict.pop(self._whole(), *arguments)

    def popitem(self) -> tuple[str, Any]:
        """As ``dict.popitem``."""
        return dict.popitem(self._whole())

    def setdefault(self, key: str, default: Any = None) -> Any:
        """As ``dict.setdefault``."""
        return dict.setdefault(self._whole(), key, default)

    def clear(self) -> None:
        """As ``dict.clear``."""
        dict.clear(self._whole())
