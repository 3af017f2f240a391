"""Things that no one should send as an action or a command: objects that raise, lie, never end, or only look like numbers."""

from __future__ import annotations

from collections import UserDict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

import numpy as np
from hypothesis import strategies as st


class Spite(Exception):  # noqa: N818  (it is no error of ours)
    """What hostile objects raise."""


def _spite(*_args: Any, **_more: Any) -> Any:
    raise Spite("no")


class Touchy:
    """Raises whatever it is asked."""

    __array__ = __len__ = __iter__ = __getitem__ = __float__ = __int__ = __index__ = __bool__ = __str__ = __repr__ = (
        _spite
    )
    __eq__ = __hash__ = __lt__ = __format__ = _spite  # type: ignore[assignment]


class Masked:
    """Raises when it is asked for its class, as ``isinstance`` does."""

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise Spite("no class")


class Impostor:
    """Says that it is a dictionary."""

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        return dict


class _Meta(type):
    @property
    def __name__(cls) -> str:
        raise Spite("no name")

    @property
    def __mro__(cls) -> Any:
        raise Spite("no line")

    def __getattribute__(cls, name: str) -> Any:
        raise Spite("no attribute")

    def __hash__(cls) -> int:
        raise Spite("no hash")


class Nameless(metaclass=_Meta):
    """Has a type that raises."""


class ListThatLies(list):  # type: ignore[type-arg]
    """A list whose methods raise."""

    __len__ = __iter__ = __getitem__ = __contains__ = _spite  # type: ignore[assignment]


class Hoard(Mapping[str, Any]):
    """A mapping that answers as it is told to."""

    def __init__(self, get: Callable[[str], Any], keys: Callable[[], Iterator[Any]]) -> None:
        self._get, self._keys = get, keys

    def __getitem__(self, key: str) -> Any:
        return self._get(key)

    def __iter__(self) -> Iterator[Any]:
        return self._keys()

    def __len__(self) -> int:
        return _spite()


class Wavering(float):
    """A number that is another one each time it is used."""

    __float__ = __mul__ = __rmul__ = __lt__ = __gt__ = __floor__ = _spite  # type: ignore[assignment]


class Flattery(float):
    """Small when it is looked at and text when it is used."""

    def __mul__(self, other: Any) -> Any:
        return self

    def __lt__(self, other: Any) -> bool:
        return True

    def __floor__(self) -> Any:
        return "a million"


class Sticky(str):
    """An id that is never equal to itself."""

    def __eq__(self, other: object) -> bool:
        raise Spite("no comparison")

    __hash__ = str.__hash__


def _nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


def _ring() -> list[Any]:
    found: list[Any] = []
    found += [found, found]
    return found


def _array(source: Callable[[], Any]) -> Any:
    class Speaks:
        def __array__(self, *_args: Any, **_more: Any) -> Any:
            return source()

    return Speaks()


