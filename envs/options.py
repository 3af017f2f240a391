"""The fields of a scenario with their defaults and words, light enough for a command line that only shows its help."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from thecal.core.models import Strict
from thecal.core.seeds import COHORT_SEED_LIMIT, SEED_LIMIT

Split = Literal["train", "tune", "test"]
Stage = Literal["advise", "confirm", "lower", "auto"]
Clinician = Literal["model", "caller", "none"]
Mode = Literal["project", "replace", "mask", "monitor", "off"]
LONGEST_D = 3660  # days: ten years


class Options(Strict):
    """What decides what a patient meets. Fields that are ``None`` take the task's own."""

    task: Any = Field(default="CancerMorphine", description="Task by name or .toml file.")
    split: Split = Field(default="train", description="Which disjoint patients: train, tune or test.")
    difficulty: str = Field(
        default="real",
        description="easy, real, shift, or what else the task's file names: swap, while it is offered (`thecal list terms`).",
    )
    cohort: str | None = Field(default=None, description="Another cohort than the task's, by name or .toml file.")
    drugs: str | None = Field(
        default=None,
        description="Other drugs than the task's: hydromorphone, or morphine+bupivacaine:2 (mg for each mg of the first).",
    )
    horizon_d: float | None = Field(
        default=None, gt=0, le=LONGEST_D, description="Days of an episode; the task's own by default."
    )
    profile: str | None = Field(
        default=None, description="Another limit profile than the task's, by name or .toml file."
    )
    pump: str | None = Field(default=None, description="Another model of pump than the task's, by name or .toml file.")
    faults: Any = Field(
        default=None, description="Faults: none, reference, stress or a .toml file; the task's own by default."
    )
    life: str | None = Field(
        default=None,
        description="Events beside the pump: none, a preset (`thecal list lives`) or a .toml file; the task's own by default.",
    )
    shield_mode: Mode = Field(
        default="project", description="Shield: project, replace, mask, monitor or off; the last two mark all results."
    )
    stage: Stage = Field(
        default="auto", description="What an agent may do: advise, confirm, lower or auto (see `thecal list terms`)."
    )
    clinician: Clinician = Field(
        default="model",
        description="Who confirms and clears: model (by rules, on rounds and calls), caller (with a token), none.",
    )
    allow_unproved: bool = Field(default=False, description="Run a limit profile without a proof, and mark the run.")
    allow_wide: bool = Field(
        default=False,
        description="Run limits wider than any shipped profile's, up to their ceilings, and mark the run.",
    )
    cohort_seed: int = Field(
        default=0, ge=0, lt=COHORT_SEED_LIMIT, description="Seed of the cohort: who the patients are."
    )
    seed: int = Field(default=0, ge=0, lt=SEED_LIMIT, description="Seed of the days: what happens to them.")

    @classmethod
    def of_field(cls, name: str) -> Any:
        """Default and words of a field, for a class that narrows its type."""
        field = cls.model_fields[name]
        return Field(default=field.default, description=field.description)
