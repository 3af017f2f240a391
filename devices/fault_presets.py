"""Faults as data: the presets of hazards, plans of single faults, and the FAULT_PAR record of a patient."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, field_validator, model_validator

from thecal.core.documents import is_toml, read_tables
from thecal.core.errors import ParameterError, UnknownNameError, did_you_mean
from thecal.core.layout import SENSORS
from thecal.core.models import Strict, checked
from thecal.core.parameters import ParameterFile, read_parameters
from thecal.devices.fault_records import (
    FAULT_NAMES,
    FAULT_PAR,
    FAULT_STATE,
    MAX_PLANNED,
    N_FAULTS,
    REFILL_FAULTS,
    Fault,
)
from thecal.devices.faults import new_faults

# Drugs a pump is labeled for in the United States; others wear it (ECRI 2012, alert 112112).
ON_LABEL = frozenset({"morphine", "ziconotide", "baclofen"})
_SIZE_UNITS = {Fault.CLOCK_JUMP: "hour", Fault.ALTITUDE: "mmHg"}
_COMMON = {
    "early_h": ("common.early_time", "hour"),
    "explant_h": ("common.explant", "hour"),
    "kink_share": ("common.kink_share", "dimensionless"),
    "kink_h": ("common.kink_time", "hour"),
    "duration_spread": ("common.duration_spread", "dimensionless"),
    "strain_factor": ("common.strain", "dimensionless"),
    "scan_h": ("common.scan", "hour"),
}
_SENSORS = frozenset({Fault.SENSOR_STUCK, Fault.SENSOR_DROPOUT, Fault.SENSOR_BIAS})
_GROWING = frozenset({Fault.OCCLUSION, Fault.LEAK, Fault.OVER_INFUSION, Fault.GRANULOMA})
_SIZED = _GROWING | {
    Fault.KINK, Fault.MIGRATION, Fault.DISLODGEMENT, Fault.DISCONNECTION, Fault.WRONG_CONCENTRATION, Fault.PROGRAM_ERROR,
    Fault.ACCIDENTAL_PRIME, Fault.SENSOR_BIAS, Fault.CLOCK_JUMP, Fault.ALTITUDE,
}  # fmt: skip
# How long these last is not for a plan to say: until the next correct refill, or as long as the scan.
_OWN_END = frozenset({*REFILL_FAULTS, Fault.MRI_SCAN})
_LARGEST = 1e4  # of a size: hours, mmHg or a plain number


def _keys_of(kind: Fault) -> tuple[str, ...]:
    """What a preset may say of a kind of fault."""
    begin = ("chance",) if kind in REFILL_FAULTS else ("hazard", "early", "off_label", "duration")
    return (*begin, "repair", *(("size",) if kind in _SIZED else ()), *(("growth",) if kind in _GROWING else ()))


_KNOWN = frozenset(
    {f"{FAULT_NAMES[kind]}.{key}" for kind in Fault for key in _keys_of(kind)}
    | {key for key, _ in _COMMON.values()}
    | {"common.absorption"}
)


class PlannedFault(Strict):
    """One fault at a given time. A refill error happens at the first refill from then on."""

    fault: str
    at_h: Annotated[float, Field(ge=0)]
    duration_h: Annotated[float, Field(gt=0)] | None = None  # until repaired when missing
    size: Annotated[float, Field(ge=-_LARGEST, le=_LARGEST)] | None = None  # drawn from the preset when missing
    sensor: str | None = None  # of a sensor fault

    @field_validator("fault")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in FAULT_NAMES:
            raise ValueError(
                f"unknown fault {value!r}{did_you_mean(value, FAULT_NAMES)}; known: {', '.join(FAULT_NAMES)}"
            )
        return value

    @field_validator("sensor")
    @classmethod
    def _known_sensor(cls, value: str | None) -> str | None:
        if value is not None and value not in SENSORS:
            raise ValueError(f"unknown sensor {value!r}{did_you_mean(value, SENSORS)}; known: {', '.join(SENSORS)}")
        return value

    @model_validator(mode="after")
    def _keys_are_used(self) -> PlannedFault:
        kind = Fault(FAULT_NAMES.index(self.fault))
        unused = {
            "sensor": kind not in _SENSORS, "size": kind not in _SIZED, "duration_h": kind in _OWN_END,
        }  # fmt: skip
        for key, useless in unused.items():
            if useless and getattr(self, key) is not None:
                raise ValueError(f"{key}: means nothing for {self.fault}")
        return self


class FaultSpec(Strict):
    """What may go wrong in an environment: a preset of hazards, and faults that are planned.

    ``hazards`` False keeps the preset's severities and repairs but draws nothing. ``serviced`` False leaves what is
    detected as it is. ``wrong_drug`` is what a mix-up at a refill puts in.
    """

    preset: str = "reference"
    hazards: bool = True
    serviced: bool = True
    wrong_drug: str | None = None
    planned: tuple[PlannedFault, ...] = Field(default=(), max_length=MAX_PLANNED)

    def check_times(self, end_h: float) -> None:
        """See that what is planned can happen.

        Raises:
            ValueError: a planned fault begins at or past the end.
        """
        for k, entry in enumerate(self.planned):
            if entry.at_h >= end_h:
                raise ValueError(f"planned.{k}: at_h: {entry.at_h:g} is past the end at {end_h:g} h")


def preset_names() -> list[str]:
    """Names of the presets that come with the package."""
    folder = files("thecal.devices") / "data" / "faults"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_faults(value: str | Path | Mapping[str, Any] | FaultSpec | None) -> FaultSpec | None:
    """A :class:`FaultSpec` from what a user gives: ``"none"``, a preset's name, a ``.toml`` file, a mapping.

    Raises:
        UnknownNameError: no such preset.
        ConfigError: the file or mapping is not valid; the text names the place and the reason.
    """
    if value is None or value == "none":
        return None
    if isinstance(value, FaultSpec):
        _preset_file(value.preset)
        return value
    where = "faults"
    if not isinstance(value, Mapping):
        if not is_toml(value):
            _preset_file(str(value))
            return FaultSpec(preset=str(value))
        where = Path(value).name
        value = read_tables(value)
    spec = checked(FaultSpec, value, where)
    _preset_file(spec.preset)
    return spec


def _preset_file(name: str) -> tuple[ParameterFile, float, float]:
    """The file with the hazards of a preset, and the factors on its hazards and chances."""
    if name not in preset_names():
        raise UnknownNameError("fault preset", name, ["none", *preset_names()])
    folder = files("thecal.devices") / "data" / "faults"
    file = read_parameters(folder / f"{name}.toml")
    base = file.texts.get("base")
    file.fixed()
    if base is None:
        file.only(_KNOWN, "a fault")
        return file, 1.0, 1.0
    file.only(("factor.hazard", "factor.chance"), "a preset that rests on another", ("base",))
    if base not in preset_names() or base == name:
        raise ParameterError(f"{file.path}: base: {base!r} is not another preset{did_you_mean(base, preset_names())}")
    hazard = file.get_in("factor.hazard", "dimensionless", minimum=0.0)
    chance = file.get_in("factor.chance", "dimensionless", minimum=0.0)
    return read_parameters(folder / f"{base}.toml"), hazard, chance


def fault_parameters(
    spec: FaultSpec | None, *, drugs: Sequence[str] = (), patient: int = 0, seed: int = 0, wrong_slot: int = -1
) -> Any:
    """The FAULT_PAR record of one patient.

    Args:
        spec: what may go wrong; nothing when ``None``.
        drugs: names of the drugs in the reservoir (off-label drugs wear a pump).
        patient, seed: key of the draws.
        wrong_slot: slot of the drug that a mix-up puts in, -1 for one without effect.

    Raises:
        ParameterError: a preset's file is corrupt.
    """
    row = np.zeros(1, FAULT_PAR)[0]
    row["patient"], row["seed"], row["wrong_slot"] = patient, seed, wrong_slot
    row["duration_h"] = row["repair_h"] = row["plan_duration_h"] = math.inf
    row["early_factor"] = 1.0
    row["strain_factor"] = 1.0
    if spec is None:
        return row
    file, hazard_factor, chance_factor = _preset_file(spec.preset)
    row["enabled"] = 1
    row["serviced"] = int(spec.serviced)
    for field, (key, unit) in _COMMON.items():
        row[field] = file.get_in(key, unit, minimum=0.0)
    row["tissue_per_h"] = math.log(2.0) / file.get_in("common.absorption", "hour", minimum=1e-3)
    worn = any(drug not in ON_LABEL for drug in drugs)
    for kind in range(N_FAULTS):
        _fill_kind(row, file, kind, worn, hazard_factor * spec.hazards, chance_factor * spec.hazards)
    _fill_plan(row, spec.planned)
    return row


def _fill_kind(row: Any, file: ParameterFile, kind: int, worn: bool, hazard: float, chance: float) -> None:
    name = FAULT_NAMES[kind]

    def get(key: str, unit: str, default: float) -> float:
        return file.get_in(f"{name}.{key}", unit) if f"{name}.{key}" in file else default

    factor = get("off_label", "dimensionless", 1.0) if worn else 1.0
    row["hazard_per_h"][kind] = get("hazard", "1/hour", 0.0) * hazard * factor
    row["chance"][kind] = min(1.0, get("chance", "dimensionless", 0.0) * chance)
    row["early_factor"][kind] = get("early", "dimensionless", 1.0)
    row["growth_h"][kind] = get("growth", "hour", 0.0)
    row["duration_h"][kind] = get("duration", "hour", math.inf)
    row["repair_h"][kind] = get("repair", "hour", math.inf)
    if f"{name}.size" in file:
        size = file[f"{name}.size"]
        scale = size.to(_SIZE_UNITS.get(Fault(kind), "dimensionless")) / size.value if size.value else 1.0
        low, high = size.range or (size.value, size.value)
        row["size_low"][kind], row["size_high"][kind] = scale * low, scale * high


def _fill_plan(row: Any, planned: Sequence[PlannedFault]) -> None:
    row["n_planned"] = len(planned)
    for k, entry in enumerate(planned):
        row["plan_kind"][k] = FAULT_NAMES.index(entry.fault)
        row["plan_h"][k] = entry.at_h
        row["plan_duration_h"][k] = math.inf if entry.duration_h is None else entry.duration_h
        row["plan_size"][k] = math.nan if entry.size is None else entry.size
        row["plan_detail"][k] = -1 if entry.sensor is None else SENSORS.index(entry.sensor)


def new_fault_state() -> Any:
    """The FAULT_STATE record of a sound system."""
    state = np.zeros(1, FAULT_STATE)[0]
    new_faults(state)
    return state


def fault_names(mask: int) -> tuple[str, ...]:
    """Names of the faults whose bits are set in ``mask``."""
    return tuple(name for k, name in enumerate(FAULT_NAMES) if mask >> k & 1)
