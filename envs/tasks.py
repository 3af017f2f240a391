"""Tasks: each is one TOML file that says what it is about and picks actions, observation, rewards, costs and outcomes by name."""

from __future__ import annotations

import hashlib
import json
import math
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from thecal.core.documents import is_toml, read_tables
from thecal.core.errors import ConfigError, UnknownNameError, did_you_mean
from thecal.core.layout import MAX_DRUGS, TICK_H
from thecal.core.models import Strict, checked, part
from thecal.core.plugins import TASKS, plugin_file, plugins
from thecal.devices.fault_presets import FaultSpec
from thecal.envs.options import LONGEST_D
from thecal.envs.outcomes import CATALOG, STANDARD
from thecal.envs.task_parts import (
    ActionSpec,
    Difficulty,
    ObservationSpec,
    Primary,
    Solution,
    StartSpec,
    Visits,
    check_charge_limits,
    check_costs,
    check_difficulty,
    check_weights,
)
from thecal.physiology.population import drug_names

SCHEMA = 2  # 1 was 0.1's; raised when a default changes its meaning, so that no hash stays true to what it is not
# A name, or the Gymnasium id with or without the package that registers it.
_ID = re.compile(r"(?P<short>[A-Za-z]\w*)|(?:thecal:)?thecal/(?P<named>[A-Za-z]\w*)(?:-v(?P<version>\d+))?")


class TaskSpec(Strict):
    """A task as its file states it.

    Attributes:
        monitored: whether staff watch the patients (titration in days) or they are outpatients (in weeks).
        goal: what well-treated time is about, see ``envs.kernel.well``.
        goal_relief: share of the pain at the implant whose loss is as good as mild pain; None where only NRS 0-3 is.
        setting: which of a profile's limits apply, ``cancer`` or ``noncancer``.
        earlier: intrathecal drugs that every patient had before; a profile may ask for some (``classes_before``).
        weights: of the reward terms by name, 0 for those not named; they never change within a version.
        charge_limits: the most that a term may charge in one episode, in weighed reward; no limit for those not named.
        costs: channels that add up to the cost.
        secondary: outcomes reported beside the primary one.
    """

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9]*$")
    version: int = Field(ge=0, lt=2**31)
    title: str
    evidence: str
    goal: Literal["pain", "spasticity"] = "pain"
    goal_relief: float | None = Field(default=None, gt=0, lt=1)
    drugs: tuple[str, ...] = Field(min_length=1, max_length=MAX_DRUGS)
    pump: str
    cohort: str
    setting: str = Field(pattern="^(cancer|noncancer)$")
    monitored: bool
    profile: str
    faults: str | FaultSpec = "none"  # a preset of hazards or a .toml file, see devices.fault_presets
    life: str = "none"  # a preset of what happens beside the pump or a .toml file, see physiology.life_presets
    tick_h: float = Field(gt=0, le=24)
    horizon_d: float = Field(gt=0, le=LONGEST_D)
    start_clock_h: float = Field(ge=0, lt=24)
    clinic_clock_h: float = Field(ge=0, lt=24)
    solution: Solution
    start: StartSpec = StartSpec()
    earlier: tuple[str, ...] = ()
    visits: Visits = Visits()
    action: ActionSpec
    observation: ObservationSpec = ObservationSpec()
    weights: dict[str, float]
    charge_limits: dict[str, float] = {}
    costs: tuple[str, ...] = ("resp", "sedation", "withdrawal")
    primary: Primary
    secondary: tuple[str, ...] = STANDARD
    difficulty: dict[str, Difficulty]

    @model_validator(mode="before")
    @classmethod
    def _from_first_schema(cls, data: Any) -> Any:
        """Files and stored results of 0.1 did not say who is monitored; rules took it from the setting."""
        if isinstance(data, dict) and "monitored" not in data and "setting" in data:
            return {**data, "monitored": data["setting"] == "cancer"}
        return data

    @field_validator("faults", mode="before")
    @classmethod
    def _faults_are_whole(cls, value: Any) -> Any:
        return part(FaultSpec, value)

    @model_validator(mode="after")
    def _parts_fit(self) -> TaskSpec:
        ticks = self.tick_h / TICK_H
        if round(ticks) < 1 or abs(ticks - round(ticks)) > 1e-9:
            raise ValueError(f"tick_h {self.tick_h} is not a multiple of the pump tick of {TICK_H} h")
        steps = self.horizon_d * 24.0 / self.tick_h
        if self.n_steps < 1 or abs(steps - self.n_steps) > 1e-9 * steps:
            raise ValueError(
                f"horizon_d {self.horizon_d} is not a whole number of steps of {self.tick_h} h, at least one"
            )
        self.solution.check(self.drugs, chosen="mixture" in self.action.fields)
        if self.goal_relief is not None and self.goal != "pain":
            raise ValueError(f"goal_relief: means nothing where {self.goal} is treated")
        for name in self.earlier:
            if name not in drug_names():
                raise ValueError(f"earlier: unknown drug {name!r}{did_you_mean(name, drug_names())}")
        check_weights(self.weights)
        check_charge_limits(self.charge_limits, self.weights)
        check_costs(self.costs)
        check_difficulty(self.difficulty)
        _check_outcomes(self.primary, self.secondary)
        if len(set(self.secondary)) < len(self.secondary):
            raise ValueError("secondary: an outcome stands twice")
        # The default names every usual outcome, the primary one too.
        if self.primary.outcome in self.secondary and self.secondary != STANDARD:
            raise ValueError(f"secondary: {self.primary.outcome!r} is the primary outcome already")
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
    def n_actions(self) -> int:
        """Components of an action."""
        return len(self.action.fields)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What is measured: the primary outcome, then the others, those with a limit among them, in the catalog's order."""
        others = {*self.secondary, *self.primary.limits} - {self.primary.outcome}
        return (self.primary.outcome, *(key for key in CATALOG if key in others))

    @property
    def hash(self) -> str:
        """SHA-256 of the task's content; a field that is left at its default is no part of it, so new ones change nothing."""
        content = {"schema": SCHEMA, **self.model_dump(mode="json", exclude_defaults=True)}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check_outcomes(primary: Primary, secondary: tuple[str, ...]) -> None:
    """Raise ``ValueError`` unless every outcome is of the catalog and of the kind that its part asks for."""
    for key in (primary.outcome, *primary.limits, *secondary):
        if key not in CATALOG:
            raise ValueError(f"unknown outcome {key!r}{did_you_mean(key, CATALOG)}; known: {', '.join(CATALOG)}")
    if CATALOG[primary.outcome].better == 0:
        raise ValueError(f"the outcome {primary.outcome!r} has no better side and cannot be primary")
    for key, limit in primary.limits.items():
        if CATALOG[key].better != -1 or key == primary.outcome:
            raise ValueError(f"primary.limits: {key!r} is no outcome beside the primary one of which less is better")
        if not 0.0 <= limit < math.inf:
            raise ValueError(f"primary.limits: {key}: {limit:g} is no number of at least 0")


