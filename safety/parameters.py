"""From a limit profile, an admixture and a pump to the shield's integers for one patient; rounding only tightens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from thecal.core.errors import ConfigError, ProfileError
from thecal.core.layout import MAX_DRUGS, TICKS_PER_DAY
from thecal.safety.invariants import ShieldMode
from thecal.safety.profile_schema import INDICATIONS, SETTINGS
from thecal.safety.profiles import LimitProfile
from thecal.safety.records import ADVISE, AUTO, CONFIRM_STAGE, LOWER, SHIELD_PAR, WINDOW

PG_PER_UG = 1_000_000
NL_PER_ML = 1_000_000
TICKS_PER_H = 4
DECISION_SHARES = ("step_permille", "rise_permille", "keep_permille", "bolus_permille")
STAGES = {"advise": ADVISE, "confirm": CONFIRM_STAGE, "lower": LOWER, "auto": AUTO}


def shield_parameters(
    profile: LimitProfile,
    *,
    drugs: Sequence[str],
    conc_ug_per_ml: Sequence[float],
    setting: str,
    min_rate_nl: int,
    max_rate_nl: int,
    rate_step_nl: int,
    bolus_step_nl: int,
    dead_ml: float = 0.0,
    stable_h: float = 8766.0,
    sedated: bool = False,
    indication: str = "",
    stage: str = "auto",
    mode: ShieldMode | str | int = ShieldMode.PROJECT,
) -> Any:
    """The shield's integers for one patient.

    Args:
        profile: limits.
        drugs, conc_ug_per_ml: the admixture and its label concentrations.
        setting: ``"cancer"`` (monitored) or ``"noncancer"`` (outpatient).
        min_rate_nl, max_rate_nl, rate_step_nl, bolus_step_nl: the pump's envelope and grid.
        dead_ml: volume between reservoir and tip.
        stable_h: time the solution is known to keep at body temperature, h.
        sedated: whether the patient takes a systemic depressant beside an opioid.
        indication: where the spasticity that is treated comes from, ``"spinal"`` or ``"cerebral"``; ``""`` for any other.
        stage: what an agent may do: ``"advise"``, ``"confirm"``, ``"lower"`` or ``"auto"``.
        mode: how requests beyond a limit are treated.

    Returns:
        A SHIELD_PAR record. Caps are rounded down and concentrations up, so that rounding only tightens.

    Raises:
        ConfigError: unknown setting or stage, concentrations that do not match the drugs, too many drugs or one twice.
        ProfileError: a concentration is above its limit (invariant 8), or the admixture is not listed (9).
        UnknownNameError: a drug has no limits in the profile.
    """
    if setting not in SETTINGS:
        raise ConfigError(f"setting {setting!r} is not one of {', '.join(SETTINGS)}")
    if indication not in ("", *INDICATIONS):
        raise ConfigError(f"indication {indication!r} is not one of {', '.join(INDICATIONS)}, and not empty")
    if stage not in STAGES:
        raise ConfigError(f"stage {stage!r} is not one of {', '.join(STAGES)}")
    if len(drugs) != len(conc_ug_per_ml) or not drugs:
        raise ConfigError(f"{len(conc_ug_per_ml)} concentrations were given for {len(drugs)} drugs")
    if len(drugs) > MAX_DRUGS or len(set(drugs)) != len(drugs):
        raise ConfigError(f"a reservoir holds up to {MAX_DRUGS} different drugs, not {', '.join(drugs)}")
    par: Any = np.zeros(1, SHIELD_PAR)[0]
    envelope = {
        "min_rate": min_rate_nl,
        "max_rate": max_rate_nl,
        "rate_step": rate_step_nl,
        "bolus_step": bolus_step_nl,
    }
    shares = decision_shares(profile, setting, drugs, indication)
    for name, value in {**envelope, **_general(profile), **shares, "mode": ShieldMode.of(mode)}.items():
        par[name] = value
    par["stage"] = STAGES[stage]
    par["transit_nl"] = math.ceil(profile.limit("titration.transits") * dead_ml * NL_PER_ML - 1e-6)
    par["shelf"] = math.floor(stable_h * TICKS_PER_H + 1e-9)
    par["interval"] = max(
        _ticks(profile.limit(f"{setting}.interval")), *(_ticks(profile.option(d, "interval")) for d in drugs)
    )
    par["escalation_permille"] = _permille(profile.share(setting, "escalation", drugs, indication))
    _drug_limits(par, profile, drugs, conc_ug_per_ml, _cap_factor(profile, drugs, sedated))
    profile.require_mixture(drugs)
    return par


def decision_shares(profile: LimitProfile, setting: str, drugs: Sequence[str], indication: str) -> dict[str, int]:
    """The shares of a decision that the solver takes as numbers, per mille: of an admixture the strictest that applies."""
    return {
        "step_permille": _permille(profile.share(setting, "step", drugs, indication)),
        "rise_permille": _permille(profile.share(setting, "rise_28d", drugs, indication)),
        "keep_permille": 1000 - _permille(profile.daily_fall(drugs)),
        "bolus_permille": _permille(profile.limit("bolus.share")),
    }


def every_decision(profile: LimitProfile) -> dict[str, dict[str, int]]:
    """Every combination of these shares that a patient can get, by what it is called: each proved by itself.

    A patient has a setting, one drug or a listed admixture, and an indication or none.
    """
    solutions = [(drug,) for drug in profile.drugs] + [tuple(name.split("+")) for name in sorted(profile.mixtures)]
    found = {}
    for setting in SETTINGS:
        for drugs in solutions:
            for indication in ("", *INDICATIONS):
                shares = decision_shares(profile, setting, drugs, indication)
                step, rise, keep, bolus = (shares[name] for name in DECISION_SHARES)
                found[f"step {step}, rise {rise}, keep {keep}, bolus {bolus} per mille"] = shares
    return dict(sorted(found.items()))


def _cap_factor(profile: LimitProfile, drugs: Sequence[str], sedated: bool) -> float:
    """What the caps shrink to when an opioid meets a depressant, in the reservoir or in the patient (invariant 10)."""
    opioid = any(profile.option(drug, "equivalence") > 0.0 for drug in drugs)
    depressant = sedated or any(profile.option(drug, "sedative") > 0.0 for drug in drugs)
    return profile.limit("sedatives.factor") if opioid and depressant else 1.0


def _drug_limits(
    par: Any, profile: LimitProfile, drugs: Sequence[str], conc_ug_per_ml: Sequence[float], factor: float
) -> None:
    par["n_drugs"] = par["n_caps"] = len(drugs)
    bolus_nl, steps, equivalents = [], [], []
    for d, (drug, conc) in enumerate(zip(drugs, conc_ug_per_ml, strict=True)):
        highest = profile.max_concentration(drug)
        if not 0.0 < conc <= highest:
            raise ProfileError(f"{profile.name}: {drug} at {conc} ug/mL is not within its limit of {highest} ug/mL")
        whole = math.ceil(conc)
        par["conc"][d] = whole
        par["cap_pg"][d] = int(profile.cap_ug(drug) * factor * PG_PER_UG)
        bolus_nl.append(int(profile.largest_bolus_ug(drug) * PG_PER_UG) // whole)
        steps.append(int(profile.option(drug, "step_abs") * PG_PER_UG) // (whole * TICKS_PER_DAY))
        par["quick_interval"] = max(int(par["quick_interval"]), _ticks(profile.option(drug, "interval")))
        equivalents.append(conc * profile.option(drug, "equivalence"))
    if sum(value > 0.0 for value in equivalents) > 1:
        par["n_caps"] = len(drugs) + 1
        par["conc"][len(drugs)] = math.ceil(sum(equivalents))
        par["cap_pg"][len(drugs)] = int(profile.limit("opioids.cap") * factor * PG_PER_UG)
    for d in range(int(par["n_caps"])):
        if int(par["conc"][d]) * int(par["min_rate"]) * WINDOW > int(par["cap_pg"][d]):
            what = drugs[d] if d < len(drugs) else "the opioids together"
            raise ProfileError(f"{profile.name}: {what} would exceed the cap at the pump's lowest rate")
    par["bolus_abs"], par["step_abs"] = min(bolus_nl), min(steps)
    par["bolus_eligible"] = int(all(profile.option(drug, "patient_bolus") > 0.0 for drug in drugs))
    par["vasoactive"] = int(any(profile.option(drug, "vasoactive") > 0.0 for drug in drugs))


def _ticks(hours: float) -> int:
    return math.ceil(hours * TICKS_PER_H - 1e-9)


def _permille(share: float) -> int:
    return math.floor(1000.0 * share + 1e-9)


def _tenths(value: float) -> int:
    return math.ceil(10.0 * value - 1e-9)


def _general(profile: LimitProfile) -> dict[str, int]:
    limit = profile.limit
    return {
        "exposed_after": _ticks(limit("withdrawal.exposed_after")),
        "lockout": _ticks(limit("bolus.lockout")),
        "bolus_most": min(TICKS_PER_DAY, math.floor(limit("bolus.count"))),
        "rr_warn": _tenths(limit("breathing.rate_warn")),
        "rr_lock": _tenths(limit("breathing.rate_lock")),
        "spo2_warn": _tenths(limit("breathing.saturation_warn")),
        "spo2_lock": _tenths(limit("breathing.saturation_lock")),
        "co2_warn": math.floor(10.0 * limit("breathing.co2_warn") + 1e-9),
        "co2_lock": math.floor(10.0 * limit("breathing.co2_lock") + 1e-9),
        "poss_hold": math.ceil(limit("sedation.hold")),
        "poss_lock": math.ceil(limit("sedation.lock")),
        "stale": math.floor(limit("breathing.stale") / 60.0 * TICKS_PER_H + 1e-9),
        "flat": math.floor(limit("breathing.flat") / 60.0 * TICKS_PER_H + 1e-9),
        "flat_other": math.floor(limit("breathing.flat_other") / 60.0 * TICKS_PER_H + 1e-9),
        "recut": _ticks(limit("breathing.recut")),
        "quick_permille": _permille(profile.monitored("step")),
        "quick_interval": _ticks(profile.monitored("interval")),
        "quick_day_permille": _permille(profile.monitored("day")),
        "quick_fresh": math.floor(profile.monitored("fresh") / 60.0 * TICKS_PER_H + 1e-9),
        "quick_quiet": _ticks(profile.monitored("quiet")),
        "quick_settle": _ticks(profile.monitored("settle")),
        "quick_poss": math.floor(profile.monitored("sedation")),
        "quick_near_permille": _permille(profile.monitored("near")),
        "rr_jump": math.floor(10.0 * limit("breathing.rate_jump") + 1e-9),
        "spo2_jump": math.floor(10.0 * limit("breathing.saturation_jump") + 1e-9),
        "co2_jump": math.floor(10.0 * limit("breathing.co2_jump") + 1e-9),
        "watch": _ticks(limit("breathing.watch")),
        "lock_permille": _permille(limit("breathing.reduce_to")),
        "sbp_low": _tenths(limit("circulation.systolic")),
        "map_low": _tenths(limit("circulation.mean")),
        "hr_low": _tenths(limit("circulation.heart_rate")),
        "sbp_keep_permille": 1000 - _permille(limit("circulation.fall")),
        "neuro_hold": math.ceil(limit("neurology.hold")),
        "reserve_nl": math.ceil(limit("reservoir.reserve") * NL_PER_ML - 1e-6),
        "refill_hold": _ticks(limit("refill.hold")),
        "pocket_watch": _ticks(limit("refill.pocket_watch")),
        "balance_permille": _permille(limit("refill.balance")),
        "gap_most": math.floor(limit("restart.gap") * TICKS_PER_H + 1e-9),
        "restart_permille": _permille(limit("restart.share")),
        "errors_most": math.floor(limit("automation.errors")),
        "lease": math.floor(limit("automation.lease") * TICKS_PER_H + 1e-9),
        "skew_s": math.floor(limit("automation.clock")),
    }
