"""Global sensitivity of a patient's outcomes to its parameters: Morris screening of all, Sobol indices of the strongest.

One sample is one patient: the reference patient's record with each factor's field multiplied. A factor's range is the
spread its file states (two standard deviations on the log scale) or, without one, what its confidence allows: +-10 % where it
is high, +-25 % medium, +-50 % low (an engineering choice: it ranks numbers by how much their uncertainty matters).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.core.extras import importing
from thecal.core.parameters import ParameterFile, Quantity
from thecal.experiments.sensitivity.regimens import REGIMENS, Outcomes, Regimen, reference_patient
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.fields import CEILINGS, CHANNEL_FIELDS, DRUG_FIELDS, FIELDS, SPINAL_FIELDS
from thecal.physiology.population import drug_file, receptor_of, shipped

Floats = NDArray[np.float64]
_BY_CONFIDENCE = {"high": 0.10, "medium": 0.25, "low": 0.50}
_WIDEST = 0.8  # a factor never takes away more than this share of a number
_CHANNEL_MOST = {key: high for key, (_, _, _, high, _) in CHANNEL_FIELDS.items()}
# Numbers that shape several fields at once: what they multiply.
_SHAPES = {
    "anatomy:canal.dispersion_lumbar": ("g_node",),
    "anatomy:csf.spinal": ("v_node",),
    "anatomy:csf.production": ("cranial_out", "q_node", "k_bulk"),
}


@dataclass(frozen=True)
class Factor:
    """One number that is varied.

    ``where`` is ``patient``, ``drug``, ``channel`` or ``shape``; ``slot`` the drug or channel; ``low`` and ``high`` the
    multipliers between which it moves.
    """

    name: str
    where: str
    field: str
    slot: int
    confidence: str
    low: float
    high: float


@dataclass(frozen=True)
class Ranking:
    """Morris result of one outcome: mean absolute effect over the factor's range, and its SD, by factor."""

    outcome: str
    factors: tuple[Factor, ...]
    mu_star: Floats
    sigma: Floats


@dataclass(frozen=True)
class Indices:
    """Sobol indices of one outcome with half-widths of their 95 % intervals."""

    outcome: str
    factors: tuple[Factor, ...]
    first: Floats
    first_conf: Floats
    total: Floats
    total_conf: Floats


def scenario(name: str) -> Regimen:
    """A scenario by name.

    Raises:
        UnknownNameError: no such scenario.
    """
    if name not in REGIMENS:
        raise UnknownNameError("sensitivity scenario", name, list(REGIMENS))
    return REGIMENS[name]


def span(number: Quantity) -> tuple[float, float]:
    """Multipliers between which a number moves: its spread, or what its confidence allows."""
    if number.distribution is None:
        width = _BY_CONFIDENCE[number.confidence]
        return 1.0 - width, 1.0 + width
    relative = number.cv if number.cv is not None else (number.sd or 0.0) / max(abs(number.value), 1e-9)
    if number.distribution == "lognormal":
        width = 2.0 * math.sqrt(math.log1p(relative**2))
        return max(1.0 - _WIDEST, math.exp(-width)), math.exp(width)
    width = min(_WIDEST, 2.0 * relative)
    return 1.0 - width, 1.0 + width


def factors_of(chosen: Regimen) -> tuple[Factor, ...]:
    """Every number that fills a field of the scenario's patient, drugs and receptors and is not zero."""
    cohort = load_cohort_spec(chosen.cohort).file
    found = []
    for field, (source, key, _, _) in FIELDS.items():
        file = cohort if source == "cohort" or key in cohort else shipped(source)
        found += _factor(file, key, source, "patient", field, 0)
    for key, fields in _SHAPES.items():
        source, _, leaf = key.partition(":")
        found += _factor(shipped(source), leaf, source, "shape", ",".join(fields), 0)
    for slot, drug in enumerate(chosen.drugs):
        for field, (key, *_) in (DRUG_FIELDS | SPINAL_FIELDS).items():
            if key in drug_file(drug):
                found += _factor(drug_file(drug), key, drug, "drug", field, slot)
    for slot, receptor in enumerate(dict.fromkeys(receptor_of(drug) for drug in chosen.drugs)):
        for field, (key, *_) in CHANNEL_FIELDS.items():
            file = shipped(f"receptors/{receptor}")
            if key in file:
                found += _factor(file, key, receptor, "channel", field, slot)
    return tuple(found)


def _factor(file: ParameterFile, key: str, source: str, where: str, field: str, slot: int) -> list[Factor]:
    number = file[key]
    if number.value == 0.0:
        return []
    return [Factor(f"{source}: {key}", where, field, slot, number.confidence, *span(number))]


