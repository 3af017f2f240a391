"""Limit profiles: every limit with unit and source, checked for gaps and contradictions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from thecal.core.documents import is_toml
from thecal.core.errors import ParameterError, ProfileError, UnknownNameError, did_you_mean
from thecal.core.layout import MAX_DRUGS
from thecal.core.parameters import ParameterFile, read_parameters
from thecal.core.plugins import PROFILES, plugin_file, plugins
from thecal.safety.profile_schema import (
    DRUG_LIMITS,
    DRUG_OPTIONS,
    FLAGS,
    LIMITS,
    MIXTURES,
    MONITORED,
    MOST_UG,
    ORDER,
    TEXTS,
)


class LimitProfile:
    """A checked profile; numbers by dotted key, per drug and per setting.

    Args:
        name: of the profile.
        file: its parsed parameter file.
        path: the file, for a profile that is not shipped.

    Raises:
        ProfileError: a limit is missing, out of bounds, or contradicts another; the text names file, key and reason.
    """

    def __init__(self, name: str, file: ParameterFile, path: Path | None = None) -> None:
        self.name = name
        self.path = path
        self.title = str(file.texts.get("title", name))
        self.file = file
        heads = {key.partition(".")[0] for key in file}
        self.drugs = tuple(sorted(heads - {key.partition(".")[0] for key in (*LIMITS, *MONITORED)} - {MIXTURES}))
        self.mixtures = frozenset(
            key.removeprefix(f"{MIXTURES}.") for key in file if key.startswith(f"{MIXTURES}.") and file[key].value > 0.0
        )
        self._check()

    @property
    def hash(self) -> str:
        """SHA-256 of every limit with its evidence."""
        return hashlib.sha256(repr(sorted(self.file.items())).encode()).hexdigest()

    def limit(self, key: str) -> float:
        """A general limit in the unit of the profile's schema."""
        unit, low, high = LIMITS[key]
        return self._number(key, unit, low, high)

    def monitored(self, key: str) -> float:
        """A limit of monitored titration by its last name, or the value that allows none where the profile does not state it."""
        name = f"monitored.{key}"
        unit, low, high, absent = MONITORED[name]
        return self._number(name, unit, low, high) if name in self.file else absent

    def cap_ug(self, drug: str) -> float:
        """Rolling 24-h cap of a drug, µg."""
        return self._drug(drug, "cap")

    def max_concentration(self, drug: str) -> float:
        """Highest concentration of a drug, µg/mL."""
        return self._drug(drug, "concentration")

    def largest_bolus_ug(self, drug: str) -> float:
        """Largest single bolus of a drug, µg."""
        return self._drug(drug, "bolus")

    def option(self, drug: str, key: str) -> float:
        """A limit that only some drugs have, or the value that stands for its absence."""
        unit, low, high, absent = DRUG_OPTIONS[key]
        return self._number(f"{drug}.{key}", unit, low, high) if f"{drug}.{key}" in self.file else absent

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

    def _drug(self, drug: str, key: str) -> float:
        if drug not in self.drugs:
            raise UnknownNameError(f"drug of profile {self.name}", drug, list(self.drugs))
        return self._number(f"{drug}.{key}", DRUG_LIMITS[key], 0.0, MOST_UG)

    def _number(self, key: str, unit: str, low: float, high: float) -> float:
        try:
            return self.file.get_in(key, unit, minimum=low, maximum=high)
        except ParameterError as error:
            raise ProfileError(str(error)) from error

    def _check(self) -> None:
        if not self.drugs:
            raise self._refusal("", "no drug has limits")
        for key in LIMITS:
            self.limit(key)
        self._check_names()
        for drug in self.drugs:
            self._check_drug(drug)
        self._check_mixtures()
        self._check_monitored()
        for low, high, what in ORDER:
            if self.limit(low) > self.limit(high):
                raise self._refusal(low, f"above {high}, so the shield {what}")

    def _check_names(self) -> None:
        known = {*DRUG_LIMITS, *DRUG_OPTIONS}
        for key, text in self.file.texts.items():
            if key not in TEXTS or not isinstance(text, str):
                raise self._refusal(key, "neither a limit with value, unit and source nor a title")
        for key, quantity in self.file.items():
            head, _, rest = key.partition(".")
            if (
                key not in LIMITS
                and key not in MONITORED
                and not (head in self.drugs and rest in known)
                and not (head == MIXTURES and rest)
            ):
                names = [*LIMITS, *MONITORED, *(f"{drug}.{name}" for drug in self.drugs for name in known)]
                raise self._refusal(key, f"no limit of this name{did_you_mean(key, names)}")
            if quantity.distribution is not None:
                raise self._refusal(key, "a limit has no spread")

    def _check_drug(self, drug: str) -> None:
        if not re.fullmatch("[a-z][a-z0-9_]*", drug):
            raise self._refusal(drug, "a drug is named in small letters")
        for key in DRUG_LIMITS:
            if self._drug(drug, key) <= 0.0:
                raise self._refusal(f"{drug}.{key}", "a limit of 0 allows nothing")
        for key in DRUG_OPTIONS:
            if self.option(drug, key) not in (0.0, 1.0) and key in FLAGS:
                raise self._refusal(f"{drug}.{key}", "neither 0 nor 1")
        if self.largest_bolus_ug(drug) > self.cap_ug(drug):
            raise self._refusal(f"{drug}.bolus", "one bolus would exceed the 24-h cap")
        if f"{drug}.step_abs" in self.file and self.option(drug, "step_abs") > self.cap_ug(drug):
            raise self._refusal(f"{drug}.step_abs", "one step would exceed the 24-h cap")

    def _check_monitored(self) -> None:
        stated = [key for key in MONITORED if key in self.file]
        if stated and len(stated) < len(MONITORED):
            missing = next(key for key in MONITORED if key not in self.file)
            raise self._refusal(missing, "missing: monitored titration is stated whole or not at all")
        for key in MONITORED:
            self.monitored(key.partition(".")[2])

    def _check_mixtures(self) -> None:
        for key in self.file:
            head, _, name = key.partition(".")
            if head != MIXTURES:
                continue
            if self._number(key, "dimensionless", 0.0, 1.0) not in (0.0, 1.0):
                raise self._refusal(key, "neither 0 nor 1")
            drugs = name.split("+")
            unknown = sorted(set(drugs) - set(self.drugs))
            if unknown:
                raise self._refusal(key, f"{unknown[0]} has no limits")
            if drugs != sorted(set(drugs)) or not 2 <= len(drugs) <= MAX_DRUGS:
                raise self._refusal(key, "two or three drugs in alphabetical order")

    def _refusal(self, key: str, reason: str) -> ProfileError:
        return ProfileError(f"{self.file.path}: {f'{key}: ' if key else ''}{reason}")


def shipped_profiles() -> list[str]:
    """Names of the shipped profiles."""
    folder = files("thecal.safety").joinpath("data", "profiles")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


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
        source = files("thecal.safety").joinpath("data", "profiles", f"{name}.toml")  # type: ignore[assignment]
    elif str(name_or_path) in plugins(PROFILES):
        name = str(name_or_path)
        source = plugin_file(PROFILES, name)  # type: ignore[assignment]
        own = source if isinstance(source, Path) else None
    else:
        raise UnknownNameError("profile", str(name_or_path), profile_names())
    try:
        return LimitProfile(name, read_parameters(source), own)
    except ProfileError:
        raise
    except ParameterError as error:
        raise ProfileError(str(error)) from error
