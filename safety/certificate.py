"""Which pairs of kernel and profile are proved: ``proof.json``, its hashes, and the refusal of what it does not cover."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from thecal.core.errors import ConfigError
from thecal.safety.profiles import LimitProfile

SCHEMA = 1
# What decides, by package: the shield's own files, and the numbers of the core that they count with.
SOURCES = {
    "thecal.safety": (
        "bits.py", "invariants.py", "kernel.py", "locks.py", "ops.py", "parameters.py", "readings.py", "records.py", "shield.py",
        "tick.py",
    ),
    "thecal.core": ("layout.py",),
}  # fmt: skip
PROVED = "proved"


class UnprovedShieldError(ConfigError):
    """The pair of kernel and profile has no proof, and nobody said that an unproved shield is wanted."""


@cache
def kernel_hash() -> str:
    """SHA-256 of every source file the shield's decision depends on."""
    digest = hashlib.sha256()
    for package, names in SOURCES.items():
        for name in names:
            digest.update(name.encode() + b"\0" + files(package).joinpath(name).read_bytes())
    return digest.hexdigest()


def is_proved(profile: LimitProfile) -> bool:
    """Whether every goal is proved for this kernel and exactly these limits."""
    return profile.hash in _proved_profiles(kernel_hash(), _beside(profile))


def require_proof(profile: LimitProfile, *, allow_unproved: bool) -> bool:
    """Whether the profile is proved; raises :class:`UnprovedShieldError` when it is not and that was not asked for."""
    proved = is_proved(profile)
    if not proved and not allow_unproved:
        who = profile.path or profile.name
        raise UnprovedShieldError(
            f"profile {profile.name} is not proved for this shield; run `thecal verify {who}`, or allow an "
            "unproved shield (allow_unproved), which marks every result"
        )
    return proved


def _beside(profile: LimitProfile) -> Path | None:
    return None if profile.path is None else profile.path.with_suffix(".proof.json")


def _proved_profiles(kernel: str, beside: Path | None) -> set[str]:
    found = set(_hashes(_shipped(), kernel))
    if beside is not None and beside.is_file():
        try:
            found |= set(_hashes(json.loads(beside.read_text(encoding="utf-8")), kernel))
        except (OSError, ValueError):
            return found
    return found


@cache
def _shipped() -> dict[str, Any]:
    item = files("thecal.safety").joinpath("data", "proof.json")
    proof: dict[str, Any] = json.loads(item.read_text(encoding="utf-8")) if item.is_file() else {}
    return proof


def shipped_proof() -> dict[str, Any]:
    """The proof that comes with this version; empty when there is none."""
    return _shipped()


def _hashes(proof: Any, kernel: str) -> list[str]:
    """Hashes of the profiles of which a proof file holds every goal as proved for ``kernel``."""
    if not isinstance(proof, dict) or proof.get("schema") != SCHEMA or proof.get("kernel") != kernel:
        return []
    shared = proof.get("shared") or []
    if not shared or any(goal.get("status") != PROVED for goal in shared):
        return []
    return [
        entry["hash"]
        for entry in (proof.get("profiles") or {}).values()
        if entry.get("goals") and all(goal.get("status") == PROVED for goal in entry["goals"])
    ]
