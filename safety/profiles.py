"""Limit profiles: every limit with unit and source, checked for gaps and contradictions, turned into the shield's integers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from thecal.physiology.errors import ConfigError, ParameterError, ProfileError, UnknownNameError
from thecal.physiology.layout import MAX_DRUGS
from thecal.physiology.parameters import ParameterFile, read_parameters
from thecal.safety.invariants import ShieldMode
from thecal.safety.records import SHIELD_PAR, TICKS_PER_DAY, WINDOW

PG_PER_UG = 1_000_000
TICKS_PER_H = 4
SETTINGS = ("cancer", "noncancer")
_DRUG_LIMITS = {"cap": "ug/day", "concentration": "ug/mL", "bolus": "ug"}
# Beyond these a number is a slip of the unit, and the shield's 64-bit integers would no longer be safe.
_MOST_UG = 1.0e6  # a gram, of cap per day, concentration per mL and bolus alike
_MOST_H = 8766.0  # a year
_MOST_RISE = 100.0
# key: (unit, lowest, highest)
_LIMITS: dict[str, tuple[str, float, float]] = {
    **{f"{setting}.step": ("dimensionless", 0.0, 1.0) for setting in SETTINGS},
    **{f"{setting}.interval": ("hour", 0.25, _MOST_H) for setting in SETTINGS},
    **{f"{setting}.rise_28d": ("dimensionless", 0.0, _MOST_RISE) for setting in SETTINGS},
    "withdrawal.daily_fall": ("dimensionless", 0.0, 1.0),
    "withdrawal.exposed_after": ("hour", 0.0, _MOST_H),
    "bolus.share": ("dimensionless", 0.0, 1.0),
    "bolus.lockout": ("hour", 0.0, _MOST_H),
    "bolus.count": ("dimensionless", 0.0, 96.0),
    "breathing.rate_warn": ("breath/min", 0.0, 60.0),
    "breathing.rate_lock": ("breath/min", 0.0, 60.0),
    "breathing.saturation_warn": ("percent", 0.0, 100.0),
    "breathing.saturation_lock": ("percent", 0.0, 100.0),
    "breathing.watch": ("hour", 0.0, _MOST_H),
    "breathing.reduce_to": ("dimensionless", 0.0, 1.0),
    "breathing.stale": ("minute", 0.0, 60.0 * _MOST_H),
    "sedation.hold": ("dimensionless", 2.0, 4.0),
    "sedation.lock": ("dimensionless", 2.0, 4.0),
}


class LimitProfile:
    """A checked profile; numbers by dotted key, per drug and per setting.

    Args:
        name: of the profile.
        file: its parsed parameter file.

    Raises:
        ProfileError: a limit is missing, out of bounds, or contradicts another; the text names file, key and reason.
    """

    def __init__(self, name: str, file: ParameterFile) -> None:
        self.name = name
        self.title = str(file.texts.get("title", name))
        self.file = file
        self.drugs = tuple(sorted({key.partition(".")[0] for key in file} - {key.partition(".")[0] for key in _LIMITS}))
        self._check()

    @property
    def hash(self) -> str:
        """SHA-256 of every limit with its evidence."""
        return hashlib.sha256(repr(sorted(self.file.items())).encode()).hexdigest()

    def limit(self, key: str) -> float:
        """A general limit in the unit of the profile's schema."""
        unit, low, high = _LIMITS[key]
        return self._number(key, unit, low, high)

    def cap_ug(self, drug: str) -> float:
        """Rolling 24-h cap of a drug, µg."""
        return self._drug(drug, "cap")

    def max_concentration(self, drug: str) -> float:
        """Highest concentration of a drug, µg/mL."""
        return self._drug(drug, "concentration")

    def largest_bolus_ug(self, drug: str) -> float:
        """Largest single bolus of a drug, µg."""
        return self._drug(drug, "bolus")

    def _drug(self, drug: str, key: str) -> float:
        if drug not in self.drugs:
            raise UnknownNameError(f"drug of profile {self.name}", drug, list(self.drugs))
        return self._number(f"{drug}.{key}", _DRUG_LIMITS[key], 0.0, _MOST_UG)

    def _number(self, key: str, unit: str, low: float, high: float) -> float:
        try:
            return self.file.get_in(key, unit, minimum=low, maximum=high)
        except ParameterError as error:
            raise ProfileError(str(error)) from error

    def _check(self) -> None:
        if not self.drugs:
            raise ProfileError(f"{self.file.path}: no drug has limits")
        for key in _LIMITS:
            self.limit(key)
        for drug in self.drugs:
            for key in _DRUG_LIMITS:
                if self._drug(drug, key) <= 0.0:
                    raise ProfileError(f"{self.file.path}: {drug}.{key}: a limit of 0 allows nothing")
            if self.largest_bolus_ug(drug) > self.cap_ug(drug):
                raise ProfileError(f"{self.file.path}: {drug}.bolus: one bolus would exceed the 24-h cap")
        for low, high, what in (
            ("breathing.rate_lock", "breathing.rate_warn", "locks before it warns"),
            ("breathing.saturation_lock", "breathing.saturation_warn", "locks before it warns"),
            ("sedation.hold", "sedation.lock", "locks before it holds"),
        ):
            if self.limit(low) > self.limit(high):
                raise ProfileError(f"{self.file.path}: {low}: above {high}, so the shield {what}")


