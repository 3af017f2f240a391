"""The shipped parameter files turned into a patient's numbers: which key fills which field, in which unit and bounds."""

from __future__ import annotations

import math
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.physiology.errors import ParameterError, UnknownNameError
from thecal.physiology.parameters import ParameterFile, Quantity, read_parameters
from thecal.physiology.records import N_NODES, NODES, SENSORS
from thecal.physiology.sampling import Floats, Sampler, correlation_matrix
from thecal.physiology.units import factor

# Effects that correlations.toml may name: effect -> (file, key).
EFFECTS = {
    "analgesia": ("effect", "analgesia.sensitivity"),
    "breathing": ("effect", "breathing.sensitivity"),
    "fast": ("adaptation", "tolerance.fast_max"),
    "slow": ("adaptation", "tolerance.slow_max"),
    "hyperalgesia": ("adaptation", "hyperalgesia.max"),
    "baseline": ("cohort", "pain.baseline"),
    "episode": ("cohort", "pain.episode_height"),
    "clearance": ("clearance", "csf"),
    "dispersion": ("anatomy", "canal.dispersion_lumbar"),
}
_NAMES_OF_KEYS = {key: name for name, key in EFFECTS.items()}

# field of PATIENT_PAR: (file, key, unit, minimum)
FIELDS: dict[str, tuple[str, str, str, float]] = {
    "cranial_out": ("anatomy", "csf.absorption", "mL/h", 0.0),
    "tip_ml": ("anatomy", "tip.volume", "mL", 1e-6),
    "tip_flow": ("anatomy", "tip.flow", "mL/h", 1e-6),
    "jet_ml": ("anatomy", "tip.jet", "mL", 1e-9),
    "hill": ("effect", "analgesia.hill", "dimensionless", 0.1),
    "hill_resp": ("effect", "breathing.hill", "dimensionless", 0.1),
    "emax_resp": ("effect", "breathing.emax", "dimensionless", 0.0),
    "rr_power": ("effect", "breathing.rate_power", "dimensionless", 0.0),
    "ec50_sed_ratio": ("effect", "sedation.ec50_ratio", "dimensionless", 1e-6),
    "hill_sed": ("effect", "sedation.hill", "dimensionless", 0.1),
    "ec50_nausea_ratio": ("effect", "nausea.ec50_ratio", "dimensionless", 1e-6),
    "nausea_max": ("effect", "nausea.max", "dimensionless", 0.0),
    "nausea_tau_h": ("effect", "nausea.tolerance_tau", "hour", 1e-3),
    "tol_fast_max": ("adaptation", "tolerance.fast_max", "dimensionless", 0.0),
    "tol_fast_tau_h": ("adaptation", "tolerance.fast_tau", "hour", 1e-3),
    "tol_slow_max": ("adaptation", "tolerance.slow_max", "dimensionless", 0.0),
    "tol_slow_tau_h": ("adaptation", "tolerance.slow_tau", "hour", 1e-3),
    "resp_tolerance": ("adaptation", "tolerance.respiratory_share", "dimensionless", 0.0),
    "oih_max": ("adaptation", "hyperalgesia.max", "dimensionless", 0.0),
    "oih_ec50": ("adaptation", "hyperalgesia.ec50", "dimensionless", 1e-9),
    "oih_tau_on_h": ("adaptation", "hyperalgesia.tau_on", "hour", 1e-3),
    "oih_tau_off_h": ("adaptation", "hyperalgesia.tau_off", "hour", 1e-3),
    "dep_tau_h": ("adaptation", "withdrawal.dependence_tau", "hour", 1e-3),
    "wd_tau_h": ("adaptation", "withdrawal.tau", "hour", 1e-3),
    "wd_gain": ("adaptation", "withdrawal.gain", "dimensionless", 0.0),
    "wd_nrs": ("adaptation", "withdrawal.nrs", "nrs", 0.0),
    "wd_hr": ("adaptation", "withdrawal.heart_rate", "beat/min", 0.0),
    "wd_sbp": ("adaptation", "withdrawal.systolic", "mmHg", 0.0),
    "pain_base": ("cohort", "pain.baseline", "nrs", 0.0),
    "pain_trend_per_h": ("cohort", "pain.trend", "nrs/h", -math.inf),
    "circ_amp": ("cohort", "pain.circadian", "nrs", 0.0),
    "circ_peak_h": ("cohort", "pain.circadian_peak", "hour", -math.inf),
    "ou_sd": ("cohort", "pain.fluctuation", "nrs", 0.0),
    "ou_tau_h": ("cohort", "pain.fluctuation_tau", "hour", 1e-3),
    "bt_nrs": ("cohort", "pain.episode_height", "nrs", 0.0),
    "bt_rise_h": ("cohort", "pain.episode_rise", "hour", 1e-6),
    "bt_length_h": ("cohort", "pain.episode_length", "hour", 1e-3),
    "placebo": ("cohort", "pain.placebo", "dimensionless", 0.0),
    "placebo_tau_h": ("cohort", "pain.placebo_tau", "hour", 1e-3),
    "press_nrs": ("cohort", "pain.press", "nrs", 0.0),
    "press_every_h": ("cohort", "pain.press_interval", "hour", 0.0),
    "emax": ("cohort", "pain.responsiveness", "dimensionless", 0.0),
    "wake_h": ("cohort", "pain.wake", "hour", 0.0),
    "sleep_h": ("cohort", "pain.sleep", "hour", 0.0),
    "rr0": ("breathing", "rest.rate", "breath/min", 1.0),
    "paco2_0": ("breathing", "rest.paco2", "mmHg", 1.0),
    "co2_gain": ("breathing", "rest.co2_gain", "dimensionless", 0.0),
    "k_co2": ("breathing", "rest.k_co2", "1/h", 1e-6),
    "aa_gradient": ("breathing", "rest.aa_gradient", "mmHg", 0.0),
    "hr0": ("breathing", "circulation.heart_rate", "beat/min", 1.0),
    "sbp0": ("breathing", "circulation.systolic", "mmHg", 1.0),
    "act_hr": ("breathing", "circulation.activity_heart_rate", "beat/min", 0.0),
    "act_sbp": ("breathing", "circulation.activity_systolic", "mmHg", 0.0),
    "sed_hr": ("breathing", "circulation.sedation_heart_rate", "beat/min", 0.0),
    "sed_sbp": ("breathing", "circulation.sedation_systolic", "mmHg", 0.0),
    "emg0": ("sensors", "emg_rest.level", "microvolt", 1e-6),
    "nrs_noise": ("sensors", "report.noise", "nrs", 0.0),
    "nrs_every_h": ("sensors", "report.interval", "hour", 0.0),
    "nrs_skip": ("sensors", "report.skip", "dimensionless", 0.0),
    "nrs_skip_slope": ("sensors", "report.skip_slope", "dimensionless", 0.0),
    "poss_error": ("sensors", "report.sedation_error", "dimensionless", 0.0),
}
# What a field of PATIENT_PAR cannot exceed: shares, probabilities, the two scales and the clock.
CEILINGS: dict[str, float] = {
    "emax": 1.0,
    "emax_resp": 1.0,
    "resp_tolerance": 1.0,
    "rr_power": 1.0,
    "placebo": 1.0,
    "nrs_skip": 1.0,
    "poss_error": 1.0,
    "pain_base": 10.0,
    "nausea_max": 10.0,
    "wake_h": 24.0,
    "sleep_h": 24.0,
}
# field of DRUG_PAR: (key, unit)
DRUG_FIELDS: dict[str, tuple[str, str]] = {
    "k_uptake": ("transport.uptake", "1/h"),
    "k_return": ("transport.return", "1/h"),
    "k_cord_loss": ("transport.cord_loss", "1/h"),
    "k_csf_loss": ("transport.csf_loss", "1/h"),
    "v_plasma_ml": ("plasma.v_central", "mL"),
    "k12": ("plasma.k12", "1/h"),
    "k21": ("plasma.k21", "1/h"),
    "ke0_dh": ("effect.ke0_dorsal", "1/h"),
    "ke0_bs": ("effect.ke0_brainstem", "1/h"),
    "ke0_pl": ("effect.ke0_plasma", "1/h"),
    "ec50": ("effect.ec50", "ug/mL"),
    "ec50_bs": ("effect.ec50_brainstem", "ug/mL"),
    "ec50_pl": ("effect.ec50_plasma", "ug/mL"),
}
SENSOR_FIELDS: dict[str, tuple[str, str]] = {
    "s_tau_h": ("lag", "hour"),
    "s_drop_per_h": ("dropout_rate", "1/h"),
    "s_drop_h": ("dropout_length", "hour"),
}
_SENSOR_UNITS = {"hr": "beat/min", "sbp": "mmHg", "map": "mmHg", "rr": "breath/min", "spo2": "percent"}


