"""Limit profiles: every limit with unit and source, checked for gaps and contradictions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from thecal.core.documents import is_toml
from thecal.core.errors import ParameterError, ProfileError, UnknownNameError, did_you_mean
from thecal.core.parameters import ParameterFile, read_parameters
from thecal.core.plugins import PROFILES, plugin_file, plugins
from thecal.safety.profile_checks import check_profile
from thecal.safety.profile_schema import (
    DRUG_LIMITS,
    DRUG_OPTIONS,
    INDICATIONS,
    LIMITS,
    MIXTURES,
    MONITORED,
    MOST_UG,
    OF_SETTING,
    WITHIN_CAP,
)

_DEEPEST = 3  # profiles that build on each other


class LimitProfile:
    """A checked profile; numbers by dotted key, per drug and per setting. Nothing of it can be changed once it is checked.

    Args:
        name: of the profile.
        file: its parsed parameter file, with what it takes from its base.
        path: the file, for a profile that is not shipped.

    Raises:
        ProfileError: a limit is missing, out of bounds, beyond its ceiling, or contradicts another; the text names file, key
            and reason.
    """

    __slots__ = ("drugs", "file", "mixtures", "name", "path", "title")
    name: str
    path: Path | None
    title: str
    file: ParameterFile
    drugs: tuple[str, ...]
    mixtures: frozenset[str]

    def __init__(self, name: str, file: ParameterFile, path: Path | None = None) -> None:
        content = {
            "name": name,
            "path": path,
            "title": str(file.texts.get("title", name)),
            "file": file,
            "drugs": drugs_of(file),
            "mixtures": mixtures_of(file),
        }
        for key, value in content.items():
            object.__setattr__(self, key, value)
        check_profile(self)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{self.name}: {name}: a profile that was checked cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{self.name}: {name}: a profile that was checked cannot be changed")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self.file, self.path)

    @property
    def hash(self) -> str:
        """SHA-256 of every limit with its evidence."""
        return content_hash(self)

    def limit(self, key: str) -> float:
        """A general limit in the unit of the profile's schema."""
        unit, low, high = LIMITS[key]
        return self.number(key, unit, low, high)

    def monitored(self, key: str) -> float:
        """A limit of monitored titration by its last name, or the value that allows none where the profile does not state it."""
        name = f"monitored.{key}"
        unit, low, high, absent = MONITORED[name]
        return self.number(name, unit, low, high) if name in self.file else absent

    def cap_ug(self, drug: str) -> float:
        """Rolling 24-h cap of a drug, µg."""
        return self.drug_limit(drug, "cap")

    def max_concentration(self, drug: str) -> float:
        """Highest concentration of a drug, µg/mL."""
        return self.drug_limit(drug, "concentration")

    def largest_bolus_ug(self, drug: str) -> float:
        """Largest single bolus of a drug, µg."""
        return self.drug_limit(drug, "bolus")

    def option(self, drug: str, key: str) -> float:
        """A limit that only some drugs have, or the value that stands for its absence."""
        unit, low, high, absent = DRUG_OPTIONS[key]
        return self.number(f"{drug}.{key}", unit, low, high) if f"{drug}.{key}" in self.file else absent

    def share(self, setting: str, key: str, drugs: Sequence[str], indication: str = "") -> float:
        """The smallest that any drug of an admixture allows of what the setting allows otherwise.

        Args:
            setting: ``"cancer"`` or ``"noncancer"``.
            key: one of ``profile_schema.SHARES``.
            drugs: the admixture.
            indication: where the spasticity that a drug treats comes from (``profile_schema.INDICATIONS``); ``""``: any other.
        """
        return min(self._share(setting, key, drug, indication) for drug in drugs)

    def _share(self, setting: str, key: str, drug: str, indication: str) -> float:
        asked = [indication] if indication in INDICATIONS else list(INDICATIONS)
        by_indication = [self.option(drug, f"step_{name}") for name in asked] if key == "step" else []
        stated = [value for value in by_indication if value != OF_SETTING] or [self.option(drug, key)]
        own = min(stated)
        return self.limit(f"{setting}.{key}") if own == OF_SETTING else own

    def highest_start(self, drug: str, oral_mg_per_d: float) -> float:
        """The most of a drug at the implant, µg/d, for a patient with this oral morphine equivalent before."""
        ratio = self.option(drug, "oral_ratio")
        naive = oral_mg_per_d <= 0.0
        by_mouth = 1000.0 * oral_mg_per_d / ratio if ratio > 0.0 and not naive else MOST_UG
        return min(
            self.option(drug, "start"), self.cap_ug(drug), self.option(drug, "start_naive") if naive else by_mouth
        )

    def stated(self) -> Iterator[tuple[str, float, str]]:
        """Every limit in force, by dotted key, with value and unit; an absent option has the value that stands for that."""
        for key, (unit, _, _) in LIMITS.items():
            yield key, self.limit(key), unit
        for key, (unit, *_) in MONITORED.items():
            if key in self.file:
                yield key, self.monitored(key.partition(".")[2]), unit
        for drug in self.drugs:
            for key, unit in DRUG_LIMITS.items():
                yield f"{drug}.{key}", self.drug_limit(drug, key), unit
            for key, (unit, *_) in DRUG_OPTIONS.items():
                value = self.option(drug, key)
                yield f"{drug}.{key}", min(value, self.cap_ug(drug)) if key in WITHIN_CAP else value, unit

    def daily_fall(self, drugs: Sequence[str]) -> float:
        """Largest fall of the rate in 24 h that every drug of an admixture tolerates, as a share."""
        general = self.limit("withdrawal.daily_fall")
        falls = [self.option(drug, "daily_fall") for drug in drugs]
        return min(general if fall < 0.0 else fall for fall in falls)

    def require_mixture(self, drugs: Sequence[str]) -> None:
        """Raise :class:`ProfileError` unless the admixture is one the profile lists (invariants 9 and 36)."""
        name = "+".join(sorted(drugs))
        if len(drugs) > 1 and name not in self.mixtures:
            listed = ", ".join(sorted(self.mixtures)) or "none"
            raise ProfileError(f"{self.name}: the admixture {name} is not listed; listed: {listed}")

    def drug_limit(self, drug: str, key: str) -> float:
        """A limit that every drug has (``profile_schema.DRUG_LIMITS``), in its unit there."""
        if drug not in self.drugs:
            raise UnknownNameError(f"drug of profile {self.name}", drug, list(self.drugs))
        return self.number(f"{drug}.{key}", DRUG_LIMITS[key], 0.0, MOST_UG)

    def number(self, key: str, unit: str, low: float, high: float) -> float:
        """A number of the file in ``unit``; raises :class:`ProfileError` where it is missing or out of bounds."""
        try:
            return self.file.get_in(key, unit, minimum=low, maximum=high)
        except ParameterError as error:
            raise ProfileError(str(error)) from error


