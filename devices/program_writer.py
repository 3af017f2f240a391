"""What a pump makes of the lines of a program, as actions of the simulation, with every rounding told."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from thecal.core.errors import ConfigError
from thecal.core.layout import TICK_H, TICKS_PER_DAY
from thecal.devices.orders import plan_bridge
from thecal.devices.program import programmable_rate
from thecal.devices.program_lines import Line, Part, tick_of
from thecal.devices.records import ML_PER_NL
from thecal.devices.simulation_records import Act
from thecal.devices.specs import PumpSpec

_MG = 1000.0  # µg
_EXACT = 1e-9  # relative: closer than this, what runs is what was asked


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
