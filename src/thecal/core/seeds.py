"""Seeds, indices and counts: whole numbers below a stated bound, or one sentence that names it."""

from __future__ import annotations

import math
import operator
import os
import reprlib
from typing import TYPE_CHECKING, Any

from thecal.core.errors import ConfigError
from thecal.core.guarded import type_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED_LIMIT = 2**63 - 1  # that every seed of days lies below, so that it fits a signed word everywhere
COHORT_SEED_LIMIT = 2**64  # that every seed of a cohort lies below
PATIENT_LIMIT = 2**40  # that every index of a patient lies below
# Above it a count is a slip rather than a study: the results alone would fill any memory.
MOST_PATIENTS = 10_000_000
MOST_STEPS = 10**12
MOST_WORKERS = 1024


def whole(value: Any, what: str, below: int, *, least: int = 0) -> int:
    """A whole number within its bounds, NumPy's ones included.

    Raises:
        ConfigError: it is none (a fraction, true, a text), or out of bounds; the text names ``what`` and the limit.
    """
    number = _number(value)
    if number is None:
        raise ConfigError(f"{what} must be a whole number, not {_shown(value)}")
    if not least <= number < below:
        raise ConfigError(f"{what} must lie between {least} and {_power(below)}, not {_shown(number)}")
    return number


def _number(value: Any) -> int | None:
    try:
        # Of the type itself: whatever was given, looking at it never raises anything else.
        return None if issubclass(type(value), bool) else operator.index(value)
    except Exception:  # a fraction, a text, an array of several numbers, an object that refuses
        return None


def _shown(value: Any) -> str:
    try:
        return reprlib.repr(value)
    except Exception:
        return type_name(value)


def _power(below: int) -> str:
    """The largest number under a bound, as it is best read."""
    for limit in (below, below + 1):
        if limit > 2**20 and limit & (limit - 1) == 0:
            return f"2**{limit.bit_length() - 1} - {1 + limit - below}"
    return str(below - 1)


def wholes(values: Any, what: str, below: int) -> NDArray[Any]:
    """Whole numbers ``[n]`` within their bounds, as int64, or as uint64 where ``below`` needs it.

    Raises:
        ConfigError: one is none, or out of bounds; the text names ``what`` (a plural) and the limit.
    """
    import numpy as np  # here and not above: the command line's help needs the bounds alone

    kind = np.int64 if below <= SEED_LIMIT + 1 else np.uint64
    if isinstance(values, (list, tuple)):  # mixed with a fraction or true, an array would make fractions of all of them
        for value in values:
            if _number(value) is None:
                raise ConfigError(f"{what} must be a list of whole numbers, and {_shown(value)} is none")
            whole(value, what, below)
    try:
        found = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{what} must be a list of whole numbers") from error
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise ConfigError(f"{what} must be a list of whole numbers")
    if found.size:
        whole(found.min(), what, below)
        whole(found.max(), what, below)
    return found.astype(kind)


def require_memory(what: str, needed: float) -> None:
    """See that this machine could hold something, before anything is made.

    Raises:
        ConfigError: it needs more than the machine has; the text says how much.
    """
    has = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else math.inf
    if needed > has:
        raise ConfigError(
            f"{what} would need about {needed / 1e9:.3g} GB, and this machine has {has / 1e9:.3g} GB; take fewer"
        )
