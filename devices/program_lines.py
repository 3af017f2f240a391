"""The lines of a program file: what each verb takes, and that no two undo each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import Field, model_validator

from thecal.core.errors import did_you_mean
from thecal.core.layout import TICK_H
from thecal.core.models import Strict
from thecal.devices.records import N_GRANTS, N_PARTS

_LONGEST_LOCKOUT_H = 24.0 * 366
HIGHEST_MG_PER_ML = 1000.0  # no solution holds more than it weighs
# The pump takes one order of a kind in one pump tick: of two, the later would undo the earlier or change its flow.
_ONE_AT_A_TIME = (
    ("continuous", "flex", "stop", "minimum_rate", "bridge"),
    ("bolus",),
    ("patient_bolus",),
    ("refill",),
    ("prime",),
    ("reset",),
)

_Amount = Annotated[float, Field(ge=0)]
Concentration = Annotated[float, Field(gt=0, le=HIGHEST_MG_PER_ML)]
Name = Literal[
    "continuous",
    "flex",
    "bolus",
    "patient_bolus",
    "press",
    "bridge",
    "prime",
    "stop",
    "minimum_rate",
    "refill",
    "reset",
]


class Verb(NamedTuple):
    """Which keys a verb takes beside ``at_h`` and ``do``; any other is an error."""

    text: str
    one_of: tuple[str, ...] = ()  # exactly one of these
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key of the verb."""
        return (*self.one_of, *self.needs, *self.may)


_FLOW, _VOLUME = ("ml_per_d", "mg_per_d"), ("ml", "mg")
VERBS: dict[str, Verb] = {
    "continuous": Verb("one basal rate", _FLOW),
    "flex": Verb('a day of rates: `parts = [{ at = "08:00", mg_per_d = 2.0 }, ...]`, on quarters of an hour', (), ("parts",)),
    "bolus": Verb("one bolus, at the pump's highest flow or over `minutes`", _VOLUME, (), ("minutes",)),
    "patient_bolus": Verb(
        "the bolus that the patient may give, and how often; an amount of 0 ends it", _VOLUME, (), ("lockout_h", "per_day")
    ),
    "press": Verb("the patient asks for it"),
    "bridge": Verb("after a refill of another concentration: the old fluid at its own dose until it is out", (), ("mg_per_d",)),
    "prime": Verb("a volume at the pump's highest flow", _VOLUME),
    "stop": Verb("no flow"),
    "minimum_rate": Verb("the pump's minimum-rate mode"),
    "refill": Verb("aspirate, then fill, `ml` or all it holds; `mg_per_ml` for a new concentration", (), (), ("ml", "mg_per_ml")),
    "reset": Verb("a clinician's reset"),
}  # fmt: skip


class Part(Strict):
    """One step of a flex day."""

    at: str = Field(pattern=r"^([01]\d|2[0-3]):(00|15|30|45)$", description="clock time on a quarter of an hour")
    ml_per_d: _Amount | None = None
    mg_per_d: _Amount | None = None

    @model_validator(mode="after")
    def _one_flow(self) -> Part:
        _check_one_of(self, _FLOW)
        return self


class Line(Strict):
    """One line of the program. A dose in mg is one of the first drug, at the concentration on the label then."""

    at_h: Annotated[float, Field(ge=0)]
    do: Name
    ml_per_d: _Amount | None = None
    mg_per_d: _Amount | None = None
    ml: _Amount | None = None
    mg: _Amount | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None
    lockout_h: Annotated[float, Field(ge=0, le=_LONGEST_LOCKOUT_H)] | None = None
    per_day: Annotated[int, Field(ge=1, le=N_GRANTS)] | None = None
    parts: Annotated[tuple[Part, ...], Field(min_length=1, max_length=N_PARTS)] | None = None
    mg_per_ml: tuple[Concentration, ...] | None = None

    @model_validator(mode="after")
    def _keys_of_the_verb(self) -> Line:
        verb = VERBS[self.do]
        for key in sorted(self.model_fields_set - {"at_h", "do"}):
            if key not in verb.keys:
                takes = ", ".join(verb.keys) or "nothing"
                raise ValueError(f"{key}: not a key of {self.do}, which takes {takes}{did_you_mean(key, verb.keys)}")
        for key in verb.needs:
            if getattr(self, key) is None:
                raise ValueError(f"{key}: missing; {self.do} needs it")
        _check_one_of(self, verb.one_of)
        if self.do == "patient_bolus":
            self._check_patient_bolus()
        if self.do == "bridge" and not self.mg_per_d:
            raise ValueError("mg_per_d: a bridge needs a dose above 0, that before and after it")
        if self.do in ("bolus", "prime") and not (self.ml or self.mg):
            raise ValueError(f"{'ml' if self.mg is None else 'mg'}: a {self.do} of nothing")
        if self.do == "refill" and self.ml == 0.0 and self.mg_per_ml is not None:
            raise ValueError("mg_per_ml: a refill of 0 mL has no concentration")
        return self

    def _check_patient_bolus(self) -> None:
        ends = not (self.ml or self.mg)
        for key in ("lockout_h", "per_day"):
            if (getattr(self, key) is None) != ends:
                why = "means nothing for an amount of 0, which ends it" if ends else "missing; patient_bolus needs it"
                raise ValueError(f"{key}: {why}")


def _check_one_of(entry: Strict, keys: tuple[str, ...]) -> None:
    if keys and sum(getattr(entry, key) is not None for key in keys) != 1:
        raise ValueError(f"give {' or '.join(keys)}, one of the two")


def tick_of(at_h: float) -> int:
    """The pump tick at whose start something happens that is asked for at ``at_h``: never before it."""
    return math.ceil(at_h / TICK_H - 1e-9)


def check_lines(lines: tuple[Line, ...], ticks: int) -> None:
    """See that every line happens, and that no two undo each other.

    Raises:
        ValueError: a line lies past the end, or two of one kind fall into one pump tick.
    """
    seen: dict[tuple[int, int], int] = {}
    for number, line in enumerate(lines):
        tick = tick_of(line.at_h)
        if tick >= ticks:
            raise ValueError(f"do.{number}: at_h: {line.at_h:g} is past the end of the program at {ticks * TICK_H:g} h")
        for group, verbs in enumerate(_ONE_AT_A_TIME):
            if line.do in verbs:
                other = seen.setdefault((tick, group), number)
                if other != number:
                    what = f"{line.do} and the {lines[other].do} of do.{other} fall into the same quarter of an hour"
                    raise ValueError(f"do.{number}: at_h: {what}, and the pump would run only one of them")


def verb_rows() -> Iterator[tuple[str, str, str]]:
    """(verb, keys, what it does) for the documentation; a key in brackets may be left out."""
    for name in get_args(Name):
        verb = VERBS[name]
        keys = [" or ".join(f"`{key}`" for key in verb.one_of)] if verb.one_of else []
        keys += [f"`{key}`" for key in verb.needs] + [f"(`{key}`)" for key in verb.may]
        yield name, ", ".join(keys), verb.text
