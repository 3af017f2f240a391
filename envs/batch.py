"""The batch every environment is made of: patients of a scenario, their worlds, and one call that steps them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.seeds import COHORT_SEED_LIMIT, PATIENT_LIMIT, wholes
from thecal.envs.assembly import assemble
from thecal.envs.kernel.records import TICK_OUT, WORLD
from thecal.envs.kernel.start import observe_rows, start_rows
from thecal.envs.kernel.step import advance_parallel, advance_serial
from thecal.envs.memory import Memory
from thecal.envs.own_reward import OwnReward, RewardFunction, Sees
from thecal.envs.parameters import as_drawn, in_episode
from thecal.envs.scenario import resolved
from thecal.envs.snapshots import Snapshot, SnapshotError, Totals, require_fit
from thecal.envs.standing import shield_faults, state_faults

PARALLEL_FROM = 64


class Batch(Memory):
    """``n`` environments of one scenario, advanced together.

    ``copy.deepcopy`` and ``pickle`` give a batch that goes on bit for bit as this one would, and apart from it; the second
    promises that to the same version of Thecal only, and is refused when it was altered. What a batch shows (``world``,
    ``par``, ``out``, ``observations``, ``patients``, ``trail``, ...) can be read and not written, and nothing can be put in its
    place: what runs follows from the scenario.

    Args:
        scenario: a :class:`thecal.envs.scenario.Scenario` (also resolved), or a task by name, id, path or spec.
        n: number of environments.
        trail: keep the rows of the audit trail of the last step in ``trail``.
        reward_fn, reward_sees: a reward in place of the task's, see :class:`thecal.envs.own_reward.OwnReward`.
        has_caller: a person outside acts with a token (the single environment says so).
        **options: fields of the scenario that differ.

    Raises:
        ConfigError: an argument is not valid (a subclass names unknown tasks, drugs, pumps, cohorts and profiles).
    """

    def __init__(
        self,
        scenario: Any,
        n: int,
        *,
        trail: bool = False,
        reward_fn: RewardFunction | None = None,
        reward_sees: Sees = "truth",
        has_caller: bool = False,
        **options: Any,
    ) -> None:
        if "clinician_token" in options:
            raise ConfigError(
                "clinician_token: only the single environment (ThecalEnv) takes one; elsewhere the model acts"
            )
        scene = resolved(scenario, **options)
        if scene.scenario.clinician == "caller" and not has_caller:
            raise ConfigError(
                "clinician: a caller acts with a clinician_token, which only the single environment takes"
            )
        spec = scene.task
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise ConfigError(f"a batch needs a whole number of environments, at least one, not {n!r}")
        if trail and spec.solution.mixtures:
            raise ConfigError(
                f"{spec.name}: an audit trail knows one mixture a patient, and this task chooses among several"
            )
        super().__init__(
            scene, int(n), trail=trail, own_reward=None if reward_fn is None else OwnReward(reward_fn, reward_sees)
        )

    def restart(self, where: NDArray[np.int64], patients: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Begin new episodes in the environments ``where`` with the given patients (indices in the split) and seeds.

        Raises:
            ConfigError: a patient or a seed is no whole number, or out of bounds.
        """
        patients = wholes(patients, "patient indices", PATIENT_LIMIT).astype(np.int64)
        seeds = wholes(seeds, "seeds", COHORT_SEED_LIMIT).astype(np.uint64)
        self.preload(np.unique(patients))
        world, par = self._world, self._par
        world[where] = np.zeros((), WORLD)
        first = self._first_mixture()
        for row, patient, seed in zip(where.tolist(), patients.tolist(), seeds.tolist(), strict=True):
            par[row], world["pump"][row], world["shield"][row], *_ = self._known[patient]
            par["patient"]["seed"][row] = seed
            par["fault"]["seed"][row] = seed
            world["fault"][row] = self._sound
            world["episode"]["mixture"][row] = world["episode"]["mixture_asked"][row] = first
            self._commands.pop(row, None)
        self._patients[where] = patients
        self._stand(start_rows, where)

    def preload(self, patients: Sequence[int] | NDArray[np.int64]) -> None:
        """Draw patients ahead of time so that later restarts only copy."""
        new = np.array([int(i) for i in patients if int(i) not in self._known], np.int64)
        if new.size:
            if self.scene.profile.hash != self.identity["profile_hash"]:
                raise ConfigError(f"batch: profile: {self.scene.profile.name} has changed since it was checked")
            self._known.update(zip(new.tolist(), assemble(self.scene, new), strict=True))

    def is_sedated(self, patient: int) -> bool:
        """Whether a patient who was drawn takes a systemic depressant."""
        return self._known[patient].sedated

    def indication(self, patient: int) -> str:
        """Where treated spasticity of a patient who was drawn comes from; ``""`` for any other."""
        return self._known[patient].indication

    def lowered_start(self, patient: int) -> float:
        """The starting dose by the task's rule, µg/d, where the limits lowered it for a patient who was drawn; else 0."""
        return self._known[patient].lowered_from

    def start_words(self, patient: int) -> str:
        """What the limits did to a patient's start, in words; ``""`` where nothing."""
        stated = self.lowered_start(patient)
        return f"the limits of {self.scene.profile.name} lowered a start of {stated:g} ug/d" if stated > 0.0 else ""

    def advance(self, actions: NDArray[np.float64], active: NDArray[np.bool_] | None = None) -> None:
        """Step the environments whose ``active`` flag is set; results are in ``out`` and ``observations``."""
        self._out_bytes.fill(0)
        if self._keeps:
            self._trail["tick"] = -1  # rows of environments that are not stepped
        stepped = self._all if active is None else active
        run = advance_parallel if self.n >= PARALLEL_FROM else advance_serial
        run(
            self._world,
            self._par,
            actions,
            self._step_out,
            self._seen,
            self._values,
            self._lens,
            self._observations,
            stepped,
            self._trail,
        )
        if self.own_reward is not None:
            self._own_paid[:] = self.own_reward(self.out, stepped)

    def look_ahead(self, look: Any, scratch: Any, out: Any, table: NDArray[np.float64], allowed: Any) -> None:
        """Let a kernel of :mod:`thecal.envs.kernel.look_ahead` try actions; neither time nor any state moves.

        Raises:
            ConfigError: an environment was never reset.
        """
        if not self._begun.all():
            raise ConfigError("masks need environments that were reset")
        look(self._world, self._par, scratch, out, table, allowed)

    def keep_rate(self, where: Any = slice(None)) -> None:
        """Let the next step of the environments ``where`` keep the rate in force, whatever its action asks of it."""
        self._world["episode"]["keep_rate"][where] = 1

    def command(self, i: int, rate_nl: int, bolus_nl: int, valid: int) -> None:
        """Let the next step of environment ``i`` run what a gateway made of a typed command in place of its action."""
        episode = self._world["episode"]
        episode["command"][i], episode["command_valid"][i] = 1, valid
        episode["command_rate"][i], episode["command_bolus"][i] = rate_nl, bolus_nl

    def _arm(self, i: int, rate_nl: int, bolus_nl: int, until_tick: int) -> None:
        """Let a caller's confirmation hold for the next request of environment ``i``; whoever calls this has seen a token."""
        episode = self._world["episode"]
        episode["confirm_rate"][i], episode["confirm_bolus"][i] = rate_nl, bolus_nl
        episode["confirm_until"][i] = until_tick

    def _arm_clearing(self, i: int, until_tick: int) -> None:
        self._world["episode"]["clear_until"][i] = until_tick

    def commands_of(self, i: int) -> tuple[str, ...]:
        """Ids that environment ``i`` may not take again because a snapshot remembered them, oldest first."""
        return self._commands.get(i, ())

    def snapshot(
        self,
        where: Any = slice(None),
        totals: Sequence[Totals] | None = None,
        commands: Sequence[tuple[str, ...]] | None = None,
    ) -> Snapshot:
        """Copies of the states of the environments ``where``; :meth:`restore` continues from them.

        Args:
            where: a slice or indices.
            totals: return and cost of each episode so far, where somebody adds them up.
            commands: ids that each may not take again, where somebody reads commands.

        Raises:
            ConfigError: an environment was never reset.
        """
        rows = np.arange(self.n)[where]
        if not self._begun[rows].all():
            raise ConfigError("a snapshot needs environments that were reset")
        patients = self._patients[rows].tolist()
        return Snapshot.of(
            self.identity,
            self._world[rows],
            patients=patients,
            seeds=self._par["patient"]["seed"][rows].tolist(),
            owners=[self._owner(patient) for patient in patients],
            tips=self._par["patient"]["tip_node"][rows].tolist(),
            commands=[self.commands_of(i) for i in rows.tolist()] if commands is None else commands,
            totals=[None] * len(rows) if totals is None else totals,
        )

    def restore(self, snapshot: Snapshot, where: Any = slice(None)) -> None:
        """Return to a snapshot of a batch of this scenario: all environments, or those ``where`` its rows belong.

        Limits, pump and patients are taken from this batch's own scenario, nothing of them from the snapshot.

        Raises:
            ConfigError: it is no snapshot of as many environments (:class:`thecal.envs.snapshots.SnapshotError`), was altered,
                or is one of another scenario, profile, mode, kernel or version; nothing has changed then.
        """
        rows = np.arange(self.n)[where]
        found = require_fit(snapshot, self.identity, len(rows))
        patients = np.array(found.patients, np.int64)
        self.preload(np.unique(patients))
        for patient, owner in zip(found.patients, found.owners, strict=True):
            if owner != self._owner(patient):
                raise SnapshotError(f"snapshot: owners: patient {patient} is another one here")
        world, tips = found.world, np.array(found.tips, np.int64)
        drawn = as_drawn(self._known, patients, np.array(found.seeds, np.uint64))
        _refuse(state_faults(world, drawn, tips))
        par = in_episode(drawn, world, tips)
        _refuse(shield_faults(world, par))
        self._par[rows], self._world[rows] = par, world
        for name in ("confirm_until", "clear_until"):  # an act of a person holds once, and not again in a branch
            self._world["episode"][name][rows] = 0
        self._patients[rows] = patients
        self._commands.update(zip(rows.tolist(), found.commands, strict=True))
        self._stand(observe_rows, rows)

    def observe(self) -> None:
        """Report and observe what stands now, as after a reset."""
        self._stand(observe_rows, np.arange(self.n))

    def _stand(self, run: Any, where: NDArray[np.int64]) -> None:
        """Report and observe what stands in the environments ``where`` between two steps."""
        self._out[where] = np.zeros((), TICK_OUT)
        self._own_paid[where] = 0.0
        own = (self._world, self._par, self._step_out, self._seen, self._values, self._lens, self._observations)
        run(*own, where)

    def _first_mixture(self) -> int:
        solution = self.spec.solution
        return solution.mixtures.index(solution.ratios) if solution.mixtures else 0


def _refuse(faults: list[str]) -> None:
    if faults:
        raise SnapshotError(f"snapshot: {faults[0]}")
