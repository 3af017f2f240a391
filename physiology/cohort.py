"""Cohorts: covariates and parameters of virtual patients, drawn by identity, with disjoint train, tune and test patients."""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.physiology.errors import ConfigError, ParameterError, UnknownNameError
from thecal.physiology.parameters import ParameterFile, read_parameters
from thecal.physiology.population import (
    constant,
    draw_value,
    exchange_flows,
    fill_drug,
    fill_patient,
    level_geometry,
    names_in,
    sampler,
    shipped,
    whole,
)
from thecal.physiology.records import LEVELS, MAX_DRUGS, N_NODES, PATIENT_PAR
from thecal.physiology.sampling import Floats, Sampler

SPLIT_CODES = {"train": 1, "tune": 2, "test": 3}
# An identity is the split's code above this bit and the patient's index below it, so no patient is in two splits.
_SPLIT_SHIFT = 40
_REFERENCE_BMI = 26.0
_REFERENCE_HEIGHT_CM = 170.0
_REFERENCE_WEIGHT_KG = 70.0
_HEIGHT_CM = {1: (176.0, 7.0), 0: (163.0, 6.5)}  # adult men and women, mean and SD (general population tables)
_COCKCROFT_GAULT_FEMALE = 0.85
_COCKCROFT_GAULT_SCALE = 72.0
_OLDEST_Y = 120.0
_CSF_CLEARANCE_CV = 0.40  # Sallerin 1991 and Nordberg 1984: CSF clearance differs by 40-50 % between patients


@dataclass(frozen=True)
class CohortSpec:
    """A cohort file: its name, title and quantities."""

    name: str
    title: str
    file: ParameterFile

    @property
    def hash(self) -> str:
        """SHA-256 of every file a patient of this cohort rests on."""
        digest = hashlib.sha256()
        for source in ("anatomy", "effect", "adaptation", "breathing", "sensors", "correlations"):
            digest.update(repr(sorted(shipped(source).items())).encode())
        for name in names_in("drugs"):
            digest.update(repr(sorted(shipped(f"drugs/{name}").items())).encode())
        digest.update(repr(sorted(self.file.items())).encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Cohort:
    """Drawn patients: parameters ``[B]`` PATIENT_PAR (not yet prepared), covariates by name, and identities."""

    spec: CohortSpec
    split: str
    par: NDArray[np.void]
    covariates: dict[str, NDArray[Any]]
    ids: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.ids)


def cohort_names() -> list[str]:
    """Names of the shipped cohorts."""
    return names_in("cohorts")