FIELDS = ("id", "seen", "issued_s", "rate", "bolus", "units")
UNITS = {"rate": "nL/tick", "bolus": "nL"}
# Every one is made anew, because some can be used only once. None of them is an action.
UNUSABLE: dict[str, Callable[[], Any]] = {
    "touchy": Touchy,
    "no class": Masked,
    "false class": Impostor,
    "no type": Nameless,
    "list of touchy": lambda: [Touchy(), 0.5],
    "list that lies, wrong length": lambda: ListThatLies([0.5]),
    "huge integer": lambda: [10**400, 0],
    "huge negative integer": lambda: (0.5, -(10**5000)),
    "huge object array": lambda: np.array([10**400, 0], object),
    "complex": lambda: np.array([0.5 + 1j, 0.0]),
    "complex list": lambda: [0.5 + 0j, 0.0],
    "booleans": lambda: [True, False],
    "array of booleans": lambda: np.array([True, False]),
    "NumPy boolean": lambda: [np.bool_(True), 0.0],
    "text": lambda: ["0.5", "0.0"],
    "array of text": lambda: np.array(["0.5", "0.0"]),
    "bytes": lambda: b"\x00\x01",
    "dates": lambda: np.array(["2025-01-01", "NaT"], "datetime64[s]"),
    "spans": lambda: [np.timedelta64(1, "s"), 0.0],
    "Python dates": lambda: [datetime(2025, 1, 1), timedelta(1)],
    "structured": lambda: np.zeros(2, [("a", float), ("b", int)]),
    "masked text": lambda: np.ma.array(["a", "b"], mask=[True, False]),
    "masked": lambda: np.ma.array([0.5, 0.5], mask=[True, True]),
    "record": lambda: np.rec.array([(0.5, 0.5)], dtype=[("a", float), ("b", float)]),
    "ring": _ring,
    "deep list": lambda: _nested(100_000),
    "ragged": lambda: [[0.5], [0.5, 0.5]],
    "endless": count,
    "generator": lambda: (value for value in (0.5, 0.5)),
    "set": lambda: {0.1, 0.2},
    "deque": lambda: deque([0.1, 0.2]),
    "text of length two": lambda: "ab",
    "decimals": lambda: [Decimal("0.5"), Fraction(1, 2)],
    "class": lambda: dict,
    "function": lambda: print,
    "ellipsis": lambda: ...,
    "wide": lambda: np.broadcast_to(0.5, (2, 10**9)),
    "long list": lambda: [0.5] * 10_000,
    "empty": lambda: np.zeros((0, 2)),
    "scalar": lambda: 0.5,
    "array of no dimension": lambda: np.array(None),
    "array that raises": lambda: _array(_spite),
    "array that never recurs": lambda: _array(lambda: _nested(5_000)),
    "array that is text": lambda: _array(lambda: "ab"),
    "memory error": lambda: _array(lambda: (_ for _ in ()).throw(MemoryError())),
    "extended float": lambda: np.array([np.longdouble("1e4000"), 0]),
    "no keys": dict,
    "user dict": UserDict,
    "mapping that raises": lambda: Hoard(_spite, _spite),
    "mapping without end": lambda: Hoard(lambda key: 0, lambda: map(str, count())),
    "mapping of touchy": lambda: Hoard(lambda key: Touchy(), lambda: iter(FIELDS)),
    "mapping with touchy keys": lambda: Hoard(lambda key: 0, lambda: iter([object(), Impostor(), 3])),
    "mapping with a raising key": lambda: Hoard(lambda key: 0, lambda: iter([Touchy()])),
    "nested without end": lambda: {**dict.fromkeys(FIELDS, 0), "id": "x", "units": Hoard(lambda key: 0, count)},
    "wavering rate": lambda: {**dict.fromkeys(FIELDS, 0), "id": "w", "rate": Wavering(3.0), "units": UNITS},
    "sticky id": lambda: {**dict.fromkeys(FIELDS, 0), "id": Sticky("s"), "units": UNITS},
    "long reason": lambda: dict.fromkeys("x" * n for n in range(1, 10_000)),
}  # fmt: skip


@dataclass(frozen=True)
class Wild:
    """Stands for one of the above until the test begins, because Hypothesis looks at what it draws."""

    name: str


def released(value: Any) -> Any:
    """``value`` with the real thing in place of every :class:`Wild`."""
    if type(value) is Wild:
        return UNUSABLE[value.name]()
    if type(value) in (list, tuple):
        return type(value)(released(entry) for entry in value)
    return {key: released(entry) for key, entry in value.items()} if type(value) is dict else value


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**400), 10**400), st.floats(), st.complex_numbers(), st.text(max_size=4),
    st.binary(max_size=4), st.decimals(), st.datetimes(), st.sampled_from(sorted(UNUSABLE)).map(Wild),
)  # fmt: skip
ARRAYS = st.builds(
    lambda shape, kind, fill: np.full(shape, fill).astype(kind),
    st.sampled_from([(), (0,), (1,), (2,), (3,), (2, 1), (1, 2), (2, 2), (2, 0), (1, 1, 2)]),
    st.sampled_from(["f2", "f4", "f8", "i1", "u8", "?", "c16", "O", "U3", "m8[s]"]),
    st.integers(0, 1),
)
ANYTHING = st.one_of(
    SCALARS, ARRAYS, st.lists(SCALARS, max_size=4), st.tuples(SCALARS, SCALARS),
    st.lists(st.lists(SCALARS, max_size=3), max_size=3),
    st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=4), st.integers()), SCALARS, max_size=8),
)  # fmt: skip
