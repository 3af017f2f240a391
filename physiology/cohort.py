"""Cohorts: covariates and parameters of virtual patients, drawn by identity, with disjoint train, tune and test patients."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.layout import AXIAL, COMPARTMENT, MAX_DRUGS, N_NODES, NODES
from thecal.core.parameters import ParameterFile
from thecal.core.seeds import COHORT_SEED_LIMIT, PATIENT_LIMIT, whole, wholes
from thecal.physiology.cohort_spec import CohortSpec
from thecal.physiology.covariate_draws import draw_covariates
from thecal.physiology.covariate_models import (
    apply_to_circulation,
    apply_to_patient,
    body_mass_index,
    creatinine_clearance,
    drug_factors,
)
from thecal.physiology.geometry import exchange_flows, level_geometry, lump_regions, net_flows, set_sites
from thecal.physiology.population import (
    constant,
    draw_value,
    drug_file,
    fill_channel,
    fill_drug,
    fill_patient,
    receptor_of,
    sampler,
    sensitivity,
    shipped,
)
from thecal.physiology.population import whole as whole_number
from thecal.physiology.records import PATIENT_PAR
from thecal.physiology.sampling import Floats, Sampler
from thecal.physiology.variability import drug_spreads

SPLIT_CODES = {"train": 1, "tune": 2, "test": 3}
# An identity is the split's code above this bit and the patient's index below it, so no patient is in two splits.
_SPLIT_SHIFT = PATIENT_LIMIT.bit_length() - 1


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


def identities(patients: Sequence[int] | NDArray[np.integer[Any]], split: str) -> NDArray[np.uint64]:
    """Identities ``[B]`` of patient indices of a split.

    Raises:
        ConfigError: the split is unknown, or the indices are not a list of whole numbers from 0 to 2**40 - 1.
    """
    if split not in SPLIT_CODES:
        raise ConfigError(f"split {split!r} is not one of {', '.join(SPLIT_CODES)}")
    index = wholes(patients, "patient indices", PATIENT_LIMIT)
    return index.astype(np.uint64) | np.uint64(SPLIT_CODES[split] << _SPLIT_SHIFT)


def draw(
    spec: CohortSpec,
    drugs: Sequence[str],
    patients: Sequence[int] | NDArray[np.integer[Any]],
    split: str,
    seed: int,
    *,
    structure: int = AXIAL,
) -> Cohort:
    """Draw patients by index.

    Args:
        spec: the cohort.
        drugs: one to three drug names; slot i of ``par["drug"]`` is ``drugs[i]``.
        patients: indices in the split, ``[B]``; rows of the split for a cohort that rests on a table.
        split: ``"train"``, ``"tune"`` or ``"test"``.
        seed: of the cohort, from 0 to 2**64 - 1.
        structure: ``AXIAL``, or ``COMPARTMENT`` for the same patients by the second structural model.

    Raises:
        ConfigError: no, too many or repeated drugs, or a bad split, index or seed.
        ParameterError: a parameter file is corrupt or a number is out of bounds.
    """
    if not 1 <= len(drugs) <= MAX_DRUGS:
        raise ConfigError(f"an admixture holds one to {MAX_DRUGS} drugs, not {len(drugs)}")
    if len(set(drugs)) < len(drugs):
        raise ConfigError(f"an admixture names each drug once, not {', '.join(drugs)}")
    seed = whole(seed, "a cohort seed", COHORT_SEED_LIMIT)
    ids = identities(patients, split)
    if spec.sites:
        return _draw_sites(spec, drugs, np.asarray(patients, np.int64), split, seed, structure)
    draws = sampler(seed, ids)
    covariates = draw_covariates(draws, spec.file)
    if spec.table is not None:
        covariates |= spec.table.rows(np.asarray(patients), split)
    par = np.zeros(len(ids), PATIENT_PAR)
    par["seed"] = seed
    par["patient"] = ids
    fill_patient(par, draws, spec.file)
    apply_to_circulation(par, covariates)
    _fill_axis(par, draws, covariates)
    _fill_site(par, draws, spec.file, covariates)
    _fill_drugs(par, draws, drugs, spec.file, covariates)
    apply_to_patient(par, covariates, draws)
    if structure == COMPARTMENT:
        lump_regions(par)
    covariates["csf_ml"] = par["v_node"][:, : int(par["last_node"].max(initial=0)) + 1].sum(axis=1)
    covariates["bmi"] = body_mass_index(covariates)
    covariates["crcl_ml_per_min"] = creatinine_clearance(covariates)
    covariates["start_dose_ug_per_d"] = start_dose(spec.file, drugs[0], covariates["medd_mg_per_d"])
    return Cohort(spec, split, par, covariates, ids)


def _draw_sites(
    spec: CohortSpec, drugs: Sequence[str], patients: NDArray[np.int64], split: str, seed: int, structure: int
) -> Cohort:
    """Patients of a cohort of several sites, which take their turns by index; the chart says where each is treated."""
    sites = spec.sites[split]
    ids = identities(patients, split)
    par = np.zeros(len(ids), PATIENT_PAR)
    columns: dict[str, NDArray[Any]] = {
        "site": np.array([sites[i % len(sites)].name for i in patients.tolist()], object)
    }
    for k, site in enumerate(sites):
        rows = np.flatnonzero(patients % len(sites) == k)
        if rows.size:
            drawn = draw(site, drugs, patients[rows], split, seed, structure=structure)
            par[rows] = drawn.par
            for name, values in drawn.covariates.items():
                columns.setdefault(name, np.zeros(len(ids), values.dtype))[rows] = values
    return Cohort(spec, split, par, columns, ids)


def _fill_axis(par: NDArray[np.void], draws: Sampler, covariates: dict[str, NDArray[Any]]) -> None:
    """CSF volumes and flows from height, CSF volume and production, and the patient's own pulsation and dispersion."""
    anatomy = shipped("anatomy")
    breathing = shipped("breathing")
    tall = covariates["height_cm"] / constant(shipped("covariates"), "reference.height", "cm", 1.0)
    cranial = draw_value(draws, anatomy, "anatomy", "csf.cranial", "mL", 1.0)
    length = constant(anatomy, "canal.length", "cm", 1.0) * tall
    volume, lengths = level_geometry(length, covariates["spinal_csf_ml"], cranial)
    lumbar = draw_value(draws, anatomy, "anatomy", "canal.dispersion_lumbar", "cm**2/h", 1e-9)
    stroke = draw_value(draws, breathing, "breathing", "circulation.stroke_volume", "mL", 1.0)
    pulse = (
        (par["hr0"], "heart_rate", breathing.get_in("circulation.heart_rate", "beat/min")),
        (stroke, "stroke_volume", breathing.get_in("circulation.stroke_volume", "mL")),
        (par["rr0"], "breathing", breathing.get_in("rest.rate", "breath/min")),
    )
    for value, name, usual in pulse:
        lumbar = lumbar * (value / usual) ** constant(anatomy, f"canal.{name}_power", "dimensionless", 0.0, 4.0)
    ratio = constant(anatomy, "canal.dispersion_cervical", "cm**2/h", 1e-9) / anatomy.get_in(
        "canal.dispersion_lumbar", "cm**2/h", minimum=1e-9
    )
    # Dispersion rises from the lower end of the canal to the upper by a constant factor per level.
    rise = np.linspace(1.0, 0.0, N_NODES)
    par["v_node"] = volume
    par["g_node"] = exchange_flows(volume, lengths, lumbar[:, None] * ratio**rise)
    spinal = (
        constant(anatomy, "csf.spinal_absorption", "dimensionless", 0.0, 1.0) * covariates["csf_production_ml_per_h"]
    )
    par["cranial_out"] = covariates["csf_production_ml_per_h"] - spinal
    par["q_node"] = net_flows(volume, spinal)
    par["k_bulk"] = spinal / covariates["spinal_csf_ml"]
    set_sites(par)


