"""Puts patients together with their pump, program, shield and task: what a restart copies, drawn once for each patient."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.layout import MAX_DRUGS, NL_PER_ML, PG_PER_UG, TICK_H, TICKS_PER_DAY
from thecal.core.rng import STREAM_DEVICE, normals
from thecal.devices.fault_presets import fault_parameters
from thecal.devices.monitor_records import monitor_parameters
from thecal.devices.orders import order_concentration
from thecal.devices.pump import new_pump_state
from thecal.devices.pump_draws import sample_battery, sample_flow_bias
from thecal.devices.solutions import assess, kernel_chemistry
from thecal.devices.specs import pump_parameters
from thecal.envs.clinician import clinician_parameters, kind_of
from thecal.envs.kernel.recall import MEMORY_FIELDS
from thecal.envs.kernel.records import TASK_PAR, WORLD_PAR
from thecal.envs.kernel.rewards import COST_NAMES, TERM_NAMES
from thecal.envs.kernel.start import prepare_rows
from thecal.envs.kernel.well import GOALS, goal_nrs
from thecal.envs.scenario import Resolved
from thecal.envs.signs import sign_limits
from thecal.envs.starts import highest_starts, seed_ledger, start_doses, sustained_rate
from thecal.physiology.cohort import Cohort, draw
from thecal.physiology.life_presets import life_parameters
from thecal.safety.orders import Fill, prime_faults, refill_faults
from thecal.safety.parameters import shield_parameters
from thecal.safety.profile_schema import INDICATIONS
from thecal.safety.shield import new_shield_state

# By diagnosis, which a cohort holds by name.
_INDICATIONS = {f"spasticity_{name}": name for name in INDICATIONS}


class Assembled(NamedTuple):
    """One patient ready to begin.

    Attributes:
        par, pump, shield: WORLD_PAR row, filled pump, empty ledger.
        sedated: whether a depressant is taken.
        indication: where treated spasticity comes from, ``"spinal"``, ``"cerebral"`` or ``""``.
        lowered_from: the starting dose by the task's rule, µg/d, where the limits lowered it; 0 where they did not.
    """

    par: np.void
    pump: np.void
    shield: np.void
    sedated: bool
    indication: str
    lowered_from: float


class Chart(NamedTuple):
    """What of a patient's chart decides limits and solution."""

    sedated: bool
    indication: str
    lowered: bool


def assemble(scene: Resolved, patients: NDArray[np.int64]) -> list[Assembled]:
    """Draw patients of the scenario's split and put everything about them together.

    Raises:
        ConfigError: a patient's start does not fit the pump or the limits, or the index lies outside the cohort.
    """
    where = scene.scenario
    cohort = draw(scene.cohort, scene.drugs, patients, where.split, where.cohort_seed, structure=scene.structure)
    par = np.zeros(len(cohort.par), WORLD_PAR)
    par["patient"] = cohort.par
    _apply_difficulty(par["patient"], scene.factors)
    sedated = _sedated(cohort)
    content = np.zeros((len(par), MAX_DRUGS))
    wanted, highest = start_doses(scene, cohort), highest_starts(scene, cohort)
    doses = np.minimum(wanted, highest)
    indications = _indications(cohort)
    for i, dose in enumerate(doses.tolist()):
        who = Chart(bool(sedated[i]), indications[i], dose < wanted[i])
        content[i] = _assemble_row(scene, par[i], dose, who)
    prepare_rows(par)
    rates = par["task"]["start_rate_nl"]
    clock = scene.task.start_clock_h
    pumps = new_pump_state(par["pump"], content, scene.pump.capacity_ml, rate_nl=rates, start_clock_h=clock)
    shields = [new_shield_state(row, int(rate)) for row, rate in zip(par["shield"], rates, strict=True)]
    if scene.task.start.inherited:
        for state, row in zip(shields, par["shield"], strict=True):
            seed_ledger(state, row)
    lowered = np.where(doses < wanted, wanted, 0.0)
    return [
        Assembled(*one)
        for one in zip(par, pumps, shields, sedated.tolist(), indications, lowered.tolist(), strict=True)
    ]


