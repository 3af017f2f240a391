"""Parameter files turned into a patient's numbers: what is shipped, how a number is drawn, and how a record is filled."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ParameterError, UnknownNameError
from thecal.core.layout import LOG_SENSORS, RECEPTORS, SENSORS
from thecal.core.parameters import ParameterFile, Quantity, read_parameters
from thecal.core.units import factor
from thecal.physiology.fields import (
    CEILINGS,
    CHANNEL_FIELDS,
    DRUG_FIELDS,
    ESCALATOR_KEYS,
    FIELDS,
    METABOLITE_CLEARANCES,
    METABOLITE_FIELDS,
    RESPONSIVENESS_KEY,
    SPINAL_FIELDS,
)
from thecal.physiology.known_keys import known_keys
from thecal.physiology.overlay import Overlayable
from thecal.physiology.random_effects import EFFECTS, NAMES_OF_KEYS
from thecal.physiology.sampling import Floats, Sampler, correlation_matrix
from thecal.physiology.sensor_fields import CARRIED_GAINS, RESTING_SENSORS, SENSOR_FIELDS, SENSOR_UNITS

# The file read last and its matrix, which a batch that draws patients one by one would otherwise build for each of them.
_last_matrix: list[tuple[ParameterFile, Floats]] = []
# No drug removes all pain.
_LARGEST_EFFECT = 0.98


@Overlayable
@lru_cache(maxsize=64)
def shipped(name: str) -> ParameterFile:
    """A file of ``physiology/data`` by its path without ending, for example ``"drugs/morphine"``."""
    file = read_parameters(files("thecal.physiology").joinpath("data", *f"{name}.toml".split("/")))
    known = known_keys(name)
    if known is not None:
        whose = f"a {name.partition('s/')[0]}" if "/" in name else "the patient"
        file.only(known, whose, ("receptor",) if whose == "a drug" else ())
    return file


@cache
def _names_in(folder: str) -> tuple[str, ...]:
    place = files("thecal.physiology").joinpath("data", folder)
    return tuple(sorted(item.name.removesuffix(".toml") for item in place.iterdir() if item.name.endswith(".toml")))


def names_in(folder: str) -> list[str]:
    """Names of the files of a data folder."""
    return list(_names_in(folder))


def drug_names() -> list[str]:
    """Names of the shipped drugs."""
    return names_in("drugs")


def drug_file(name: str) -> ParameterFile:
    """Parameters of a drug.

    Raises:
        UnknownNameError: no such drug.
    """
    if name not in drug_names():
        raise UnknownNameError("drug", name, drug_names())
    return shipped(f"drugs/{name}")


def receptor_of(drug: str) -> str:
    """Name of the receptor a drug acts on.

    Raises:
        ParameterError: its file names none, or one that does not exist.
    """
    file = drug_file(drug)
    receptor = str(file.texts.get("receptor", ""))
    if receptor not in RECEPTORS:
        raise ParameterError(f"{file.path}: receptor: {receptor!r} is not one of {', '.join(RECEPTORS)}")
    return receptor


def sampler(seed: int, patients: NDArray[np.uint64]) -> Sampler:
    """The keyed, correlated draws of the patients."""
    return Sampler(seed, patients, list(EFFECTS), _correlations())


def _correlations() -> Floats:
    file = shipped("correlations")
    for known, matrix in tuple(_last_matrix):
        if known is file:
            return matrix
    matrix = correlation_matrix(file, list(EFFECTS))
    _last_matrix[:] = [(file, matrix)]
    return matrix


def edges(number: Quantity, unit: str) -> tuple[float, float]:
    """Smallest and largest value that a draw of ``number`` can take, in ``unit``."""
    scale, value = factor(number.unit, unit), number.value
    fixed = not (number.cv or number.sd) if number.distribution != "uniform" else number.range is None
    if number.distribution is None or fixed:
        return scale * value, scale * value
    low, high = number.range or (-math.inf, math.inf)
    if number.distribution == "lognormal" and low <= 0.0:
        low = value  # a log-normal number stays positive without a range, and a floor only has to exclude 0
    return scale * low, scale * high


def draw_value(
    draws: Sampler,
    file: ParameterFile,
    source: str,
    key: str,
    unit: str,
    minimum: float,
    maximum: float = math.inf,
) -> Floats:
    """Values ``[B]`` of one key of a file in ``unit``.

    Raises:
        ParameterError: the median, or a value that its spread can reach, is outside [minimum, maximum].
    """
    file.get_in(key, unit, minimum=minimum, maximum=maximum)
    low, high = edges(file[key], unit)
    if low < minimum or high > maximum:
        raise ParameterError(
            f"{file.path}: {key}: its spread reaches [{low:g}, {high:g}] {unit}, outside [{minimum:g}, {maximum:g}]; "
            "give it a range"
        )
    return draws.quantity(file[key], NAMES_OF_KEYS.get((source, key), f"{source}:{key}"), unit)


def varied(
    draws: Sampler, file: ParameterFile, source: str, key: str, unit: str, minimum: float, maximum: float = math.inf
) -> Floats:
    """As :func:`draw_value`; a number that its file gives no spread is multiplied by its factor of variability.toml, if any.

    Raises:
        ParameterError: as :func:`draw_value`, or the factor leads out of [minimum, maximum].
    """
    values = draw_value(draws, file, source, key, unit, minimum, maximum)
    spreads = shipped("variability")
    group = "receptor" if source.startswith("receptors/") else "patient"
    name = f"{group}.{key}"
    if name not in spreads or file[key].distribution is not None:
        return values
    low, high = (edge * file.get_in(key, unit) for edge in edges(spreads[name], "dimensionless"))
    if low < minimum or high > maximum:
        raise ParameterError(
            f"{spreads.path}: {name}: its range takes {file.path} to [{low:g}, {high:g}] {unit}, "
            f"outside [{minimum:g}, {maximum:g}]"
        )
    # Of the receptors only the opioids' share their draws with correlations.toml; another receptor has draws of its own.
    whose = f"variability:{source}" if group == "receptor" and source != "receptors/mu" else "variability"
    return values * draw_value(draws, spreads, whose, name, "dimensionless", 1e-3)


def constant(file: ParameterFile, key: str, unit: str, minimum: float = -math.inf, maximum: float = math.inf) -> float:
    """A number that is the same for every patient, in ``unit``.

    Raises:
        ParameterError: it is outside [minimum, maximum], or states a spread, which nobody would draw.
    """
    if file[key].distribution is not None:
        raise ParameterError(f"{file.path}: {key}: the same for every patient, so it cannot have a distribution")
    return file.get_in(key, unit, minimum=minimum, maximum=maximum)


def whole(file: ParameterFile, key: str, minimum: int, maximum: int) -> int:
    """A whole number that is the same for every patient."""
    value = constant(file, key, "dimensionless", minimum, maximum)
    if not value.is_integer():
        raise ParameterError(f"{file.path}: {key}: {value:g} is not a whole number")
    return int(value)


def fill_patient(par: NDArray[np.void], draws: Sampler, cohort: ParameterFile) -> None:
    """Fill every field of ``FIELDS`` and the sensors of ``par`` (``[B]`` PATIENT_PAR); a cohort may override any key."""
    for field, (source, key, unit, minimum) in FIELDS.items():
        file = cohort if source == "cohort" or key in cohort else shipped(source)
        par[field] = varied(draws, file, source, key, unit, minimum, CEILINGS.get(field, math.inf))
    latest, earliest = edges(cohort["pain.wake"], "hour")[1], edges(cohort["pain.sleep"], "hour")[0]
    if latest >= earliest:
        raise ParameterError(f"{cohort.path}: pain.wake: can reach {latest:g} h, past pain.sleep at {earliest:g} h")
    awake_share = (par["sleep_h"] - par["wake_h"]) / 24.0
    par["bt_rate_per_h"] = draw_value(draws, cohort, "cohort", "pain.episodes", "1/h", 0.0) / awake_share
    fill_sensors(par, draws)


def fill_sensors(par: NDArray[np.void], draws: Sampler) -> None:
    """Fill the sensors of ``par``; the level at rest is the patient's own."""
    sensors = shipped("sensors")
    for k, name in enumerate(SENSORS):
        own = "dimensionless" if name in LOG_SENSORS else SENSOR_UNITS[name]
        for field, (key, unit, minimum) in SENSOR_FIELDS.items():
            if (name, key) in CARRIED_GAINS:
                continue
            ceiling = 1.0 if key == "stuck" else math.inf
            par[field][:, k] = constant(sensors, f"{name}.{key}", unit or own, minimum, ceiling)
        if name in RESTING_SENSORS:
            rest = draw_value(draws, sensors, "sensors", f"{name}.rest", SENSOR_UNITS[name], 1e-9)
            par["s_rest"][:, k] = np.log(rest) if name in LOG_SENSORS else rest


