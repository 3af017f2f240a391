"""Finds policies by name or by the folder of a trained one, and says which of them are training seeds of one method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thecal.agents.backends.load import load_policy
from thecal.agents.backends.record import PolicyRecord
from thecal.agents.backends.store import RECORD_FILE
from thecal.agents.base import Policy
from thecal.agents.info import PolicyInfo
from thecal.agents.registry import make_policy, policy_names
from thecal.core.errors import UnknownNameError


def find_policy(name: str) -> Policy:
    """A policy by registered name, or a trained one by its folder (or the folder of its training run).

    Raises:
        UnknownNameError: neither.
    """
    folder = folder_of(name)
    if folder is not None:
        return load_policy(folder)
    require_policy(name)
    return make_policy(name)


def require_policy(name: str) -> None:
    """See that a policy of this name, or a trained one in this folder, is there; nothing is loaded.

    Raises:
        UnknownNameError: neither.
    """
    if folder_of(name) is None and name not in policy_names():
        raise UnknownNameError("policy", name, list(policy_names()), hint="or the folder of a trained policy")


def folder_of(name: str) -> Path | None:
    """Where a trained policy lies that is named by its folder, or by that of its training run; None for any other."""
    places = () if name in policy_names() else (Path(name), Path(name) / "policy")
    return next((folder for folder in places if (folder / RECORD_FILE).exists()), None)


def find_policies(names: Sequence[str], kept: Path | None = None) -> list[Policy]:
    """Policies by name or folder.

    Learned policies that share a name stay together as training seeds of one method where they differ in nothing else;
    otherwise each that comes from a folder is named by it.

    Args:
        names: as :func:`find_policy` takes them.
        kept: folder with copies of trained ones, named by their place among ``names``.
    """
    copies = {} if kept is None else {k: kept / str(k) for k in range(len(names)) if (kept / str(k)).is_dir()}
    found = [load_policy(copies[k]) if k in copies else find_policy(name) for k, name in enumerate(names)]
    trained = {k for k, name in enumerate(names) if k in copies or folder_of(name) is not None}
    for shared in {found[k].info.name for k in trained}:
        members = [k for k in sorted(trained) if found[k].info.name == shared]
        if not is_one_method([found[k].info for k in members]):
            for k in members:
                found[k].info = found[k].info.model_copy(update={"name": _folder_name(Path(names[k]))})
    return found


def _folder_name(path: Path) -> str:
    whole = path.resolve()
    return whole.parent.name if whole.name == "policy" else whole.name


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
