"""A scenario: everything that decides what a patient meets, stated once, resolved once, carried by whatever runs patients."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationInfo, field_validator

from thecal.core.errors import ConfigError, UnexpectedOptionError
from thecal.core.layout import AXIAL, MAX_DRUGS
from thecal.core.models import checked, part
from thecal.core.parameters import read_parameters
from thecal.devices.fault_presets import FaultSpec, load_faults
from thecal.devices.specs import PumpSpec, load_pump
from thecal.envs.adapted import adapted
from thecal.envs.checks import check_difficulty, check_faults, check_history, check_start
from thecal.envs.kernel.observation import DOSE_FIELDS, FIELDS, Lens
from thecal.envs.options import Options
from thecal.envs.task_parts import STRUCTURE
from thecal.envs.tasks import TaskSpec, content, load_task
from thecal.physiology.cohort_spec import CohortSpec, load_cohort_spec
from thecal.physiology.life_presets import LifePreset, load_life
from thecal.safety.certificate import is_proved, require_proof
from thecal.safety.invariants import ShieldMode
from thecal.safety.profiles import LimitProfile, load_profile
from thecal.safety.wide import require_narrow, wide_limits

_SCHEMA = 1
# Of a task's fields, those that the scenario's hash covers by their content, and texts that decide nothing.
_ELSEWHERE = {"cohort", "profile", "pump", "faults", "life", "observation", "title", "evidence"}


class Scenario(Options):
    """What a patient meets. Fields that are ``None`` take the task's own.

    Build one with :meth:`of`, which turns a wrong value into one sentence; :meth:`resolve` loads and checks everything.
    """

    task: str | TaskSpec = Options.of_field("task")
    faults: str | FaultSpec | None = Options.of_field("faults")

    @field_validator("task", "cohort", "profile", "pump", "faults", "life", mode="before")
    @classmethod
    def _paths_are_texts(cls, value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value

    @field_validator("drugs", mode="before")
    @classmethod
    def _lists_of_drugs_are_texts(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return "+".join(
                f"{name}:{ratio}" if place else str(name) for place, (name, ratio) in enumerate(value.items())
            )
        return "+".join(map(str, value)) if isinstance(value, (list, tuple)) else value

    @field_validator("task", "faults", mode="before")
    @classmethod
    def _specs_are_whole(cls, value: Any, info: ValidationInfo) -> Any:
        """Checked by themselves, because a union of types would complain about the wrong one of them.

        A spec that was changed in a copy has not been checked since, so its content is checked anew.
        """
        return part(TaskSpec if info.field_name == "task" else FaultSpec, content(value))

    @field_validator("shield_mode", mode="before")
    @classmethod
    def _modes_are_names(cls, value: Any) -> Any:
        return value.name.lower() if isinstance(value, ShieldMode) else value

    @classmethod
    def of(cls, task: Any = None, **options: Any) -> Scenario:
        """The scenario of a task (name, id, path, spec) or another scenario, with options on top.

        Raises:
            ConfigError: an option is unknown or has a value it cannot have.
        """
        if isinstance(task, Resolved):
            task = task.scenario
        if isinstance(task, Scenario):
            base = {name: getattr(task, name) for name in Scenario.model_fields}
        else:
            base = {} if task is None else {"task": task}
        for name in options:
            if name not in Scenario.model_fields:
                raise UnexpectedOptionError.of(name, Scenario.model_fields)
        return checked(Scenario, base | options)

    def resolve(self) -> Resolved:
        """Load and check everything the scenario names.

        Raises:
            ConfigError: something is unknown, corrupt, or does not fit the rest (a subclass says what).
            UnprovedShieldError: the limit profile has no proof, and nobody allowed that.
        """
        stated = load_task(self.task)
        base = adapted(stated, self.drugs, self.horizon_d, self.profile or stated.profile)
        check_difficulty(base, self.difficulty)
        changes = {
            name: value
            for name in ("cohort", "profile", "pump", "faults", "life")
            if (value := getattr(self, name)) is not None
        }
        task = base.model_copy(update=changes | ({"title": _title(base, changes)} if changes else {}))
        profile = load_profile(task.profile)
        faults = load_faults(task.faults)
        wide = require_narrow(profile, allow_wide=self.allow_wide)
        check_start(task, profile)
        check_history(task, profile)
        check_faults(task, faults)
        return Resolved(
            scenario=self,
            base=base,
            task=task,
            cohort=load_cohort_spec(task.cohort),
            profile=profile,
            pump=load_pump(task.pump),
            faults=faults,
            life=load_life(task.life),
            mode=ShieldMode.of(self.shield_mode),
            proved=require_proof(profile, allow_unproved=self.allow_unproved),
            wide=wide,
            drugs=_drugs_in_play(task.drugs, faults),
        )


@dataclass(frozen=True)
class Resolved:
    """A scenario with everything loaded and checked.

    Attributes:
        scenario: what was stated.
        base: the task as its file states it, with the scenario's drugs and horizon.
        task: that with the scenario's cohort, profile, pump, faults and life in place of its own.
        cohort, profile, pump, faults, life: loaded.
        mode: how the shield treats requests beyond a limit.
        proved: whether the limit profile is proved for this shield.
        wide: whether it is wider than every shipped one.
        drugs: the task's drugs, and the one that a mix-up at a refill would put in.
    """

    scenario: Scenario
    base: TaskSpec
    task: TaskSpec
    cohort: CohortSpec
    profile: LimitProfile
    pump: PumpSpec
    faults: FaultSpec | None
    life: LifePreset | None
    mode: ShieldMode
    proved: bool
    wide: bool
    drugs: tuple[str, ...]

    def __post_init__(self) -> None:
        """What runs is what was stated, also where a part was replaced or comes from a pickle."""
        if self.mode != ShieldMode.of(self.scenario.shield_mode):
            stated = self.scenario.shield_mode
            raise ConfigError(f"scenario: mode: {self.mode.name.lower()} does not follow from shield_mode {stated!r}")
        if self.proved and not is_proved(self.profile):
            raise ConfigError(f"scenario: proved: no proof covers profile {self.profile.name} and this shield")
        if self.wide != bool(wide_limits(self.profile)):
            raise ConfigError(f"scenario: wide: it does not follow from profile {self.profile.name}")

    def __reduce__(self) -> tuple[Any, ...]:
        return Resolved, tuple(getattr(self, field.name) for field in fields(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Resolved:
        return self  # nothing in it changes

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content of everything that decides what a patient meets, by whatever name or path it was found."""
        content = {
            "schema": _SCHEMA,
            "task": self.task.model_dump(mode="json", exclude_defaults=True, exclude=_ELSEWHERE),
            "observation": [(field.name, field.low, field.high) for field in self.lens.fields],
            "cohort": self.cohort.hash,
            "profile": self.profile.hash,
            "pump": self.pump.model_dump(),
            "faults": None if self.faults is None else self.faults.model_dump(),
            # A scenario without events in the patient's life keeps the hash it had before there were any.
            **({} if self.life is None else {"life": self.life.hash}),
            # A scenario of the usual clinician keeps the hash it had before others could be named.
            **({} if self.scenario.clinician == "model" else {"clinician": self.scenario.clinician}),
            **self.scenario.model_dump(include={"split", "difficulty", "shield_mode", "stage", "cohort_seed", "seed"}),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @cached_property
    def lens(self) -> Lens:
        """How the task observes: its fields with their bounds, which do not change with the scenario."""
        bounds = self._dose_bounds() | dict(self.base.observation.bounds)
        by_name = {field.name: field for field in FIELDS}
        chosen = [by_name[name] for name in self.base.observation.shown]
        return Lens(
            field._replace(low=bounds[field.name][0], high=bounds[field.name][1]) if field.name in bounds else field
            for field in chosen
        )

    def _dose_bounds(self) -> dict[str, tuple[float, float]]:
        missing = [name for name in DOSE_FIELDS if name not in self.base.observation.bounds]
        if not missing:
            return {}
        return dict.fromkeys(missing, (0.0, load_profile(self.base.profile).cap_ug(self.base.drugs[0]) / 1000.0))

    @property
    def factors(self) -> dict[str, float]:
        """What the difficulty multiplies the patients' parameters by."""
        return {k: v for k, v in self.task.difficulty[self.scenario.difficulty].items() if k != STRUCTURE}

    @property
    def structure(self) -> int:
        """The structural model of the patients."""
        return int(self.task.difficulty[self.scenario.difficulty].get(STRUCTURE, AXIAL))

    @property
    def call_delay_h(self) -> float:
        """Hours between a call of the clinic and its coming."""
        given = self.task.visits.call_delay_h
        return _visits()["call_delay"].to("hour") if given is None else given

    @property
    def rescue_delay_h(self) -> float:
        """Hours between an emergency's alarm and help at the bedside."""
        given = self.task.visits.rescue_delay_h
        where = "rescue_monitored" if self.task.monitored else "rescue_outpatient"
        return _visits()[where].to("hour") if given is None else given


def resolved(scenario: Any, **options: Any) -> Resolved:
    """What :meth:`Scenario.of` and :meth:`Scenario.resolve` give, without loading anew what is resolved already.

    Raises:
        ConfigError: as both.
    """
    if isinstance(scenario, Resolved) and not options:
        return scenario
    return Scenario.of(scenario, **options).resolve()


@cache
def _visits() -> Any:
    from importlib.resources import files

    file = read_parameters(files("thecal.envs") / "data" / "visits.toml")
    names = ("call_delay", "rescue_monitored", "rescue_outpatient")
    file.only(names, "the visits")
    for name in names:
        file.get_in(name, "hour", minimum=0.0)
    file.fixed()
    return file


def _title(base: TaskSpec, changes: Mapping[str, Any]) -> str:
    named = (f"{name} {value if isinstance(value, str) else 'planned'}" for name, value in changes.items())
    return f"{base.title} ({', '.join(named)})"


def _drugs_in_play(drugs: tuple[str, ...], faults: FaultSpec | None) -> tuple[str, ...]:
    """The task's drugs, and the one that a mix-up at a refill would put in, where there is a slot for it."""
    wrong = None if faults is None else faults.wrong_drug
    if wrong is None:
        return drugs
    if wrong in drugs:
        raise ConfigError(f"faults: wrong_drug {wrong} is a drug of the task")
    if len(drugs) == MAX_DRUGS:
        raise ConfigError(f"faults: wrong_drug needs a free slot, and the task has {MAX_DRUGS} drugs")
    return (*drugs, wrong)
