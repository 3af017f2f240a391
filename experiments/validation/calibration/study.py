"""A calibration study as a document: what is free and what was known of it, what is fitted, to whom, and when that is enough.

A study is a TOML file::

    title = "The window of intrathecal opioids"
    structure = "axial"            # or "compartment", or "both"; default axial
    seed = 1                       # of the optimizer
    start = "prior"                # from the medians of the priors, or "shipped": from what the files state
    core = 0.5                     # share of an interval, around its middle, in which a target costs nothing

    [patients]                     # of the split "tune", which no validation draws from
    seeds = [4101, 4102]           # of the cohort, of those kept for calibrations: the same in every generation
    scale = 0.2                    # factor on the number of patients of each reproduction

    [search]
    sigma = 0.5                    # first step, in spreads of the priors
    population = 14                # points of a generation; 4 + 3 ln(free numbers) when missing
    generations = 80               # the budget

    [enough]                       # converged: a small step and a best loss that falls no more, or no loss that moves
    step = 0.15                    # largest SD of a number over `over` generations, in spreads of its prior
    loss = 0.3                     # by how much the best loss still falls, or best and median of a generation move
    over = 8                       # generations

    [free.breathing_spread]        # one table a number that is free
    file = "receptors/mu"          # below physiology/data, without ending
    key = "breathing.sensitivity"
    what = "cv"                    # value, cv or sd
    unit = "dimensionless"
    transform = "log"              # scale of the search: log or linear
    bounds = [0.15, 1.0]
    prior = { distribution = "lognormal", median = 0.4, spread = 0.3, source = "...", confidence = "low", kind = "proposed" }

    [target.depression_from_03]    # one table a published observation, by its key (`thecal list targets`); its role must be
    weight = 1.0                   # "calibration", because a target that is fitted tests nothing any more
    scale = 0.1                    # patients of this target, where the study's scale does not suit it

A prior's ``spread`` is the SD of the logarithm for ``lognormal`` and the SD in ``unit`` for ``normal``; ``uniform`` over the
bounds has none, and its median is where the search begins.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from thecal.core.documents import file_name, is_toml, read_tables
from thecal.core.errors import ParameterError, UnknownNameError
from thecal.core.files import as_json
from thecal.core.models import Strict, checked
from thecal.experiments.validation.seeds import CALIBRATION_SEEDS

MOST_GENERATIONS = 10_000
_OPTIMIZER_SEEDS = 2**32
_SPLIT = "tune"

Share = Annotated[float, Field(gt=0.0, le=1.0)]


class Prior(Strict):
    """What was known of a number before the fit, and where it is from."""

    distribution: Literal["lognormal", "normal", "uniform"]
    median: float
    spread: Annotated[float, Field(gt=0.0)] | None = None
    source: str
    confidence: Literal["high", "medium", "low"]
    kind: Literal["source", "memory", "derived", "calibrated", "proposed"]

    @field_validator("source")
    @classmethod
    def _source_is_given(cls, value: str) -> str:
        if not any(character.isalpha() for character in value):
            raise ValueError("source is empty" if not value.strip() else "source names nothing")
        return value

    @model_validator(mode="after")
    def _is_a_distribution(self) -> Prior:
        if (self.spread is None) != (self.distribution == "uniform"):
            raise ValueError(
                "a uniform prior has no spread" if self.spread else f"a {self.distribution} prior needs a spread"
            )
        if self.distribution == "lognormal" and self.median <= 0.0:
            raise ValueError(f"a log-normal prior needs a median above 0, not {self.median:g}")
        return self


class Free(Strict):
    """A number of a parameter file that the fit may change."""

    file: str
    key: str
    what: Literal["value", "cv", "sd"] = "value"
    unit: str
    transform: Literal["log", "linear"] = "log"
    bounds: tuple[float, float]
    prior: Prior

    @model_validator(mode="after")
    def _is_possible(self) -> Free:
        low, high = self.bounds
        if not low < high:
            raise ValueError(f"bounds: {low:g} is not below {high:g}")
        if self.transform == "log" and low <= 0.0:
            raise ValueError(f"bounds: a search on a log scale needs a bound above 0, not {low:g}")
        if not low <= self.prior.median <= high:
            raise ValueError(f"prior.median: {self.prior.median:g} is outside of the bounds [{low:g}, {high:g}]")
        if self.what != "value" and low < 0.0:
            raise ValueError(f"bounds: a spread cannot be negative, as {low:g} is")
        if self.what == "cv" and self.unit != "dimensionless":
            raise ValueError(f"unit: a cv is dimensionless, not in {self.unit}")
        return self


class Aim(Strict):
    """How much a target counts, and on how many patients: ``scale`` in place of the study's."""

    weight: Annotated[float, Field(gt=0.0, le=1e3)] = 1.0
    scale: Annotated[float, Field(gt=0.0, le=100.0)] | None = None