def load_cohort_spec(name_or_path: str | Path) -> CohortSpec:
    """A shipped cohort by name, or one from a TOML file.

    Raises:
        UnknownNameError: no such cohort.
        ParameterError: the file is corrupt; the text names the file, the key and the reason.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml":
        file = read_parameters(path)
    elif str(name_or_path) in cohort_names():
        file = shipped(f"cohorts/{name_or_path}")
    else:
        raise UnknownNameError("cohort", str(name_or_path), cohort_names())
    name = str(file.texts.get("name", path.stem))
    return CohortSpec(name, str(file.texts.get("title", name)), file)


def identities(patients: Sequence[int] | NDArray[np.integer[Any]], split: str) -> NDArray[np.uint64]:
    """Identities ``[B]`` of patient indices of a split.

    Raises:
        ConfigError: the split is unknown, or the indices are not a list of whole numbers from 0 to 2**40 - 1.
    """
    if split not in SPLIT_CODES:
        raise ConfigError(f"split {split!r} is not one of {', '.join(SPLIT_CODES)}")
    index = np.asarray(patients)
    if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
        raise ConfigError("patient indices must be a list of whole numbers")
    if index.size and (index.min() < 0 or index.max() >= 1 << _SPLIT_SHIFT):
        raise ConfigError("a patient index must lie between 0 and 2**40")
    return index.astype(np.uint64) | np.uint64(SPLIT_CODES[split] << _SPLIT_SHIFT)


def draw(
    spec: CohortSpec,
    drugs: Sequence[str],
    patients: Sequence[int] | NDArray[np.integer[Any]],
    split: str,
    seed: int,
) -> Cohort:
    """Draw patients by index.

    Args:
        spec: the cohort.
        drugs: one to three drug names; slot i of ``par["drug"]`` is ``drugs[i]``.
        patients: indices in the split, ``[B]``.
        split: ``"train"``, ``"tune"`` or ``"test"``.
        seed: of the cohort, from 0 to 2**64 - 1.

    Raises:
        ConfigError: no, too many or repeated drugs, or a bad split, index or seed.
        ParameterError: a parameter file is corrupt or a number is out of bounds.
    """
    if not 1 <= len(drugs) <= MAX_DRUGS:
        raise ConfigError(f"an admixture holds one to {MAX_DRUGS} drugs, not {len(drugs)}")
    if len(set(drugs)) < len(drugs):
        raise ConfigError(f"an admixture names each drug once, not {', '.join(drugs)}")
    seed = _whole_seed(seed)
    ids = identities(patients, split)
    draws = sampler(seed, ids)
    covariates = _covariates(draws, spec.file)
    par = np.zeros(len(ids), PATIENT_PAR)
    par["seed"] = seed
    par["patient"] = ids
    par["n_drugs"] = len(drugs)
    fill_patient(par, draws, spec.file)
    _fill_axis(par, draws, covariates)
    _fill_site(par, draws, spec.file, covariates)
    _fill_drugs(par, draws, drugs, covariates)
    prior = constant(shipped("adaptation"), "tolerance.prior_medd", "mg/day", 1e-6)
    par["tol_prior"] = np.log1p(covariates["medd_mg_per_d"] / prior)
    covariates["start_dose_ug_per_d"] = _start_dose(spec.file, drugs[0], covariates["medd_mg_per_d"])
    return Cohort(spec, split, par, covariates, ids)


def _whole_seed(seed: int) -> int:
    try:
        whole = operator.index(seed)
    except TypeError as error:
        raise ConfigError(f"a cohort seed must be a whole number, not {seed!r}") from error
    if not 0 <= whole < 1 << 64:
        raise ConfigError(f"a cohort seed must lie between 0 and 2**64 - 1, not {whole}")
    return whole


def _covariates(draws: Sampler, file: ParameterFile) -> dict[str, NDArray[Any]]:
    def value(key: str, unit: str, minimum: float = 0.0, maximum: float = math.inf) -> Floats:
        return draw_value(draws, file, "cohort", f"covariates.{key}", unit, minimum, maximum)

    def share(key: str) -> float:
        return constant(file, f"covariates.{key}", "dimensionless", 0.0, 1.0)

    male = draws.uniform("male") < share("male")
    mean = np.where(male, _HEIGHT_CM[1][0], _HEIGHT_CM[0][0])
    spread = np.where(male, _HEIGHT_CM[1][1], _HEIGHT_CM[0][1])
    height = mean + spread * np.clip(draws.normal("height"), -3.0, 3.0)
    bmi = value("bmi", "kg/m**2", 1.0)
    weight = bmi * (height / 100.0) ** 2
    age = value("age", "year", 0.0, _OLDEST_Y)
    creatinine = value("creatinine", "mg/dL", 0.01)
    # Cockcroft and Gault 1976, Nephron 16:31.
    crcl = (140.0 - age) * weight / (_COCKCROFT_GAULT_SCALE * creatinine)
    return {
        "age_y": age,
        "male": male,
        "height_cm": height,
        "weight_kg": weight,
        "bmi": bmi,
        "crcl_ml_per_min": np.where(male, crcl, _COCKCROFT_GAULT_FEMALE * crcl),
        "medd_mg_per_d": value("medd", "mg/day"),
        "oprm1_118g": draws.uniform("g118") < share("g118"),
    }


def _fill_axis(par: NDArray[np.void], draws: Sampler, covariates: dict[str, NDArray[Any]]) -> None:
    """CSF volumes and exchange flows from height, body mass and the patient's own dispersion."""
    anatomy = shipped("anatomy")
    tall = covariates["height_cm"] / _REFERENCE_HEIGHT_CM
    power = constant(anatomy, "csf.bmi_power", "dimensionless", -3.0, 3.0)
    spinal = draw_value(draws, anatomy, "anatomy", "csf.spinal", "mL", 1.0)
    spinal = spinal * tall * (covariates["bmi"] / _REFERENCE_BMI) ** power
    cranial = draw_value(draws, anatomy, "anatomy", "csf.cranial", "mL", 1.0)
    length = constant(anatomy, "canal.length", "cm", 1.0) * tall
    volume, lengths = level_geometry(length, spinal, cranial)
    lumbar = draw_value(draws, anatomy, "anatomy", "canal.dispersion_lumbar", "cm**2/h", 1e-9)
    ratio = constant(anatomy, "canal.dispersion_cervical", "cm**2/h", 1e-9) / anatomy.get_in(
        "canal.dispersion_lumbar", "cm**2/h", minimum=1e-9
    )
    # Dispersion rises from the lower end of the canal to the upper by a constant factor per level.
    rise = np.linspace(1.0, 0.0, N_NODES)
    par["v_node"] = volume
    par["g_node"] = exchange_flows(volume, lengths, lumbar[:, None] * ratio**rise)
    covariates["csf_ml"] = volume.sum(axis=1)


