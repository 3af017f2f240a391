"""A study held to the model that it would change: every number, unit, bound and target is seen to before any work."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ParameterError, did_you_mean
from thecal.core.jit import source_key
from thecal.core.layout import AXIAL, COMPARTMENT
from thecal.core.parameters import Quantity
from thecal.core.units import factor
from thecal.experiments.validation.calibration.objective import Coordinates, cost, mean
from thecal.experiments.validation.calibration.simulate import Item, Simulated
from thecal.experiments.validation.calibration.study import Enough, Free, Search, Study
from thecal.experiments.validation.targets import Target, load_targets
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.overlay import Change
from thecal.physiology.population import drug_names, names_in, receptor_of, shipped

Floats = NDArray[np.float64]
Key = tuple[str, str]  # a target and a structure
# Significant digits of a fitted number, more than any fit can tell, and of one that is tried, in the unit of its file.
_DIGITS, _WRITTEN = 4, 6


def shipped_names() -> list[str]:
    """Names of all parameter files, as :func:`~thecal.physiology.population.shipped` takes them."""
    return names_in("") + [
        f"{folder}/{name}" for folder in ("cohorts", "drugs", "receptors") for name in names_in(folder)
    ]


@dataclass(frozen=True)
class Problem:
    """A study with what it names: free numbers on the scale of the search, targets by key and structure, what is shipped."""

    study: Study
    coordinates: Coordinates
    targets: dict[Key, Target]
    shipped: Floats

    @property
    def hash(self) -> str:
        """Of all that decides the loss of a candidate: the study but for its budget and its end, parameters and kernels."""
        study = self.study.model_copy(update={"search": Search(sigma=1.0), "enough": Enough(), "title": ""})
        files = [sorted(shipped(name).items()) for name in shipped_names()]
        return hashlib.sha256(f"{study.hash} {files} {source_key()}".encode()).hexdigest()

    @property
    def weights(self) -> Floats:
        """Of the targets, shared where both structures are fitted."""
        keys = [key for key, _ in self.targets]
        return np.array([self.study.target[key].weight / keys.count(key) for key in keys])

    def item(self, values: Sequence[float] | Floats | None) -> Item:
        """What a worker simulates for values of the free numbers; None for the numbers as they are shipped."""
        who = self.study.patients
        changes = {} if values is None else changes_of(tuple(self.study.free.values()), values)
        scales = tuple(self.study.target[key].scale or who.scale for key, _ in self.targets)
        return Item(changes, tuple(self.targets), scales, who.seeds, who.split)

    def fit(self, simulated: Simulated) -> float:
        """The loss of the targets, without that of the priors."""
        middles = self.middles(simulated)
        found = zip(self.targets.values(), middles, self.weights, strict=True)
        return sum(cost(target, value, weight, self.study.core) for target, value, weight in found)

    def middles(self, simulated: Simulated) -> list[float]:
        """The mean over seeds for each target, on the target's scale; NaN where one failed."""
        return [mean(target, simulated.values[key])[0] for key, target in self.targets.items()]

    def rounded(self, values: Floats) -> Floats:
        """Values as they are written."""
        return np.array([float(f"{value:.{_DIGITS}g}") for value in values])


def changes_of(free: Sequence[Free], values: Sequence[float] | Floats) -> dict[tuple[str, str], Change]:
    """The overlay of free numbers; a value and a spread of one number go together."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for one, value in zip(free, values, strict=True):
        own = shipped(one.file)[one.key]
        # As it is written, so that what was simulated last is what the file then says.
        found.setdefault((one.file, one.key), {})[one.what] = float(f"{value * _scale(one, own):.{_WRITTEN}g}")
    return {where: Change(new.get("value"), new.get("cv"), new.get("sd")) for where, new in found.items()}


def _scale(one: Free, own: Quantity) -> float:
    return 1.0 if one.what == "cv" else factor(one.unit, own.unit)


def problem_of(study: Study) -> Problem:
    """Hold a study to the shipped files and targets.

    Raises:
        ParameterError: a file, number or target is not there, a unit measures something else, a number has no such spread, or a
            bound is one that the file or the model refuses. The text names study, key and reason.
    """
    for name, free in study.free.items():
        _check_number(study, name, free)
    targets = _targets_of(study)
    values = np.array([_shipped_value(free) for free in study.free.values()])
    return Problem(study, Coordinates.of(study.free), targets, values)


def _shipped_value(free: Free) -> float:
    own = shipped(free.file)[free.key]
    return float(getattr(own, free.what)) / _scale(free, own)


def _check_number(study: Study, name: str, free: Free) -> None:
    where = f"{study.name}.toml: free.{name}"
    if free.file not in shipped_names():
        near = did_you_mean(free.file, shipped_names())
        raise ParameterError(f"{where}.file: no parameter file {free.file!r}{near}")
    file = shipped(free.file)
    if free.key not in file:
        raise ParameterError(f"{where}.key: {free.file} has no {free.key!r}{did_you_mean(free.key, file)}")
    if getattr(file[free.key], free.what) is None:
        raise ParameterError(f"{where}.what: {free.key} of {free.file} states no {free.what}")
    if free.what != "cv":
        try:
            factor(free.unit, file[free.key].unit)
        except ParameterError as error:
            raise ParameterError(f"{where}.unit: {error}") from error
    for edge in free.bounds:
        try:
            with shipped.overlaid(changes_of([free], [edge])):
                _draw_one(free.file)
        except ParameterError as error:
            raise ParameterError(f"{where}.bounds: {edge:g} {free.unit}: {error}") from error


def _draw_one(file: str) -> None:
    """Draw a patient whom the numbers of a file concern, so that the model sees to its own bounds."""
    folder, _, name = file.rpartition("/")
    cohort = name if folder == "cohorts" else "noncancer"
    drug = "morphine"
    if folder == "drugs":
        drug = name
    elif folder == "receptors":
        drug = next(drug for drug in drug_names() if receptor_of(drug) == name)
    for structure in (AXIAL, COMPARTMENT):
        draw(load_cohort_spec(cohort), (drug,), [0], "tune", 1, structure=structure)


def _targets_of(study: Study) -> dict[Key, Target]:
    from thecal.experiments.validation.reproductions import REPRODUCTIONS

    known = {target.key: target for target in load_targets() if target.key in REPRODUCTIONS}
    found: dict[Key, Target] = {}
    for key in study.target:
        where = f"{study.name}.toml: target.{key}"
        if key not in known:
            raise ParameterError(f"{where}: no such target{did_you_mean(key, known)}")
        meant = [one for one in study.structures if one in known[key].structures]
        if known[key].role != "calibration":
            raise ParameterError(
                f"{where}: its role is {known[key].role}; what is fitted must be declared calibration first"
            )
        if not meant:
            raise ParameterError(f"{where}: has no meaning in the structure {study.structure}")
        found |= {(key, one): known[key] for one in meant}
    # In the order of the reproductions, whose neighbors share simulations.
    order = {key: place for place, key in enumerate(REPRODUCTIONS)}
    return dict(sorted(found.items(), key=lambda entry: (entry[0][1], order[entry[0][0]])))
