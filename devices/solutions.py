"""A solution in a reservoir at body temperature: how long it is good, what precipitates, and when to refill."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.layout import MAX_DRUGS
from thecal.devices.chemistry import DrugChemistry, Mixture, load_chemistry, mixtures_file, studied_parts
from thecal.physiology.population import receptor_of

_ORDER = ("compatible", "limited", "unknown", "incompatible")  # from best to worst


class SolutionReport(NamedTuple):
    """What is expected of one fill at 37 °C."""

    drugs: tuple[str, ...]
    ug_per_ml: tuple[float, ...]
    ph: float
    decay_per_d: tuple[float, ...]  # first-order, in this mixture
    soluble_ug_per_ml: tuple[float, ...]  # at this pH
    precipitates: tuple[bool, ...]
    status: str  # compatible, limited, unknown or incompatible
    stable_d: float  # until the first drug is under its potency limit, or nothing is known any more
    warnings: tuple[str, ...]
    sources: tuple[str, ...]

    def left(self, days: float) -> tuple[float, ...]:
        """Share of each drug left after ``days``."""
        return tuple(math.exp(-loss * days) for loss in self.decay_per_d)


class RefillInterval(NamedTuple):
    """When a fill has to be replaced, and why."""

    days: float
    limited_by: Literal["volume", "stability"]
    volume_d: float
    stable_d: float


def _check(drugs: Sequence[str], ug_per_ml: Sequence[float]) -> None:
    if len(drugs) != len(ug_per_ml):
        raise ConfigError(f"{len(drugs)} drugs need {len(drugs)} concentrations, not {len(ug_per_ml)}")
    if not 1 <= len(drugs) <= MAX_DRUGS:
        raise ConfigError(f"a solution holds 1 to {MAX_DRUGS} drugs, not {len(drugs)}")
    if len(set(drugs)) != len(drugs):
        raise ConfigError(f"a drug appears twice in {', '.join(drugs)}")
    for drug, conc in zip(drugs, ug_per_ml, strict=True):
        if not (math.isfinite(conc) and conc > 0.0):
            raise ConfigError(f"concentration of {drug} {conc} µg/mL is not finite and positive")


def _tied_loss(rows: tuple[tuple[float, float], ...], conc: float, alone: float) -> float:
    """Loss beside another drug at ``conc``: interpolated on logarithms, in proportion above, toward ``alone`` below."""
    first, last = rows[0], rows[-1]
    if conc <= first[0]:
        return alone + max(first[1] - alone, 0.0) * conc / first[0]
    if conc >= last[0]:
        return last[1] * conc / last[0]
    logs = np.log(rows)
    return float(np.exp(np.interp(math.log(conc), logs[:, 0], logs[:, 1])))


def _decay(facts: list[DrugChemistry], conc: Sequence[float], studies: list[Mixture], unknown: bool) -> list[float]:
    """First-order loss of every drug, 1/d: the fastest that any study of the mixture says."""
    losses = [fact.decay_alone_per_d(amount) for fact, amount in zip(facts, conc, strict=True)]
    alone = list(losses)
    for study in studies:
        for k, fact in enumerate(facts):
            if fact.name in study.losses:
                others = [
                    c for other, c in zip(facts, conc, strict=True) if other is not fact and other.name in study.drugs
                ]
                losses[k] = max(losses[k], _tied_loss(study.losses[fact.name], max(others), alone[k]))
    if unknown:
        factor = mixtures_file().get_in("untested.factor", "dimensionless", minimum=1.0)
        losses = [max(loss, factor * base) for loss, base in zip(losses, alone, strict=True)]
    return losses


def _mixed_ph(facts: list[DrugChemistry], conc: Sequence[float]) -> float:
    """PH of a mixture: the drugs' own, weighted by concentration (a proposal: buffers are not modeled)."""
    return sum(fact.ph * amount for fact, amount in zip(facts, conc, strict=True)) / sum(conc)


def _warnings(
    facts: list[DrugChemistry],
    conc: Sequence[float],
    ph: float,
    studies: list[Mixture],
    unstudied: list[tuple[str, str]],
) -> list[str]:
    said = []
    for fact, amount in zip(facts, conc, strict=True):
        if amount > fact.max_ug_per_ml:
            said.append(
                f"{fact.name} at {amount / 1e3:g} mg/mL is over the recommended {fact.max_ug_per_ml / 1e3:g} mg/mL"
            )
        if amount > fact.soluble_ug_per_ml(ph):
            said.append(
                f"{fact.name} precipitates: {fact.soluble_ug_per_ml(ph) / 1e3:.3g} mg/mL dissolve at pH {ph:.1f}"
            )
        if fact.precipitation_ph is not None and ph > fact.precipitation_ph:
            said.append(f"{fact.name} may precipitate at pH {ph:.1f} and slow a flow restrictor")
    said += [f"{'+'.join(study.drugs)}: {study.note}" for study in studies if study.note]
    said += [f"{first} with {second}: no study of this mixture at 37 °C is known" for first, second in unstudied]
    names = [fact.name for fact in facts]
    if "ziconotide" in names and any(receptor_of(name) == "mu" for name in names):
        said.append("ziconotide with an opioid: concomitant intrathecal opioids are not recommended by the label")
    return said


