"""Program files: a pump, a solution, and what is done when, as TOML, turned into the arrays that a simulation runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from thecal.core.documents import read_tables
from thecal.core.errors import ConfigError, ParameterError
from thecal.core.layout import MAX_DRUGS, TICK_H, TICKS_PER_DAY
from thecal.core.models import Strict, checked, part
from thecal.core.seeds import SEED_LIMIT
from thecal.devices.fault_presets import FaultSpec, load_faults
from thecal.devices.program_lines import Concentration, Line, check_lines
from thecal.devices.program_writer import Rounding, Writer
from thecal.devices.pump import new_pump_state
from thecal.devices.simulate import PumpRun, simulate
from thecal.devices.simulation_records import ACTION
from thecal.devices.solutions import SolutionReport, assess, kernel_chemistry
from thecal.devices.specs import LONGEST_CATHETER_CM, PumpSpec, load_pump, pump_parameters

_MG = 1000.0  # µg
_LONGEST_D = 3660  # ten years


class Fill(Strict):
    """What is in the reservoir, and how much of it."""

    drugs: tuple[str, ...] = Field(min_length=1, max_length=MAX_DRUGS)
    mg_per_ml: tuple[Concentration, ...]
    fill_ml: Annotated[float, Field(gt=0)] | None = None  # the capacity when missing
    primed: bool = True

    @model_validator(mode="after")
    def _lengths(self) -> Fill:
        if len(self.drugs) != len(self.mg_per_ml):
            raise ValueError(f"{len(self.drugs)} drugs need as many concentrations, not {len(self.mg_per_ml)}")
        return self


class ProgramFile(Strict):
    """A program as its file states it."""

    pump: str = "synchromed_ii_40"
    days: Annotated[float, Field(ge=TICK_H / 24.0, le=_LONGEST_D)]
    start_clock_h: Annotated[float, Field(ge=0, lt=24)] = 8.0
    seed: Annotated[int, Field(ge=0, lt=SEED_LIMIT)] = 0
    flow_bias: Annotated[float, Field(ge=0.2, le=5)] | None = None  # the model's own when missing
    catheter_cm: Annotated[float, Field(gt=0, le=LONGEST_CATHETER_CM)] | None = None
    solution: Fill
    do: tuple[Line, ...] = ()
    faults: FaultSpec | None = None

    @field_validator("faults", mode="before")
    @classmethod
    def _faults_are_whole(cls, value: Any) -> Any:
        return part(FaultSpec, value)

    @model_validator(mode="after")
    def _everything_happens(self) -> ProgramFile:
        check_lines(self.do, self.ticks)
        if self.faults is not None:
            if self.faults.wrong_drug is not None:
                raise ValueError("faults: wrong_drug: means nothing without a patient")
            try:
                self.faults.check_times(self.days * 24.0)
            except ValueError as error:
                raise ValueError(f"faults: {error}") from error
        return self

    @property
    def ticks(self) -> int:
        """Pump ticks of the whole program."""
        return round(self.days * TICKS_PER_DAY)


def read_program(path: str | Path) -> ProgramFile:
    """Read a program file.

    Raises:
        ConfigError: the file cannot be read or is not a valid program, or the pump cannot run it; the text names the place
            and the reason.
    """
    name = Path(path).name
    program = checked(ProgramFile, read_tables(path, kind="TOML"), name)
    try:
        spec = load_pump(program.pump)
        load_faults(program.faults)
        assess(program.solution.drugs, [_MG * conc for conc in program.solution.mg_per_ml], first_fill=True)
        program_actions(spec, program)
    except ConfigError as error:
        kind = ParameterError if isinstance(error, ParameterError) else ConfigError  # of a pump's own file
        raise kind(f"{name}: {error}") from error
    return program


def _write(spec: PumpSpec, program: ProgramFile) -> tuple[NDArray[np.void], Writer]:
    fill = program.solution
    if fill.fill_ml is not None and not spec.residual_ml <= fill.fill_ml <= spec.capacity_ml:
        held = f"{spec.residual_ml:g} to {spec.capacity_ml:g} mL"
        raise ConfigError(f"solution: fill_ml: a fill volume of {fill.fill_ml:g} mL, but {spec.name} holds {held}")
    lines = sorted(enumerate(program.do), key=lambda item: item[1].at_h)
    actions = np.zeros(len(lines), ACTION)
    writer = Writer(spec, fill.mg_per_ml, program.catheter_cm)
    for row, (number, line) in zip(actions, lines, strict=True):
        where = f"do.{number} ({line.do})"
        if spec.kind == "constant" and line.do not in ("refill", "reset"):
            raise ConfigError(f"{where}: {spec.name} runs at one flow and takes no program")
        writer.write(row, line, where)
    return actions, writer


def program_actions(spec: PumpSpec, program: ProgramFile) -> NDArray[np.void]:
    """The lines of a program as ACTION records ``[n]`` in order of time.

    Raises:
        ConfigError: the pump cannot do what a line asks, or hold the fill.
    """
    return _write(spec, program)[0]


def program_roundings(spec: PumpSpec, program: ProgramFile) -> list[Rounding]:
    """Whatever the pump does not run exactly as asked: times move to the next pump tick, amounts down to its steps.

    Raises:
        ConfigError: see :func:`program_actions`.
    """
    found = _write(spec, program)[1].roundings
    ends = program.ticks / TICKS_PER_DAY
    return found if ends == program.days else [Rounding("the program", "days", program.days, ends), *found]


def run_program(program: ProgramFile, *, days: float | None = None) -> tuple[PumpRun, PumpSpec, SolutionReport]:
    """Run a program to its end, or for ``days``.

    Raises:
        ConfigError: see :func:`program_actions`; ``days`` is not positive or past the end.
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