def _fill_site(par: NDArray[np.void], draws: Sampler, file: ParameterFile, covariates: dict[str, NDArray[Any]]) -> None:
    """Painful segments, and the catheter tip at their center."""
    first = whole(file, "site.center_first", 1, N_NODES - 1)
    last = whole(file, "site.center_last", first, N_NODES - 1)
    half = whole(file, "site.half_width", 0, N_NODES)
    center = first + np.floor(draws.uniform("site") * (last - first + 1)).astype(np.int64)
    nodes = np.arange(N_NODES)
    painful = (np.abs(nodes - center[:, None]) <= half) & (nodes > 0)
    par["w_pain"] = painful / painful.sum(axis=1, keepdims=True)
    par["tip_node"] = center
    covariates["pain_level"] = np.array([LEVELS[i - 1] for i in center])


def _fill_drugs(
    par: NDArray[np.void], draws: Sampler, drugs: Sequence[str], covariates: dict[str, NDArray[Any]]
) -> None:
    """Drug parameters times the patient's own sensitivity, CSF clearance and body size."""
    effect = shipped("effect")
    analgesia = draw_value(draws, effect, "effect", "analgesia.sensitivity", "dimensionless", 1e-6)
    carrier = constant(effect, "analgesia.g118_ec50", "dimensionless", 1e-6)
    analgesia = analgesia * np.where(covariates["oprm1_118g"], carrier, 1.0)
    breathing = draw_value(draws, effect, "effect", "breathing.sensitivity", "dimensionless", 1e-6)
    clearance = np.exp(math.sqrt(math.log1p(_CSF_CLEARANCE_CV**2)) * draws.normal("clearance"))
    size = covariates["weight_kg"] / _REFERENCE_WEIGHT_KG
    factors = {
        "ec50": analgesia,
        "ec50_bs": breathing,
        "ec50_pl": breathing,
        "k_csf_loss": clearance,
        "k_cord_loss": clearance,
        "v_plasma_ml": size,
        "clearance": size**0.75,  # allometric scaling of clearance, standard exponent
    }
    for slot, name in enumerate(drugs):
        fill_drug(par, slot, name, factors)


def _start_dose(file: ParameterFile, drug: str, medd_mg_per_d: Floats) -> Floats:
    """Starting dose (µg/d): oral dose over the oral ratio, reduced, within morphine's label; hydromorphone by potency.

    Raises:
        ParameterError: the drug is neither; morphine's dose of a stronger opioid would be an overdose.
    """
    ratio = constant(file, "start.oral_ratio", "dimensionless", 1.0)
    fraction = constant(file, "start.fraction", "dimensionless", 0.0, 1.0)
    low = constant(file, "start.lowest", "ug/day", 0.0)
    high = constant(file, "start.highest", "ug/day", low)
    dose = np.clip(1000.0 * medd_mg_per_d / ratio * fraction, low, high)
    if drug == "morphine":
        return dose
    if drug != "hydromorphone":
        raise ParameterError(f"{file.path}: start.potency: knows hydromorphone only, so {drug} has no starting dose")
    return dose / constant(file, "start.potency", "dimensionless", 1e-6)


def cohort_hash(cohort: Cohort) -> str:
    """SHA-256 of the drawn parameters."""
    return hashlib.sha256(cohort.par.tobytes()).hexdigest()


def describe(cohort: Cohort) -> dict[str, dict[str, float]]:
    """Median, quartiles and range of every numeric covariate and of the main parameters.

    Raises:
        ConfigError: the cohort is empty.
    """
    if not len(cohort):
        raise ConfigError("a cohort without patients cannot be described")
    columns: dict[str, NDArray[Any]] = {
        name: values for name, values in cohort.covariates.items() if values.dtype.kind in "fib"
    }
    columns |= {name: cohort.par[name] for name in ("pain_base", "emax", "tol_prior", "rr0", "oih_max")}
    columns["ec50_ug_per_ml"] = cohort.par["drug"]["ec50"][:, 0]
    columns["bt_per_day"] = cohort.par["bt_rate_per_h"] * (cohort.par["sleep_h"] - cohort.par["wake_h"])
    rows = {}
    for name, values in columns.items():
        low, q1, median, q3, high = np.quantile(values.astype(np.float64), [0.0, 0.25, 0.5, 0.75, 1.0])
        rows[name] = {"median": median, "q1": q1, "q3": q3, "min": low, "max": high, "mean": float(values.mean())}
    return rows