def profile_names() -> list[str]:
    """Names of the shipped profiles."""
    folder = files("thecal.safety").joinpath("data", "profiles")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_profile(name_or_path: str | Path | LimitProfile) -> LimitProfile:
    """A shipped profile by name, or one from a TOML file.

    Raises:
        UnknownNameError: no such profile.
        ProfileError: the file is corrupt, incomplete, contradictory, or holds a number without a source.
    """
    if isinstance(name_or_path, LimitProfile):
        return name_or_path
    path = Path(name_or_path)
    if path.suffix == ".toml":
        name, source = path.stem, path
    elif str(name_or_path) in profile_names():
        name = str(name_or_path)
        source = files("thecal.safety").joinpath("data", "profiles", f"{name}.toml")  # type: ignore[assignment]
    else:
        raise UnknownNameError("profile", str(name_or_path), profile_names())
    try:
        return LimitProfile(name, read_parameters(source))
    except ProfileError:
        raise
    except ParameterError as error:
        raise ProfileError(str(error)) from error


def shield_parameters(
    profile: LimitProfile,
    *,
    drugs: Sequence[str],
    conc_ug_per_ml: Sequence[float],
    setting: str,
    min_rate_nl: int,
    max_rate_nl: int,
    rate_step_nl: int,
    bolus_step_nl: int,
    mode: ShieldMode | str | int = ShieldMode.PROJECT,
) -> Any:
    """The shield's integers for one patient.

    Args:
        profile: limits.
        drugs, conc_ug_per_ml: the admixture and its label concentrations.
        setting: ``"cancer"`` (monitored) or ``"noncancer"`` (outpatient).
        min_rate_nl, max_rate_nl, rate_step_nl, bolus_step_nl: the pump's envelope and grid.
        mode: how requests beyond a limit are treated.

    Returns:
        A SHIELD_PAR record. Caps are rounded down and concentrations up, so that rounding only tightens.

    Raises:
        ConfigError: unknown setting, concentrations that do not match the drugs, too many drugs or one twice.
        ProfileError: a concentration is above its limit (invariant 8).
        UnknownNameError: a drug has no limits in the profile.
    """
    if setting not in SETTINGS:
        raise ConfigError(f"setting {setting!r} is not one of {', '.join(SETTINGS)}")
    if len(drugs) != len(conc_ug_per_ml) or not drugs:
        raise ConfigError(f"{len(conc_ug_per_ml)} concentrations were given for {len(drugs)} drugs")
    if len(drugs) > MAX_DRUGS or len(set(drugs)) != len(drugs):
        raise ConfigError(f"a reservoir holds up to {MAX_DRUGS} different drugs, not {', '.join(drugs)}")
    par: Any = np.zeros(1, SHIELD_PAR)[0]
    par["n_drugs"] = len(drugs)
    bolus_nl = []
    for d, (drug, conc) in enumerate(zip(drugs, conc_ug_per_ml, strict=True)):
        highest = profile.max_concentration(drug)
        if not 0.0 < conc <= highest:
            raise ProfileError(f"{profile.name}: {drug} at {conc} ug/mL is not within its limit of {highest} ug/mL")
        par["conc"][d] = math.ceil(conc)
        par["cap_pg"][d] = int(profile.cap_ug(drug) * PG_PER_UG)
        bolus_nl.append(int(profile.largest_bolus_ug(drug) * PG_PER_UG) // int(par["conc"][d]))
        if int(par["conc"][d]) * min_rate_nl * WINDOW > int(par["cap_pg"][d]):
            raise ProfileError(f"{profile.name}: {drug} at {conc} ug/mL exceeds its cap at the pump's lowest rate")
    par["bolus_abs"] = min(bolus_nl)
    envelope = {
        "min_rate": min_rate_nl,
        "max_rate": max_rate_nl,
        "rate_step": rate_step_nl,
        "bolus_step": bolus_step_nl,
    }
    for name, value in {**envelope, **_general(profile, setting), "mode": ShieldMode.of(mode)}.items():
        par[name] = value
    return par


def _general(profile: LimitProfile, setting: str) -> dict[str, int]:
    def ticks(key: str) -> int:
        return math.ceil(profile.limit(key) * TICKS_PER_H - 1e-9)

    def permille(key: str) -> int:
        return math.floor(1000.0 * profile.limit(key) + 1e-9)

    return {
        "step_permille": permille(f"{setting}.step"),
        "interval": ticks(f"{setting}.interval"),
        "rise_permille": permille(f"{setting}.rise_28d"),
        "keep_permille": 1000 - permille("withdrawal.daily_fall"),
        "exposed_after": ticks("withdrawal.exposed_after"),
        "bolus_permille": permille("bolus.share"),
        "lockout": ticks("bolus.lockout"),
        "bolus_most": min(TICKS_PER_DAY, math.floor(profile.limit("bolus.count"))),
        "rr_warn": math.ceil(10.0 * profile.limit("breathing.rate_warn")),
        "rr_lock": math.ceil(10.0 * profile.limit("breathing.rate_lock")),
        "spo2_warn": math.ceil(10.0 * profile.limit("breathing.saturation_warn")),
        "spo2_lock": math.ceil(10.0 * profile.limit("breathing.saturation_lock")),
        "poss_hold": math.ceil(profile.limit("sedation.hold")),
        "poss_lock": math.ceil(profile.limit("sedation.lock")),
        "stale": math.floor(profile.limit("breathing.stale") / 60.0 * TICKS_PER_H + 1e-9),
        "watch": ticks("breathing.watch"),
        "lock_permille": permille("breathing.reduce_to"),
    }