def _fill_site(par: NDArray[np.void], draws: Sampler, file: ParameterFile, covariates: dict[str, NDArray[Any]]) -> None:
    """Painful segments, and the catheter tip: aimed at their center, or where the cohort says, and placed with an error."""
    center = np.array([NODES.index(str(level)) for level in covariates["pain_level"]], np.int64)
    nodes = np.arange(N_NODES)
    painful = (np.abs(nodes - center[:, None]) <= covariates["pain_span"][:, None]) & (nodes > 0)
    par["w_pain"] = painful / painful.sum(axis=1, keepdims=True)
    aim = whole_number(file, "site.tip", 1, N_NODES - 1) if "site.tip" in file else center
    stated = file if "tip.error" in file else shipped("anatomy")
    error = draw_value(draws, stated, "anatomy", "tip.error", "dimensionless", -N_NODES, N_NODES)
    par["tip_node"] = np.clip(np.floor(aim + error + 0.5), 1, N_NODES - 1)
    covariates["tip_level"] = np.array(NODES)[par["tip_node"]]


def _fill_drugs(
    par: NDArray[np.void],
    draws: Sampler,
    drugs: Sequence[str],
    cohort: ParameterFile,
    covariates: dict[str, NDArray[Any]],
) -> None:
    """Receptors in use, and drug parameters times the patient's own sensitivity, CSF clearance and body."""
    par["n_drugs"] = len(drugs)
    responsiveness = draw_value(draws, cohort, "cohort", "pain.responsiveness", "dimensionless", 0.0, 1.0)
    loss = draw_value(draws, shipped("anatomy"), "anatomy", "csf.clearance", "dimensionless", 1e-6)
    spreads = drug_spreads(draws)
    receptors = list(dict.fromkeys(receptor_of(name) for name in drugs))
    par["n_channels"] = len(receptors)
    for slot, receptor in enumerate(receptors):
        fill_channel(par, slot, receptor, draws, responsiveness)
        if receptor == "mu":
            prior = constant(shipped("adaptation"), "tolerance.prior_medd", "mg/day", 1e-6)
            par["channel"]["tol_prior"][:, slot] = np.log1p(covariates["medd_mg_per_d"] / prior)
    for slot, name in enumerate(drugs):
        receptor = receptor_of(name)
        own = (sensitivity(receptor, "analgesia", draws), sensitivity(receptor, "breathing", draws))
        factors = drug_factors(covariates, drug_file(name), receptor, own) | {"k_csf_loss": loss, "k_cord_loss": loss}
        factors |= {field: own_factor * factors.get(field, 1.0) for field, own_factor in spreads.items()}
        fill_drug(par, slot, name, factors)
        par["drug"]["channel"][:, slot] = receptors.index(receptor)


