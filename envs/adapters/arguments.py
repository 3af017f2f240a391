"""What a caller asks of an adapter, checked before anything changes: whole numbers, patients, seeds, masks, ways to render."""

from __future__ import annotations

from collections.abc import Iterable
from reprlib import repr as _shown
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.core.guarded import is_mapping
from thecal.core.seeds import PATIENT_LIMIT, SEED_LIMIT, whole

RENDER_MODES = ("ansi",)


def one_patient(value: object) -> int:
    """The index of a patient in the split."""
    return whole(value, "patient", PATIENT_LIMIT)


def one_seed(value: object) -> int:
    """A seed."""
    return whole(value, "seed", SEED_LIMIT)


def some_patients(value: Any) -> NDArray[np.int64]:
    """The indices of at least one patient, ``[n]``.

    Raises:
        ConfigError: there are none, or one of them is no index.
    """
    if not _is_list(value):
        raise ConfigError(f"patients must be a list of whole numbers, not {_shown(value)}")
    found = np.array([whole(one, "every one of patients", PATIENT_LIMIT) for one in value], np.int64)
    if not found.size:
        raise ConfigError("patients must name at least one patient")
    return found


def seeds_of(value: Any, n: int) -> list[int | None]:
    """One seed for each of ``n`` environments: ``s + i`` for a number, those of a list, none where it says ``None``.

    Raises:
        ConfigError: it is neither, the list has another length, or a seed is out of range.
    """
    if value is None:
        return [None] * n
    if _is_list(value):
        if len(value) != n:
            raise ConfigError(f"{len(value)} seeds were given for {n} environments")
        return [None if one is None else one_seed(one) for one in value]
    first = one_seed(value)
    return [(first + i) % SEED_LIMIT for i in range(n)]


def where_asked(mask: Any, n: int) -> NDArray[np.int64]:
    """The environments that a ``reset_mask`` of ``n`` booleans names.

    Raises:
        ConfigError: it is no such mask.
    """
    found = np.asarray(mask)
    if found.shape != (n,) or found.dtype != np.bool_:
        raise ConfigError(f"reset_mask must be {n} booleans, not {_shown(mask)}")
    return np.flatnonzero(found)


def options_of(options: Any, *known: str) -> dict[str, Any]:
    """The options of a reset as a dictionary of its own.

    Raises:
        ConfigError: they are no mapping.
        UnknownNameError: one of them is not ``known``.
    """
    if options is None:
        return {}
    if not is_mapping(options):
        raise ConfigError(f"the options of a reset must be a dictionary, not {_shown(options)}")
    for name in options:
        if name not in known:
            raise UnknownNameError("reset option", name, known)
    return dict(options)


def one_reset(options: Any) -> tuple[int | None, int | None]:
    """(patient, seed of the days) that the options of one environment's reset choose, ``None`` where they leave it open.

    Raises:
        ConfigError: an option is unknown (a subclass) or has a value it cannot have.
    """
    found = options_of(options, "patient", "seed")
    patient, seed = found.get("patient"), found.get("seed")
    return (
        one_patient(patient) if "patient" in found else None,
        one_seed(seed) if "seed" in found else None,
    )


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple, range)) or (isinstance(value, np.ndarray) and value.ndim == 1)


def name_of(what: str, value: Any, known: Iterable[str]) -> str:
    """One of the ``known`` names.

    Raises:
        ConfigError: it is none.
    """
    names = list(known)
    if not isinstance(value, str) or value not in names:
        raise ConfigError(f"{what} {_shown(value)} is not one of {', '.join(names)}")
    return value


def render_mode_of(mode: Any) -> Any:
    """A way to render that there is, or ``None``.

    Raises:
        ConfigError: there is no such way.
    """
    if mode is not None and mode not in RENDER_MODES:
        raise ConfigError(
            f"render_mode {_shown(mode)} is not there: 'ansi' gives one line of text, and nothing is drawn"
        )
    return mode
