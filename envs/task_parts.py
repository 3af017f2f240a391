"""The parts of a task's file: actions, observation, solution, start, visits, outcomes, difficulties, each checked by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from thecal.core.errors import did_you_mean
from thecal.core.layout import AXIAL, COMPARTMENT, TICK_H
from thecal.core.models import Strict
from thecal.envs.kernel.actions import ACTION_NAMES, RATE_FIELDS
from thecal.envs.kernel.observation import FIELD_NAMES, STANDARD_FIELDS
from thecal.envs.kernel.recall import MEMORY_FIELDS
from thecal.envs.kernel.records import N_MIXTURES
from thecal.envs.kernel.rewards import CHARGES, COST_NAMES, TERM_NAMES
from thecal.physiology.records import PATIENT_PAR

Difficulty = dict[str, float]
# Beyond these a number has slipped by a unit or a power of ten.
MOST_WEIGHT, MOST_FACTOR = 1e6, 1e3
MOST_MG_PER_ML, MOST_ML, MOST_H, MOST_D, MOST_UG_PER_D = 1000.0, 100.0, 1000.0, 3660.0, 1e6
STRUCTURE = "structure"  # the entry of a difficulty that chooses the structural model


class ActionSpec(Strict):
    """Which components an action has, in order, and what -1 and 1 stand for (see ``envs.kernel.actions``).

    Attributes:
        fields: names of the components.
        max_up, max_down, deadband: relative rise and fall of the rate asked for by 1 and -1, and what holds.
        target_low, target_high: multiples of the starting rate that a target dose of -1 and 1 stands for.
        lockout_low_h, lockout_high_h: the policy's own lockout at -1 and 1, h.
        bolus_trigger: whether the patient triggers the armed bolus, or it is requested at once.
    """

    fields: tuple[str, ...] = Field(default=("relative_rate", "bolus_size"), min_length=1)
    max_up: float | None = Field(default=None, gt=0, le=1)
    max_down: float | None = Field(default=None, gt=0, lt=1)
    deadband: float = Field(default=0.0, ge=0, lt=1)
    target_low: float | None = Field(default=None, gt=0, le=1)
    target_high: float | None = Field(default=None, ge=1, le=100)
    lockout_low_h: float | None = Field(default=None, ge=0, le=24)
    lockout_high_h: float | None = Field(default=None, ge=0, le=24)
    bolus_trigger: Literal["patient", "policy"] = "patient"

    @model_validator(mode="after")
    def _fields_are_whole(self) -> ActionSpec:
        for name in self.fields:
            if name not in ACTION_NAMES:
                raise ValueError(
                    f"unknown action field {name!r}{did_you_mean(name, ACTION_NAMES)}; known: {', '.join(ACTION_NAMES)}"
                )
        if len(set(self.fields)) < len(self.fields):
            raise ValueError("an action field stands twice")
        rates = [name for name in RATE_FIELDS if name in self.fields]
        if len(rates) != 1:
            raise ValueError(f"an action needs one of {', '.join(RATE_FIELDS)}, not {len(rates)}")
        needs = {
            "relative_rate": ("max_up", "max_down"),
            "target_dose": ("target_low", "target_high"),
            "lockout": ("lockout_low_h", "lockout_high_h"),
        }
        for name, keys in needs.items():
            given = [key for key in keys if getattr(self, key) is not None]
            missing = [key for key in keys if key not in given]
            if name in self.fields and missing:
                raise ValueError(f"the action field {name!r} needs {missing[0]}")
            if name not in self.fields and given:
                raise ValueError(f"{given[0]}: means nothing without the action field {name!r}")
        if (
            self.lockout_low_h is not None
            and self.lockout_high_h is not None
            and self.lockout_low_h > self.lockout_high_h
        ):
            raise ValueError("lockout_low_h is above lockout_high_h")
        return self


class ObservationSpec(Strict):
    """Which fields a policy sees, in order, and bounds that differ from the catalog's (see ``envs.kernel.observation``).

    Attributes:
        fields: names of the catalog.
        memory: whether the fields of the memory follow them (``envs.kernel.recall``), those that are not among them.
        bounds: of fields, in place of the catalog's.
    """

    fields: tuple[str, ...] = Field(default=STANDARD_FIELDS, min_length=1)
    memory: bool = False
    bounds: dict[str, tuple[float, float]] = {}

    @model_validator(mode="after")
    def _fields_are_known(self) -> ObservationSpec:
        for name in (*self.fields, *self.bounds):
            if name not in FIELD_NAMES:
                raise ValueError(
                    f"unknown observation field {name!r}{did_you_mean(name, FIELD_NAMES)}; known: {', '.join(FIELD_NAMES)}"
                )
        if len(set(self.fields)) < len(self.fields):
            raise ValueError("an observation field stands twice")
        for name, (low, high) in self.bounds.items():
            if name not in self.shown:
                raise ValueError(f"bounds: {name!r} is not among the fields")
            if not low < high:
                raise ValueError(f"bounds of {name}: {low:g} is not below {high:g}")
        return self

    @property
    def shown(self) -> tuple[str, ...]:
        """All that a policy sees, in order."""
        more = MEMORY_FIELDS if self.memory else ()
        return (*self.fields, *(name for name in more if name not in self.fields))


class Solution(Strict):
    """What the pharmacy offers: concentrations of the first drug, the others' shares, how long a fill stays good, refills.

    Attributes:
        options_mg_per_ml: concentrations of the first drug.
        max_interval_d: how long a fill stays good.
        refill_ml: estimated volume at which the clinic refills.
        ratios: for every drug after the first, its mass per mass of the first.
        mixtures: ratios that the action field ``mixture`` chooses among; the first fill holds ``ratios``.
    """

    options_mg_per_ml: tuple[Annotated[float, Field(gt=0, le=MOST_MG_PER_ML)], ...] = Field(min_length=1)
    max_interval_d: float = Field(gt=0, le=MOST_D)
    refill_ml: float = Field(ge=0, le=MOST_ML)
    ratios: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] = ()
    mixtures: tuple[tuple[Annotated[float, Field(gt=0, le=1e6)], ...], ...] = Field(default=(), max_length=N_MIXTURES)

    def check(self, drugs: tuple[str, ...], *, chosen: bool) -> None:
        """Raise ``ValueError`` unless ratios and mixtures fit the drugs."""
        for name, ratios in (("ratios", self.ratios), *(("mixtures", entry) for entry in self.mixtures)):
            if len(ratios) != len(drugs) - 1:
                raise ValueError(f"solution.{name} needs {len(drugs) - 1} numbers for {', '.join(drugs)}")
        if chosen and (len(self.mixtures) < 2 or self.ratios not in self.mixtures):
            raise ValueError(
                "the action field 'mixture' needs at least two solution.mixtures, solution.ratios among them"
            )


class StartSpec(Strict):
    """The dose at the implant.

    Attributes:
        rule: ``conversion`` takes the cohort's conversion of the earlier oral dose, ``fixed`` the same dose for everybody.
        dose_ug_per_d: of the rule ``fixed``.
        low, high: the rule's dose is multiplied by a factor drawn between these, evenly on the log scale.
        inherited: the program runs already when the episode begins: limits on the start do not judge it, the caps do, and the
            shield's ledger counts it as though it had run for a day.
    """

    rule: Literal["conversion", "fixed"] = "conversion"
    dose_ug_per_d: float | None = Field(default=None, gt=0, le=MOST_UG_PER_D)
    low: float = Field(default=1.0, gt=0, le=100)
    high: float = Field(default=1.0, gt=0, le=100)
    inherited: bool = False

    @model_validator(mode="after")
    def _dose_belongs_to_rule(self) -> StartSpec:
        if (self.rule == "fixed") != (self.dose_ug_per_d is not None):
            raise ValueError("dose_ug_per_d goes with the rule 'fixed', and only with it")
        if self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}")
        return self


class Visits(Strict):
    """How the clinic comes.

    Attributes:
        call_delay_h, rescue_delay_h: between a call and the clinic, an alarm and help; ``None``: as in ``data/visits.toml``.
        harm_call_h: hours of the last 24 h with harm that shows for which the clinic is called; ``None``: it never is for them.
    """

    call_delay_h: float | None = Field(default=None, gt=0, le=MOST_H)
    rescue_delay_h: float | None = Field(default=None, gt=0, le=MOST_H)
    harm_call_h: float | None = Field(default=None, ge=TICK_H, le=24)


class Primary(Strict):
    """The one pre-registered outcome of the task.

    Attributes:
        outcome, text: its key, and what it is in words.
        limits: by outcome, the largest mean over patients with which a policy still counts as having met the task.
    """

    outcome: str
    text: str
    limits: dict[str, float] = {}


def check_weights(weights: Mapping[str, float]) -> None:
    """Raise ``ValueError`` unless every weight belongs to a reward term and none is negative."""
    for name, weight in weights.items():
        if name not in TERM_NAMES:
            raise ValueError(
                f"weights: unknown reward term {name!r}{did_you_mean(name, TERM_NAMES)}; known: {', '.join(TERM_NAMES)}"
            )
        if weight < 0.0:
            raise ValueError(f"weights: {name}: {weight:g} is negative")
        if weight > MOST_WEIGHT:
            raise ValueError(f"weights: {name}: {weight:g} is above {MOST_WEIGHT:g}, where nothing else would count")
    if not any(weights.values()):
        raise ValueError("weights: no reward term has a weight")


def check_charge_limits(limits: Mapping[str, float], weights: Mapping[str, float]) -> None:
    """Raise ``ValueError`` unless every limit is a positive number and belongs to a term that charges and has a weight."""
    for name, limit in limits.items():
        if name not in TERM_NAMES:
            raise ValueError(
                f"charge_limits: unknown reward term {name!r}{did_you_mean(name, TERM_NAMES)}; known: {', '.join(TERM_NAMES)}"
            )
        if name not in CHARGES:
            raise ValueError(f"charge_limits: {name}: the term never charges anything")
        if not weights.get(name, 0.0):
            raise ValueError(f"charge_limits: {name}: the term has no weight")
        if not 0.0 < limit < math.inf:
            raise ValueError(f"charge_limits: {name}: {limit:g} is no positive number")


def check_costs(costs: tuple[str, ...]) -> None:
    """Raise ``ValueError`` unless every cost is a channel of the catalog, each once."""
    for name in costs:
        if name not in COST_NAMES:
            raise ValueError(
                f"costs: unknown channel {name!r}{did_you_mean(name, COST_NAMES)}; known: {', '.join(COST_NAMES)}"
            )
    if len(set(costs)) < len(costs):
        raise ValueError("costs: a channel stands twice")


def check_difficulty(tables: Mapping[str, Difficulty]) -> None:
    """Raise ``ValueError`` unless there is an entry ``real`` and every factor belongs to a parameter of the patient."""
    if "real" not in tables:
        raise ValueError("difficulty needs an entry 'real'")
    known = {
        name
        for part in (PATIENT_PAR, PATIENT_PAR["drug"].base, PATIENT_PAR["channel"].base)
        for name in part.names or ()
        if part[name].base.names is None
    }
    for title, factors in tables.items():
        for name, value in factors.items():
            if name == STRUCTURE and value not in (AXIAL, COMPARTMENT):
                raise ValueError(f"difficulty.{title}: structure {value:g} is neither {AXIAL} nor {COMPARTMENT}")
            if name != STRUCTURE and name not in known:
                raise ValueError(
                    f"difficulty.{title}: {name!r} is not a parameter of the patient{did_you_mean(name, known)}"
                )
            if not 0.0 <= value <= MOST_FACTOR:
                raise ValueError(
                    f"difficulty.{title}: {name}: a factor of {value:g} is not within 0 to {MOST_FACTOR:g}"
                )
