"""Configurations of runs: a scenario and what a study adds, from a file, the environment and the command line, saved in full."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import Field, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, InitSettingsSource, SettingsError

from thecal.agents.backends.registry import algorithm_names
from thecal.agents.backends.settings import wrong_setting
from thecal.agents.registry import policy_names
from thecal.core.documents import read_tables, value_of
from thecal.core.errors import ConfigError, StoreError, UnknownNameError, did_you_mean
from thecal.core.files import write_whole
from thecal.core.models import checked as validated
from thecal.core.seeds import MOST_PATIENTS, MOST_STEPS
from thecal.envs.options import Split
from thecal.envs.scenario import Scenario
from thecal.experiments.tracking.provenance import config_hash

CONFIG_FILE = "config.json"
POLICIES = "policies"  # folder of a run's artifacts: copies of the trained policies it judged
PREFIX = "THECAL_"
_OTHERS = ("no_browser",)  # variables of the project that are no settings of a run


class RunConfig(Scenario):
    """What every run has: the scenario, and where it is tracked."""

    experiment: str = Field(default="thecal", description="Experiment of the tracking store.")
    track: bool = Field(default=True, description="Keep the run in the tracking store.")

    @property
    def scenario(self) -> Scenario:
        """What the patients of the run meet."""
        return Scenario.model_validate({name: getattr(self, name) for name in Scenario.model_fields})

    @property
    def hash(self) -> str:
        """SHA-256 of the configuration."""
        return config_hash(self.model_dump(mode="json"))


class TrainConfig(RunConfig):
    """``thecal train``: algorithm, its settings, and how the result is checked on the tune split."""

    algorithm: str = "ppo"
    total_steps: int | None = Field(default=None, ge=1, le=MOST_STEPS)
    settings: dict[str, Any] = Field(default_factory=dict)
    pool: int = Field(default=4096, ge=1, le=MOST_PATIENTS)
    tune_patients: int = Field(default=32, ge=1, le=MOST_PATIENTS)
    out: str = "runs/train"

    @field_validator("algorithm")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in algorithm_names():
            raise ValueError(str(UnknownNameError("algorithm", value, algorithm_names())))
        return value

    @model_validator(mode="after")
    def _settings_are_known(self) -> TrainConfig:
        wrong = wrong_setting(self.algorithm, self.settings) if self.settings else None
        if wrong is not None:
            raise ValueError(f"settings.{wrong}")
        return self


class EvaluateConfig(RunConfig):
    """``thecal evaluate``: one policy on the patients of a split."""

    split: Split = "test"
    policy: str = "fixed"
    patients: int = Field(default=100, ge=1, le=MOST_PATIENTS)
    out: str | None = None
    trail: bool = False  # keep the audit trail with the run
    transitions: bool = False  # keep every transition with the run, for offline learning


class CompareConfig(RunConfig):
    """``thecal compare``: policies (names or folders of trained ones) against a reference."""

    split: Split = "test"
    policies: tuple[str, ...] = Field(default_factory=policy_names)
    reference: str = "fixed"
    patients: int = Field(default=100, ge=1, le=MOST_PATIENTS)
    out: str | None = "runs/compare"


Config = TypeVar("Config", bound=RunConfig)


def load_config(
    kind: type[Config], path: str | Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Config:
    """A configuration in layers: a file (TOML, YAML or JSON), then the environment, then overrides by dotted key.

    An environment variable is the field's name in capitals after ``THECAL_``, nested ones joined by two underscores
    (``THECAL_TASK``, ``THECAL_SETTINGS__GAMMA``). A variable that begins so and is no setting of any run gives a warning.

    Raises:
        ConfigError: the file cannot be read, or a value is unknown or invalid; the text names file, key and reason.
    """
    name = "configuration" if path is None else Path(path).name
    values = {} if path is None else read_tables(path)
    given: dict[str, Any] = {}
    for key, value in (overrides or {}).items():
        _put(given, key, value, name)
    return checked(kind, _layered(kind, values, given), name)


def checked(kind: type[Config], values: Mapping[str, Any], name: str) -> Config:
    """A configuration from its values alone.

    Raises:
        ConfigError: one is unknown or invalid; the text begins with ``name``.
    """
    return validated(kind, values, name)


def _layered(kind: type[Config], file: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The values of all layers, the later over the earlier, nested tables key by key; nothing is validated yet."""

    class Layers(kind, BaseSettings):  # type: ignore[valid-type,misc]
        model_config = {"env_prefix": PREFIX, "env_nested_delimiter": "__", "extra": "allow"}

    _warn_of_unknown_variables()
    source = _Environment(Layers)
    try:
        environment = source()
    except SettingsError as error:
        raise ConfigError(f"{PREFIX}{source.decoding.upper()}: not valid JSON ({error.__cause__})") from error
    merged: dict[str, Any] = {}
    for layer in (InitSettingsSource(Layers, file)(), _typed(kind, environment), given):
        merged = _over(merged, layer)
    return merged


