"""Audit what ran: a trail on disk, the trail of a tracked run, or a tracked run replayed from its configuration."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from thecal.core.errors import ConfigError, StoreError
from thecal.envs.scenario import Scenario
from thecal.experiments.rollouts.trails import SUFFIX
from thecal.experiments.studies.config import (
    CONFIG_FILE,
    POLICIES,
    CompareConfig,
    EvaluateConfig,
    TrainConfig,
    checked,
)
from thecal.safety.certificate import kernel_hash
from thecal.safety.invariants import Invariant
from thecal.safety.oracle import audit
from thecal.safety.trail import Inspection, TrailError, read_trail


def integrity(found: Inspection, heads: str | None = None) -> list[str]:
    """What is wrong with a trail as a file; empty when it is whole."""
    words = [found.words] if not found.sound else []
    if found.torn_bytes:
        words.append(f"torn tail of {found.torn_bytes} bytes after {found.records} whole records")
    if found.sound and not found.closed:
        words.append("no closing record: cut short, or the program was killed")
    if heads is not None and found.head not in heads.split():
        words.append("its head is not the one the run recorded")
    return words


def audit_trail(path: Path, heads: str | None = None) -> dict[str, Any]:
    """Integrity and findings of one trail.

    Raises:
        TrailError: the file cannot be read as a trail.
    """
    meta, rows, inspection = read_trail(path)
    try:
        found = audit(meta, rows)
        mode, proved = meta["mode"], meta["proved"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrailError(
            f"{path}: its meta record lacks or garbles {error}; {inspection.words or 'the chain fits'}"
        ) from error
    return {
        "trail": path.name,
        "policy": meta.get("policy"),
        "mode": mode,
        "proved": proved,
        "integrity": integrity(inspection, heads),
        "head": inspection.head,
        "patients": found.patients,
        "ticks": found.ticks,
        "violations": len(found.breaches),
        "breaches": [list(breach) for breach in found.breaches],
        "margins": {Invariant(k).name.lower(): v for k, v in sorted(found.margins.items())},
    }


def audit_target(target: str) -> list[dict[str, Any]]:
    """Audit a trail file, every trail of a folder, or a tracked run (replayed when it kept no trail).

    Raises:
        ConfigError: neither a file, a folder with trails, nor a run that can be replayed.
        StoreError: the store cannot be read.
    """
    place = Path(target)
    if place.is_file():
        return [audit_trail(place)]
    if place.is_dir():
        trails = sorted(place.glob(f"**/*{SUFFIX}"))
        if not trails:
            raise ConfigError(f"{target}: the folder holds no audit trail")
        return [audit_trail(path) for path in trails]
    return _audit_run(target)


def _audit_run(run_id: str) -> list[dict[str, Any]]:
    from thecal.experiments.tracking.client import download, find_run, lasting
    from thecal.experiments.tracking.store import store_uri

    client, run = find_run(run_id)
    data, kind = run.data, run.data.tags.get("kind", "run")
    with tempfile.TemporaryDirectory(prefix="thecal-audit-") as folder:
        names = lasting(store_uri(), lambda: [item.path for item in client.list_artifacts(run_id)])
        kept = [path for name in names if name.endswith(SUFFIX) and (path := download(client, run, name, folder))]
        if kept:
            return [audit_trail(path, data.tags.get("trail_head", "")) for path in kept]
        recorded = download(client, run, CONFIG_FILE, folder)
        if recorded is None:
            raise ConfigError(f"run {run_id} ({kind}) says of no patient how he was dosed: there is nothing to replay")
        try:
            config = json.loads(recorded.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StoreError(f"run {run_id} cannot be read ({error})") from error
        learned = download(client, run, "policy" if kind == "train" else POLICIES, folder)
        return replay(config, data.tags, data.metrics, learned)


def replay(
    config: dict[str, Any], tags: dict[str, str], metrics: dict[str, float], learned: Path | None = None
) -> list[dict[str, Any]]:
    """Run a tracked run again with its seed, keep its trail, and audit that.

    An evaluation or comparison runs its policies again, trained ones from the copies it stored; a training run its trained
    policy on its tuning patients, as it did when it ended. What the run recorded of outcomes is compared with what the replay
    gives.

    Args:
        config, tags, metrics: of the run.
        learned: folder of the policy that a training run stored, or of the trained policies that another run stored.

    Raises:
        ConfigError: the configuration is not one of this version, or task, cohort, limits or kernel of the shield are no
            longer those of the run.
    """
    from thecal.agents.backends.load import load_policy
    from thecal.agents.base import Policy
    from thecal.agents.find import find_policies
    from thecal.envs.outcomes import outcomes
    from thecal.experiments.rollouts.rollout import rollout

    kinds: dict[str, Any] = {"train": TrainConfig, "compare": CompareConfig, "demo": CompareConfig}
    chosen = checked(kinds.get(tags.get("kind", ""), EvaluateConfig), config, "the run's configuration")
    policies: list[Policy]
    if isinstance(chosen, TrainConfig):
        policies, patients, split, prefix = [load_policy(learned or Path())], chosen.tune_patients, "tune", "tune/"
    else:
        names = chosen.policies if isinstance(chosen, CompareConfig) else (chosen.policy,)
        policies, patients, split, prefix = find_policies(list(names), learned), chosen.patients, chosen.split, ""
    scene = Scenario.of(chosen.scenario, split=split).resolve()
    hashes = {
        "task": scene.task.hash, "cohort": scene.cohort.hash, "profile": scene.profile.hash, "kernel": kernel_hash(),
        "scenario": chosen.scenario.resolve().hash,  # the last: pump, faults and whatever else the others leave out
    }  # fmt: skip
    for what, current in hashes.items():
        if tags.get(f"{what}_hash", current) != current:
            if "stage" not in config:  # 0.1 had no stages, and hashed otherwise
                raise ConfigError(f"the run was recorded by version 0.1, whose {what} cannot be compared with today's")
            raise ConfigError(f"the {what} has changed since the run; it cannot be replayed")
    several = isinstance(chosen, CompareConfig)
    results = []
    with tempfile.TemporaryDirectory(prefix="thecal-audit-") as folder:
        for i, policy in enumerate(policies):
            trail = Path(folder) / f"{i}-{policy.info.name}{SUFFIX}"
            run = rollout(policy, scene, range(patients), trail=trail, record="summary")
            # Training seeds of one method were averaged in the record.
            alone = sum(other.info.name == policy.info.name for other in policies) == 1
            where = f"{policy.info.name}/" if several else prefix
            words = _differences(where, outcomes(run, scene.task.outcomes), metrics) if alone else []
            for path in sorted(Path(folder).glob(f"{i}-*{SUFFIX}")):
                found = audit_trail(path)
                found["integrity"] += words
                results.append({**found, "replayed": True, "split": split})
    return results


def _differences(where: str, found: Mapping[str, Any], recorded: Mapping[str, float]) -> list[str]:
    """What a replay gives otherwise than the run recorded; empty when nothing differs."""
    words = []
    for key, values in found.items():
        known, finite = recorded.get(f"{where}{key}"), values[np.isfinite(values)]
        if (
            known is not None
            and finite.size
            and not math.isclose(known, float(finite.mean()), rel_tol=1e-6, abs_tol=1e-9)
        ):
            words.append(f"the replay differs from the record: {key} is {finite.mean():g}, {known:g} was recorded")
    return words[:1]
