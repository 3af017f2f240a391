"""What a patient has had by the intrathecal route so far: steps of therapy as a file states them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from thecal.clinic.pathway.consensus import side_effects
from thecal.core.documents import file_name, read_tables
from thecal.core.errors import ParameterError, did_you_mean
from thecal.core.models import Strict, checked
from thecal.physiology.population import drug_names

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_MOST_DAYS = 36500.0
_MOST_UG_PER_D = 1.0e6


class Tried(Strict):
    """One step: drugs with their doses at its end (µg/d), how long it lasted, relief at its end (%), and side effects.

    A change of dose of the same drugs is a step of its own, so that the file says from which dose on they were raised.
    """

    drugs: Annotated[tuple[Text, ...], Field(min_length=1, max_length=3)]
    ug_per_d: Annotated[tuple[float, ...], Field(min_length=1, max_length=3)]
    days: Annotated[float, Field(ge=0.0, le=_MOST_DAYS)]
    relief_percent: Annotated[float, Field(ge=-100.0, le=100.0)]
    side_effects: tuple[Text, ...]

    @model_validator(mode="after")
    def _is_possible(self) -> Tried:
        for drug in self.drugs:
            if drug not in drug_names():
                raise ValueError(f"drugs: {drug!r} is no known drug{did_you_mean(drug, drug_names())}")
        if len(set(self.drugs)) < len(self.drugs):
            raise ValueError("drugs: one is named twice")
        if len(self.ug_per_d) != len(self.drugs):
            raise ValueError(f"ug_per_d: {len(self.ug_per_d)} doses for {len(self.drugs)} drugs")
        if not all(0.0 < dose <= _MOST_UG_PER_D for dose in self.ug_per_d):
            raise ValueError(f"ug_per_d: a dose must be above 0 and at most {_MOST_UG_PER_D:g} ug/d")
        for name in self.side_effects:
            if name not in side_effects():
                raise ValueError(f"side_effects: {name!r} is unknown{did_you_mean(name, side_effects())}")
        return self

    @property
    def doses(self) -> dict[str, float]:
        """µg/d by drug."""
        return dict(zip(self.drugs, self.ug_per_d, strict=True))

    @property
    def regimen(self) -> tuple[str, ...]:
        """The drugs in alphabetical order."""
        return tuple(sorted(self.drugs))


class History(Strict):
    """Steps of therapy, the earliest first; none in somebody who has had nothing yet."""

    step: tuple[Tried, ...] = ()

    @property
    def first_doses(self) -> dict[str, float]:
        """The doses with which the regimen in force began, before it was raised; empty without a step."""
        found: dict[str, float] = {}
        for tried in reversed(self.step):
            if tried.regimen != self.step[-1].regimen:
                break
            found = tried.doses
        return found


def read_history(path: Path) -> History:
    """The history of a file.

    Raises:
        ParameterError: it cannot be read, holds no step, or a step is impossible; the text names file, key and reason.
    """
    found = checked(History, read_tables(path, ParameterError, kind="TOML"), file_name(path), ParameterError)
    if not found.step:
        raise ParameterError(f"{file_name(path)}: step: is missing; leave the file out where nothing was tried")
    return found