class _Environment(EnvSettingsSource):
    """Variables of the environment; a list may be JSON, or words between commas."""

    decoding = ""  # the field that is read now, which the library's error does not hand on

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        self.decoding = field_name
        if get_origin(field.annotation) is tuple and not value.lstrip().startswith("["):
            return [word.strip() for word in value.split(",") if word.strip()]
        return super().decode_complex_value(field_name, field, value)


_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _typed(kind: type[RunConfig], environment: Mapping[str, Any]) -> dict[str, Any]:
    """What variables say, which are always texts, as what their fields hold; what does not fit stays a text and is refused."""
    found: dict[str, Any] = {}
    for name, value in environment.items():
        field = kind.model_fields.get(name)
        kinds = set() if field is None else {field.annotation, *get_args(field.annotation)}
        if isinstance(value, Mapping):
            found[name] = {key: value_of(entry) if isinstance(entry, str) else entry for key, entry in value.items()}
        elif isinstance(value, str) and bool in kinds:
            found[name] = _WORDS.get(value.strip().lower(), value)
        elif isinstance(value, str) and int in kinds and re.fullmatch(r"\s*[-+]?\d{1,400}\s*", value):
            found[name] = int(value)
        else:
            found[name] = value
    return found


def _warn_of_unknown_variables() -> None:
    """Say which variables are meant for this project and are no setting of any run: most are mistyped."""
    known = {name for kind in (TrainConfig, EvaluateConfig, CompareConfig) for name in kind.model_fields} | {*_OTHERS}
    for variable in sorted(os.environ):
        name = variable.lower().removeprefix(PREFIX.lower()).partition("__")[0]
        if variable.lower().startswith(PREFIX.lower()) and name not in known:
            near = did_you_mean(variable.upper(), [f"{PREFIX}{one.upper()}" for one in known])
            warnings.warn(f"{variable} is no setting and does nothing{near}", RuntimeWarning, stacklevel=4)


def _over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(found.get(key), dict)
        found[key] = _over(found[key], value) if both else value
    return found


def _put(values: dict[str, Any], key: str, value: Any, name: str) -> None:
    target = values
    *parents, last = key.split(".")
    for parent in parents:
        target = target.setdefault(parent, {})
        if not isinstance(target, dict):
            raise ConfigError(f"{name}: {key}: {parent!r} is not a table")
    target[last] = value


def save_config(config: RunConfig, folder: Path) -> Path:
    """Write the configuration with every value, defaults included; :func:`load_config` reads it back."""
    return write_whole(folder / CONFIG_FILE, config.model_dump_json(indent=2) + "\n")


def writable(folder: Path) -> Path:
    """Make ``folder`` and see that a file can be written there.

    Raises:
        StoreError: it cannot.
    """
    try:
        write_whole(folder / f".write_check.{os.getpid()}", "").unlink(missing_ok=True)
    except StoreError as error:
        raise StoreError(f"the output folder {folder} cannot be written ({error.__cause__})") from error
    return folder
