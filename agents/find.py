"""Finds policies by name or by the folder of a trained one, and says which of them are training seeds of one method."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from thecal.agents.backends.load import load_policy
from thecal.agents.backends.record import PolicyRecord
from thecal.agents.backends.store import RECORD_FILE
from thecal.agents.base import Policy
from thecal.agents.info import GUARDED, PolicyInfo, under_guard
from thecal.agents.registry import make_policy, policy_names
from thecal.agents.rules.guarded import Guarded
from thecal.core.errors import ConfigError, UnknownNameError

POLICY = "policy"  # the folder of the policy within that of its training
_ADDRESSES = ("runs:/", "models:/", "mlflow-artifacts:/")


def find_policy(name: str) -> Policy:
    """A policy by registered name, or a trained one by its folder (or the folder of its training run).

    With ``guarded:`` before its name it stands under the guard of the guarded PID.

    Raises:
        UnknownNameError: neither.
        ConfigError: it is an address in a tracking store, or has a guard already.
    """
    folder, (guarded, plain) = folder_of(name), under_guard(name)
    require_policy(name)
    policy = make_policy(plain) if folder is None else load_policy(folder)
    return Guarded(policy) if guarded else policy


def require_policy(name: str) -> None:
    """See that a policy of this name, or a trained one in this folder, is there; nothing is loaded.

    Raises:
        UnknownNameError: neither.
        ConfigError: it is the address of one in a tracking store.
    """
    plain = under_guard(name)[1]
    if folder_of(name) is not None or plain in policy_names():
        return
    if plain.startswith(_ADDRESSES):
        raise ConfigError(
            f"policy {name!r}: policies are not loaded from a tracking store yet; download it (mlflow artifacts download "
            f"--artifact-uri {plain}) and name its folder"
        )
    raise UnknownNameError("policy", plain, list(policy_names()), hint="or the folder of a trained policy")


def folder_of(name: str) -> Path | None:
    """Where a trained policy lies that is named by its folder, or by that of its training run; None for any other."""
    plain = under_guard(name)[1]
    places = () if plain in policy_names() or not plain else (Path(plain), Path(plain) / POLICY)
    return next((folder for folder in places if os.path.lexists(folder / RECORD_FILE)), None)


def find_policies(names: Sequence[str], kept: Path | None = None) -> list[Policy]:
    """Policies by name or folder.

    Learned policies that share a name stay together as training seeds of one method where they differ in nothing else;
    otherwise each that comes from a folder is named by it, with as many of the folders above as tell it from the others.

    Args:
        names: as :func:`find_policy` takes them.
        kept: folder with copies of trained ones, named by their place among ``names``.

    Raises:
        UnknownNameError: one is unknown.
        ConfigError: one is named twice.
    """
    copies = {} if kept is None else {k: kept / str(k) for k in range(len(names)) if (kept / str(k)).is_dir()}
    if not copies:
        _refuse_twins(names)
    found = [_copy_of(name, copies[k]) if k in copies else find_policy(name) for k, name in enumerate(names)]
    trained = {k for k, name in enumerate(names) if k in copies or folder_of(name) is not None}
    apart: list[int] = []
    for shared in dict.fromkeys(found[k].info.name for k in sorted(trained)):
        members = [k for k in sorted(trained) if found[k].info.name == shared]
        if not is_one_method([found[k].info for k in members]):
            apart += members
    taken = {policy.info.name for k, policy in enumerate(found) if k not in apart}
    plain = [under_guard(names[k]) for k in apart]
    for k, (guarded, _), own in zip(apart, plain, _folder_names([Path(name) for _, name in plain], taken), strict=True):
        name = GUARDED * guarded + own
        found[k].info = found[k].info.model_copy(update={"name": name})
    return found


def _copy_of(name: str, folder: Path) -> Policy:
    policy = load_policy(folder)
    return Guarded(policy) if under_guard(name)[0] else policy


def name_of(names: Sequence[str], found: Sequence[Policy], wanted: str) -> str:
    """The name in results of the policy that is ``wanted`` as it was written among ``names``, by its name, or by its folder."""
    by_text = dict(zip(names, found, strict=True))
    if wanted in by_text:
        return by_text[wanted].info.name
    place = None if wanted in {policy.info.name for policy in found} else folder_of(wanted)
    if place is not None:
        for name, policy in by_text.items():
            own = folder_of(name)
            same = under_guard(name)[0] == under_guard(wanted)[0]
            if same and own is not None and own.resolve() == place.resolve():
                return policy.info.name
    return wanted


def _refuse_twins(names: Sequence[str]) -> None:
    """Refuse a policy that is named twice, whatever it is called each time."""
    seen: dict[object, str] = {}
    for name in names:
        folder = folder_of(name)
        key = name if folder is None else (under_guard(name)[0], folder.resolve())
        first = seen.setdefault(key, name)
        if first is not name or names.count(name) > 1:
            also = "" if first == name else f", also as {first!r}"
            raise ConfigError(f"the policy {name!r} is named twice{also}: name each once")


def _folder_names(paths: Sequence[Path], taken: Collection[str]) -> list[str]:
    """The last part of each path, with as many of those before as make them differ from each other and from ``taken``."""
    parts = []
    for path in paths:
        whole = [part for part in path.resolve().parts if part != path.resolve().anchor]
        parts.append(whole[:-1] if whole[-1:] == [POLICY] and len(whole) > 1 else whole)
    used = [1] * len(parts)
    while True:
        names = ["/".join(own[-count:]) for own, count in zip(parts, used, strict=True)]
        unclear = [k for k, name in enumerate(names) if name in taken or names.count(name) > 1]
        longer = [k for k in unclear if used[k] < len(parts[k])]
        if not longer:
            return [str(paths[k]) if k in unclear else name for k, name in enumerate(names)]
        for k in longer:
            used[k] += 1


def is_one_method(infos: Sequence[PolicyInfo]) -> bool:
    """Whether policies are one, or learned ones that differ in their training seed and in nothing else."""
    if len(infos) == 1:
        return True
    seeds = [seed for info in infos for seed in info.training_seeds]
    methods = [info.model_copy(update={"training_seeds": ()}) for info in infos]
    return (
        all(info.kind == "learned" and info.training_seeds for info in infos)
        and len(set(seeds)) == len(seeds)
        and all(method == methods[0] for method in methods)
    )


def training_facts(policies: Sequence[Policy]) -> list[dict[str, Any]]:
    """What provenance keeps of learned policies: name, seed and, of stored ones, length of training and hash of weights."""
    rows = []
    for policy in policies:
        if policy.info.kind != "learned":
            continue
        record = getattr(policy, "record", None)
        if isinstance(record, PolicyRecord):
            stored = {"seed": record.seed, "frames": record.frames, "weights_sha256": record.weights_sha256}
        else:
            stored = {"seed": next(iter(policy.info.training_seeds), None)}
        rows.append({"name": policy.info.name, **stored})
    return rows