class Patients(Strict):
    """Who is simulated: patients of the split ``tune`` under seeds that validation never draws."""

    seeds: Annotated[tuple[int, ...], Field(min_length=1, max_length=100)]
    scale: Annotated[float, Field(gt=0.0, le=100.0)] = 1.0

    @field_validator("seeds")
    @classmethod
    def _seeds_are_ours(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        for seed in value:
            if seed not in CALIBRATION_SEEDS:
                known = ", ".join(map(str, CALIBRATION_SEEDS))
                raise ValueError(f"{seed} is not one of the seeds kept for calibrations ({known})")
        if len(set(value)) < len(value):
            raise ValueError("a seed is given twice")
        return value

    @property
    def split(self) -> str:
        """Whose identities they have."""
        return _SPLIT


class Search(Strict):
    """How the optimizer goes about it."""

    sigma: Annotated[float, Field(gt=0.0, le=10.0)] = 0.5
    population: Annotated[int, Field(ge=4, le=1000)] | None = None
    generations: Annotated[int, Field(ge=1, le=MOST_GENERATIONS)] = 80


class Enough(Strict):
    """When a search has converged."""

    step: Annotated[float, Field(gt=0.0, le=1.0)] = 0.15
    loss: Annotated[float, Field(gt=0.0)] = 0.3
    over: Annotated[int, Field(ge=2, le=1000)] = 8


class Study(Strict):
    """A calibration study; see the module for its file."""

    name: str
    title: str
    structure: Literal["axial", "compartment", "both"] = "axial"
    seed: Annotated[int, Field(ge=0, lt=_OPTIMIZER_SEEDS)] = 1
    start: Literal["prior", "shipped"] = "prior"
    core: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.5
    patients: Patients
    search: Search = Search()
    enough: Enough = Enough()
    free: Annotated[dict[str, Free], Field(min_length=1, max_length=100)]
    target: Annotated[dict[str, Aim], Field(min_length=1)]

    @model_validator(mode="after")
    def _numbers_stand_once(self) -> Study:
        seen: dict[tuple[str, str, str], str] = {}
        for name, free in self.free.items():
            other = seen.setdefault((free.file, free.key, free.what), name)
            if other != name:
                raise ValueError(f"free.{name}: {free.what} of {free.key} is free already as {other}")
        return self

    @property
    def hash(self) -> str:
        """SHA-256 of everything in it."""
        return hashlib.sha256(as_json(self).encode()).hexdigest()

    @property
    def structures(self) -> tuple[str, ...]:
        """The structural models that are fitted."""
        return ("axial", "compartment") if self.structure == "both" else (self.structure,)


def _folder() -> Any:
    return files("thecal.experiments.validation") / "data" / "studies"


def study_names() -> list[str]:
    """Names of the shipped studies."""
    return sorted(item.name.removesuffix(".toml") for item in _folder().iterdir() if is_toml(item.name))


def load_study(name_or_path: str | Path) -> Study:
    """A study by name, or from a TOML file.

    Raises:
        UnknownNameError: no such study.
        ParameterError: the file is corrupt, incomplete or contradicts itself; the text names file, key and reason.
    """
    if is_toml(name_or_path):
        return read_study(name_or_path)
    if str(name_or_path) not in study_names():
        raise UnknownNameError("calibration study", str(name_or_path), study_names(), "or a TOML file")
    return read_study(_folder() / f"{name_or_path}.toml")


def read_study(path: Any) -> Study:
    """The study of one file (a path or an ``importlib.resources`` item).

    Raises:
        ParameterError: see :func:`load_study`.
    """
    name = file_name(path)
    tables = read_tables(path, ParameterError, kind="TOML")
    if "name" in tables:
        raise ParameterError(f"{name}: name: unknown; a study has the name of its file")
    return checked(Study, {"name": name.rpartition(".")[0] or name, **tables}, name, ParameterError)
