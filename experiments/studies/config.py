"""Configurations of runs: pydantic models from TOML, YAML or JSON with overrides, saved in full and able to run again."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.devices.fault_presets import load_faults
from thecal.devices.specs import load_pump
from thecal.envs.tasks import TaskSpec, load_task
from thecal.experiments.tracking.provenance import config_hash
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.safety.certificate import require_proof
from thecal.safety.profiles import load_profile

CONFIG_FILE = "config.json"
POLICIES = "policies"  # folder of a run's artifacts: copies of the trained policies it judged


class RunConfig(BaseModel):
    """What every run has."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    task: str = "CancerMorphine"
    seed: int = Field(default=0, ge=0)
    difficulty: str = "real"
    shield_mode: Literal["project", "replace", "mask", "monitor", "off"] = "project"
    profile: str | None = None
    allow_unproved: bool = False  # run a limit profile whose proof is missing, and mark the run
    pump: str | None = None  # another model of pump than the task's
    faults: str | None = None  # a preset of hazards or a .toml file, in place of the task's own
    cohort_seed: int = Field(default=0, ge=0)
    experiment: str = "thecal"
    track: bool = True

    @property
    def hash(self) -> str:
        """SHA-256 of the configuration."""
        return config_hash(self.model_dump(mode="json"))


class TrainConfig(RunConfig):
    """``thecal train``: algorithm, its settings, and how the result is checked on the tune split."""

    algorithm: Literal["ppo", "sac"] = "ppo"
    total_steps: int | None = Field(default=None, ge=1)
    settings: dict[str, Any] = Field(default_factory=dict)
    pool: int = Field(default=4096, ge=1)
    tune_patients: int = Field(default=32, ge=1)
    out: str = "runs/train"


class EvaluateConfig(RunConfig):
    """``thecal evaluate``: one policy on the patients of a split."""

    policy: str = "fixed"
    patients: int = Field(default=100, ge=1)
    split: Literal["train", "tune", "test"] = "test"
    out: str | None = None
    trail: bool = False  # keep the audit trail with the run


class CompareConfig(RunConfig):
    """``thecal compare``: policies (names or folders of trained ones) against a reference."""

    policies: tuple[str, ...] = ("fixed", "guideline", "fixed_ptm", "guideline_ptm", "pid", "random", "max_request")
    reference: str = "fixed"
    patients: int = Field(default=100, ge=1)
    split: Literal["train", "tune", "test"] = "test"
    out: str | None = "runs/compare"


Config = TypeVar("Config", bound=RunConfig)


def load_config(
    kind: type[Config], path: str | Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Config:
    """A configuration from a file (TOML, YAML or JSON, optional) and overrides by dotted key.

    Raises:
        ConfigError: the file cannot be read, or a value is unknown or invalid; the text names file, key and reason.
    """
    name = "configuration" if path is None else Path(path).name
    values = {} if path is None else _read(Path(path))
    for key, value in (overrides or {}).items():
        target = values
        *parents, last = key.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise ConfigError(f"{name}: {key}: {parent!r} is not a table")
        target[last] = value
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        reason = f"unknown; known: {', '.join(kind.model_fields)}" if unknown else first["msg"]
        raise ConfigError(f"{name}: {where}: {reason}") from error


def save_config(config: RunConfig, folder: Path) -> Path:
    """Write the configuration with every value, defaults included; :func:`load_config` reads it back."""
    path = folder / CONFIG_FILE
    path.write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return path


def checked_task(config: RunConfig) -> TaskSpec:
    """The task of a run whose names all exist, so that a slip shows before any work or tracking.

    Another pump or faults make another task: its title says so and its hash differs.

    Raises:
        ConfigError: the task, its difficulty, the cohort, pump, faults or limit profile is unknown or corrupt.
    """
    spec = load_task(config.task)
    changes = {name: value for name in ("pump", "faults") if (value := getattr(config, name)) is not None}
    if changes:
        title = f"{spec.title} ({', '.join(f'{name} {value}' for name, value in changes.items())})"
        spec = spec.model_copy(update={**changes, "title": title})
    load_pump(spec.pump)
    load_faults(spec.faults)
    if config.difficulty not in spec.difficulty:
        raise UnknownNameError("difficulty", config.difficulty, list(spec.difficulty))
    require_proof(load_profile(config.profile or spec.profile), allow_unproved=config.allow_unproved)
    load_cohort_spec(spec.cohort)
    return spec


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: cannot be read ({error})") from error
    if path.suffix in (".yaml", ".yml"):
        values = _yaml(path, text)
    else:
        kind, parse = ("JSON", json.loads) if path.suffix == ".json" else ("TOML", tomllib.loads)
        try:
            values = parse(text)
        except ValueError as error:
            raise ConfigError(f"{path.name}: not valid {kind} ({error})") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path.name}: the top level is not a table")
    return values


def _yaml(path: Path, text: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ConfigError(
            f"{path.name}: YAML needs PyYAML (it comes with thecal[track]); TOML needs nothing"
        ) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.name}: not valid YAML ({error})") from error
