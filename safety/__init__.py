"""The hard shield between any policy and the pump: integer kernel, locks, limit profiles with sources.

Read ``kernel`` for the arithmetic, ``shield.shield_tick`` for the order of decisions, ``invariants`` for what is kept.
"""

from thecal.safety.invariants import Fallback, Invariant, ShieldMode
from thecal.safety.profiles import LimitProfile, load_profile, profile_names

__all__ = ["Fallback", "Invariant", "LimitProfile", "ShieldMode", "load_profile", "profile_names"]
