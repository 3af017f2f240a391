"""Where a result comes from: code, versions, machine, and hashes of everything that decides the numbers."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from thecal.core.jit import available_cores
from thecal.envs.scenario import Resolved
from thecal.experiments.tracking.checkout import git_state as git_state
from thecal.safety.certificate import kernel_hash, wiring_hash

PACKAGES = ("numpy", "numba", "gymnasium", "torch", "stable-baselines3", "mlflow", "pydantic")


def versions() -> dict[str, str]:
    """Versions of Thecal and of the packages whose numbers matter; those not installed are left out."""
    from thecal import __version__

    found = {"thecal": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def config_hash(values: Any) -> str:
    """SHA-256 of plain data in a canonical form."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()


def provenance(scene: Resolved, **more: Any) -> dict[str, Any]:
    """Everything a run records about itself.

    Args:
        scene: what its patients meet.
        **more: added as given (seeds, config).
    """
    return {
        "git": git_state(),
        "versions": versions(),
        "machine": {"system": platform.platform(), "cores": available_cores()},
        "scenario": {"hash": scene.hash},
        "task": {"id": scene.task.id, "hash": scene.task.hash},
        "cohort": {"name": scene.cohort.name, "hash": scene.cohort.hash},
        "profile": {"name": scene.profile.name, "hash": scene.profile.hash},
        "shield": {
            "kernel_hash": kernel_hash(),
            "wiring_hash": wiring_hash(),
            "proved": scene.proved,
            "wide": scene.wide,
        },
        **more,
    }


def run_tags(origin: Mapping[str, Any], kind: str, scene: Resolved, config_hash: str) -> dict[str, str]:
    """What a tracked run is searched by: its kind, the shield, and every hash of its provenance."""
    return {
        "kind": kind,
        "task": origin["task"]["id"],
        "shield_mode": scene.mode.name.lower(),
        "unshielded": str(not scene.mode.shielded).lower(),
        "scenario_hash": scene.hash,
        "task_hash": origin["task"]["hash"],
        "cohort_hash": origin["cohort"]["hash"],
        "profile_hash": origin["profile"]["hash"],
        "kernel_hash": origin["shield"]["kernel_hash"],
        "unproved": str(not origin["shield"]["proved"]).lower(),
        "wide_limits": str(origin["shield"]["wide"]).lower(),
        "config_hash": config_hash,
        "git_commit": origin["git"]["commit"],
        "git_dirty": origin["git"]["dirty"],
        "mlflow.source.name": f"thecal {kind}",
        "mlflow.source.git.commit": origin["git"]["commit"],
    }
