"""Program files: a pump, a solution, and what is done when, as TOML, turned into the arrays that a simulation runs."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from thecal.core.complaints import first_reason
from thecal.core.errors import ConfigError
from thecal.core.layout import MAX_DRUGS, TICK_H, TICKS_PER_DAY
from thecal.devices.fault_presets import FaultSpec
from thecal.devices.orders import plan_bridge
from thecal.devices.pump import new_pump_state
from thecal.devices.records import ML_PER_NL, N_GRANTS, N_PARTS
from thecal.devices.simulate import PumpRun, simulate
from thecal.devices.simulation_records import ACTION, Act
from thecal.devices.solutions import SolutionReport, assess, kernel_chemistry
from thecal.devices.specs import PumpSpec, load_pump, pump_parameters

_MG = 1000.0  # µg
_Amount = Annotated[float, Field(ge=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Fill(_Frozen):
    """What is in the reservoir, and how much of it."""

    drugs: tuple[str, ...] = Field(min_length=1, max_length=MAX_DRUGS)
    mg_per_ml: tuple[Annotated[float, Field(gt=0)], ...]
    fill_ml: Annotated[float, Field(gt=0)] | None = None  # the capacity when missing
    primed: bool = True

    @model_validator(mode="after")
    def _lengths(self) -> Fill:
        if len(self.drugs) != len(self.mg_per_ml):
            raise ValueError(f"{len(self.drugs)} drugs need as many concentrations, not {len(self.mg_per_ml)}")
        return self


class Part(_Frozen):
    """One step of a flex day."""

    at: str = Field(pattern=r"^([01]\d|2[0-3]):(00|15|30|45)$", description="clock time on a quarter of an hour")
    ml_per_d: _Amount | None = None
    mg_per_d: _Amount | None = None


class Line(_Frozen):
    """One line of the program. A dose in mg is one of the first drug, at the concentration on the label then."""

    at_h: Annotated[float, Field(ge=0)]
    do: Literal[
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
    ml_per_d: _Amount | None = None
    mg_per_d: _Amount | None = None
    ml: _Amount | None = None
    mg: _Amount | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None
    lockout_h: _Amount = 0.0
    per_day: Annotated[int, Field(ge=0, le=N_GRANTS)] = 0
    parts: tuple[Part, ...] = Field(default=(), max_length=N_PARTS)
    mg_per_ml: tuple[Annotated[float, Field(gt=0)], ...] | None = None


class ProgramFile(_Frozen):
    """A program as its file states it."""

    pump: str = "synchromed_ii_40"
    days: Annotated[float, Field(gt=0, le=3660)]
    start_clock_h: Annotated[float, Field(ge=0, lt=24)] = 8.0
    seed: Annotated[int, Field(ge=0)] = 0
    flow_bias: Annotated[float, Field(gt=0)] | None = None
    catheter_cm: Annotated[float, Field(gt=0)] | None = None
    solution: Fill
    do: tuple[Line, ...] = ()
    faults: FaultSpec | None = None


def read_program(path: str | Path) -> ProgramFile:
    """Read a program file.

    Raises:
        ConfigError: the file cannot be read or is not a valid program; the text names the place and the reason.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: cannot be read as TOML ({error})") from error
    try:
        return ProgramFile.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{path.name}: {first_reason(error)}") from error


