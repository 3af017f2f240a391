"""The batch every environment is made of: patients drawn from a pool, their worlds, and one call that steps them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.jit import entry_point
from thecal.core.layout import AXIAL, COMPARTMENT, MAX_DRUGS, NL_PER_ML, PG_PER_UG, TICKS_PER_DAY
from thecal.core.rng import STREAM_DEVICE, normals
from thecal.devices.fault_presets import FaultSpec, fault_parameters, load_faults, new_fault_state
from thecal.devices.monitor_records import monitor_parameters
from thecal.devices.orders import order_concentration
from thecal.devices.pump import new_pump_state
from thecal.devices.solutions import assess, kernel_chemistry
from thecal.devices.specs import load_pump, pump_parameters, sample_battery, sample_flow_bias
from thecal.envs.kernel.observation import N_OBS, write_observation
from thecal.envs.kernel.records import TASK_PAR, TICK_OUT, WORLD, WORLD_PAR
from thecal.envs.kernel.step import SOURCE_KEY, advance_parallel, advance_serial
from thecal.envs.tasks import TaskSpec, load_task
from thecal.physiology.cohort import Cohort, draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.patient import prepare_patient, start_patient
from thecal.safety.certificate import require_proof
from thecal.safety.invariants import ShieldMode
from thecal.safety.parameters import shield_parameters
from thecal.safety.profiles import load_profile
from thecal.safety.records import TRAIL_ROW
from thecal.safety.shield import new_shield_state

SPLITS = ("train", "tune", "test")
FaultsLike = str | Path | Mapping[str, Any] | FaultSpec | None
PARALLEL_FROM = 64


class Batch:
    """``n`` environments of one task, advanced together.

    Args:
        task: name, id, path or :class:`TaskSpec`.
        n: number of environments.
        split: which disjoint set of patients to draw from.
        difficulty: an entry of the task's ``difficulty`` table.
        shield_mode: see :class:`thecal.safety.shield.ShieldMode`.
        profile: limit profile by name or path; the task's own when ``None``.
        cohort_seed: seed of the cohort; the same seed and patient always give the same parameters.
        faults: what may go wrong: ``"none"``, a preset of hazards (``"reference"``, ``"stress"``), a ``.toml`` file or a
            mapping of :class:`thecal.devices.fault_presets.FaultSpec`; the task's own when ``None``.
        pump: model of pump by name or path; the task's own when ``None``.
        allow_unproved: run a limit profile whose proof is missing; ``proved`` is then false and marks every result.
        stage: what the agent may do, see :func:`thecal.safety.parameters.shield_parameters`.
        trail: keep the rows of the audit trail of the last step in ``trail``.

    Raises:
        ConfigError: an argument is not valid (a subclass names unknown tasks, drugs, pumps, cohorts and profiles).
    """

    def __init__(
        self,
        task: str | TaskSpec,
        n: int,
        *,
        split: str = "train",
        difficulty: str = "real",
        shield_mode: str | ShieldMode = ShieldMode.PROJECT,
        profile: str | None = None,
        cohort_seed: int = 0,
        faults: FaultsLike = None,
        pump: str | None = None,
        stage: str = "auto",
        trail: bool = False,
        allow_unproved: bool = False,
    ) -> None:
        self.spec = load_task(task)
        if n < 1:
            raise ConfigError(f"a batch needs at least one environment, not {n}")
        if split not in SPLITS:
            raise ConfigError(f"split {split!r} is not one of {', '.join(SPLITS)}")
        if difficulty not in self.spec.difficulty:
            raise ConfigError(f"difficulty {difficulty!r} is not one of {', '.join(self.spec.difficulty)}")
        self.n = n
        self.split = split
        self.difficulty = difficulty
        self.shield_mode = _mode(shield_mode)
        self.profile = load_profile(profile or self.spec.profile)
        self.proved = require_proof(self.profile, allow_unproved=allow_unproved)
        self.cohort_spec = load_cohort_spec(self.spec.cohort)
        self.cohort_seed = cohort_seed
        self.pump = load_pump(pump or self.spec.pump)
        self.faults = load_faults(self.spec.faults if faults is None else faults)
        self.drugs = _drugs_in_play(self.spec.drugs, self.faults)
        self.world = np.zeros(n, WORLD)
        self.par = np.zeros(n, WORLD_PAR)
        self.out = np.zeros(n, TICK_OUT)
        # Assigning a structured zero costs more than the simulation; bytes are cleared at memory speed.
        self._out_bytes = self.out.view(np.uint8)
        self.observations = np.zeros((n, N_OBS), np.float32)
        self.patients = np.zeros(n, np.int64)
        self._all = np.ones(n, np.bool_)
        self.trail = np.zeros((n, self.spec.ticks_per_step if trail else 0), TRAIL_ROW)
        self.stage = stage
        self.sedated: dict[int, bool] = {}
        self._sound = new_fault_state()
        self._monitors = monitor_parameters()[0]
        self._known: dict[int, tuple[np.void, np.void, np.void]] = {}

    def restart(self, where: NDArray[np.int64], patients: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Begin new episodes in the environments ``where`` with the given patients (indices in the split) and seeds."""
        new = [int(i) for i in np.unique(patients) if int(i) not in self._known]
        if new:
            self._draw(np.array(new, np.int64))
        self.world[where] = np.zeros((), WORLD)
        for row, patient, seed in zip(where.tolist(), patients.tolist(), seeds.tolist(), strict=True):
            self.par[row], self.world["pump"][row], self.world["shield"][row] = self._known[patient]
            self.par["patient"]["seed"][row] = seed
            self.par["fault"]["seed"][row] = seed
            self.world["fault"][row] = self._sound
        self.patients[where] = patients
        self.out[where] = np.zeros((), TICK_OUT)
        start_rows(self.world, self.par, self.observations, where)

    def preload(self, patients: Sequence[int] | NDArray[np.int64]) -> None:
        """Draw patients ahead of time so that later restarts only copy."""
        self._draw(np.array([int(i) for i in patients if int(i) not in self._known], np.int64))

    def advance(self, actions: NDArray[np.float64], active: NDArray[np.bool_] | None = None) -> None:
        """Step the environments whose ``active`` flag is set; results are in ``out`` and ``observations``."""
        self._out_bytes.fill(0)
        if self.trail.size:
            self.trail["tick"] = -1  # rows of environments that are not stepped
        run = advance_parallel if self.n >= PARALLEL_FROM else advance_serial
        run(
            self.world,
            self.par,
            actions,
            self.out,
            self.observations,
            self._all if active is None else active,
            self.trail,
        )

    def snapshot(self) -> tuple[NDArray[np.void], NDArray[np.void]]:
        """Copies of every world and its parameters; :meth:`restore` continues from them."""
        return self.world.copy(), self.par.copy()

    def restore(self, snapshot: tuple[NDArray[np.void], NDArray[np.void]]) -> None:
        """Return to a snapshot of this batch."""
        self.world[...], self.par[...] = snapshot
        observe_rows(self.world, self.par, self.observations)

    def _draw(self, patients: NDArray[np.int64]) -> None:
        if patients.size == 0:
            return
        structure = int(self.spec.difficulty[self.difficulty].get("structure", AXIAL))
        if structure not in (AXIAL, COMPARTMENT):
            raise ConfigError(
                f"{self.spec.name}: difficulty: structure {structure} is neither {AXIAL} nor {COMPARTMENT}"
            )
        cohort = draw(self.cohort_spec, self.drugs, patients, self.split, self.cohort_seed, structure=structure)
        self._known.update(zip(patients.tolist(), self._assemble(cohort), strict=True))
        self.sedated.update(zip(patients.tolist(), _sedated(cohort).tolist(), strict=True))

    def _assemble(self, cohort: Cohort) -> list[tuple[np.void, np.void, np.void]]:
        """What a restart copies for each drawn patient: WORLD_PAR row, filled pump, empty ledger."""
        par = np.zeros(len(cohort.par), WORLD_PAR)
        sedated = _sedated(cohort)
        par["patient"] = cohort.par
        _apply_difficulty(par["patient"], self.spec.difficulty[self.difficulty], self.spec.name)
        doses = cohort.covariates["start_dose_ug_per_d"]
        content = np.zeros((len(par), MAX_DRUGS))
        for i, dose in enumerate(doses.tolist()):
            content[i] = self._assemble_row(par[i], dose, bool(sedated[i]))
        prepare_rows(par)
        rates = par["task"]["start_rate_nl"]
        clock = self.spec.start_clock_h
        pumps = new_pump_state(par["pump"], content, self.pump.capacity_ml, rate_nl=rates, start_clock_h=clock)
        shields = [new_shield_state(row, int(rate)) for row, rate in zip(par["shield"], rates, strict=True)]
        return list(zip(par, pumps, shields, strict=True))

    def _assemble_row(self, row: Any, dose_ug_per_d: float, sedated: bool) -> NDArray[np.float64]:
        limits = self.profile
        solution = self.spec.solution
        ratios = (1.0, *solution.ratios)
        conc = order_concentration(
            dose_ug_per_d,
            [1000.0 * option for option in solution.options_mg_per_ml],
            self.pump,
            max_interval_d=solution.max_interval_d,
            max_ug_per_ml=min(
                limits.max_concentration(name) / ratio for name, ratio in zip(self.spec.drugs, ratios, strict=True)
            ),
        )
        mixture = [conc * ratio for ratio in ratios]
        report = assess(self.spec.drugs, mixture)
        rate_nl = int(dose_ug_per_d / conc * NL_PER_ML / TICKS_PER_DAY)
        who = row["patient"]
        draws = normals(int(who["seed"]), int(who["patient"]), STREAM_DEVICE, 0)
        row["pump"] = pump_parameters(
            self.pump,
            flow_bias=sample_flow_bias(self.pump, draws[0]),
            battery_factor=sample_battery(self.pump, draws[1]),
            chemistry=kernel_chemistry(report),
        )[0]
        row["shield"] = shield_parameters(
            limits,
            drugs=self.spec.drugs,
            conc_ug_per_ml=mixture,
            setting=self.spec.setting,
            min_rate_nl=int(row["pump"]["min_rate_nl"]),
            max_rate_nl=int(row["pump"]["max_rate_nl"]),
            rate_step_nl=int(row["pump"]["rate_step_nl"]),
            bolus_step_nl=int(row["pump"]["bolus_step_nl"]),
            dead_ml=float(row["pump"]["dead_ml"]),
            stable_h=24.0 * report.stable_d,
            sedated=sedated,
            stage=self.stage,
            mode=self.shield_mode,
        )
        if self.pump.kind == "constant":
            row["shield"]["bolus_abs"] = 0  # a pump that takes no command gives no bolus either
        start_nl = min(max(rate_nl, self.pump.min_rate_nl), self.pump.max_rate_nl)
        good_h = 24.0 * min(solution.max_interval_d, report.stable_d)
        _fill_task(row["task"], self.spec, start_nl, float(row["shield"]["cap_pg"][0]) / PG_PER_UG, good_h)
        row["fault"] = fault_parameters(
            self.faults, drugs=self.spec.drugs, patient=int(who["patient"]), wrong_slot=self._wrong_slot()
        )
        row["monitor"] = self._monitors
        if self.faults is not None and self.faults.hazards:
            who["infection_per_h"] = 0.0  # the preset's own hazard stands for it
        content = np.zeros(MAX_DRUGS)
        content[: len(mixture)] = mixture
        row["ordered_conc"] = content
        return content

    def _wrong_slot(self) -> int:
        return len(self.spec.drugs) if len(self.drugs) > len(self.spec.drugs) else -1


