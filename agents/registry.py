"""The policies that need no training, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from thecal.agents.base import Policy
from thecal.agents.rules.demand import FixedRate, FixedRateDemand
from thecal.agents.rules.guideline import Guideline, GuidelineDemand
from thecal.agents.rules.pid import Pid
from thecal.agents.rules.sanity import MaxRequest, RandomRequest
from thecal.core.errors import ConfigError, UnknownNameError

_POLICIES: dict[str, Callable[..., Policy]] = {
    policy.name: policy
    for policy in (FixedRate, FixedRateDemand, Guideline, GuidelineDemand, Pid, RandomRequest, MaxRequest)
}


def policy_names() -> tuple[str, ...]:
    """Names that :func:`make_policy` accepts, baselines first."""
    return tuple(_POLICIES)


def make_policy(name: str, **settings: Any) -> Policy:
    """A fresh policy.

    Args:
        name: one of :func:`policy_names`; a trained policy comes from :func:`thecal.agents.backends.store.load_policy`.
        settings: overrides of the policy's numbers (``make_policy("pid", gain=0.1)``), or ``seed`` for ``random``.

    Raises:
        UnknownNameError: no policy has this name.
        ConfigError: a setting is unknown or out of bounds.
    """
    if name not in _POLICIES:
        raise UnknownNameError("policy", name, list(_POLICIES))
    try:
        return _POLICIES[name](**settings)
    except TypeError as error:
        raise ConfigError(f"policy {name!r}: {error}") from error
