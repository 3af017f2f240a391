"""The batch every environment is made of: patients of a scenario, their worlds, and one call that steps them all."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.devices.fault_presets import new_fault_state
from thecal.envs.assembly import Assembled, assemble
from thecal.envs.kernel.observation import SEEN
from thecal.envs.kernel.records import STEP_OUT, TICK_OUT, WORLD, WORLD_PAR
from thecal.envs.kernel.start import observe_rows, start_rows
from thecal.envs.kernel.step import advance_parallel, advance_serial
from thecal.envs.scenario import resolved
from thecal.safety.records import TRAIL_ROW

PARALLEL_FROM = 64
Snapshot = tuple[NDArray[np.void], NDArray[np.void], NDArray[np.int64]]
# Other readings of memory that the batch owns; a copy must make its own, or it would read what nobody writes any more.
_VIEWS = ("_step_out", "_out_bytes", "_values", "words", "rewards", "ended", "last_report")
# What never changes once it is made, so that copies share it.
_SHARED = ("scene", "scenario", "spec", "lens", "_sound")


class Batch:
    """``n`` environments of one scenario, advanced together.

    ``copy.deepcopy`` and ``pickle`` give a batch that goes on bit for bit as this one would, and apart from it; the second
    promises that to the same version of Thecal only.

    Args:
        scenario: a :class:`thecal.envs.scenario.Scenario` (also resolved), or a task by name, id, path or spec.
        n: number of environments.
        trail: keep the rows of the audit trail of the last step in ``trail``.
        **options: fields of the scenario that differ.

    Raises:
        ConfigError: an argument is not valid (a subclass names unknown tasks, drugs, pumps, cohorts and profiles).
    """

    def __init__(self, scenario: Any, n: int, *, trail: bool = False, **options: Any) -> None:
        self.scene = resolved(scenario, **options)
        self.scenario = self.scene.scenario
        self.spec = self.scene.task
        self.lens = self.scene.lens
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise ConfigError(f"a batch needs a whole number of environments, at least one, not {n!r}")
        if trail and self.spec.solution.mixtures:
            raise ConfigError(
                f"{self.spec.name}: an audit trail knows one mixture a patient, and this task chooses among several"
            )
        self.n = int(n)
        self.world = np.zeros(n, WORLD)
        self.par = np.zeros(n, WORLD_PAR)
        self.out = np.zeros(n, TICK_OUT)
        self._seen = np.zeros(n, SEEN)
        self.observations = np.zeros((n, len(self.lens)), np.float32)
        self.patients = np.zeros(n, np.int64)
        self._all = np.ones(n, np.bool_)
        self.trail = np.zeros((n, self.spec.ticks_per_step if trail else 0), TRAIL_ROW)
        self._sound = new_fault_state()
        self._known: dict[int, Assembled] = {}
        self._make_views()

    def _make_views(self) -> None:
        """Everything that is another reading of an array of this batch, in one place."""
        self._step_out = self.out.view(STEP_OUT)
        # Assigning a structured zero costs more than the simulation; bytes are cleared at memory speed.
        self._out_bytes = self.out.view(np.uint8)
        self._values = self._seen.view(np.float64).reshape(self.n, -1)
        self.words = self.out.view(np.float64).reshape(self.n, -1)  # what a step reports; whole numbers by their bits
        self.rewards: NDArray[np.float64] = self.out["reward"]
        self.ended: NDArray[np.int64] = self.out["terminated"]
        self.last_report: NDArray[np.float64] = self.world["patient"]["nrs_report"]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _VIEWS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_views()

    def __deepcopy__(self, memo: dict[int, Any]) -> Batch:
        twin: Batch = object.__new__(type(self))
        memo[id(self)] = twin
        own = {name: value for name, value in self.__getstate__().items() if name not in (*_SHARED, "_known")}
        shared = {name: getattr(self, name) for name in _SHARED}
        twin.__setstate__(
            {**deepcopy(own, memo), **shared, "_known": dict(self._known)}
        )  # the patients themselves stay
        return twin

    def restart(self, where: NDArray[np.int64], patients: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Begin new episodes in the environments ``where`` with the given patients (indices in the split) and seeds."""
        self.preload(np.unique(patients))
        self.world[where] = np.zeros((), WORLD)
        first = self._first_mixture()
        for row, patient, seed in zip(where.tolist(), patients.tolist(), seeds.tolist(), strict=True):
            self.par[row], self.world["pump"][row], self.world["shield"][row], _ = self._known[patient]
            self.par["patient"]["seed"][row] = seed
            self.par["fault"]["seed"][row] = seed
            self.world["fault"][row] = self._sound
            self.world["episode"]["mixture"][row] = self.world["episode"]["mixture_asked"][row] = first
        self.patients[where] = patients
        self._stand(start_rows, where)

    def preload(self, patients: Sequence[int] | NDArray[np.int64]) -> None:
        """Draw patients ahead of time so that later restarts only copy."""
        new = np.array([int(i) for i in patients if int(i) not in self._known], np.int64)
        if new.size:
            self._known.update(zip(new.tolist(), assemble(self.scene, new), strict=True))

    def is_sedated(self, patient: int) -> bool:
        """Whether a patient who was drawn takes a systemic depressant."""
        return self._known[patient].sedated

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
            self._step_out,
            self._seen,
            self._values,
            self.lens.record,
            self.observations,
            self._all if active is None else active,
            self.trail,
        )

    def keep_rate(self, where: Any = slice(None)) -> None:
        """Let the next step of the environments ``where`` keep the rate in force, whatever its action asks of it."""
        self.world["episode"]["keep_rate"][where] = 1

    def snapshot(self) -> Snapshot:
        """Copies of every world, its parameters and its patient; :meth:`restore` continues from them."""
        return self.world.copy(), self.par.copy(), self.patients.copy()

    def restore(self, snapshot: Snapshot, where: Any = slice(None)) -> None:
        """Return to a snapshot of a batch of this scenario: all environments, or those ``where`` its rows belong.

        Raises:
            ConfigError: it holds another number of environments, or is no snapshot.
        """
        own = (self.world, self.par, self.patients)
        if not isinstance(snapshot, tuple) or [_form(part) for part in snapshot] != [
            _form(part[where]) for part in own
        ]:
            raise ConfigError("what is to be restored is no snapshot of as many environments")
        for part, kept in zip(own, snapshot, strict=True):
            part[where] = kept
        self._stand(observe_rows, np.arange(self.n)[where])

    def _stand(self, run: Any, where: NDArray[np.int64]) -> None:
        """Report and observe what stands in the environments ``where`` between two steps."""
        self.out[where] = np.zeros((), TICK_OUT)
        own = (self.world, self.par, self._step_out, self._seen, self._values, self.lens.record, self.observations)
        run(*own, where)

    def _first_mixture(self) -> int:
        solution = self.spec.solution
        return solution.mixtures.index(solution.ratios) if solution.mixtures else 0


def _form(part: Any) -> tuple[Any, Any]:
    return getattr(part, "dtype", None), getattr(part, "shape", None)