def fill_channel(par: NDArray[np.void], slot: int, receptor: str, draws: Sampler, responsiveness: Floats) -> None:
    """Fill ``par["channel"][:, slot]`` with a receptor.

    A group that the receptor's file lacks means that it has no such effect; a group that is there must be complete.

    Raises:
        ParameterError: a number is missing, out of bounds, or no field of the receptor.
    """
    file = shipped(f"receptors/{receptor}")
    channel = par["channel"]
    groups = {key.partition(".")[0] for key in file}
    # Slopes of these groups are shared: nausea and itch use that of breathing, the gut and the gonadal axis have none.
    for field, (key, unit, minimum, maximum, without) in CHANNEL_FIELDS.items():
        present = key.partition(".")[0] in groups
        source = f"receptors/{receptor}"
        channel[field][:, slot] = varied(draws, file, source, key, unit, minimum, maximum) if present else without
    if ESCALATOR_KEYS[0] in file:
        _fill_escalators(channel, slot, file, draws)
    channel["receptor"][:, slot] = RECEPTORS.index(receptor)
    # A pain that answers to little answers little to every drug of the kind: the largest effect follows the patient's
    # responsiveness, by a power of the receptor's own (1 in proportion, 0 or missing not at all).
    if RESPONSIVENESS_KEY in file:
        followed = responsiveness ** constant(file, RESPONSIVENESS_KEY, "dimensionless", 0.0, 1.0)
        for field in ("emax_noci", "emax_neuro"):
            channel[field][:, slot] *= followed
    for field in ("emax_noci", "emax_neuro"):
        channel[field][:, slot] = np.minimum(channel[field][:, slot], _LARGEST_EFFECT)


