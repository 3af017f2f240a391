"""Lives as data: presets of what happens beside the pump, how often, how long and how hard, and the LIFE_PAR record of one."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from thecal.core.documents import is_toml
from thecal.core.errors import ParameterError, UnknownNameError, did_you_mean
from thecal.core.parameters import ParameterFile, read_parameters
from thecal.core.units import factor
from thecal.physiology.life_records import FIRST_FACTOR, LEVER_NAMES, LIFE_NAMES, LIFE_PAR

NONE = "none"
# Unit of a lever, and the bounds within which a size is one.
LEVERS: dict[str, tuple[str, float, float]] = {
    "pain": ("nrs", -10.0, 10.0),
    "apnea": ("dimensionless", 0.0, 0.9),
    "pressure": ("dimensionless", 0.0, 0.5),
    "gradient": ("mmHg", 0.0, 60.0),
    "temperature": ("delta_degC", -1.0, 4.0),
    "heart_rate": ("beat/min", -30.0, 60.0),
    "analgesia": ("dimensionless", 0.1, 10.0),
    "central": ("dimensionless", 0.1, 10.0),
    "renal": ("dimensionless", 0.05, 1.0),
    "spasticity": ("dimensionless", 0.1, 10.0),
}
_COURSE = ("hazard", "chance", "earliest", "latest", "most", "rise", "length", "fade")
_KNOWN = frozenset(f"{kind}.{key}" for kind in LIFE_NAMES for key in (*_COURSE, *LEVERS))
_LONGEST_H = 24.0 * 3660.0
_MOST = 1000


@dataclass(frozen=True)
class LifeKind:
    """How one kind of event comes and goes; see :data:`thecal.physiology.life_records.KIND_PAR`.

    Attributes:
        name: of :class:`thecal.physiology.life_records.Life`.
        hazard_per_h, chance, earliest_h, latest_h, most: when it comes.
        rise_h, length_h, length_spread, fade_h: its course; an infinite length stays for good.
        levers: name, smallest and largest size of what it changes.
    """

    name: str
    hazard_per_h: float
    chance: float
    earliest_h: float
    latest_h: float
    most: int
    rise_h: float
    length_h: float
    length_spread: float
    fade_h: float
    levers: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class LifePreset:
    """A preset's name and kinds of events, in the order of :class:`thecal.physiology.life_records.Life`."""

    name: str
    kinds: tuple[LifeKind, ...]

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content, by whatever name or path it was found."""
        content = [asdict(kind) for kind in self.kinds]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def life_presets() -> list[str]:
    """Names of the presets that come with the package, without ``"none"``."""
    return sorted(item.name.removesuffix(".toml") for item in _folder().iterdir() if item.name.endswith(".toml"))


def load_life(value: str | Path | LifePreset | None) -> LifePreset | None:
    """A preset by name or ``.toml`` file; ``None`` for ``"none"``.

    Raises:
        UnknownNameError: no such preset.
        ParameterError: the file is not valid; the text names file, key and reason.
    """
    if value is None or value == NONE or isinstance(value, LifePreset):
        return None if isinstance(value, str) else value
    return _read(Path(value), Path(value).stem) if is_toml(value) else load_preset(str(value))


def load_preset(name: str) -> LifePreset:
    """A preset that comes with the package.

    Raises:
        UnknownNameError: no such preset.
    """
    if name not in life_presets():
        raise UnknownNameError("life preset", name, [NONE, *life_presets()])
    return _read(_folder() / f"{name}.toml", name)


def life_parameters(preset: LifePreset | None) -> Any:
    """The LIFE_PAR record of a preset; nothing happens when ``None``."""
    row = np.zeros(1, LIFE_PAR)[0]
    if preset is None:
        return row
    row["on"] = 1
    for kind in preset.kinds:
        own = row["kind"][LIFE_NAMES.index(kind.name)]
        for name, value in asdict(kind).items():
            if name not in ("name", "levers"):
                own[name] = value
        for lever, low, high in kind.levers:
            place = LEVER_NAMES.index(lever)
            ends = (math.log(low), math.log(high)) if place >= FIRST_FACTOR else (low, high)
            own["low"][place], own["high"][place] = ends
    return row


def life_names(mask: int) -> tuple[str, ...]:
    """Names of the kinds of events whose bits are set in ``mask``."""
    return tuple(name for k, name in enumerate(LIFE_NAMES) if mask >> k & 1)


def _folder() -> Any:
    return files("thecal.physiology") / "data" / "life"


def _read(source: Any, name: str) -> LifePreset:
    file = read_parameters(source)
    base = file.texts.get("base")
    hazard = chance = 1.0
    if base is not None:
        file.only(("factor.hazard", "factor.chance"), "a preset that rests on another", ("base",))
        file.fixed()
        if base not in life_presets() or base == name:
            raise ParameterError(
                f"{file.path}: base: {base!r} is not another preset{did_you_mean(str(base), life_presets())}"
            )
        hazard = file.get_in("factor.hazard", "dimensionless", minimum=0.0, maximum=float(_MOST))
        chance = file.get_in("factor.chance", "dimensionless", minimum=0.0, maximum=float(_MOST))
        own, file = file, read_parameters(_folder() / f"{base}.toml")
        if "base" in file.texts:
            raise ParameterError(f"{own.path}: base: {base} rests on another itself")
    file.only(_KNOWN, "a life")
    file.fixed(except_for=[key for key in file if key.endswith(".length")])
    kinds = [kind for kind in LIFE_NAMES if any(key.startswith(f"{kind}.") for key in file)]
    return LifePreset(name, tuple(_kind(file, kind, hazard, chance) for kind in kinds))


def _kind(file: ParameterFile, name: str, hazard: float, chance: float) -> LifeKind:
    def fail(key: str, why: str) -> ParameterError:
        return ParameterError(f"{file.path}: {name}.{key}: {why}")

    def hours(key: str, lowest: float) -> float:
        return file.get_in(f"{name}.{key}", "hour", minimum=lowest, maximum=_LONGEST_H)

    has = {key for key in (*_COURSE, *LEVERS) if f"{name}.{key}" in file}
    if len(has & {"hazard", "chance"}) != 1:
        raise fail("hazard", "an event comes by a hazard or by a chance, by one of the two")
    by_chance = "chance" in has
    for key, other, fits in (("latest", "chance", by_chance), ("fade", "length", "length" in has)):
        if (key in has) != fits:
            raise fail(key, f"it goes with a {other}, and only with it")
    if by_chance and "most" in has:
        raise fail("most", "what comes by a chance comes once")
    if not by_chance and not has & {"length", "most"}:
        raise fail("most", "what stays and comes by a hazard needs it, or it would add up without end")
    if not has & set(LEVERS):
        raise fail("rise", f"the event changes nothing; name one of {', '.join(LEVERS)}")
    earliest = hours("earliest", 0.0)
    most = file.get_in(f"{name}.most", "dimensionless", minimum=1.0, maximum=float(_MOST)) if "most" in has else _MOST
    if most != int(most):
        raise fail("most", f"{most:g} is no whole number")
    length, spread = math.inf, 0.0
    if "length" in has:
        length, spread = hours("length", 0.0), _spread(file, f"{name}.length")
    return LifeKind(
        name=name,
        hazard_per_h=0.0 if by_chance else hazard * file.get_in(f"{name}.hazard", "1/hour", minimum=0.0, maximum=1.0),
        chance=min(1.0, chance * file.get_in(f"{name}.chance", "dimensionless", minimum=0.0, maximum=1.0))
        if by_chance
        else 0.0,
        earliest_h=earliest,
        latest_h=hours("latest", earliest) if by_chance else 0.0,
        most=int(most),
        rise_h=hours("rise", 1.0),
        length_h=length,
        length_spread=spread,
        fade_h=hours("fade", 1.0) if "length" in has else 0.0,
        levers=tuple(_size(file, name, lever) for lever in LEVERS if lever in has),
    )


def _spread(file: ParameterFile, key: str) -> float:
    """Standard deviation of the logarithm of a length that is drawn log-normally about its median."""
    number = file[key]
    if number.distribution is None:
        return 0.0
    if number.distribution != "lognormal" or number.cv is None or number.range is not None:
        raise ParameterError(f"{file.path}: {key}: a length is log-normal, with a cv and without a range")
    return math.sqrt(math.log1p(number.cv**2))


def _size(file: ParameterFile, kind: str, lever: str) -> tuple[str, float, float]:
    key = f"{kind}.{lever}"
    unit, least, largest = LEVERS[lever]
    value = file.get_in(key, unit, minimum=least, maximum=largest)
    number = file[key]
    if number.range is None:
        return lever, value, value
    low, high = (edge * factor(number.unit, unit) for edge in number.range)
    if not least <= low <= high <= largest:
        raise ParameterError(
            f"{file.path}: {key}: range {low:g} to {high:g} {unit} is outside [{least:g}, {largest:g}]"
        )
    return lever, low, high
