"""Tasks: each is one TOML file that names cohort, pump, drugs, limits, time scale, reward weights and difficulties."""

from __future__ import annotations

import hashlib
import json
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.core.layout import MAX_DRUGS, TICK_H


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ActionSpec(_Frozen):
    """How an action in [-1, 1] becomes a request."""

    max_up: float = Field(gt=0, le=1)
    max_down: float = Field(gt=0, lt=1)
    deadband: float = Field(ge=0, lt=1)
    bolus_trigger: Literal["patient", "policy"]


class Weights(_Frozen):
    """Weights of the reward terms; fixed for a task's version."""

    relief: float = Field(ge=0)
    sedation: float = Field(ge=0)
    adverse: float = Field(ge=0)
    resp: float = Field(ge=0)
    dose: float = Field(ge=0)
    oih: float = Field(ge=0)
    change: float = Field(ge=0)
    shield: float = Field(ge=0)
    terminal: float = Field(ge=0)


class Solution(_Frozen):
    """What the pharmacy offers: concentrations of the first drug, the others' shares, how long a fill stays good, refills.

    ``ratios`` gives, for every drug after the first, its mass per mass of the first.
    """

    options_mg_per_ml: tuple[float, ...] = Field(min_length=1)
    max_interval_d: float = Field(gt=0)
    refill_ml: float = Field(ge=0)
    ratios: tuple[Annotated[float, Field(gt=0)], ...] = ()


class Primary(_Frozen):
    """The one pre-registered outcome of the task."""

    outcome: str
    text: str


class TaskSpec(_Frozen):
    """A task as its file states it."""

    name: str
    version: int = Field(ge=0)
    title: str
    evidence: str
    drugs: tuple[str, ...] = Field(min_length=1, max_length=MAX_DRUGS)
    pump: str
    cohort: str
    setting: Literal["cancer", "noncancer"]
    profile: str
    faults: str = "none"  # a preset of hazards or a .toml file, see devices.fault_presets
    tick_h: float = Field(gt=0, le=24)
    horizon_d: float = Field(gt=0)
    start_clock_h: float = Field(ge=0, lt=24)
    clinic_clock_h: float = Field(ge=0, lt=24)
    solution: Solution
    action: ActionSpec
    weights: Weights
    primary: Primary
    difficulty: dict[str, dict[str, float]]

    @model_validator(mode="after")
    def _time_fits(self) -> TaskSpec:
        ticks = self.tick_h / TICK_H
        if abs(ticks - round(ticks)) > 1e-9:
            raise ValueError(f"tick_h {self.tick_h} is not a multiple of the pump tick of {TICK_H} h")
        if len(self.solution.ratios) != len(self.drugs) - 1:
            raise ValueError(f"solution.ratios needs {len(self.drugs) - 1} numbers for {', '.join(self.drugs)}")
        if "real" not in self.difficulty:
            raise ValueError("difficulty needs an entry 'real'")
        return self

    @property
    def id(self) -> str:
        """The Gymnasium id."""
        return f"thecal/{self.name}-v{self.version}"

    @property
    def ticks_per_step(self) -> int:
        """Pump ticks in one environment step."""
        return round(self.tick_h / TICK_H)

    @property
    def n_steps(self) -> int:
        """Environment steps in one episode."""
        return round(self.horizon_d * 24.0 / self.tick_h)

    @property
    def hash(self) -> str:
        """SHA-256 of the task's content."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def task_names() -> list[str]:
    """Names of the shipped tasks."""
    folder = files("thecal.envs") / "data" / "tasks"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_task(name: str | Path | TaskSpec) -> TaskSpec:
    """A shipped task by name or id (``CancerMorphine``, ``thecal/CancerMorphine-v0``) or one from a TOML file.

    Raises:
        UnknownNameError: no such task.
        ConfigError: the file cannot be read or is not a valid task; the text names the file, the key and the reason.
    """
    if isinstance(name, TaskSpec):
        return name
    path = Path(name)
    if path.suffix == ".toml":
        source: Any = path
    else:
        short = str(name).rpartition(":")[2].removeprefix("thecal/").partition("-v")[0]
        if short not in task_names():
            raise UnknownNameError("task", str(name), task_names())
        source = files("thecal.envs") / "data" / "tasks" / f"{short}.toml"
    try:
        data = tomllib.loads(source.read_text(encoding="utf-8"))
        return TaskSpec.model_validate(data)
    except OSError as error:
        raise ConfigError(f"{path.name}: cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path.name}: not valid TOML ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path.name}: {where}: {first['msg']}") from error