def drugs_of(file: ParameterFile) -> tuple[str, ...]:
    """The drugs that a file has limits of."""
    heads = {key.partition(".")[0] for key in file}
    return tuple(sorted(heads - {key.partition(".")[0] for key in (*LIMITS, *MONITORED)} - {MIXTURES}))


def mixtures_of(file: ParameterFile) -> frozenset[str]:
    """The admixtures that a file lists as such that may run."""
    return frozenset(
        key.removeprefix(f"{MIXTURES}.") for key in file if key.startswith(f"{MIXTURES}.") and file[key].value > 0.0
    )


def content_hash(profile: LimitProfile) -> str:
    """SHA-256 of every limit of a profile with its evidence, computed anew from what it holds, whatever it says of itself."""
    held = sorted((key, repr(quantity)) for key, quantity in profile.file.items())
    return hashlib.sha256(repr((held, profile.drugs, sorted(profile.mixtures))).encode()).hexdigest()


def shipped_profiles() -> list[str]:
    """Names of the shipped profiles."""
    folder = files("thecal.safety").joinpath("data", "profiles")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def _shipped_file(name: str) -> Any:
    return files("thecal.safety").joinpath("data", "profiles", f"{name}.toml")


def profile_names() -> list[str]:
    """Names of the shipped profiles, then of those that other packages add."""
    shipped = shipped_profiles()
    return shipped + [name for name in plugins(PROFILES) if name not in shipped]


def load_profile(name_or_path: str | Path | LimitProfile) -> LimitProfile:
    """A profile by name, shipped or added by another package, or one from a TOML file.

    The proof of one that is added lies beside its file, as ``<name>.proof.json``.

    Raises:
        UnknownNameError: no such profile.
        ProfileError: the file is corrupt, incomplete, contradictory, or holds a number without a source.
    """
    if isinstance(name_or_path, LimitProfile):
        return name_or_path
    path = Path(name_or_path)
    if is_toml(path):
        name, source, own = path.stem, path, path
    elif str(name_or_path) in shipped_profiles():
        name, own = str(name_or_path), None
        source = _shipped_file(name)
    elif str(name_or_path) in plugins(PROFILES):
        name = str(name_or_path)
        source = plugin_file(PROFILES, name)  # type: ignore[assignment]
        own = source if isinstance(source, Path) else None
    else:
        raise UnknownNameError("profile", str(name_or_path), profile_names())
    try:
        return LimitProfile(name, _with_base(read_parameters(source)), own)
    except ProfileError:
        raise
    except ParameterError as error:
        raise ProfileError(str(error)) from error


def _with_base(file: ParameterFile, depth: int = 0) -> ParameterFile:
    """The file laid over the shipped profile that it names as its base: what it does not state is as there."""
    if "base" not in file.texts:
        return file
    name, known = str(file.texts["base"]), shipped_profiles()
    if name not in known:
        raise ProfileError(f"{file.path}: base: {name!r} is not one of {', '.join(known)}{did_you_mean(name, known)}")
    if depth == _DEEPEST:
        raise ProfileError(f"{file.path}: base: more than {_DEEPEST} profiles build on each other")
    base = _with_base(read_parameters(_shipped_file(name)), depth + 1)
    return ParameterFile(file.path, {**base, **file}, {**base.texts, **file.texts})
