"""Limits wider than any that is shipped: they run only where somebody says so, and every result says it too."""

from __future__ import annotations

from functools import cache

from thecal.core.errors import ConfigError
from thecal.safety.ceilings import is_looser
from thecal.safety.profiles import LimitProfile, load_profile, shipped_profiles

_MOST_NAMED = 3


class WideLimitsError(ConfigError):
    """A profile is wider than every shipped one, and nobody said that this is wanted."""


@cache
def _widest() -> dict[str, float]:
    """The loosest value of every limit among the shipped profiles."""
    found: dict[str, float] = {}
    for name in shipped_profiles():
        for key, value, _ in load_profile(name).stated():
            if key not in found or is_looser(key, value, found[key]):
                found[key] = value
    return found


@cache
def _mixtures() -> frozenset[str]:
    return frozenset().union(*(load_profile(name).mixtures for name in shipped_profiles()))


def wide_limits(profile: LimitProfile) -> tuple[str, ...]:
    """Keys of the limits that are looser than in every shipped profile; all of a drug that none of them knows."""
    widest = _widest()
    found = [key for key, value, _ in profile.stated() if key not in widest or is_looser(key, value, widest[key])]
    return (*found, *(f"mixture.{name}" for name in sorted(profile.mixtures - _mixtures())))


def require_narrow(profile: LimitProfile, *, allow_wide: bool) -> bool:
    """Whether the profile is wider than every shipped one; raises :class:`WideLimitsError` when that was not asked for."""
    found = wide_limits(profile)
    if found and not allow_wide:
        named = ", ".join(found[:_MOST_NAMED]) + (
            f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        )
        raise WideLimitsError(
            f"profile {profile.path or profile.name} is wider than every shipped profile ({named}); tighten it, or allow wide "
            "limits (allow_wide), which marks every result"
        )
    return bool(found)
