"""The memory of a batch: arrays that it alone writes to, what it shows of them, and copies and pickles that are whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.devices.fault_presets import new_fault_state
from thecal.envs.assembly import Assembled
from thecal.envs.identity import identity_of
from thecal.envs.kernel.observation import SEEN, Lens
from thecal.envs.kernel.records import STEP_OUT, TICK_OUT, WORLD, WORLD_PAR
from thecal.envs.own_reward import OwnReward
from thecal.envs.parameters import as_drawn, in_episode, seal_of
from thecal.envs.scenario import Resolved, Scenario
from thecal.envs.snapshots import SnapshotError, differences, read_only
from thecal.envs.tasks import TaskSpec
from thecal.safety.invariants import ShieldMode
from thecal.safety.records import TRAIL_ROW

# Memory that the batch owns and alone writes to; everybody reads it under the same name without the underscore.
_MEMORY = ("_world", "_par", "_out", "_observations", "_patients", "_trail")
# Other readings of that memory; a copy must make its own, or it would read what nobody writes any more.
_VIEWS = (
    "_step_out", "_out_bytes", "_values", "_lens", "_keeps", "words", "rewards", "paid", "ended", "last_report",
    *(name[1:] for name in _MEMORY),
)  # fmt: skip
# What never changes once it is made, so that copies share it.
_SHARED = ("scene", "scenario", "spec", "lens", "identity", "_sound", "_seals")


class Memory:
    """States, parameters and reports of ``n`` environments of one scenario; what is public can be read and not written.

    Args:
        scene: what the patients meet.
        n: number of environments.
        trail: keep rows of the audit trail.
        own_reward: a reward in place of the task's.
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

    def __init__(self, scene: Resolved, n: int, *, trail: bool, own_reward: OwnReward | None) -> None:
        self._take_scene(scene)
        self.__dict__.update(n=n, own_reward=own_reward)
        self._world = np.zeros(n, WORLD)
        self._par = np.zeros(n, WORLD_PAR)
        self._out = np.zeros(n, TICK_OUT)
        self._seen = np.zeros(n, SEEN)
        self._observations = np.zeros((n, len(scene.lens)), np.float32)
        self._patients = np.zeros(n, np.int64)
        self._all = np.ones(n, np.bool_)
        self._trail = np.zeros((n, scene.task.ticks_per_step if trail else 0), TRAIL_ROW)
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
        self._lens, self._keeps = self.lens.record, self._trail.size > 0

    def _own_state(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _VIEWS}

    def __getstate__(self) -> dict[str, Any]:
        rest = {name: value for name, value in self._own_state().items() if name not in _SHARED}
        return {**rest, "scene": self.scene, "identity": dict(self.identity), "seal": self._seal()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        seal, scene, identity = (state.pop(name, None) for name in ("seal", "scene", "identity"))
        self.__dict__.update(state)
        self._take_scene(scene)
        self._make_views()
        if identity and "opened" in identity:
            self.laid_open()
        if other := differences(identity or {}, self.identity):
            raise SnapshotError(f"pickle: it is one of another scenario or version: {other}")
        if seal != self._seal():
            raise SnapshotError("pickle: checksum: it does not fit what the batch holds; it was altered")
        self.require_own()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin: Self = object.__new__(type(self))
        memo[id(self)] = twin
        own = {name: value for name, value in self._own_state().items() if name not in (*_SHARED, "_known")}
        shared = {name: self.__dict__[name] for name in _SHARED}
        known = dict(self._known)  # the patients themselves stay
        twin.__dict__.update({**deepcopy(own, memo), **shared, "_known": known})
        twin._make_views()
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

    def laid_open(self) -> NDArray[np.void]:
        """The states themselves, for an attack that falsifies signals; no other batch takes a snapshot of this one any more."""
        self.__dict__["identity"] = {**self.identity, "opened": "yes"}
        return self._world

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
