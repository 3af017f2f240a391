"""A fitted patient as a folder: a cohort of one, its chart, and the numbers that only an overlay can give one patient.

A cohort file may fix what it states itself; a receptor's or a drug's number is the population's, and a single patient's value
of it is laid over the shipped files for as long as that patient is simulated (:func:`laid`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thecal.core.documents import read_tables
from thecal.core.errors import ConfigError, ParameterError, ThecalError
from thecal.core.files import write_whole
from thecal.core.models import Strict, checked
from thecal.core.parameters import Quantity
from thecal.core.units import factor
from thecal.experiments.fitting.chosen import Chosen
from thecal.experiments.fitting.fit import Fit
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import cohort_names, load_cohort_spec
from thecal.physiology.cohort_table import write_table
from thecal.physiology.covariates import COVARIATES
from thecal.physiology.fields import FIELDS
from thecal.physiology.overlay import Change
from thecal.physiology.population import shipped
from thecal.physiology.random_effects import EFFECTS

FILE, COHORT, CHARTS = "patient.toml", "cohort.toml", "charts.csv"
_FIELD_KEYS = frozenset(key for _, key, _, _ in FIELDS.values())
_ESCALATORS = "tolerance.escalators"
_LUMBAR, _CERVICAL = ("anatomy", "canal.dispersion_lumbar"), ("anatomy", "canal.dispersion_cervical")
_STROKE = ("breathing", "circulation.stroke_volume")
_OF_RECEPTOR = "receptor."
_SAME = 1e-9  # relative: what a saved patient may differ by from the fitted one
_Text = Annotated[str, Field(min_length=1, max_length=200)]


class Number(Strict):
    """One number of this patient in place of the population's."""

    file: _Text
    key: _Text
    value: float
    unit: _Text


class PatientFile(Strict):
    """What ``patient.toml`` states."""

    version: Annotated[int, Field(ge=1, le=1)]
    name: _Text
    base: _Text
    drugs: Annotated[tuple[_Text, ...], Field(min_length=1, max_length=3)]
    observations: Annotated[int, Field(ge=1)]
    misfit: Annotated[float, Field(ge=0, le=1)]
    number: tuple[Number, ...]


@dataclass(frozen=True)
class Fitted:
    """A fitted patient as it lies in a folder: the cohort file that commands take, and its split."""

    folder: Path
    content: PatientFile
    split: str = "test"

    @property
    def cohort(self) -> str:
        """Path of the cohort file."""
        return str(self.folder / COHORT)


def save(found: Fit, folder: str | Path) -> Fitted:
    """Write a fitted patient, and see that it reads back as the one that was fitted.

    Raises:
        ConfigError: the cohort is a file of one's own, on which a saved patient could not rest.
        ThecalError: what was written draws another patient.
        StoreError: a file cannot be written.
    """
    place, space = Path(folder), found.problem.space
    base = space.spec.name
    if base not in cohort_names():
        raise ConfigError(f"the patient's cohort {base!r} is no shipped one, so a saved patient could not name it")
    cohort, source = space.draw(found.peak[None, :])
    own, laid_over = _numbers(source, space.spec.file)
    chart = {name: cohort.covariates[name] for name in COVARIATES}
    write_table(place / CHARTS, chart, [found.problem.patient])
    write_whole(place / COHORT, _cohort_text(place.name, base, own))
    content = PatientFile(
        version=1, name=found.problem.patient, base=base, drugs=space.drugs, observations=len(found.problem.data),
        misfit=found.misfit, number=tuple(laid_over),
    )  # fmt: skip
    write_whole(place / FILE, _patient_text(content))
    saved = read_fitted(place)
    _check_same(saved, cohort.par)
    return saved


def read_fitted(folder: str | Path) -> Fitted:
    """Read a fitted patient.

    Raises:
        ParameterError: a file is missing or corrupt; the text names the file, the key and the reason.
    """
    place = Path(folder)
    path = place / FILE
    content = checked(PatientFile, read_tables(path, ParameterError, kind="TOML"), FILE, ParameterError)
    for name in (COHORT, CHARTS):
        if not (place / name).is_file():
            raise ParameterError(f"{FILE}: {name} is missing beside it")
    return Fitted(place, content)


@contextmanager
def laid(fitted: Fitted) -> Iterator[Fitted]:
    """Let the shipped files hold this patient's numbers within the body, in this thread and process.

    Raises:
        ParameterError: a number is none that the shipped files have.
    """
    changes = {}
    for one in fitted.content.number:
        try:
            quantity = shipped(one.file)[one.key]
        except (ParameterError, OSError) as error:
            raise ParameterError(f"{FILE}: number: {one.file}: {one.key}: no such number ({error})") from error
        changes[one.file, one.key] = Change(
            value=one.value,
            unit=one.unit,
            cv=None if quantity.cv is None else 0.0,
            sd=None if quantity.sd is None else 0.0,
        )
    with shipped.overlaid(changes):
        yield fitted


def _numbers(source: Chosen, cohort: Any) -> tuple[dict[str, Quantity], list[Number]]:
    """This patient's numbers: those that a cohort file may state, and those that are laid over the shipped ones."""
    own: dict[str, Quantity] = {}
    laid_over = []
    for name, drawn in source.numbers.items():
        where = EFFECTS.get(name)
        file, _, key = name.rpartition(":") if where is None else (where[0], "", where[1])
        if not file or key.startswith("covariates."):
            continue  # the chart states it
        file = file.partition(":")[0]
        value = float(drawn.values[0])
        if file == "cohort" or key in cohort or (key in _FIELD_KEYS and file != "variability"):
            own[key] = _fixed(drawn.quantity, value / factor(drawn.quantity.unit, drawn.unit))
        elif file == "variability" and key.startswith(_OF_RECEPTOR):
            laid_over += _of_receptor(name, key, value)
        else:
            laid_over.append(Number(file=file, key=key, value=value, unit=drawn.unit))
    laid_over += _mixing(laid_over)
    for name in source.asked:
        if name.startswith("uniform:") and name.endswith(":escalator"):
            laid_over.append(_escalator(source, name))
    return own, laid_over