def _sedated(cohort: Cohort) -> NDArray[np.bool_]:
    """Which patients take a systemic depressant that the cohort knows of."""
    return (cohort.covariates["benzodiazepine"] > 0) | (cohort.covariates["gabapentinoid"] > 0)


def _indications(cohort: Cohort) -> list[str]:
    """Where the spasticity of each patient comes from; "" where spasticity is not what led to the pump."""
    return [_INDICATIONS.get(name, "") for name in np.asarray(cohort.covariates["diagnosis"]).tolist()]


def _apply_difficulty(par: NDArray[np.void], factors: dict[str, float]) -> None:
    for name, scale in factors.items():
        for part in (par, par["drug"], par["channel"]):
            if name in (part.dtype.names or ()):
                part[name] *= scale
                break


def _options(scene: Resolved, dose_ug_per_d: float, lowered: bool) -> list[float]:
    """What the pharmacy offers, µg/mL; for a start that the limits lowered also a dilution that the pump can give it in."""
    options = [1000.0 * option for option in scene.task.solution.options_mg_per_ml]
    dilution = dose_ug_per_d / scene.pump.start_flow_ml_per_d
    return [dilution, *options] if lowered and dilution < min(options) else options


def _assemble_row(scene: Resolved, row: Any, dose_ug_per_d: float, chart: Chart) -> NDArray[np.float64]:
    task, limits, pump = scene.task, scene.profile, scene.pump
    solution = task.solution
    ratios = (1.0, *solution.ratios)
    conc = order_concentration(
        dose_ug_per_d,
        _options(scene, dose_ug_per_d, chart.lowered),
        pump,
        max_interval_d=solution.max_interval_d,
        max_ug_per_ml=min(limits.max_concentration(d) / ratio for d, ratio in zip(task.drugs, ratios, strict=True)),
    )
    mixture = [conc * ratio for ratio in ratios]
    report = assess(task.drugs, mixture)
    rate_nl = int(dose_ug_per_d / conc * NL_PER_ML / TICKS_PER_DAY)
    who = row["patient"]
    draws = normals(int(who["seed"]), int(who["patient"]), STREAM_DEVICE, 0)
    row["pump"] = pump_parameters(
        pump,
        flow_bias=sample_flow_bias(pump, draws[0]),
        battery_factor=sample_battery(pump, draws[1]),
        chemistry=kernel_chemistry(report),
    )[0]
    good_h = 24.0 * min(solution.max_interval_d, report.stable_d)
    row["shield"] = _shield(scene, row, mixture, 24.0 * report.stable_d, chart)
    for k, others in enumerate(solution.mixtures):
        chosen = [conc, *(conc * ratio for ratio in others)]
        row["mixture"]["shield"][k] = _shield(scene, row, chosen, 24.0 * report.stable_d, chart)
        row["mixture"]["ordered"][k, : len(chosen)] = chosen
    _check_first_fill(scene, row, mixture)
    start_nl = min(max(rate_nl, pump.min_rate_nl), pump.max_rate_nl)
    if task.start.inherited:
        start_nl = sustained_rate(row["shield"], start_nl)
    _fill_task(
        row["task"], scene, start_nl, float(row["shield"]["cap_pg"][0]) / PG_PER_UG, good_h, float(who["pain_base"])
    )
    slot = len(task.drugs) if len(scene.drugs) > len(task.drugs) else -1
    row["fault"] = fault_parameters(scene.faults, drugs=task.drugs, patient=int(who["patient"]), wrong_slot=slot)
    row["monitor"] = monitor_parameters()[0]
    who["life"] = life_parameters(scene.life)
    if scene.faults is not None and scene.faults.hazards:
        who["infection_per_h"] = 0.0  # the preset's own hazard stands for it
    content = np.zeros(MAX_DRUGS)
    content[: len(mixture)] = mixture
    row["ordered_conc"] = content
    row["most_conc"][: len(mixture)] = [limits.max_concentration(drug) for drug in task.drugs]
    return content


