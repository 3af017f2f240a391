"""Looks at things that come from outside without running any of their code: what a hostile object says of itself is not asked."""

from __future__ import annotations

from collections.abc import Mapping

_NAME = type.__dict__["__name__"].__get__


def type_name(value: object) -> str:
    """Name of the type of ``value``, also where a metaclass would raise when asked for it."""
    return str(_NAME(type(value)))


def is_mapping(value: object) -> bool:
    """Whether the type of ``value`` is a mapping; ``isinstance`` would also believe a false ``__class__``, or run it."""
    try:
        return issubclass(type(value), Mapping)
    except Exception:  # a metaclass may raise what it likes
        return False