def start_dose(file: ParameterFile, drug: str, medd_mg_per_d: Floats) -> Floats:
    """Starting dose (µg/d).

    Morphine: the oral dose over the oral ratio, reduced, within the label. Another opioid: morphine's dose over the ratio in
    its own file, not below its own starting range; of two published ratios the file holds the one with the smaller target
    dose. Any other drug: its usual start.
    """
    ratio = constant(file, "start.oral_ratio", "dimensionless", 1.0)
    fraction = constant(file, "start.fraction", "dimensionless", 0.0, 1.0)
    low = constant(file, "start.lowest", "ug/day", 0.0)
    high = constant(file, "start.highest", "ug/day", low)
    morphine = np.clip(1000.0 * medd_mg_per_d / ratio * fraction, low, high)
    if drug == "morphine":
        return morphine
    own = drug_file(drug)
    if "start.morphine_ratio" not in own:
        return np.full(len(medd_mg_per_d), constant(own, "start.usual", "ug/day", 0.0))
    lowest = constant(own, "start.lowest", "ug/day", 0.0)
    # Tolerant patients may start above the opioid-naive range, as morphine's label allows, never above its equivalent.
    return np.maximum(lowest, morphine / constant(own, "start.morphine_ratio", "dimensionless", 1e-6))


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
    columns |= {
        name: cohort.par[name] for name in ("pain_base", "neuropathic", "rr0", "hr0", "sbp0", "map0", "oih_max")
    }
    columns["relief_max"] = cohort.par["channel"]["emax_noci"][:, 0]
    columns["tolerance_prior"] = cohort.par["channel"]["tol_prior"][:, 0]
    columns["ec50_ug_per_ml"] = cohort.par["drug"]["ec50"][:, 0]
    columns["bt_per_day"] = cohort.par["bt_rate_per_h"] * (cohort.par["sleep_h"] - cohort.par["wake_h"])
    rows = {}
    for name, values in columns.items():
        low, q1, median, q3, high = np.quantile(values.astype(np.float64), [0.0, 0.25, 0.5, 0.75, 1.0])
        rows[name] = {"median": median, "q1": q1, "q3": q3, "min": low, "max": high, "mean": float(values.mean())}
    return rows
