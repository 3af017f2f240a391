"""The lines of a program: what each verb takes, and what a pump makes of what is asked, with every rounding told."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple, get_args

import numpy as np
from pydantic import Field, model_validator

from thecal.core.errors import ConfigError, did_you_mean
from thecal.core.layout import TICK_H, TICKS_PER_DAY
from thecal.core.models import Strict
from thecal.devices.orders import plan_bridge
from thecal.devices.program import programmable_rate
from thecal.devices.records import ML_PER_NL, N_GRANTS, N_PARTS
from thecal.devices.simulation_records import Act
from thecal.devices.specs import PumpSpec

_MG = 1000.0  # µg
_LONGEST_LOCKOUT_H = 24.0 * 366
HIGHEST_MG_PER_ML = 1000.0  # no solution holds more than it weighs
_EXACT = 1e-9  # relative: closer than this, what runs is what was asked
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


class Rounding(NamedTuple):
    """Something that a pump does not run exactly as it is asked."""

    line: str  # "do.3 (continuous)"
    what: str  # the key, with its unit
    asked: float
    runs: float


class Writer:
    """Turns lines into actions, following the label's concentration as refills change it, and notes every rounding."""

    def __init__(self, spec: PumpSpec, mg_per_ml: tuple[float, ...], catheter_cm: float | None) -> None:
        self.spec = spec
        self.catheter_cm = catheter_cm
        self.conc = [_MG * conc for conc in mg_per_ml]
        self.before = self.conc[0]
        self.roundings: list[Rounding] = []

    def write(self, row: Any, line: Line, where: str) -> None:
        """Fill one ACTION record.

        Raises:
            ConfigError: the pump cannot do what the line asks.
        """
        row["tick"] = tick_of(line.at_h)
        row["act"] = Act[line.do.upper()]
        self._note(where, "at_h", line.at_h, float(row["tick"]) * TICK_H)
        getattr(self, f"_{line.do}", self._plain)(row, line, where)

    def _note(self, where: str, what: str, asked: float, runs: float) -> None:
        if not math.isclose(asked, runs, rel_tol=_EXACT, abs_tol=1e-9):
            self.roundings.append(Rounding(where, what, asked, runs))

    def _plain(self, row: Any, line: Line, where: str) -> None:
        if line.do == "minimum_rate" and self.spec.min_mode_rate_nl == 0:
            raise ConfigError(f"{where}: {self.spec.name} has no minimum-rate mode; say stop, or a rate")

    def _rate_nl(self, entry: Line | Part, where: str) -> float:
        """A flow given in mL/d or in mg/d of the first drug, nL per pump tick."""
        ml_per_d = entry.ml_per_d if entry.ml_per_d is not None else _MG * (entry.mg_per_d or 0.0) / self.conc[0]
        asked = ml_per_d / ML_PER_NL / TICKS_PER_DAY
        spec = self.spec
        limits = (spec.rate_step_nl, spec.min_mode_rate_nl, spec.min_rate_nl, spec.max_rate_nl)
        runs = int(programmable_rate(round(asked, 6), *limits))
        too_low = 0.0 < asked < spec.min_rate_nl and not math.isclose(asked, runs, rel_tol=_EXACT)
        if too_low or asked > spec.max_rate_nl * (1.0 + _EXACT):
            low, high = (_ml_per_d(rate) for rate in (spec.min_rate_nl, spec.max_rate_nl))
            other = "stop" if spec.min_mode_rate_nl == 0 else "minimum_rate or stop"
            hint = f"; for less say {other}" if too_low else ""
            raise ConfigError(f"{where}: {ml_per_d:.6g} mL/d, but {spec.name} runs {low:.4g} to {high:.4g} mL/d{hint}")
        self._note(where, "ml_per_d", ml_per_d, _ml_per_d(runs))
        return round(asked, 6)

    def _volume_nl(self, line: Line, where: str, step_nl: int = 0) -> float:
        """A volume given in mL or in mg of the first drug, nL; ``step_nl`` is what the pump rounds it down to."""
        ml = line.ml if line.ml is not None else _MG * (line.mg or 0.0) / self.conc[0]
        if ml > self.spec.capacity_ml:
            raise ConfigError(
                f"{where}: {ml:.6g} mL, but the reservoir of {self.spec.name} holds {self.spec.capacity_ml:g} mL"
            )
        asked = round(ml / ML_PER_NL, 6)
        runs = asked // step_nl * step_nl if step_nl else asked
        if ml > 0.0 and runs <= 0.0:
            raise ConfigError(f"{where}: {ml:.6g} mL is less than the pump's step of {step_nl * ML_PER_NL:.3g} mL")
        self._note(where, "ml", ml, runs * ML_PER_NL)
        return asked

    def _continuous(self, row: Any, line: Line, where: str) -> None:
        row["a"] = self._rate_nl(line, where)

    def _prime(self, row: Any, line: Line, where: str) -> None:
        row["a"] = self._volume_nl(line, where)

    def _patient_bolus(self, row: Any, line: Line, where: str) -> None:
        row["a"] = self._volume_nl(line, where, self.spec.bolus_step_nl)
        row["b"], row["n"] = line.lockout_h or 0.0, line.per_day or 0

    def _bolus(self, row: Any, line: Line, where: str) -> None:
        row["a"] = self._volume_nl(line, where, self.spec.bolus_step_nl)
        if line.minutes is None:
            return
        flow = float(row["a"]) / (line.minutes / 60.0 / TICK_H)
        most = self.spec.max_flow_nl
        if not 1.0 <= flow <= most * (1.0 + _EXACT):
            low, high = (float(row["a"]) / edge * TICK_H * 60.0 for edge in (most, 1.0))
            raise ConfigError(
                f"{where}: minutes: {line.minutes:g}, but {self.spec.name} takes {low:.4g} to {high:.4g} minutes for it"
            )
        row["b"] = min(flow, most)
        step = self.spec.bolus_step_nl
        self._note(where, "minutes", line.minutes, row["a"] // step * step / int(row["b"]) * TICK_H * 60.0)

    def _flex(self, row: Any, line: Line, where: str) -> None:
        parts = line.parts or ()
        row["n"] = len(parts)
        for k, part in enumerate(parts):
            hour, minute = part.at.split(":")
            row["part_tick"][k] = int(hour) * 4 + int(minute) // 15
            row["part_rate_nl"][k] = self._rate_nl(part, f"{where}: parts.{k}")
        if (np.diff(row["part_tick"][: len(parts)]) <= 0).any():
            raise ConfigError(f"{where}: parts: must be in order of their times, each time once")

    def _refill(self, row: Any, line: Line, where: str) -> None:
        spec = self.spec
        if line.mg_per_ml is not None:
            if len(line.mg_per_ml) != len(self.conc):
                raise ConfigError(f"{where}: mg_per_ml: needs {len(self.conc)} numbers, one for each drug")
            self.before = self.conc[0]
            self.conc = [_MG * conc for conc in line.mg_per_ml]
        if line.ml is not None and line.ml > spec.capacity_ml:
            raise ConfigError(
                f"{where}: ml: {line.ml:g}, but the reservoir of {spec.name} holds {spec.capacity_ml:g} mL"
            )
        if line.ml is not None:
            self._note(where, "ml", line.ml, min(line.ml, spec.capacity_ml - spec.residual_ml))
        row["a"] = spec.capacity_ml if line.ml is None else line.ml
        row["conc"][: len(self.conc)] = self.conc

    def _bridge(self, row: Any, line: Line, where: str) -> None:
        dose = _MG * (line.mg_per_d or 0.0)
        plan = plan_bridge(
            self.spec,
            old_ug_per_ml=self.before,
            new_ug_per_ml=self.conc[0],
            dose_ug_per_d=dose,
            catheter_cm=self.catheter_cm,
        )
        if plan.warnings:
            raise ConfigError(f"{where}: mg_per_d: {line.mg_per_d:g}, but {'; '.join(plan.warnings)}")
        self._note(where, "ml_per_d", dose / self.before, _ml_per_d(plan.rate_nl))
        self._note(where, "ml_per_d after it", dose / self.conc[0], _ml_per_d(plan.after_nl))
        row["a"], row["b"], row["c"] = plan.rate_nl, plan.after_nl, plan.volume_ml / ML_PER_NL


def _ml_per_d(rate_nl: float) -> float:
    return rate_nl * ML_PER_NL * TICKS_PER_DAY


def verb_rows() -> Iterator[tuple[str, str, str]]:
    """(verb, keys, what it does) for the documentation; a key in brackets may be left out."""
    for name in get_args(Name):
        verb = VERBS[name]
        keys = [" or ".join(f"`{key}`" for key in verb.one_of)] if verb.one_of else []
        keys += [f"`{key}`" for key in verb.needs] + [f"(`{key}`)" for key in verb.may]
        yield name, ", ".join(keys), verb.text
