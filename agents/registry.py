"""The policies that need no training, by name: the shipped ones, and those that other packages add by entry points."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from thecal.agents.base import BatchPolicy, Policy
from thecal.agents.bayes.policy import Bayes
from thecal.agents.info import PolicyInfo
from thecal.agents.mpc.nominal import Mpc
from thecal.agents.mpc.oracle import Oracle
from thecal.agents.rules.day_night import DayNight
from thecal.agents.rules.demand import FixedRate, FixedRateDemand
from thecal.agents.rules.fault_response import FaultResponse
from thecal.agents.rules.guideline import Guideline, GuidelineDemand
from thecal.agents.rules.pid import Pid
from thecal.agents.rules.pid_guarded import GuardedPid
from thecal.agents.rules.sanity import MaxRequest, RandomRequest
from thecal.core.errors import ConfigError, ThecalError, UnknownNameError
from thecal.core.plugins import POLICIES, origin, plugin, plugins

_SHIPPED: tuple[type[BatchPolicy], ...] = (
    FixedRate,
    Guideline,
    DayNight,
    FixedRateDemand,
    GuidelineDemand,
    Pid,
    GuardedPid,
    FaultResponse,
    RandomRequest,
    MaxRequest,
    Mpc,
    Bayes,
    Oracle,
)
_BY_NAME: dict[str, Callable[..., Policy]] = {policy.info.name: policy for policy in _SHIPPED}


def policy_names() -> tuple[str, ...]:
    """Names that :func:`make_policy` accepts: shipped ones, baselines first, then those of other packages, sorted.

    A name that another package takes although a shipped policy has it is left out, with one :class:`RuntimeWarning`.
    """
    for name in plugins(POLICIES):
        if name in _BY_NAME:
            _warn_taken(name, origin(POLICIES, name))
    return (*_BY_NAME, *(name for name in plugins(POLICIES) if name not in _BY_NAME))


@cache  # once, not at every listing
def _warn_taken(name: str, package: str) -> None:
    warnings.warn(f"{_taken(name, package)}; it is left out", RuntimeWarning, stacklevel=3)


def _taken(name: str, package: str) -> str:
    return f"{package} adds a policy {name!r}, but a shipped policy has that name"


def make_policy(name: str, **settings: Any) -> Policy:
    """A fresh policy.

    Args:
        name: one of :func:`policy_names`; a trained policy comes from :func:`thecal.agents.backends.load.load_policy`.
        settings: overrides of the policy's numbers (``make_policy("pid", gain=0.1)``), or ``seed`` for ``random``.

    Raises:
        UnknownNameError: no policy has this name.
        ConfigError: a setting is unknown or out of bounds, or what another package adds is no policy.
    """
    if name in plugins(POLICIES):
        return _from_outside(name, settings)
    if name not in _BY_NAME:
        raise UnknownNameError("policy", name, list(policy_names()))
    try:
        return _BY_NAME[name](**settings)
    except TypeError as error:
        raise ConfigError(f"policy {name!r}: {error}") from error


def policy_info(name: str) -> PolicyInfo:
    """What the policy ``name`` says of itself, with its default numbers; raises as :func:`make_policy` does."""
    return make_policy(name).info


def _from_outside(name: str, settings: dict[str, Any]) -> Policy:
    """A policy of another package, checked; the text of every error names the package."""
    package = origin(POLICIES, name)
    if name in _BY_NAME:
        raise ConfigError(f"{_taken(name, package)}: rename it there, or uninstall the package")
    factory = plugin(POLICIES, name)
    if not callable(factory):
        raise ConfigError(f"policy {name!r} of {package} is neither a class nor a factory of policies")
    try:
        made = factory(**settings)
    except ThecalError:
        raise
    except Exception as error:  # another package's code may fail in any way
        raise ConfigError(f"policy {name!r} of {package} cannot be made ({type(error).__name__}: {error})") from error
    lacking = [part for part in ("reset", "act") if not callable(getattr(made, part, None))]
    info = getattr(made, "info", None)
    if lacking or not isinstance(info, PolicyInfo):
        lacking += [] if isinstance(info, PolicyInfo) else ["info (a PolicyInfo)"]
        raise ConfigError(f"policy {name!r} of {package} is no policy: it lacks {', '.join(lacking)}")
    if info.name != name:
        raise ConfigError(f"policy {name!r} of {package} calls itself {info.name!r}: both names must be the same")
    policy: Policy = made
    return policy
