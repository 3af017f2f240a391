"""The batch every environment is made of: patients of a scenario, their worlds, and one call that steps them all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.seeds import COHORT_SEED_LIMIT, PATIENT_LIMIT, wholes
from thecal.devices.fault_presets import new_fault_state
from thecal.envs.assembly import Assembled, assemble
from thecal.envs.identity import identity_of
from thecal.envs.kernel.observation import SEEN, Lens
from thecal.envs.kernel.records import STEP_OUT, TICK_OUT, WORLD, WORLD_PAR
from thecal.envs.kernel.start import observe_rows, start_rows
from thecal.envs.kernel.step import advance_parallel, advance_serial
from thecal.envs.own_reward import OwnReward, RewardFunction, Sees
from thecal.envs.parameters import as_drawn, in_episode, seal_of
from thecal.envs.scenario import Resolved, Scenario, resolved
from thecal.envs.snapshots import Snapshot, SnapshotError, Totals, read_only, require_fit
from thecal.envs.standing import shield_faults, state_faults
from thecal.envs.tasks import TaskSpec
from thecal.safety.invariants import ShieldMode
from thecal.safety.records import TRAIL_ROW

PARALLEL_FROM = 64
# Memory that the batch owns and alone writes to; everybody reads it under the same name without the underscore.
_MEMORY = ("_world", "_par", "_out", "_observations", "_patients", "_trail")
# Other readings of that memory; a copy must make its own, or it would read what nobody writes any more.
_VIEWS = (
    "_step_out", "_out_bytes", "_values", "words", "rewards", "paid", "ended", "last_report",
    *(name[1:] for name in _MEMORY),
)  # fmt: skip
# What never changes once it is made, so that copies share it.
_SHARED = ("scene", "scenario", "spec", "lens", "identity", "_sound", "_seals")


class Batch:
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
        **options: fields of the scenario that differ.

    Raises:
        ConfigError: an argument is not valid (a subclass names unknown tasks, drugs, pumps, cohorts and profiles).
    """

    scene: Resolved
    scenario: Scenario
    spec: TaskSpec
    lens: Lens
    n: int
    own_reward: OwnReward | None
    identity: Mapping[str, str]
    world: NDArray[np.void]
    par: NDArray[np.void]
    out: NDArray[np.void]
    observations: NDArray[np.float32]
    patients: NDArray[np.int64]
    trail: NDArray[np.void]
    words: NDArray[np.float64]  # what a step reports; whole numbers by their bits
    rewards: NDArray[np.float64]
    paid: NDArray[np.float64]
    ended: NDArray[np.int64]
    last_report: NDArray[np.float64]

    def __init__(
        self,
        scenario: Any,
        n: int,
        *,
        trail: bool = False,
        reward_fn: RewardFunction | None = None,
        reward_sees: Sees = "truth",
        **options: Any,
    ) -> None:
        scene = resolved(scenario, **options)
        spec = scene.task
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise ConfigError(f"a batch needs a whole number of environments, at least one, not {n!r}")
        if trail and spec.solution.mixtures:
            raise ConfigError(
                f"{spec.name}: an audit trail knows one mixture a patient, and this task chooses among several"
            )
        self._take_scene(scene)
        self.__dict__.update(n=int(n), own_reward=None if reward_fn is None else OwnReward(reward_fn, reward_sees))
        self._world = np.zeros(n, WORLD)
        self._par = np.zeros(n, WORLD_PAR)
        self._out = np.zeros(n, TICK_OUT)
        self._seen = np.zeros(n, SEEN)
        self._observations = np.zeros((n, len(self.lens)), np.float32)
        self._patients = np.zeros(n, np.int64)
        self._all = np.ones(n, np.bool_)
        self._trail = np.zeros((n, spec.ticks_per_step if trail else 0), TRAIL_ROW)
        self._own_paid = np.zeros(n)
        self._known: dict[int, Assembled] = {}
        self._commands: dict[int, tuple[str, ...]] = {}
        self._make_views()

    def _take_scene(self, scene: Resolved) -> None:
        own = {"scene": scene, "scenario": scene.scenario, "spec": scene.task, "lens": scene.lens}
        self.__dict__.update(own, identity=identity_of(scene))
        self._sound = new_fault_state()
        self._seals: dict[int, str] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            raise ConfigError(f"{name} of a batch follows from its scenario and cannot be set")
        self.__dict__[name] = value

    def _make_views(self) -> None:
        """Everything that is another reading of an array of this batch, in one place."""
        self._step_out = self._out.view(STEP_OUT)
        # Assigning a structured zero costs more than the simulation; bytes are cleared at memory speed.
        self._out_bytes = self._out.view(np.uint8)
        self._values = self._seen.view(np.float64).reshape(self.n, -1)
        shown: dict[str, NDArray[Any]] = {name[1:]: read_only(getattr(self, name)) for name in _MEMORY}
        rewards = shown["out"]["reward"]
        shown["words"] = shown["out"].view(np.float64).reshape(self.n, -1)
        # To an agent; rewards stay the task's own.
        shown |= {"rewards": rewards, "paid": rewards if self.own_reward is None else read_only(self._own_paid)}
        shown |= {"ended": shown["out"]["terminated"], "last_report": shown["world"]["patient"]["nrs_report"]}
        self.__dict__.update(shown)

    def _own_state(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _VIEWS}

    def __getstate__(self) -> dict[str, Any]:
        rest = {name: value for name, value in self._own_state().items() if name not in _SHARED}
        return {**rest, "scene": self.scene, "opened": "opened" in self.identity, "seal": self._seal()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        seal, scene, opened = (state.pop(name, None) for name in ("seal", "scene", "opened"))
        self.__dict__.update(state)
        self._take_scene(scene)
        if opened:
            self.laid_open()
        self._make_views()
        if seal != self._seal():
            raise SnapshotError("pickle: checksum: it does not fit what the batch holds; it was altered")
        self.require_own()

    def __deepcopy__(self, memo: dict[int, Any]) -> Batch:
        twin: Batch = object.__new__(type(self))
        memo[id(self)] = twin
        own = {name: value for name, value in self._own_state().items() if name not in (*_SHARED, "_known")}
        shared = {name: self.__dict__[name] for name in _SHARED}
        twin.__dict__.update({**deepcopy(own, memo), **shared, "_known": dict(self._known)})
        twin._make_views()  # the patients themselves stay
        return twin

    def _seal(self) -> str:
        """SHA-256 of all that a pickle holds and that decides what comes next."""
        words = json.dumps([self.identity, sorted(self._commands.items())], sort_keys=True)
        digest = hashlib.sha256(words.encode())
        for array in (self._world, self._par, self._patients):
            digest.update(array.tobytes())
        for patient, one in sorted(self._known.items()):
            digest.update(f"{patient} {one.sedated} {seal_of(one)}".encode())
        return digest.hexdigest()

    @property
    def mode(self) -> ShieldMode:
        """How the shield treats requests beyond a limit, read from the parameters that run.

        Raises:
            ConfigError: they are not those of one shield.
        """
        modes = self._par["shield"]["mode"][self._begun]
        if not modes.size:
            return self.scene.mode
        if modes.min() != modes.max():
            raise ConfigError("the environments of the batch run under several modes of the shield")
        return ShieldMode(int(modes[0]))

    @property
    def _begun(self) -> NDArray[np.bool_]:
        begun: NDArray[np.bool_] = self._par["task"]["ticks_per_step"] > 0
        return begun

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
            par[row], world["pump"][row], world["shield"][row], _ = self._known[patient]
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

    def advance(self, actions: NDArray[np.float64], active: NDArray[np.bool_] | None = None) -> None:
        """Step the environments whose ``active`` flag is set; results are in ``out`` and ``observations``."""
        self._out_bytes.fill(0)
        if self._trail.size:
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
            self.lens.record,
            self._observations,
            stepped,
            self._trail,
        )
        if self.own_reward is not None:
            self._own_paid[:] = self.own_reward(self.out, stepped)

    def look_ahead(self, look: Any, scratch: Any, out: Any, table: NDArray[np.float64], allowed: Any) -> None:
        """Let a kernel of :mod:`thecal.envs.kernel.look_ahead` try actions; neither time nor any state moves."""
        look(self._world, self._par, scratch, out, table, allowed)

    def keep_rate(self, where: Any = slice(None)) -> None:
        """Let the next step of the environments ``where`` keep the rate in force, whatever its action asks of it."""
        self._world["episode"]["keep_rate"][where] = 1

    def command(self, i: int, rate_nl: int, bolus_nl: int, valid: int) -> None:
        """Let the next step of environment ``i`` run what a gateway made of a typed command in place of its action."""
        episode = self._world["episode"]
        episode["command"][i], episode["command_valid"][i] = 1, valid
        episode["command_rate"][i], episode["command_bolus"][i] = rate_nl, bolus_nl

    def laid_open(self) -> NDArray[np.void]:
        """The states themselves, for an attack that falsifies signals; no other batch takes a snapshot of this one any more."""
        self.__dict__["identity"] = {**self.identity, "opened": "yes"}
        return self._world

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
        self._patients[rows] = patients
        self._commands.update(zip(rows.tolist(), found.commands, strict=True))
        self._stand(observe_rows, rows)

    def observe(self) -> None:
        """Report and observe what stands now, as after a reset."""
        self._stand(observe_rows, np.arange(self.n))

    def require_own(self) -> None:
        """See that limits, pump, task and patients that run are the scenario's own, to the bit.

        Raises:
            ConfigError: they are not.
        """
        rows = np.flatnonzero(self._begun)
        par = self._par[rows]
        drawn = as_drawn(self._known, self._patients[rows], par["patient"]["seed"])
        due = in_episode(drawn, self._world[rows], par["patient"]["tip_node"])
        for name in par.dtype.names or ():
            if par[name].tobytes() != due[name].tobytes():
                raise ConfigError(f"batch: par.{name}: what ran is not what the scenario says")

    def _owner(self, patient: int) -> str:
        if patient not in self._seals:
            self._seals[patient] = seal_of(self._known[patient])
        return self._seals[patient]

    def _stand(self, run: Any, where: NDArray[np.int64]) -> None:
        """Report and observe what stands in the environments ``where`` between two steps."""
        self._out[where] = np.zeros((), TICK_OUT)
        self._own_paid[where] = 0.0
        own = (self._world, self._par, self._step_out, self._seen, self._values, self.lens.record, self._observations)
        run(*own, where)

    def _first_mixture(self) -> int:
        solution = self.spec.solution
        return solution.mixtures.index(solution.ratios) if solution.mixtures else 0


def _refuse(faults: list[str]) -> None:
    if faults:
        raise SnapshotError(f"snapshot: {faults[0]}")