def _sedated(cohort: Cohort) -> NDArray[np.bool_]:
    """Which patients take a systemic depressant that the cohort knows of."""
    return (cohort.covariates["benzodiazepine"] > 0) | (cohort.covariates["gabapentinoid"] > 0)


def _drugs_in_play(drugs: tuple[str, ...], faults: FaultSpec | None) -> tuple[str, ...]:
    """The task's drugs, and the one that a mix-up at a refill would put in, where there is a slot for it."""
    wrong = None if faults is None else faults.wrong_drug
    if wrong is None:
        return drugs
    if wrong in drugs:
        raise ConfigError(f"faults: wrong_drug {wrong} is a drug of the task")
    if len(drugs) == MAX_DRUGS:
        raise ConfigError(f"faults: wrong_drug needs a free slot, and the task has {MAX_DRUGS} drugs")
    return (*drugs, wrong)


def _mode(value: str | int | ShieldMode) -> ShieldMode:
    try:
        return ShieldMode.of(value)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _apply_difficulty(par: NDArray[np.void], factors: dict[str, float], task: str) -> None:
    for name, scale in factors.items():
        if name == "structure":
            continue
        if name in (par.dtype.names or ()):
            par[name] *= scale
        elif name in (par["drug"].dtype.names or ()):
            par["drug"][name] *= scale
        elif name in (par["channel"].dtype.names or ()):
            par["channel"][name] *= scale
        else:
            raise ConfigError(f"{task}: difficulty: {name!r} is not a parameter of the patient")


