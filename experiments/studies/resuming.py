"""Which training a checkpoint belongs to: the same result needs the same configuration, versions and kernels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thecal.agents.backends.checkpoint import FILE, FOLDER, Head, read_head
from thecal.core.errors import ConfigError, StoreError
from thecal.core.jit import source_key
from thecal.envs.scenario import Resolved
from thecal.experiments.studies.config import TrainConfig
from thecal.experiments.studies.training_log import KEYS, LogState
from thecal.experiments.tracking.provenance import versions

RESULT = "training.json"  # what a training found; it is there once the training has ended
_DECIDES_NOTHING = ("out", "experiment", "track", "checkpoint_every")
_PACKAGES = ("thecal", "numpy", "numba", "torch", "stable-baselines3")
_CONFIG = "setting "


class Study(BaseModel):
    """What the study adds to a checkpoint: configuration, log, and where the run is tracked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: dict[str, Any]
    log: LogState
    run_id: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")
    store: str = ""

    @classmethod
    def of(cls, head: Head, folder: Path) -> Study:
        """Read off a checkpoint.

        Raises:
            StoreError: it is not one of a training.
        """
        try:
            study = cls.model_validate(head.study)
            if set(study.log.curve) != set(KEYS) or len({len(column) for column in study.log.curve.values()}) != 1:
                raise ValueError("the curve is not whole")
        except (ValidationError, ValueError) as error:
            first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
            raise StoreError(f"{folder / FOLDER / FILE}: study: {first}") from error
        return study


def identity(config: TrainConfig, scene: Resolved) -> dict[str, str]:
    """What must be the same for the same result, as texts; see :class:`thecal.agents.backends.checkpoint.Head`.

    Args:
        config: with every setting named.
        scene: what the patients meet.
    """
    values = config.model_dump(mode="json", exclude=set(_DECIDES_NOTHING))
    known = versions()
    return {
        **{f"{_CONFIG}{key}": json.dumps(value, sort_keys=True) for key, value in values.items()},
        "content of the scenario": scene.hash,
        "simulation code": f"{source_key():x}",
        **{f"version of {name}": known.get(name, "none") for name in _PACKAGES},
    }


def unlike(head: Head, here: Mapping[str, str]) -> str:
    """What differs between the run of a checkpoint and the one at hand, in words; empty where nothing does."""
    parts = []
    for key in dict.fromkeys((*head.identity, *here)):
        own, other = head.identity.get(key, "none"), here.get(key, "none")
        if own != other:
            values = "" if max(len(own), len(other)) > 60 else f" ({own} there, {other} here)"
            parts.append(f"{key.removeprefix(_CONFIG)}{values}")
    return ", ".join(parts)


def unfinished(folder: Path) -> Head:
    """The checkpoint of a run that did not come to its end.

    Raises:
        ConfigError: there is none; the text says whether the run is finished.
        StoreError: it is damaged.
    """
    head = read_head(folder)
    if head is not None:
        return head
    if (folder / RESULT).exists():
        raise ConfigError(f"the training in {folder} is finished, there is nothing to resume")
    raise ConfigError(f"{folder} holds no checkpoint of a training: begin it without --resume")


def resumed_values(folder: Path) -> dict[str, Any]:
    """The configuration of an unfinished run; raises as :func:`unfinished` does."""
    return Study.of(unfinished(folder), folder).config


def store_key(uri: str) -> str:
    """A tracking store as a hash, because its address may hold a password."""
    return hashlib.sha256(uri.encode()).hexdigest()
