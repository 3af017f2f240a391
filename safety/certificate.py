"""Which pairs of shield and profile are proved: ``proof.json``, its hashes and goals, and a refusal of what it leaves open."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from thecal.core.errors import ConfigError
from thecal.core.parameters import ParameterFile, Quantity
from thecal.safety.certified import SOLVED, WIRED
from thecal.safety.parameters import every_decision
from thecal.safety.profiles import LimitProfile, content_hash

SCHEMA = 2  # 1 was 0.2's: one hash, and no list of what has to be proved
PROVED = "proved"
_KEEP = "{keep}"  # in the names of the pinned list


class UnprovedShieldError(ConfigError):
    """The pair of shield and profile has no proof, and nobody said that an unproved shield is wanted."""


@cache
def kernel_hash() -> str:
    """SHA-256 of every file that the solver reads, or that says what it has to prove: a change asks for every goal anew."""
    return _hash(SOLVED)


@cache
def wiring_hash() -> str:
    """SHA-256 of every other file between a profile's text and the pump: what the tests of the wiring stand for."""
    return _hash(WIRED)


def _hash(sources: Mapping[str, tuple[str, ...]]) -> str:
    digest = hashlib.sha256()
    # By path and not by package, so that a room above this one is read and never imported.
    for folder, names in sources.items():
        for name in names:
            content = files("thecal").joinpath(*folder.split("/"), name).read_bytes()
            digest.update(f"{folder}/{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def is_proved(profile: LimitProfile) -> bool:
    """Whether every goal is proved for this shield and exactly these limits.

    The limits are hashed here, as they are now; a class of somebody's own, which might say something else of itself, is none.
    """
    if not _is_plain(profile):
        return False
    return any(_covers(proof, profile) for proof in (_shipped(), _own_proof(profile)))


def _is_plain(profile: Any) -> bool:
    return (
        type(profile) is LimitProfile
        and type(profile.file) is ParameterFile
        and all(type(quantity) is Quantity for quantity in profile.file.values())
    )


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


@cache
def pinned_goals() -> dict[str, list[str]]:
    """Names of all that has to be proved; one of the hashed sources, so that no proof can say what is enough.

    ``shared`` holds for every profile; ``decision`` for each combination of a profile's numbers, and ``floor`` for those that
    have a withdrawal floor.
    """
    found: dict[str, list[str]] = json.loads(
        files("thecal.safety").joinpath("data", "goals.json").read_text(encoding="utf-8")
    )
    return found


def required_goals(profile: LimitProfile) -> list[str]:
    """Names of the goals that a profile's numbers ask for."""
    pinned = pinned_goals()
    found: dict[str, None] = {}
    for where, shares in every_decision(profile).items():
        keep = shares["keep_permille"]
        for name in [*pinned["decision"], *(pinned["floor"] if keep > 0 else ())]:
            found[f"{where}: {name.replace(_KEEP, str(keep))}"] = None
    return list(found)


def pinned_names(with_floor: list[str], without: list[str], keep: int) -> dict[str, list[str]]:
    """``decision`` and ``floor`` of the pinned list, from the names for a floor of ``keep`` per mille and for none."""

    def general(name: str, number: int) -> str:
        return name.replace(f"keeps {number} in", f"keeps {_KEEP} in")

    always = [general(name, 0) for name in without]
    return {"decision": always, "floor": [name for one in with_floor if (name := general(one, keep)) not in always]}


def _own_proof(profile: LimitProfile) -> Any:
    """The proof beside a profile's file; None where there is none that can be read."""
    beside = None if profile.path is None else profile.path.with_suffix(".proof.json")
    if beside is None or not beside.is_file():
        return None
    try:
        return json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@cache
def _shipped() -> dict[str, Any]:
    item = files("thecal.safety").joinpath("data", "proof.json")
    proof: dict[str, Any] = json.loads(item.read_text(encoding="utf-8")) if item.is_file() else {}
    return proof


def shipped_proof() -> dict[str, Any]:
    """The proof that comes with this version; empty when there is none."""
    return _shipped()


def _covers(proof: Any, profile: LimitProfile) -> bool:
    """Whether a proof is of this shield and of these limits, and holds every goal that they ask for as proved."""
    if not isinstance(proof, dict) or proof.get("schema") != SCHEMA:
        return False
    if proof.get("kernel") != kernel_hash() or proof.get("wiring") != wiring_hash():
        return False
    if not _proves(proof.get("shared"), pinned_goals()["shared"]):
        return False
    entries = proof.get("profiles")
    held = content_hash(profile)
    return isinstance(entries, dict) and any(
        isinstance(entry, dict)
        and entry.get("hash") == held
        and _proves(entry.get("goals"), required_goals(profile))
        for entry in entries.values()
    )  # fmt: skip


def _proves(goals: Any, required: list[str]) -> bool:
    """Whether a list holds exactly the goals that are required, each as proved."""
    if not isinstance(goals, list) or len(goals) != len(required):
        return False
    return all(isinstance(goal, dict) and goal.get("status") == PROVED for goal in goals) and (
        {goal.get("goal") for goal in goals} == set(required)
    )