@lru_cache(maxsize=64)
def shipped(name: str) -> ParameterFile:
    """A file of ``physiology/data`` by its path without ending, for example ``"drugs/morphine"``."""
    return read_parameters(files("thecal.physiology").joinpath("data", *f"{name}.toml".split("/")))


def names_in(folder: str) -> list[str]:
    """Names of the files of a data folder."""
    place = files("thecal.physiology").joinpath("data", folder)
    return sorted(item.name.removesuffix(".toml") for item in place.iterdir() if item.name.endswith(".toml"))


def drug_file(name: str) -> ParameterFile:
    """Parameters of a drug.

    Raises:
        UnknownNameError: no such drug.
    """
    if name not in names_in("drugs"):
        raise UnknownNameError("drug", name, names_in("drugs"))
    return shipped(f"drugs/{name}")


def sampler(seed: int, patients: NDArray[np.uint64]) -> Sampler:
    """The keyed, correlated draws of the patients."""
    names = list(EFFECTS)
    return Sampler(seed, patients, names, correlation_matrix(shipped("correlations"), names))


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
    return draws.quantity(file[key], _NAMES_OF_KEYS.get((source, key), f"{source}:{key}"), unit)


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
    """Fill every field of ``FIELDS`` and the sensors of ``par`` (``[B]`` PATIENT_PAR)."""
    for field, (source, key, unit, minimum) in FIELDS.items():
        file = cohort if source == "cohort" else shipped(source)
        par[field] = draw_value(draws, file, source, key, unit, minimum, CEILINGS.get(field, math.inf))
    par["map0"] = par["sbp0"] * constant(shipped("breathing"), "circulation.map_ratio", "dimensionless", 0.1)
    latest, earliest = edges(cohort["pain.wake"], "hour")[1], edges(cohort["pain.sleep"], "hour")[0]
    if latest >= earliest:
        raise ParameterError(f"{cohort.path}: pain.wake: can reach {latest:g} h, past pain.sleep at {earliest:g} h")
    awake_share = (par["sleep_h"] - par["wake_h"]) / 24.0
    par["bt_rate_per_h"] = draw_value(draws, cohort, "cohort", "pain.episodes", "1/h", 0.0) / awake_share
    sensors = shipped("sensors")
    for k, name in enumerate(SENSORS):
        for field, (key, unit) in SENSOR_FIELDS.items():
            par[field][:, k] = constant(sensors, f"{name}.{key}", unit, 0.0)
        unit = _SENSOR_UNITS.get(name, "dimensionless")
        par["s_gain_pain"][:, k] = constant(sensors, f"{name}.gain_pain", unit)
        par["s_noise"][:, k] = constant(sensors, f"{name}.noise", unit, 0.0)


