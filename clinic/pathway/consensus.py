"""Consensus lines as data: tracks by cancer and spread or by mechanism, research drugs, side effects, and who belongs where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from thecal.clinic.selection.fields import PATHS, Chart
from thecal.core.documents import file_name, read_tables
from thecal.core.errors import ParameterError, UnknownNameError
from thecal.core.layout import RECEPTORS
from thecal.core.models import Strict, checked
from thecal.core.parameters import ParameterFile, read_parameters
from thecal.physiology.covariates import DIAGNOSES
from thecal.physiology.population import drug_names, shipped

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Confidence = Literal["high", "medium", "low"]
_DATA = files("thecal.clinic") / "data"
_TRACKS = {
    "spread": ("cancer_localized", "cancer_diffuse", "noncancer_localized", "noncancer_diffuse"),
    "mechanism": ("nociceptive", "neuropathic"),
}
OPIOID = "opioid"  # stands in a regimen for each of these in turn
OPIOIDS = ("morphine", "hydromorphone", "fentanyl")
_HALF = 0.5  # share of pain from which a diagnosis counts as neuropathic
NUMBERS = {
    "relief.enough": "percent",
    "relief.partial": "percent",
    "rotation.cut": "percent",
    "wean.goal": "percent",
    "wean.step": "percent",
    "fill.reservoir": "mL",
    "fill.longest": "day",
    "fill.shortest": "day",
    "taper.left": "percent",
}


class Line(Strict):
    """One line: regimens of equal rank in the order in which they are tried, drugs joined by + in alphabetical order."""

    name: Text
    regimens: Annotated[tuple[Text, ...], Field(min_length=1)]
    source: Text
    confidence: Confidence
    evidence: Literal["source", "memory", "derived", "proposed"]

    @model_validator(mode="after")
    def _drugs_are_known(self) -> Line:
        for regimen in self.regimens:
            parts = regimen.split("+")
            if parts != sorted(set(parts)):
                raise ValueError(f"regimens: {regimen!r} does not name its drugs once and in alphabetical order")
            for drug in parts:
                if drug not in (*drug_names(), *research_drugs(), OPIOID):
                    raise ValueError(f"regimens: {drug!r} of {regimen!r} is no drug of the model and no research drug")
        return self


class Track(Strict):
    """The lines for one kind of patient."""

    title: Text
    line: Annotated[tuple[Line, ...], Field(min_length=1)]


class Preference(Strict):
    """The drug that is tried first within its line, for patients of a path."""

    drug: Text
    source: Text
    confidence: Confidence
    evidence: Literal["source", "memory", "derived", "proposed"]


class Consensus(Strict):
    """A consensus: its tracks, or the consensus whose tracks stand (``base``), and what it prefers."""

    title: Text
    by: Literal["spread", "mechanism"] | None = None
    base: Text | None = None
    prefer: dict[str, Preference] = Field(default_factory=dict)
    track: dict[str, Track] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_whole(self) -> Consensus:
        if self.base is not None:
            if self.by is not None or self.track:
                raise ValueError("base: a consensus that takes the tracks of another has none of its own")
        elif self.by is None:
            raise ValueError("by: is missing, and so is a base")
        elif set(self.track) != set(_TRACKS[self.by]):
            raise ValueError(f"track: by {self.by} it has {', '.join(_TRACKS[self.by])} and no other")
        for path, preferred in self.prefer.items():
            if path not in PATHS or preferred.drug not in drug_names():
                raise ValueError(f"prefer.{path}: no such path, or {preferred.drug!r} is no drug")
        return self


class Research(Strict):
    """A drug that is named for the route and that no step may order: its evidence."""

    evidence: Text
    animal_only: bool
    source: Text
    confidence: Confidence


class SideEffect(Strict):
    """What a side effect asks for, and which receptors can have brought it."""

    receptors: tuple[Text, ...]
    answer: Literal["rotate", "stop", "no_opioid", "remove"]
    reason: Text
    source: Text
    confidence: Confidence

    @model_validator(mode="after")
    def _receptors_are_known(self) -> SideEffect:
        unknown = [name for name in self.receptors if name not in RECEPTORS]
        if unknown:
            raise ValueError(f"receptors: {unknown[0]!r} is none of {', '.join(RECEPTORS)}")
        if not self.receptors and self.answer != "remove":
            raise ValueError(f"receptors: {self.answer} needs to know whose effect it is")
        return self


@dataclass(frozen=True)
class Candidate:
    """One regimen of one line."""

    line: str
    drugs: tuple[str, ...]
    source: str
    confidence: str

    @property
    def name(self) -> str:
        """Drugs joined by +."""
        return "+".join(self.drugs)


def consensus_names() -> list[str]:
    """Names of the shipped consensus files."""
    return sorted(item.name.removesuffix(".toml") for item in (_DATA / "consensus").iterdir())


@cache
def load_consensus(name: str) -> Consensus:
    """A consensus by name, with the tracks of its base.

    Raises:
        UnknownNameError: no such consensus.
        ParameterError: its file is wrong; the text names file, key and reason.
    """
    if name not in consensus_names():
        raise UnknownNameError("consensus", name, consensus_names())
    return read_consensus(_DATA / "consensus" / f"{name}.toml")


def read_consensus(path: Any) -> Consensus:
    """The consensus of a file, with the tracks of its base; raises as :func:`load_consensus`."""
    found = checked(Consensus, read_tables(path, ParameterError, kind="TOML"), file_name(path), ParameterError)
    if found.base is None:
        return found
    if found.base not in consensus_names():
        known = ", ".join(consensus_names())
        raise ParameterError(f"{file_name(path)}: base: {found.base!r} is not one of {known}")
    below = load_consensus(found.base)
    return found.model_copy(update={"by": below.by, "track": below.track})


@cache
def research_drugs() -> Mapping[str, Research]:
    """Research drugs by name."""
    return {name: checked_part(Research, "research.toml", name, entry) for name, entry in _research().items()}


def _research() -> dict[str, Any]:
    return read_tables(_DATA / "research.toml", ParameterError)


def checked_part(kind: Any, path: str, name: str, entry: Any) -> Any:
    """One table of a file as a model; the text of an error names the file and the table."""
    return checked(kind, entry, f"{path}: {name}", ParameterError)


@cache
def side_effects() -> Mapping[str, SideEffect]:
    """What side effects ask for, by name."""
    tables = read_tables(_DATA / "side_effects.toml", ParameterError)
    return {name: checked_part(SideEffect, "side_effects.toml", name, entry) for name, entry in tables.items()}


@cache
def pathway_numbers() -> ParameterFile:
    """The numbers of the pathway; raises :class:`ParameterError` where one is missing, unknown or of another unit."""
    file = read_parameters(_DATA / "pathway.toml")
    file.only(NUMBERS, "the pathway")
    file.fixed()
    for key, unit in NUMBERS.items():
        file.get_in(key, unit, minimum=0.0, maximum=100.0)
    return file


def number(key: str) -> float:
    """A number of the pathway in the unit of :data:`NUMBERS`."""
    return pathway_numbers().get_in(key, NUMBERS[key])


def mechanism(diagnosis: str) -> str:
    """``neuropathic`` where at least half of a diagnosis' pain is, in the model's own table; else ``nociceptive``."""
    if diagnosis in DIAGNOSES and shipped("covariates")[f"neuropathic.{diagnosis}"].value >= _HALF:
        return "neuropathic"
    return "nociceptive"


def track_of(chart: Chart, consensus: Consensus) -> Track:
    """The track of a patient with pain."""
    if consensus.by == "mechanism":
        return consensus.track[mechanism(chart["diagnosis"])]
    spread = "localized" if chart["pain_distribution"] == "localized" else "diffuse"
    # The tracks of cancer are those of every terminal illness.
    path = "cancer" if chart.path == "cancer" or chart["terminal"] else "noncancer"
    return consensus.track[f"{path}_{spread}"]


def candidates(chart: Chart, consensus: Consensus) -> list[Candidate]:
    """Every regimen in the order in which it is tried; spasticity has baclofen alone."""
    if chart.path == "spasticity":
        return [Candidate("1", ("baclofen",), "seed review 2025, section 3.1.3", "high")]
    found: dict[tuple[str, ...], Candidate] = {}
    for line in track_of(chart, consensus).line:
        for drugs in sorted(_expanded(line), key=lambda drugs: _is_not(preferred_drug(chart, consensus), drugs)):
            found.setdefault(drugs, Candidate(line.name, drugs, line.source, line.confidence))
    return list(found.values())


def preferred_drug(chart: Chart, consensus: Consensus) -> str:
    """The drug that the consensus tries first in patients of this path; empty where it names none."""
    preferred = consensus.prefer.get(chart.path)
    return preferred.drug if preferred is not None else ""


def _is_not(preferred: str, drugs: tuple[str, ...]) -> bool:
    return drugs != (preferred,)


def _expanded(line: Line) -> Iterator[tuple[str, ...]]:
    for regimen in line.regimens:
        parts = regimen.split("+")
        for opioid in OPIOIDS if OPIOID in parts else ("",):
            yield tuple(sorted(opioid if part == OPIOID else part for part in parts))
