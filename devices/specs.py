"""Models of pump as data: what a parameter file must hold, and how it becomes the records of individual pumps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from thecal.core.complaints import first_reason
from thecal.core.documents import is_toml
from thecal.core.errors import ConfigError, ParameterError, UnknownNameError
from thecal.core.layout import TICK_H, TICKS_PER_DAY
from thecal.core.parameters import ParameterFile, read_parameters
from thecal.devices.records import MECHANISMS, ML_PER_NL, PUMP_PAR

_TICK_SCALE = 1e-9  # a rate this close (relative) to a whole step is that step; only unit conversion puts it there
_POSITIVE = 1e-12  # smallest value accepted where a file must give a positive number
LONGEST_CATHETER_CM = 200.0

# Field of PumpSpec: (key in the file, internal unit, minimum, maximum). Rates are read per hour and kept per pump tick.
# The maxima are no engineering limits: beyond them a number has slipped by a unit or a power of ten.
_FIELDS: dict[str, tuple[str, str, float, float]] = {
    "capacity_ml": ("reservoir.capacity", "mL", _POSITIVE, 100.0),
    "residual_ml": ("reservoir.residual", "mL", 0.0, 100.0),
    "low_reservoir_ml": ("reservoir.low", "mL", 0.0, 100.0),
    "flow_bias": ("accuracy.flow_bias", "dimensionless", 0.2, 5.0),
    "flow_drift_per_h": ("accuracy.flow_drift", "1/hour", -1e-3, 1e-3),
    "label_tolerance": ("accuracy.label_tolerance", "dimensionless", 0.0, 0.9),
    "internal_ml": ("catheter.internal", "mL", _POSITIVE, 10.0),
    "catheter_ml_per_cm": ("catheter.volume_per_length", "mL/cm", _POSITIVE, 0.1),
    "catheter_cm": ("catheter.length", "cm", _POSITIVE, LONGEST_CATHETER_CM),
    "compliance_ml": ("catheter.compliance", "mL", 0.0, 10.0),
    "release_h": ("catheter.release", "hour", _POSITIVE, 1000.0),
    "temp_per_c": ("environment.temperature", "1/delta_degC", 0.0, 1.0),
    "ambient_per_mmhg": ("environment.ambient", "1/mmHg", 0.0, 0.1),
    "mri_resume_h": ("mri.resume", "hour", 0.0, 1000.0),
    "mri_no_resume": ("mri.no_resume", "dimensionless", 0.0, 1.0),
    "mri_leak_ml": ("mri.leak", "mL", 0.0, 10.0),
    "start_flow_ml_per_d": ("practice.start_flow", "mL/day", _POSITIVE, 100.0),
}
# What a pump without motor, battery and telemetry has not: all of it must be given for a programmable one.
_POWERED: dict[str, tuple[str, str, float, float]] = {
    "stroke_nl": ("flow.stroke", "nL", _POSITIVE, 1e6),
    "battery_h": ("battery.life", "hour", _POSITIVE, 5e5),
    "battery_hard_h": ("battery.hard_limit", "hour", _POSITIVE, 5e5),
    "eri_left_h": ("battery.after_eri", "hour", 0.0, 5e5),
    "battery_flow_share": ("battery.flow_share", "dimensionless", 0.0, 1.0),
    "battery_reference_ml_per_d": ("battery.reference_flow", "mL/day", _POSITIVE, 100.0),
    "stall_log_h": ("telemetry.stall_log", "hour", 0.0, 1000.0),
    "stop_warning_h": ("telemetry.stop_warning", "hour", _POSITIVE, 1000.0),
}
_UNPOWERED = dict.fromkeys(_POWERED, math.inf) | {"stroke_nl": 0.0, "battery_flow_share": 0.0}
_RATE_STEP = "flow.rate_step"
# Whole numbers: (key, rounding to the rate step); a lowest rate is rounded up, so that no programmed rate is below it.
_RATES: dict[str, tuple[str, Callable[[float], int]]] = {
    "min_rate_nl": ("flow.min_rate", math.ceil),
    "max_rate_nl": ("flow.max_rate", math.floor),
    "min_mode_rate_nl": ("flow.min_mode_rate", math.floor),
}
_MAX_FLOW, _BOLUS_STEP = "flow.max_flow", "flow.bolus_step"
_FASTEST_NL_PER_H = 1e7  # 10 mL/h, ten times the flow at which a pump primes
_LARGEST_STEP_NL = 1e6
_DRAWN = ("accuracy.flow_bias", "battery.life")  # the numbers that differ between pumps of one model
_KINDS = ("programmable", "constant")


class PumpSpec(BaseModel):
    """A model of pump. Rates are whole nL per pump tick (15 min), as the shield counts them; volumes in mL."""

    model_config = ConfigDict(frozen=True, extra="forbid")  # a pump without a battery has an infinite life

    name: str
    title: str
    kind: Literal["programmable", "constant"]
    mechanism: Literal["rotor", "valve", "propellant"]
    capacity_ml: float
    residual_ml: float
    low_reservoir_ml: float
    min_rate_nl: int
    max_rate_nl: int
    min_mode_rate_nl: int
    rate_step_nl: int
    bolus_step_nl: int
    max_flow_nl: int
    flow_bias: float
    flow_bias_sd: float
    flow_bias_low: float
    flow_bias_high: float
    flow_drift_per_h: float
    label_tolerance: float
    internal_ml: float
    catheter_ml_per_cm: float
    catheter_cm: float
    compliance_ml: float
    release_h: float
    temp_per_c: float
    ambient_per_mmhg: float
    mri_resume_h: float
    mri_no_resume: float
    mri_leak_ml: float
    stroke_nl: float
    battery_h: float
    battery_cv: float
    battery_hard_h: float
    eri_left_h: float
    battery_flow_share: float
    battery_reference_ml_per_d: float
    stall_log_h: float
    stop_warning_h: float
    start_flow_ml_per_d: float

    @property
    def usable_ml(self) -> float:
        """Volume a full reservoir infuses before the low-reservoir alarm, mL."""
        return self.capacity_ml - max(self.low_reservoir_ml, self.residual_ml)

    def dead_ml(self, catheter_cm: float | None = None) -> float:
        """Volume between reservoir and tip, mL, for a catheter of this length (the model's own when missing)."""
        return self.internal_ml + self.catheter_ml_per_cm * (self.catheter_cm if catheter_cm is None else catheter_cm)

    @model_validator(mode="after")
    def _limits_are_consistent(self) -> Self:
        if not self.residual_ml <= self.low_reservoir_ml < self.capacity_ml:
            raise ValueError("volumes must satisfy reservoir.residual <= reservoir.low < reservoir.capacity")
        if not 0 <= self.min_mode_rate_nl <= self.min_rate_nl <= self.max_rate_nl <= self.max_flow_nl:
            raise ValueError(
                "flows must satisfy 0 <= flow.min_mode_rate <= flow.min_rate <= flow.max_rate <= flow.max_flow"
            )
        if self.kind == "constant" and not self.min_rate_nl == self.max_rate_nl == self.max_flow_nl:
            raise ValueError("a constant-flow pump has one flow: flow.min_rate = flow.max_rate = flow.max_flow")
        if self.rate_step_nl < 1 or self.bolus_step_nl < 1 or self.min_rate_nl < 1:
            raise ValueError("flow.rate_step, flow.bolus_step and flow.min_rate must be at least 1 nL (per pump tick)")
        if self.mri_no_resume > 1.0 or (self.battery_flow_share > 1.0):
            raise ValueError("mri.no_resume and battery.flow_share are shares and cannot exceed 1")
        if (self.kind == "constant") != (self.mechanism == "propellant"):
            raise ValueError("a constant-flow pump has the mechanism 'propellant', and no other pump has")
        if not 0.0 < self.flow_bias_low <= self.flow_bias <= self.flow_bias_high:
            raise ValueError("accuracy.flow_bias.range must lie above 0 and hold accuracy.flow_bias")
        return self


def pump_names() -> list[str]:
    """Names of the models of pump that come with the package."""
    folder = files("thecal.devices") / "data" / "pumps"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_pump(name_or_path: str | Path) -> PumpSpec:
    """Read a model of pump by its name, or from a ``.toml`` file of the same form.

    Raises:
        UnknownNameError: no pump of this name comes with the package.
        ParameterError: the file is corrupt.
    """
    if isinstance(name_or_path, Path) or is_toml(name_or_path):
        path = Path(name_or_path)
        return _spec(path.stem, read_parameters(path))
    if name_or_path not in pump_names():
        raise UnknownNameError("pump", name_or_path, pump_names())
    return _spec(name_or_path, read_parameters(files("thecal.devices") / "data" / "pumps" / f"{name_or_path}.toml"))


def _per_tick(file: ParameterFile, key: str) -> float:
    """A flow of the file in nL per pump tick, free of the last digits that unit conversion leaves."""
    value = file.get_in(key, "nL/hour", minimum=0.0, maximum=_FASTEST_NL_PER_H) * TICK_H
    whole = round(value)
    return float(whole) if math.isclose(value, whole, rel_tol=_TICK_SCALE) else value


def _whole(file: ParameterFile, key: str, value: float) -> int:
    if value < 1.0 or value != int(value):
        raise ParameterError(f"{file.path}: {key}: {value} nL is not a whole number of nL (per pump tick), at least 1")
    return int(value)


def _text(file: ParameterFile, key: str) -> str:
    value = file.texts.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ParameterError(f"{file.path}: {key}: missing or not a text")
    return value


def _battery_cv(file: ParameterFile) -> float:
    life = file["battery.life"]
    if life.sd is not None or life.distribution not in (None, "lognormal"):
        raise ParameterError(f"{file.path}: battery.life: its spread is log-normal, given as cv")
    return life.cv or 0.0


def _spec(name: str, file: ParameterFile) -> PumpSpec:
    """Turn a parameter file into a spec; every key must be known, so that a misspelled one is not silently ignored."""
    title, kind, mechanism = _text(file, "title"), _text(file, "kind"), _text(file, "mechanism")
    for key, value, choices in (("kind", kind, _KINDS), ("mechanism", mechanism, MECHANISMS)):
        if value not in choices:
            raise ParameterError(f"{file.path}: {key}: {value!r} is not one of {', '.join(choices)}")
    fields = _FIELDS if kind == "constant" else _FIELDS | _POWERED
    known = {key for key, *_ in fields.values()} | {key for key, _ in _RATES.values()}
    file.only(known | {_RATE_STEP, _MAX_FLOW, _BOLUS_STEP}, f"a {kind} pump", ("title", "kind", "mechanism"))
    file.fixed(_DRAWN)
    values: dict[str, Any] = {"battery_cv": 0.0, **_UNPOWERED}
    values |= {
        field: file.get_in(key, unit, minimum=low, maximum=high) for field, (key, unit, low, high) in fields.items()
    }
    if kind != "constant":
        values["battery_cv"] = _battery_cv(file)
    step = _whole(file, _RATE_STEP, _per_tick(file, _RATE_STEP))
    for field, (key, rounding) in _RATES.items():
        values[field] = rounding(_per_tick(file, key) / step) * step
    values["max_flow_nl"] = math.floor(_per_tick(file, _MAX_FLOW))
    values["bolus_step_nl"] = _whole(file, _BOLUS_STEP, file.get_in(_BOLUS_STEP, "nL", maximum=_LARGEST_STEP_NL))
    bias = file["accuracy.flow_bias"]
    scale = values["flow_bias"] / bias.value
    spread = scale * (bias.sd if bias.sd is not None else (bias.cv or 0.0) * bias.value)
    if bias.distribution not in (None, "normal"):
        raise ParameterError(f"{file.path}: accuracy.flow_bias.distribution: only normal is known for a flow bias")
    tolerance = values["label_tolerance"]
    low, high = (scale * edge for edge in bias.range) if bias.range else (1.0 - tolerance, 1.0 + tolerance)
    values |= {"name": name, "title": title, "kind": kind, "mechanism": mechanism}
    values |= {"flow_bias_sd": spread, "flow_bias_low": low, "flow_bias_high": high, "rate_step_nl": step}
    try:
        return PumpSpec(**values)
    except ValidationError as error:
        raise ParameterError(f"{file.path}: {first_reason(error)}") from error


def pump_parameters(
    spec: PumpSpec,
    *,
    catheter_cm: ArrayLike | None = None,
    flow_bias: ArrayLike = 1.0,
    battery_factor: ArrayLike = 1.0,
    chemistry: Mapping[str, ArrayLike] | None = None,
) -> NDArray[np.void]:
    """The records of individual pumps of one model.

    Args:
        spec: the model.
        catheter_cm: implanted length of the catheter, cm; one or ``[n]``; the model's own when missing.
        flow_bias: delivered / programmed volume; one or ``[n]``, for example drawn by :mod:`thecal.devices.pump_draws`.
        battery_factor: this pump's battery life / the model's; one or ``[n]``, drawn there too.
        chemistry: what the solution does in the reservoir, ``[MAX_DRUGS]`` by name of the PUMP_PAR field (from
            :func:`thecal.devices.solutions.kernel_chemistry`); an inert solution when missing.

    Returns:
        ``[n]`` PUMP_PAR records, ``[1]`` when all are single numbers.

    Raises:
        ConfigError: a length, a bias or a factor is not finite or not positive.
    """
    length, bias, battery = np.broadcast_arrays(
        np.atleast_1d(np.asarray(spec.catheter_cm if catheter_cm is None else catheter_cm, dtype=np.float64)),
        np.atleast_1d(np.asarray(flow_bias, dtype=np.float64)),
        np.atleast_1d(np.asarray(battery_factor, dtype=np.float64)),
    )
    for name, value in (("catheter length (cm)", length), ("flow bias", bias), ("battery factor", battery)):
        wrong = ~(np.isfinite(value) & (value > 0.0))
        if wrong.any():
            raise ConfigError(f"{name} {value[wrong][0]} is not finite and positive")
    par = np.zeros(length.shape, PUMP_PAR)
    for field in PUMP_PAR.names or ():
        if field in PumpSpec.model_fields and field != "mechanism":
            par[field] = getattr(spec, field)
    par["mechanism"] = MECHANISMS.index(spec.mechanism)
    par["rate_adjustable"] = int(spec.kind == "programmable")
    par["flow_bias"] = bias
    par["battery_h"] = spec.battery_h * battery
    par["battery_reference_nl"] = spec.battery_reference_ml_per_d / ML_PER_NL / TICKS_PER_DAY
    par["dead_ml"] = spec.internal_ml + spec.catheter_ml_per_cm * length
    par["soluble_ug_per_ml"] = np.inf
    for field, numbers in (chemistry or {}).items():
        par[field] = numbers
    return par