def _of_receptor(name: str, key: str, value: float) -> list[Number]:
    """A factor on a receptor's number, put into that number: two receptors share the factor's key, and not its draw."""
    parts = name.split(":")
    file = parts[1] if len(parts) > 2 else "receptors/mu"
    number = key.removeprefix(_OF_RECEPTOR)
    usual = shipped(file)[number]
    return [
        Number(file=file, key=number, value=value * usual.value, unit=usual.unit),
        Number(file="variability", key=key, value=1.0, unit="dimensionless"),
    ]


def _mixing(laid_over: list[Number]) -> list[Number]:
    """Dispersion of one patient, in whose draw two medians are divided by: this patient's numbers would take their place.

    What the stroke volume does goes into the lumbar dispersion, and the cervical one moves along, so that both the level and
    the rise along the canal are this patient's.
    """
    anatomy, breathing = shipped("anatomy"), shipped("breathing")
    by_key = {(one.file, one.key): one for one in laid_over}
    lumbar, stroke = by_key[_LUMBAR], by_key[_STROKE]
    laid_over.remove(lumbar)
    laid_over.remove(stroke)
    usual = breathing.get_in(_STROKE[1], stroke.unit)
    power = anatomy.get_in("canal.stroke_volume_power", "dimensionless")
    value = lumbar.value * (stroke.value / usual) ** power
    cervical = anatomy.get_in(_CERVICAL[1], lumbar.unit) * value / anatomy.get_in(_LUMBAR[1], lumbar.unit)
    return [
        Number(file=_STROKE[0], key=_STROKE[1], value=usual, unit=stroke.unit),
        Number(file=_LUMBAR[0], key=_LUMBAR[1], value=value, unit=lumbar.unit),
        Number(file=_CERVICAL[0], key=_CERVICAL[1], value=cervical, unit=lumbar.unit),
    ]


def _escalator(source: Chosen, name: str) -> Number:
    file = f"receptors/{name.removeprefix('uniform:').removesuffix('.toml:escalator')}"
    share = shipped(file).get_in(_ESCALATORS, "dimensionless")
    one = bool(source.uniform(name.removeprefix("uniform:"))[0] < share)
    return Number(file=file, key=_ESCALATORS, value=float(one), unit="dimensionless")


def _fixed(quantity: Quantity, value: float) -> Quantity:
    """The number without its spread; the distribution stays, because a number without one takes a factor of its own."""
    if quantity.range is not None:
        value = min(max(value, quantity.range[0]), quantity.range[1])
    changed = {"value": value, "source": "fitted to this patient's data", "confidence": "low", "kind": "calibrated"}
    spread = {name: 0.0 for name in ("cv", "sd") if getattr(quantity, name) is not None}
    return Quantity.model_validate({**quantity.model_dump(exclude={"note"}), **changed, **spread})


def _cohort_text(name: str, base: str, own: dict[str, Quantity]) -> str:
    lines = [
        "# One fitted patient. Numbers of drugs and receptors stand in patient.toml and are laid over the shipped files.",
        f"name = {json.dumps(name)}", f"title = {json.dumps(f'{name} (fitted; whole only with patient.toml)')}",
        f"base = {json.dumps(base)}", f"table = {json.dumps(CHARTS)}", "",
    ]  # fmt: skip
    for key, quantity in own.items():
        entries = {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in quantity.model_dump(exclude_none=True).items()
            if value != ""
        }
        inside = ", ".join(f"{name} = {json.dumps(value)}" for name, value in entries.items())
        lines.append(f"{key} = {{ {inside} }}")
    return "\n".join(lines) + "\n"


def _patient_text(content: PatientFile) -> str:
    lines = ["# A patient fitted to data, for research simulation only; never for the care of a person."]
    for key in ("version", "name", "base", "drugs", "observations", "misfit"):
        value = getattr(content, key)
        lines.append(f"{key} = {json.dumps(list(value) if isinstance(value, tuple) else value)}")
    for one in content.number:
        lines += ["", "[[number]]", *(f"{key} = {json.dumps(value)}" for key, value in one.model_dump().items())]
    return "\n".join(lines) + "\n"


def drawn(fitted: Fitted, drugs: tuple[str, ...] = (), seed: int = 0) -> NDArray[np.void]:
    """The patient's parameters ``[1]``, whatever the seed, which moves its days of chance only."""
    with laid(fitted):
        return draw(load_cohort_spec(fitted.cohort), drugs or fitted.content.drugs, [0], fitted.split, seed).par


def _check_same(saved: Fitted, fitted: NDArray[np.void]) -> None:
    again = drawn(saved)
    for name, before, after in _pairs(fitted, again):
        if not np.allclose(before, after, rtol=_SAME, atol=_SAME, equal_nan=True):
            raise ThecalError(
                f"{saved.folder}: the saved patient is not the fitted one ({name}); a fault of Thecal itself, please report it"
            )


def _pairs(a: NDArray[np.void], b: NDArray[np.void], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    for name in a.dtype.names or ():
        if not prefix and name in ("seed", "patient"):
            continue
        if a[name].dtype.names:
            yield from _pairs(a[name], b[name], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", np.nan_to_num(a[name], posinf=math.pi), np.nan_to_num(b[name], posinf=math.pi)
