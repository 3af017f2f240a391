"""What a limit profile is refused for: gaps, unknown names, numbers out of bounds or beyond a ceiling, contradictions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thecal.core.errors import ProfileError, did_you_mean
from thecal.core.layout import MAX_DRUGS
from thecal.safety.ceilings import over_ceiling
from thecal.safety.profile_schema import (
    DRUG_LIMITS,
    DRUG_OPTIONS,
    FLAGS,
    INDICATIONS,
    LIMITS,
    MIXTURES,
    MONITORED,
    ORDER,
    SETTINGS,
    TEXTS,
    WITHIN_CAP,
)

if TYPE_CHECKING:
    from thecal.safety.profiles import LimitProfile


def check_profile(profile: LimitProfile) -> None:
    """Raise :class:`ProfileError` unless a profile is whole, within bounds and ceilings, and without contradiction."""
    if not profile.drugs:
        raise _refusal(profile, "", "no drug has limits")
    for key in LIMITS:
        profile.limit(key)
    _check_names(profile)
    for low, high, what in ORDER:
        if profile.limit(low) > profile.limit(high):
            raise _refusal(profile, low, f"above {high}, so the shield {what}")
    for drug in profile.drugs:
        _check_drug(profile, drug)
    _check_mixtures(profile)
    _check_monitored(profile)
    for key, value, unit in profile.stated():
        beyond = over_ceiling(key, value, unit)
        if beyond:
            raise _refusal(profile, key, beyond)


def _check_names(profile: LimitProfile) -> None:
    known = {*DRUG_LIMITS, *DRUG_OPTIONS}
    for key, text in profile.file.texts.items():
        if key not in TEXTS or not isinstance(text, str):
            raise _refusal(profile, key, "neither a limit with value, unit and source nor a title")
    for key, quantity in profile.file.items():
        head, _, rest = key.partition(".")
        if (
            key not in LIMITS
            and key not in MONITORED
            and not (head in profile.drugs and rest in known)
            and not (head == MIXTURES and rest)
        ):
            names = [*LIMITS, *MONITORED, *(f"{drug}.{name}" for drug in profile.drugs for name in known)]
            raise _refusal(profile, key, f"no limit of this name{did_you_mean(key, names)}")
        if quantity.distribution is not None:
            raise _refusal(profile, key, "a limit has no spread")


def _check_drug(profile: LimitProfile, drug: str) -> None:
    if not re.fullmatch("[a-z][a-z0-9_]*", drug):
        raise _refusal(profile, drug, "a drug is named in small letters")
    for key in DRUG_LIMITS:
        if profile.drug_limit(drug, key) <= 0.0:
            raise _refusal(profile, f"{drug}.{key}", "a limit of 0 allows nothing")
    for key in DRUG_OPTIONS:
        if profile.option(drug, key) not in (0.0, 1.0) and key in FLAGS:
            raise _refusal(profile, f"{drug}.{key}", "neither 0 nor 1")
    if profile.largest_bolus_ug(drug) > profile.cap_ug(drug):
        raise _refusal(profile, f"{drug}.bolus", "one bolus would exceed the 24-h cap")
    for key, what in WITHIN_CAP.items():
        if f"{drug}.{key}" in profile.file and profile.option(drug, key) > profile.cap_ug(drug):
            raise _refusal(profile, f"{drug}.{key}", f"{what} would exceed the 24-h cap")
    if profile.option(drug, "oral_ratio") > 0.0 and f"{drug}.start_naive" not in profile.file:
        raise _refusal(
            profile, f"{drug}.start_naive", "missing: oral_ratio says nothing of who took no opioid by mouth"
        )
    for key in INDICATIONS:
        if (f"{drug}.step_{key}" in profile.file) != (f"{drug}.step_{INDICATIONS[0]}" in profile.file):
            raise _refusal(profile, f"{drug}.step_{key}", "steps by indication are stated for each or for none")
    for setting in SETTINGS:
        for key in INDICATIONS:
            step = profile.share(setting, "step", [drug], key)
            for other, what in (("rise_28d", "the rise over 28 days"), ("escalation", "a loss of effect")):
                if step > profile.share(setting, other, [drug]):
                    raise _refusal(profile, f"{drug}.step", f"one step of {setting} would be above {what}")


def _check_monitored(profile: LimitProfile) -> None:
    stated = [key for key in MONITORED if key in profile.file]
    if stated and len(stated) < len(MONITORED):
        missing = next(key for key in MONITORED if key not in profile.file)
        raise _refusal(profile, missing, "missing: monitored titration is stated whole or not at all")
    for key in MONITORED:
        profile.monitored(key.partition(".")[2])


def _check_mixtures(profile: LimitProfile) -> None:
    for key in profile.file:
        head, _, name = key.partition(".")
        if head != MIXTURES:
            continue
        if profile.number(key, "dimensionless", 0.0, 1.0) not in (0.0, 1.0):
            raise _refusal(profile, key, "neither 0 nor 1")
        drugs = name.split("+")
        unknown = sorted(set(drugs) - set(profile.drugs))
        if unknown:
            raise _refusal(profile, key, f"{unknown[0]} has no limits")
        if drugs != sorted(set(drugs)) or not 2 <= len(drugs) <= MAX_DRUGS:
            raise _refusal(profile, key, "two or three drugs in alphabetical order")


def _refusal(profile: LimitProfile, key: str, reason: str) -> ProfileError:
    return ProfileError(f"{profile.file.path}: {f'{key}: ' if key else ''}{reason}")