def fill_drug(par: NDArray[np.void], slot: int, name: str, factors: dict[str, Any]) -> None:
    """Fill slot ``slot`` of ``par["drug"]`` with a drug; ``factors[field]`` (``[B]``) multiplies a field."""
    file = drug_file(name)
    drug = par["drug"]
    for field, (key, unit) in DRUG_FIELDS.items():
        drug[field][:, slot] = constant(file, key, unit, 1e-9) * factors.get(field, 1.0)
    drug["k10"][:, slot] = constant(file, "plasma.clearance", "mL/h", 1e-9) * factors.get("clearance", 1.0)
    drug["k10"][:, slot] /= drug["v_plasma_ml"][:, slot]


def level_geometry(length_cm: Floats, spinal_ml: Floats, cranial_ml: Floats) -> tuple[Floats, Floats]:
    """Volumes ``[B, N_NODES]`` (mL) and lengths ``[B, N_NODES]`` (cm) of the nodes; the cranial node has length 0.

    Levels share the canal's length equally; lumbar, sacral and cervical levels hold the shares of CSF that anatomy.toml
    states and thoracic levels the rest.

    Raises:
        ParameterError: the stated shares leave nothing for the thoracic levels.
    """
    anatomy = shipped("anatomy")
    shares = {
        region: constant(anatomy, f"csf.{name}_share", "dimensionless", 1e-6, 1.0)
        for region, name in (("L", "lumbar"), ("S", "sacral"), ("C", "cervical"))
    }
    shares["T"] = 1.0 - sum(shares.values())
    if shares["T"] <= 0.0:
        raise ParameterError(
            f"{anatomy.path}: csf.lumbar_share: with the sacral and cervical shares it leaves {shares['T']:.3g} of the CSF "
            "for the thoracic levels"
        )
    regions = [name[0] for name in NODES[1:]]
    share = np.array([shares[region] / regions.count(region) for region in regions])
    volume = np.empty((len(spinal_ml), N_NODES))
    volume[:, 0] = cranial_ml
    volume[:, 1:] = spinal_ml[:, None] * share
    length = np.zeros_like(volume)
    length[:, 1:] = length_cm[:, None] / (N_NODES - 1)
    return volume, length


def exchange_flows(volume_ml: Floats, length_cm: Floats, d_cm2_per_h: Floats) -> Floats:
    """Exchange flow (mL/h) between neighbors, ``[B, N_NODES]`` with 0 at the end: half-cells in series, D A / dx.

    Args:
        volume_ml, length_cm: of each node; the cranial node (length 0) is well mixed.
        d_cm2_per_h: effective dispersion of each node.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        area = np.where(length_cm > 0, volume_ml / length_cm, np.inf)
        resistance = np.where(length_cm > 0, 0.5 * length_cm / (d_cm2_per_h * area), 0.0)
    flows = np.zeros_like(volume_ml)
    flows[:, :-1] = 1.0 / (resistance[:, :-1] + resistance[:, 1:])
    return flows