def _fill_task(row: Any, spec: TaskSpec, start_rate_nl: int, cap_ug: float, good_h: float) -> None:
    values = {
        "ticks_per_step": spec.ticks_per_step,
        "n_steps": spec.n_steps,
        "max_up": spec.action.max_up,
        "max_down": spec.action.max_down,
        "deadband": spec.action.deadband,
        "patient_bolus": int(spec.action.bolus_trigger == "patient"),
        "start_rate_nl": start_rate_nl,
        "start_clock_h": spec.start_clock_h,
        "clinic_clock_h": spec.clinic_clock_h,
        "refill_ml": spec.solution.refill_ml,
        "refill_h": good_h,
        "cap_ug": cap_ug,
        **{f"w_{name}": weight for name, weight in spec.weights.model_dump().items()},
    }
    assert set(values) == set(TASK_PAR.names or ())
    for name, value in values.items():
        row[name] = value


def _compile_start(key: int) -> tuple[Any, Any, Any]:
    @entry_point()
    def prepare(par):
        for i in range(par.shape[0]):
            prepare_patient(par[i].patient)
        return key

    @entry_point()
    def start(world, par, observations, where):
        for i in where:
            start_patient(par[i].patient, world[i].patient, par[i].task.start_clock_h)
            write_observation(world[i], par[i], observations[i])
        return key

    @entry_point()
    def observe(world, par, observations):
        for i in range(world.shape[0]):
            write_observation(world[i], par[i], observations[i])
        return key

    return prepare, start, observe


prepare_rows, start_rows, observe_rows = _compile_start(SOURCE_KEY)