def patients_for(chosen: Regimen, factors: Sequence[Factor], multipliers: Floats) -> NDArray[np.void]:
    """``[N]`` records: the scenario's reference patient with its fields multiplied, ``multipliers`` ``[N, factors]``."""
    par = np.repeat(reference_patient(chosen.cohort, chosen.drugs), len(multipliers))
    for factor, values in zip(factors, multipliers.T, strict=True):
        _multiply(par, factor, values)
    return par


def _multiply(par: NDArray[np.void], factor: Factor, values: Floats) -> None:
    if factor.where == "shape":
        for name in factor.field.split(","):
            par[name] = (par[name].T * values).T
    elif factor.where == "patient":
        par[factor.field] = np.minimum(par[factor.field] * values, CEILINGS.get(factor.field, math.inf))
    else:
        most = _CHANNEL_MOST.get(factor.field, math.inf) if factor.where == "channel" else math.inf
        most = 0.98 if factor.field in ("emax_noci", "emax_neuro") else most
        rows = par[factor.where][factor.field]
        rows[:, factor.slot] = np.minimum(rows[:, factor.slot] * values, most)


def _salib() -> tuple[Any, Any, Any, Any]:
    with importing("sensitivity", "study"):
        from SALib.analyze import morris as analyze_morris
        from SALib.analyze import sobol as analyze_sobol
        from SALib.sample import morris as sample_morris
        from SALib.sample import sobol as sample_sobol
    return sample_morris, analyze_morris, sample_sobol, analyze_sobol


def _problem(factors: Sequence[Factor]) -> dict[str, Any]:
    return {
        "num_vars": len(factors),
        "names": [factor.name for factor in factors],
        "bounds": [[factor.low, factor.high] for factor in factors],
    }


Model = Callable[[Floats], Outcomes]


def screen(factors: Sequence[Factor], model: Model, trajectories: int, seed: int) -> list[Ranking]:
    """Morris screening of every factor.

    Args:
        factors: what is varied.
        model: outcomes ``{name: [N]}`` of multipliers ``[N, factors]``.
        trajectories: each costs one run for every factor and one more.
        seed: of the sample.

    Raises:
        ConfigError: SALib is not installed, or fewer than two trajectories.
    """
    if trajectories < 2:
        raise ConfigError(f"screening needs at least two trajectories, not {trajectories}")
    sample, analyze, _, _ = _salib()
    problem = _problem(factors)  # seeds begin at 1 below: SALib takes 0 for no seed
    points = sample.sample(problem, trajectories, num_levels=4, seed=seed + 1)
    outcomes = model(points)
    found = []
    for name, values in outcomes.items():
        result = analyze.analyze(problem, points, values, num_levels=4, seed=seed + 1)
        found.append(Ranking(name, tuple(factors), np.asarray(result["mu_star"]), np.asarray(result["sigma"])))
    return found


def decompose(factors: Sequence[Factor], model: Model, base: int, seed: int) -> list[Indices]:
    """Sobol indices, first and total order; costs ``base * (factors + 2)`` runs.

    Raises:
        ConfigError: SALib is not installed, or ``base`` is not a power of two of at least 8.
    """
    if base < 8 or base & (base - 1):
        raise ConfigError(f"the base sample must be a power of two of at least 8, not {base}")
    _, _, sample, analyze = _salib()
    problem = _problem(factors)  # seeds begin at 1 below: SALib takes 0 for no seed
    points = sample.sample(problem, base, calc_second_order=False, seed=seed + 1)
    outcomes = model(points)
    found = []
    for name, values in outcomes.items():
        if np.ptp(values) == 0.0:
            zero = np.zeros(len(factors))
            found.append(Indices(name, tuple(factors), zero, zero, zero, zero))
            continue
        result = analyze.analyze(problem, values, calc_second_order=False, seed=seed + 1)
        parts = (np.asarray(result[key]) for key in ("S1", "S1_conf", "ST", "ST_conf"))
        found.append(Indices(name, tuple(factors), *parts))
    return found


def strongest(rankings: Sequence[Ranking], n: int) -> tuple[Factor, ...]:
    """The ``n`` factors that come nearest to the strongest of any outcome."""
    shares = [ranking.mu_star / max(ranking.mu_star.max(), 1e-300) for ranking in rankings]
    order = np.argsort(-np.max(shares, axis=0), kind="stable")[:n]
    return tuple(rankings[0].factors[i] for i in sorted(order))


def study(
    name: str, *, trajectories: int = 12, base: int = 128, top: int = 16, seed: int = 0
) -> tuple[list[Ranking], list[Indices]]:
    """Screen a scenario, then decompose its strongest factors."""
    chosen = scenario(name)
    factors = factors_of(chosen)
    rankings = screen(factors, lambda points: chosen.run(patients_for(chosen, factors, points)), trajectories, seed)
    few = strongest(rankings, top)
    indices = decompose(few, lambda points: chosen.run(patients_for(chosen, few, points)), base, seed)
    return rankings, indices