class _Writer:
    """Turns lines into actions, following the label's concentration as refills change it."""

    def __init__(self, spec: PumpSpec, program: ProgramFile) -> None:
        self.spec = spec
        self.program = program
        self.conc = [_MG * conc for conc in program.solution.mg_per_ml]
        self.before = self.conc[0]

    def rate_nl(self, line: Line | Part, where: str) -> float:
        """A flow given in mL/d or in mg/d of the first drug, nL per pump tick."""
        if (line.ml_per_d is None) == (line.mg_per_d is None):
            raise ConfigError(f"{where}: give ml_per_d or mg_per_d, one of the two")
        ml_per_d = line.ml_per_d if line.ml_per_d is not None else _MG * (line.mg_per_d or 0.0) / self.conc[0]
        return round(ml_per_d / ML_PER_NL / TICKS_PER_DAY, 6)

    def volume_nl(self, line: Line, where: str) -> float:
        """A volume given in mL or in mg of the first drug, nL."""
        if (line.ml is None) == (line.mg is None):
            raise ConfigError(f"{where}: give ml or mg, one of the two")
        ml = line.ml if line.ml is not None else _MG * (line.mg or 0.0) / self.conc[0]
        return round(ml / ML_PER_NL, 6)

    def write(self, row: Any, line: Line, where: str) -> None:
        """Fill one ACTION record."""
        row["tick"] = math.ceil(line.at_h / TICK_H - 1e-9)
        row["act"] = Act[line.do.upper()]
        if line.do == "continuous":
            row["a"] = self.rate_nl(line, where)
        elif line.do in ("bolus", "patient_bolus", "prime"):
            row["a"] = self.volume_nl(line, where)
            if line.do == "patient_bolus":
                row["b"], row["n"] = line.lockout_h, line.per_day
            elif line.do == "bolus" and line.minutes is not None:
                row["b"] = min(row["a"] / (line.minutes / 60.0 / TICK_H), self.spec.max_flow_nl)
        elif line.do == "flex":
            self._flex(row, line, where)
        elif line.do == "refill":
            self._refill(row, line, where)
        elif line.do == "bridge":
            self._bridge(row, line, where)

    def _flex(self, row: Any, line: Line, where: str) -> None:
        if not line.parts:
            raise ConfigError(f"{where}: flex needs parts")
        row["n"] = len(line.parts)
        for k, part in enumerate(line.parts):
            hour, minute = part.at.split(":")
            row["part_tick"][k] = int(hour) * 4 + int(minute) // 15
            row["part_rate_nl"][k] = self.rate_nl(part, f"{where}: parts.{k}")
        if (np.diff(row["part_tick"][: len(line.parts)]) <= 0).any():
            raise ConfigError(f"{where}: the parts of a day must be in order of their times, each time once")

    def _refill(self, row: Any, line: Line, where: str) -> None:
        if line.mg_per_ml is not None:
            if len(line.mg_per_ml) != len(self.conc):
                raise ConfigError(f"{where}: mg_per_ml needs {len(self.conc)} numbers")
            self.before = self.conc[0]
            self.conc = [_MG * conc for conc in line.mg_per_ml]
        row["a"] = self.spec.capacity_ml if line.ml is None else line.ml
        row["conc"][: len(self.conc)] = self.conc

    def _bridge(self, row: Any, line: Line, where: str) -> None:
        if line.mg_per_d is None or line.mg_per_d <= 0.0:
            raise ConfigError(f"{where}: a bridge needs mg_per_d, the dose before and after it")
        plan = plan_bridge(
            self.spec,
            old_ug_per_ml=self.before,
            new_ug_per_ml=self.conc[0],
            dose_ug_per_d=_MG * line.mg_per_d,
            catheter_cm=self.program.catheter_cm,
        )
        row["a"], row["b"], row["c"] = plan.rate_nl, plan.after_nl, plan.volume_ml / ML_PER_NL


def program_actions(spec: PumpSpec, program: ProgramFile) -> NDArray[np.void]:
    """The lines of a program as ACTION records ``[n]`` in order of time.

    Raises:
        ConfigError: a line does not say what it must, or asks a constant-flow pump for a program.
    """
    lines = sorted(enumerate(program.do), key=lambda item: item[1].at_h)
    actions = np.zeros(len(lines), ACTION)
    writer = _Writer(spec, program)
    for row, (number, line) in zip(actions, lines, strict=True):
        where = f"do.{number} ({line.do})"
        if spec.kind == "constant" and line.do not in ("refill", "reset"):
            raise ConfigError(f"{where}: {spec.name} runs at one flow and takes no program")
        writer.write(row, line, where)
    return actions


def run_program(program: ProgramFile, *, days: float | None = None) -> tuple[PumpRun, PumpSpec, SolutionReport]:
    """Run a program to its end, or for ``days``.

    Raises:
        ConfigError: see :func:`program_actions`; the fill does not fit the reservoir; ``days`` is not positive.
    """
    spec = load_pump(program.pump)
    fill = program.solution
    until = program.days if days is None else days
    if not 0.0 < until <= program.days:
        raise ConfigError(f"days {until} is not between 0 and the program's {program.days}")
    mixture = [_MG * conc for conc in fill.mg_per_ml]
    report = assess(fill.drugs, mixture, first_fill=True)
    bias = spec.flow_bias if program.flow_bias is None else program.flow_bias
    par = pump_parameters(spec, catheter_cm=program.catheter_cm, flow_bias=bias, chemistry=kernel_chemistry(report))
    volume = spec.capacity_ml if fill.fill_ml is None else fill.fill_ml
    content = mixture + [0.0] * (MAX_DRUGS - len(mixture))
    state = new_pump_state(par, content, volume, primed=fill.primed, start_clock_h=program.start_clock_h)
    run = simulate(
        state,
        par,
        program_actions(spec, program),
        max(1, round(until * TICKS_PER_DAY)),
        faults=program.faults,
        drugs=fill.drugs,
        seed=program.seed,
    )
    return run, spec, report
