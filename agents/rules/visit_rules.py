"""What a titration visit orders from its notes, by the drug in the pump: opioids, ziconotide, baclofen for spasticity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from thecal.agents.settings import PolicySettings, number
from thecal.agents.view import Fields, Floats
from thecal.envs.signs import sign_limits

_UG_PER_MG = 1000.0


class Notes(NamedTuple):
    """What was heard since the last visit, each ``[n]``; NaN where nothing was.

    Attributes:
        response: mean of the reports of pain (NRS) or of spasms (0-4).
        baseline: first report of all.
        nausea, confusion, weakness: means over time.
        dose_mg_per_d: of the first drug, running now.
    """

    response: Floats
    baseline: Floats
    nausea: Floats
    confusion: Floats
    weakness: Floats
    dose_mg_per_d: Floats


class GuidelineSettings(PolicySettings):
    """Numbers of the visit rule; ``data/guideline.toml`` and ``envs.signs`` give value, source and confidence of each."""

    visit_monitored: float = number("hour", gt=0)
    visit_outpatient: float = number("hour", gt=0)
    raise_small: float = number("dimensionless", ge=0, le=1)
    raise_large: float = number("dimensionless", ge=0, le=1)
    lower_nausea: float = number("dimensionless", ge=0, le=1)
    lower_signs: float = number("dimensionless", ge=0, le=1)
    target_nrs: float = number("nrs", ge=0, le=10)
    meaningful_relief: float = number("dimensionless", ge=0, le=1)
    poss_limit: float = number("dimensionless", ge=1, le=4)
    rr_limit: float = number("breath/minute", gt=0)
    spo2_limit: float = number("percent", gt=0, le=100)
    confirm: float = number("dimensionless", ge=1)
    nausea_limit: float = number("dimensionless", ge=0, le=10)
    cut_interval: float = number("hour", ge=0)
    order_stands: float = number("hour", ge=0)

    @classmethod
    def shared(cls) -> dict[str, float]:
        """What counts as a sign."""
        return sign_limits()._asdict()


class ZiconotideSettings(GuidelineSettings):
    """Numbers of the visit rule of ziconotide (``data/guideline_ziconotide.toml``)."""

    step: float = number("ug/day", gt=0)
    confusion_limit: float = number("dimensionless", ge=0, le=4)
    lower_confusion: float = number("dimensionless", ge=0, le=1)


class BaclofenSettings(GuidelineSettings):
    """Numbers of the visit rule of baclofen in spasticity (``data/guideline_baclofen.toml``)."""

    target_spasms: float = number("dimensionless", ge=0, le=4)
    weakness_limit: float = number("dimensionless", ge=0, le=4)
    lower_weakness: float = number("dimensionless", ge=0, le=1)


def _steps(notes: Notes, rule: GuidelineSettings, target: float) -> Floats:
    """The large step above the target while relief is not meaningful, the small one after that, else none."""
    relief = 1.0 - notes.response / np.maximum(notes.baseline, 1.0)
    step = np.where(relief < rule.meaningful_relief, rule.raise_large, rule.raise_small)
    return np.where(notes.response > target, step, 0.0)


def opioid_visit(notes: Notes, rule: GuidelineSettings) -> Floats:
    """Relative change ``[n]``: a step above the target, and less for nausea."""
    change = _steps(notes, rule, rule.target_nrs)
    return np.where(notes.nausea >= rule.nausea_limit, -rule.lower_nausea, change)


def ziconotide_visit(notes: Notes, rule: ZiconotideSettings) -> Floats:
    """Relative change ``[n]``: one absolute step above the target, less for nausea, most for a cognitive effect."""
    dose_ug = _UG_PER_MG * notes.dose_mg_per_d
    share = np.divide(rule.step, dose_ug, out=np.zeros_like(dose_ug), where=dose_ug > 0.0)
    change = np.where(notes.response > rule.target_nrs, share, 0.0)
    change = np.where(notes.nausea >= rule.nausea_limit, -rule.lower_nausea, change)
    return np.where(notes.confusion >= rule.confusion_limit, -rule.lower_confusion, change)


def baclofen_visit(notes: Notes, rule: BaclofenSettings) -> Floats:
    """Relative change ``[n]``: a step above the target of spasms, less for nausea, and less for weakness."""
    change = _steps(notes, rule, rule.target_spasms)
    change = np.where(notes.nausea >= rule.nausea_limit, -rule.lower_nausea, change)
    return np.where(notes.weakness >= rule.weakness_limit, -rule.lower_weakness, change)


@dataclass(frozen=True)
class VisitRule:
    """One drug's titration.

    Attributes:
        file: of its numbers, in ``data``.
        settings: their class.
        reads: observation fields beyond those of every rule.
        spasms: whether spasms are what is treated, not pain.
    """

    file: str
    settings: type[GuidelineSettings]
    reads: tuple[str, ...] = ()
    spasms: bool = False

    def change(self, notes: Notes, rule: GuidelineSettings) -> Floats:
        """Relative change ``[n]`` that a visit orders; 0 where nothing was heard."""
        if isinstance(rule, ZiconotideSettings):
            return ziconotide_visit(notes, rule)
        if isinstance(rule, BaclofenSettings):
            return baclofen_visit(notes, rule)
        return opioid_visit(notes, rule)

    def response(self, fields: Fields) -> Floats:
        """What the patient says of what is treated, ``[n]``; NaN while nothing has been said for long."""
        # Reports are whole points; rounding undoes the scaling, so that a mean of exactly the target is at the target.
        report: Floats = np.round(fields["nrs_report"], 3)
        return np.where(np.isfinite(report), np.round(fields["spasms"], 3), np.nan) if self.spasms else report


OPIOID = VisitRule("guideline", GuidelineSettings)
ZICONOTIDE = VisitRule("guideline_ziconotide", ZiconotideSettings, ("confusion", "dose_mg_per_d"))
BACLOFEN = VisitRule("guideline_baclofen", BaclofenSettings, ("spasms", "weakness"), spasms=True)


def visit_rule(drug: str, goal: str) -> VisitRule:
    """The titration of a task by its first drug and its goal; that of opioids for every other drug."""
    if goal == "spasticity":
        return BACLOFEN
    return ZICONOTIDE if drug == "ziconotide" else OPIOID
