"""Changed numbers laid over the shipped parameter files for a while, so that a model can be simulated before it is written.

An overlay holds for the code that runs inside its body and for nothing else: not after it, not in other threads, not in other
processes. A worker process receives the changes as an argument and lays them over by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import update_wrapper
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from thecal.core.complaints import first_reason
from thecal.core.errors import ParameterError, did_you_mean
from thecal.core.parameters import ParameterFile, Quantity
from thecal.core.units import factor

SPREADS = ("cv", "sd")


@dataclass(frozen=True)
class Change:
    """New numbers of one quantity; what is None stays.

    Attributes:
        value: the number itself, in ``unit``.
        cv: its spread between patients, as a share.
        sd: its spread between patients, in ``unit``.
        unit: of ``value`` and ``sd``; the file's own when missing.
    """

    value: float | None = None
    cv: float | None = None
    sd: float | None = None
    unit: str | None = None


Changes = Mapping[tuple[str, str], Change]


class Overlayable:
    """A reader of shipped files by name, over which :meth:`overlaid` can lay changes.

    Args:
        read: the cached reader.
    """

    def __init__(self, read: Callable[[str], ParameterFile]) -> None:
        self._read = read
        self._files: ContextVar[Mapping[str, ParameterFile]] = ContextVar("overlay", default=MappingProxyType({}))
        update_wrapper(self, getattr(read, "__wrapped__", read))

    def __call__(self, name: str) -> ParameterFile:
        """The file as it is read now."""
        laid = self._files.get()
        return laid[name] if name in laid else self._read(name)

    @contextmanager
    def overlaid(self, changes: Changes) -> Iterator[None]:
        """Let the shipped files hold other numbers within the body; within another overlay, on top of it.

        Args:
            changes: by file (its path below ``physiology/data`` without ending) and dotted key.

        Raises:
            ParameterError: a file or key is not there, a unit measures something else, a number has no such spread, or the
                new number is none that the file could state. Bounds of the model itself are seen to where patients are drawn.
        """
        laid = dict(self._files.get())
        for name in dict.fromkeys(name for name, _ in changes):
            file = self(name)
            new = {key: changed(file, key, change) for (where, key), change in changes.items() if where == name}
            laid[name] = ParameterFile(file.path, {**dict(file.items()), **new}, file.texts)
        token = self._files.set(laid)
        try:
            yield
        finally:
            self._files.reset(token)


def changed(file: ParameterFile, key: str, change: Change) -> Quantity:
    """A number of a file as it would be with a change.

    Raises:
        ParameterError: see :meth:`Overlayable.overlaid`.
    """
    if key not in file:
        raise ParameterError(f"{file.path}: {key}: no such parameter{did_you_mean(key, file)}")
    number, where = file[key], f"{file.path}: {key}"
    new: dict[str, Any] = {}
    for field in ("value", *SPREADS):
        given = getattr(change, field)
        if given is None:
            continue
        if field in SPREADS and getattr(number, field) is None:
            raise ParameterError(f"{where}: states no {field} that could be changed")
        scale = 1.0
        if change.unit is not None and field != "cv":
            try:
                scale = factor(change.unit, number.unit)
            except ParameterError as error:
                raise ParameterError(f"{where}: {error}") from error
        new[field] = scale * given
    try:
        return Quantity.model_validate({**number.model_dump(), **new})
    except ValidationError as error:
        raise ParameterError(f"{where}: {first_reason(error, Quantity)}") from error
