"""The plan of a virtual trial: design, arms, patients, endpoint and looks, fixed before the run and known by its hash."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from thecal.core.documents import has_suffix, read_tables
from thecal.core.errors import ConfigError, UnknownNameError
from thecal.core.models import Strict, checked
from thecal.core.seeds import COHORT_SEED_LIMIT, SEED_LIMIT
from thecal.envs.options import Split
from thecal.experiments.analysis.trial_parts import (
    Allocation,
    Arm,
    Assumption,
    Clusters,
    Criterion,
    Endpoint,
    Looks,
    Rescue,
    Result,
    known_options,
)
from thecal.experiments.analysis.trial_statistics import Design

MOST_RANDOMIZED = 100_000


class Plan(Strict):
    """A whole plan; see docs/trials.md. Arms stand in the order of the file, and the first is compared with every other."""

    title: str = Field(min_length=1)
    design: Design
    task: str
    split: Split = "test"
    seed: int = Field(default=0, ge=0, lt=SEED_LIMIT)
    cohort_seed: int = Field(default=0, ge=0, lt=COHORT_SEED_LIMIT)
    patients: int | None = Field(default=None, ge=4, le=MOST_RANDOMIZED)
    first_patient: int = Field(default=0, ge=0, lt=2**39)
    alpha: float = Field(default=0.05, gt=0.0, lt=0.5)
    washout_d: float = Field(default=0.0, ge=0.0, le=366.0)
    scenario: dict[str, Any] = Field(default_factory=dict)
    arms: dict[str, Arm] = Field(min_length=2, max_length=6)
    allocation: Allocation = Allocation()
    eligibility: tuple[Criterion, ...] = ()
    endpoint: Endpoint
    rescue: Rescue | None = None
    clusters: Clusters | None = None
    looks: Looks = Looks()
    power: Assumption | None = None
    published: Result | None = None

    @field_validator("scenario")
    @classmethod
    def _options_are_known(cls, value: dict[str, Any]) -> dict[str, Any]:
        return known_options(value)

    @model_validator(mode="after")
    def _fits_its_design(self) -> Plan:
        why = _misfit(self)
        if why:
            raise ValueError(why)
        return self

    @property
    def randomized(self) -> int:
        """Patients randomized at most."""
        return self.clusters.number * self.clusters.size if self.clusters is not None else self.patients or 0


def _misfit(plan: Plan) -> str:
    """Why a plan does not fit its own design; "" where it does."""
    return next((why for rule in (_size, _arms, _counts, _design, _power) if (why := rule(plan))), "")


def _size(plan: Plan) -> str:
    if (plan.design == "cluster") != (plan.clusters is not None):
        return "clusters: they stand with the design cluster, and only with it"
    if (plan.clusters is None) != (plan.patients is not None):
        return "patients: give patients, or clusters with their size"
    weights = sum(arm.weight for arm in plan.arms.values())
    if plan.allocation.block % weights:
        return f"allocation.block: {plan.allocation.block} is no multiple of the arms' weights, {weights}"
    return ""


def _arms(plan: Plan) -> str:
    simulated = [arm for arm in plan.arms.values() if arm.published is None]
    if not simulated:
        return "arms: one must be simulated at least"
    if len(simulated) < len(plan.arms) and plan.design != "parallel":
        return "arms: a published arm has no patients of its own, so the design must be parallel"
    for name, arm in plan.arms.items():
        if arm.published is not None and (arm.published.share is not None) != plan.endpoint.binary:
            return f"arms.{name}.published: a share is for an endpoint of yes and no, mean and sd for any other"
    return ""


def _counts(plan: Plan) -> str:
    if plan.rescue is not None and plan.rescue.counts_as == "failure" and not plan.endpoint.binary:
        return "rescue.counts_as: failure is for an endpoint of yes and no"
    return ""


def _design(plan: Plan) -> str:
    two = len(plan.arms) == 2
    if not two and plan.design in ("crossover", "cluster"):
        return f"arms: the design {plan.design} takes two"
    if len(plan.looks.at) > 1 and (plan.design in ("crossover", "cluster") or not two):
        return "looks: several looks are for two arms, parallel or paired"
    if plan.washout_d > 0.0 and plan.design != "crossover":
        return "washout_d: it is of the design crossover"
    arms = list(plan.arms.values())
    if plan.design == "crossover" and any(arm.scenario for arm in arms):
        return "arms: in a crossover one patient keeps pump and drug, so arms differ in policy alone"
    if plan.design != "parallel" and len({arm.weight for arm in arms}) > 1:
        return "arms: weights are of the design parallel"
    if plan.design == "paired" and (plan.allocation.strata or len({arm.lost for arm in arms}) > 1):
        return "arms: a paired trial has nothing to allocate, and loses a patient in all arms"
    if plan.design in ("paired", "crossover") and plan.endpoint.binary and plan.endpoint.missing == "failure":
        return "endpoint.missing: failure is for independent patients"
    return ""


def _power(plan: Plan) -> str:
    if plan.power is None:
        return ""
    if plan.endpoint.binary:
        if plan.power.sd is not None:
            return "power.sd: an endpoint of yes and no has none"
        if not all(0.0 <= share <= 100.0 for share in (plan.power.first, plan.power.second)):
            return "power.first, power.second: shares lie between 0 and 100"
        if plan.design != "parallel":
            return "power: of yes and no it is computed for the design parallel"
    elif plan.power.sd is None:
        return "power.sd: an endpoint that is a number needs it"
    if plan.power.icc > 0.0 and plan.design != "cluster":
        return "power.icc: it is of the design cluster"
    if len(plan.arms) > 2:
        return "power: it is computed for two arms"
    return ""


def shipped_plans() -> list[str]:
    """Names of the shipped plans."""
    place = files("thecal.experiments.analysis") / "data" / "trials"
    return sorted(item.name.removesuffix(".toml") for item in place.iterdir() if item.name.endswith(".toml"))


def read_plan(source: str | Path) -> Plan:
    """A plan by name or path.

    Raises:
        UnknownNameError: no such name.
        ConfigError: the file cannot be read, or something in it is unknown, missing, or does not fit the rest.
    """
    place: Any = Path(source)
    if not has_suffix(source, ".toml"):
        if str(source) not in shipped_plans():
            raise UnknownNameError("trial", str(source), shipped_plans(), "or the path of a .toml file")
        place = files("thecal.experiments.analysis") / "data" / "trials" / f"{source}.toml"
    return checked(Plan, read_tables(place, kind="TOML"), place.name, ConfigError)