def _fill_escalators(channel: NDArray[np.void], slot: int, file: ParameterFile, draws: Sampler) -> None:
    """Mark the share of patients in whom slow tolerance grows on, and give them a multiple of the others' (a mixture)."""
    share, factor = ESCALATOR_KEYS
    one = draws.uniform(f"{file.path}:escalator") < constant(file, share, "dimensionless", 0.0, 1.0)
    channel["escalator"][:, slot] = one
    channel["tol_slow_max"][:, slot] *= np.where(one, constant(file, factor, "dimensionless", 1.0), 1.0)


def sensitivity(receptor: str, kind: str, draws: Sampler) -> Floats:
    """Between-patient factor ``[B]`` on the EC50 of a receptor's ``"analgesia"`` or ``"breathing"`` (central) effects."""
    file = shipped(f"receptors/{receptor}")
    return draw_value(draws, file, f"receptors/{receptor}", f"{kind}.sensitivity", "dimensionless", 1e-6)


def fill_drug(par: NDArray[np.void], slot: int, name: str, factors: dict[str, Any]) -> None:
    """Fill slot ``slot`` of ``par["drug"]`` with a drug; ``factors[field]`` (``[B]``) multiplies a field."""
    file = drug_file(name)
    drug = par["drug"]
    for field, (key, unit, minimum) in DRUG_FIELDS.items():
        drug[field][:, slot] = constant(file, key, unit, minimum) * factors.get(field, 1.0)
    for field, (key, unit) in SPINAL_FIELDS.items():
        drug[field][:, slot] = math.inf
        if key in file:
            drug["spinal"][:, slot] = 1
            drug[field][:, slot] = constant(file, key, unit, 1e-9) * factors.get(field, 1.0)
    drug["k10"][:, slot] = constant(file, "plasma.clearance", "mL/h", 1e-9) * factors.get("clearance", 1.0)
    drug["k10"][:, slot] /= drug["v_plasma_ml"][:, slot]
    drug["renal"][:, slot] = factors.get("renal", constant(file, "plasma.renal_share", "dimensionless", 0.0, 1.0))
    if any(key in file for key, *_ in METABOLITE_FIELDS.values()):
        _fill_metabolites(drug, slot, file, factors)
    gravity = constant(shipped("anatomy"), "canal.gravity", "L/g", 0.0)
    drug["jet_shift"][:, slot] = gravity * constant(file, "transport.baricity", "g/L", -50.0, 100.0)


def _fill_metabolites(drug: NDArray[np.void], slot: int, file: ParameterFile, factors: dict[str, Any]) -> None:
    """Glucuronides: formed, spread in the body's size, cleared by the kidneys alone."""
    for field, (key, unit, minimum) in METABOLITE_FIELDS.items():
        drug[field][:, slot] = constant(file, key, unit, minimum)
    for key, (rate, volume) in METABOLITE_CLEARANCES.items():
        drug[volume][:, slot] *= factors.get("v_plasma_ml", 1.0)
        drug[rate][:, slot] = (
            constant(file, key, "mL/h", 1e-9) * factors.get("glucuronides", 1.0) / drug[volume][:, slot]
        )