def assess(
    drugs: Sequence[str], ug_per_ml: Sequence[float], *, first_fill: bool = False, ph: float | None = None
) -> SolutionReport:
    """What is expected of a fill at 37 °C.

    Args:
        drugs: one to three names.
        ug_per_ml: their concentrations, µg/mL.
        first_fill: whether the pump is new (ziconotide is taken up by its walls and replaced early).
        ph: measured pH; otherwise the drugs' own, weighted by concentration.

    Raises:
        UnknownNameError: the chemistry of a drug is not known.
        ConfigError: a number is not finite and positive, a drug appears twice, or the lengths differ.
    """
    _check(drugs, ug_per_ml)
    facts = [load_chemistry(drug) for drug in drugs]
    studies, unstudied = studied_parts(tuple(drugs))
    acidity = _mixed_ph(facts, ug_per_ml) if ph is None else ph
    if not 0.0 < acidity < 14.0:
        raise ConfigError(f"pH {acidity} is not between 0 and 14")
    losses = _decay(facts, ug_per_ml, studies, bool(unstudied))
    soluble = [fact.soluble_ug_per_ml(acidity) for fact in facts]
    times = [fact.stable_d for fact in facts] + [study.stable_d for study in studies]
    times += [-math.log(fact.potency_limit) / loss for fact, loss in zip(facts, losses, strict=True) if loss > 0.0]
    if first_fill:
        times += [fact.first_fill_d for fact in facts if fact.first_fill_d is not None]
    if unstudied:
        times.append(mixtures_file().get_in("untested.stable_time", "day"))
    found = [study.status for study in studies] + ["unknown"] * bool(unstudied)
    return SolutionReport(
        drugs=tuple(drugs),
        ug_per_ml=tuple(float(conc) for conc in ug_per_ml),
        ph=acidity,
        decay_per_d=tuple(losses),
        soluble_ug_per_ml=tuple(soluble),
        precipitates=tuple(conc > limit for conc, limit in zip(ug_per_ml, soluble, strict=True)),
        status=max(found, key=_ORDER.index, default="compatible"),
        stable_d=min(times),
        warnings=tuple(_warnings(facts, ug_per_ml, acidity, studies, unstudied)),
        sources=tuple(study.source for study in studies),
    )


def refill_interval(report: SolutionReport, *, usable_ml: float, flow_ml_per_d: float) -> RefillInterval:
    """When to refill: whichever comes first of an empty reservoir and a fill that is no longer good.

    Raises:
        ConfigError: volume or flow is not finite and positive.
    """
    for name, value in (("usable volume", usable_ml), ("flow", flow_ml_per_d)):
        if not (math.isfinite(value) and value > 0.0):
            raise ConfigError(f"{name} {value} is not finite and positive")
    volume_d = usable_ml / flow_ml_per_d
    limit: Literal["volume", "stability"] = "volume" if volume_d <= report.stable_d else "stability"
    return RefillInterval(min(volume_d, report.stable_d), limit, volume_d, report.stable_d)


def kernel_chemistry(report: SolutionReport) -> dict[str, NDArray[np.float64]]:
    """The PUMP_PAR fields that describe the solution, each ``[MAX_DRUGS]``: 1/h, µg/mL, µg, 1/h, µg, share."""
    fields: dict[str, Any] = {
        "decay_per_h": np.zeros(MAX_DRUGS),
        "soluble_ug_per_ml": np.full(MAX_DRUGS, np.inf),
        "wall_ug": np.zeros(MAX_DRUGS),
        "wall_per_h": np.zeros(MAX_DRUGS),
        "catheter_wall_ug": np.zeros(MAX_DRUGS),
        "catheter_share": np.zeros(MAX_DRUGS),
    }
    for k, drug in enumerate(report.drugs):
        fact = load_chemistry(drug)
        fields["decay_per_h"][k] = report.decay_per_d[k] / 24.0
        fields["soluble_ug_per_ml"][k] = report.soluble_ug_per_ml[k]
        fields["wall_ug"][k] = fact.reservoir_wall_ug
        fields["wall_per_h"][k] = 1.0 / fact.wall_time_h
        fields["catheter_wall_ug"][k] = fact.catheter_wall_ug
        fields["catheter_share"][k] = fact.catheter_share
    return fields