def _shipped() -> list[str]:
    folder = files("thecal.envs") / "data" / "tasks"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def task_names() -> list[str]:
    """Names of the shipped tasks, then of those that other packages add."""
    shipped = _shipped()
    return shipped + [name for name in plugins(TASKS) if name not in shipped]


def load_task(name: str | Path | TaskSpec) -> TaskSpec:
    """A task by name or id (``CancerMorphine``, ``thecal/CancerMorphine-v0``), shipped or added, or one from a TOML file.

    Raises:
        UnknownNameError: no such task.
        ConfigError: the file cannot be read or is not a valid task, or the id asks for another version; the text names the
            file, the key and the reason.
    """
    if isinstance(name, TaskSpec):
        return _checked(name)
    path = Path(name)
    if is_toml(path):
        return _read(path, path.name)
    parts = _ID.fullmatch(str(name))
    if parts is None:
        raise UnknownNameError("task", str(name), task_names())
    short, version = parts["short"] or parts["named"], parts["version"]
    if short in _shipped():
        spec = _read(files("thecal.envs") / "data" / "tasks" / f"{short}.toml", f"{short}.toml")
    elif short in plugins(TASKS):
        spec = _read(plugin_file(TASKS, short), f"{short}.toml")
        if spec.name != short:
            raise ConfigError(f"{short}.toml: name: {spec.name!r} is not the name under which its package adds it")
    else:
        raise UnknownNameError("task", str(name), task_names())
    if version and version != str(spec.version):
        raise ConfigError(f"task {name}: there is no version {version} of {short}, only {spec.version}")
    return spec


def content(value: Any) -> Any:
    """What a model holds, to be validated anew: a copy with changes (``model_copy``) was never checked."""
    return value.model_dump(warnings=False) if isinstance(value, BaseModel) else value


def _checked(spec: TaskSpec) -> TaskSpec:
    found = checked(TaskSpec, content(spec), f"task {spec.name}")
    return spec if found == spec else found


def _read(source: Any, where: str) -> TaskSpec:
    return checked(TaskSpec, read_tables(source, kind="TOML"), where)