def _shield(scene: Resolved, row: Any, mixture: list[float], stable_h: float, chart: Chart) -> Any:
    """The shield's integers for one mixture in this patient's pump."""
    found = shield_parameters(
        scene.profile,
        drugs=scene.task.drugs,
        conc_ug_per_ml=mixture,
        setting=scene.task.setting,
        min_rate_nl=int(row["pump"]["min_rate_nl"]),
        max_rate_nl=int(row["pump"]["max_rate_nl"]),
        rate_step_nl=int(row["pump"]["rate_step_nl"]),
        bolus_step_nl=int(row["pump"]["bolus_step_nl"]),
        dead_ml=float(row["pump"]["dead_ml"]),
        stable_h=stable_h,
        sedated=chart.sedated,
        indication=chart.indication,
        stage=scene.scenario.stage,
        mode=scene.mode,
    )
    if scene.pump.kind == "constant":
        found["bolus_abs"] = 0  # a pump that takes no command gives no bolus either
    return found


def _check_first_fill(scene: Resolved, row: Any, mixture: list[float]) -> None:
    """The first fill and the prime of a new, empty catheter pass the checks that every later order passes."""
    drugs = dict(zip(scene.task.drugs, mixture, strict=True))
    order = Fill(
        patient=str(int(row["patient"]["patient"])),
        lot="first",
        expires_d=scene.task.solution.max_interval_d,
        drugs=drugs,
    )
    dead = float(row["pump"]["dead_ml"])
    words = [
        *refill_faults(scene.profile, order, order, drugs, 0.0),
        *prime_faults(dead, dead, catheter_empty=True, primed_before=False),
    ]
    if words:
        raise ConfigError(f"{scene.task.name}: the first fill is refused: {'; '.join(words)}")


def _fill_task(row: Any, scene: Resolved, start_rate_nl: int, cap_ug: float, good_h: float, pain_base: float) -> None:
    task, action = scene.task, scene.task.action
    ticks_per_h = 1.0 / TICK_H
    values = {
        "ticks_per_step": task.ticks_per_step,
        "n_steps": task.n_steps,
        "max_up": action.max_up or 0.0,
        "max_down": action.max_down or 0.0,
        "deadband": action.deadband,
        "log_low": math.log(action.target_low or 1.0),
        "log_high": math.log(action.target_high or 1.0),
        "lockout_low": math.ceil((action.lockout_low_h or 0.0) * ticks_per_h),
        "lockout_high": math.ceil((action.lockout_high_h or 0.0) * ticks_per_h),
        "patient_bolus": int(action.bolus_trigger == "patient"),
        "start_rate_nl": start_rate_nl,
        "start_clock_h": task.start_clock_h,
        "clinic_clock_h": task.clinic_clock_h,
        "call_delay": math.ceil(scene.call_delay_h * ticks_per_h),
        "harm_call": math.ceil((task.visits.harm_call_h or 0.0) * ticks_per_h),
        "rescue_delay": math.ceil(scene.rescue_delay_h * ticks_per_h),
        "n_mixtures": len(task.solution.mixtures),
        "refill_ml": task.solution.refill_ml,
        "refill_h": good_h,
        "cap_ug": cap_ug,
        "goal": GOALS.index(task.goal),
        "goal_nrs": goal_nrs(pain_base, task.goal_relief),
        "remembers": int(not set(MEMORY_FIELDS).isdisjoint(scene.lens.names)),
        "signs": sign_limits(),
    }
    row["clinician"] = clinician_parameters()[0]
    row["clinician"]["kind"] = kind_of(scene.scenario.clinician)
    assert {*values, "action", "clinician", "weight", "charge_limit", "charged"} == set(TASK_PAR.names or ())
    for name, value in values.items():
        row[name] = value
    for name in row["action"].dtype.names:
        row["action"][name] = action.fields.index(name) if name in action.fields else -1
    for name in TERM_NAMES:
        row["weight"][name] = task.weights.get(name, 0.0)
        row["charge_limit"][name] = task.charge_limits.get(name, math.inf)
    for name in COST_NAMES:
        row["charged"][name] = float(name in task.costs)
