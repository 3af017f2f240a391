"""The Gymnasium environment: one patient, one pump, one shield; a batch of one over the same kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.guarded import is_mapping
from thecal.core.layout import TICK_S
from thecal.core.seeds import SEED_LIMIT
from thecal.devices.interrogate import interrogate
from thecal.envs.adapters.actions import read_action
from thecal.envs.batch import Batch
from thecal.envs.kernel.records import PUBLIC_OUT, TICK_OUT
from thecal.safety.gateway import Gateway

POOL = 4096
# What a bedside observer would see, as far as the task observes it.
_BEDSIDE = {
    "nrs_report": "NRS {:4.0f}", "spasms": "spasms {:4.1f}", "dose_mg_per_d": "{:6.2f} mg/d", "rr": "RR {:4.0f}/min",
    "spo2": "SpO2 {:4.0f} %", "poss": "POSS {:.0f}",
}  # fmt: skip
_MAY_BE_MISSING = ("nrs_report", "requested_rate")


class ThecalEnv(gym.Env[NDArray[np.float32], NDArray[np.float32]]):
    """Adaptive intrathecal dosing of one virtual patient. Simulation only, never a clinical tool.

    Action ``Box(-1, 1, (n,))``: ``action_names``, in the shipped tasks the relative change of the basal rate and the size of
    the demand bolus armed for the coming interval (see the task's file). Observation ``Box(-1, 1, (N,))``:
    ``observation_names`` with ``observation_units`` and bounds; ``decode`` gives physical
    values. ``info`` has the same keys after every reset and step; ``info["command"]`` is ``""`` where no typed command was
    given. With ``truth=True`` it also holds the hidden state of the patient.

    Args:
        task: name, id, path or spec of a task, or a :class:`thecal.envs.scenario.Scenario`.
        trail: keep the rows of the audit trail of the last step, see :class:`thecal.envs.batch.Batch`.
        patients: indices (in the split) a reset may draw from; all of a pool when ``None``.
        truth: put hidden truth into ``info``.
        **options: ``reward_fn`` and ``reward_sees`` (:class:`thecal.envs.own_reward.OwnReward`), and fields of the scenario
            that differ (split, difficulty, cohort, drugs, horizon_d, profile, pump, faults, ...).

    ``reset(options={"patient": i})`` chooses the patient.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 1}

    def __init__(
        self,
        task: Any = "CancerMorphine",
        *,
        trail: bool = False,
        patients: list[int] | None = None,
        truth: bool = False,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        self.batch = Batch(task, 1, trail=trail, **options)
        self.spec_task = self.batch.spec
        lens = self.batch.lens
        self.observation_names, self.observation_units = lens.names, lens.units
        self.observation_low, self.observation_high = lens.low, lens.high
        self.decode = lens.decode
        self.action_names = self.spec_task.action.fields
        self.observation_space = Box(-1.0, 1.0, (len(lens),), np.float32)
        self.action_space = Box(-1.0, 1.0, (len(self.action_names),), np.float32)
        self.render_mode = render_mode
        if self.batch.own_reward is not None:
            self.metadata = {**self.metadata, "reward": self.batch.own_reward.words}
        self._patients = None if patients is None else np.asarray(patients, np.int64)
        self._shown = TICK_OUT if truth else PUBLIC_OUT
        self._names = self._shown.names or ()
        self._bytes = self.batch.out.view(np.uint8)[: self._shown.itemsize]
        self._action = np.zeros((1, len(self.action_names)))
        self._nothing = (0.0,) * len(self.action_names)
        self._row = np.zeros(1, np.int64)
        self._n_steps = self.spec_task.n_steps
        self._steps = 0
        self._ready = False
        self._last_command = ""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode with a patient drawn from the split (or ``options["patient"]``)."""
        super().reset(seed=seed)
        patient, episode_seed = self._choose(options or {}, seed)
        self.batch.restart(self._row, np.array([patient], np.int64), np.array([episode_seed], np.uint64))
        self._steps = 0
        self._ready = True
        self._last_command = ""
        self._gateway = self._new_gateway()
        return self.batch.observations[0].copy(), self._info()

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Advance by one interval. An action that cannot be used makes the shield hold the last safe rate.

        A mapping in place of an array is a typed command, see :class:`thecal.safety.gateway.Gateway`; what became of it
        stands in ``info["command"]``.
        """
        if not self._ready:
            raise gym.error.ResetNeeded("call reset() before step()")
        if is_mapping(action):
            self._command(action)
            action = self._nothing
        self._action[0] = read_action(action, len(self.action_names))
        self.batch.advance(self._action)
        self._steps += 1
        info = self._info()
        terminated = bool(info["terminated"])
        return (
            self.batch.observations[0].copy(),
            self._reward(),
            terminated,
            not terminated and self._steps >= self._n_steps,
            info,
        )

    def _reward(self) -> Any:
        """What the agent is paid for the step; other forms of the environment pay otherwise."""
        return float(self.batch.rewards[0])

    def snapshot(self) -> tuple[Any, int, tuple[str, ...]]:
        """A copy of everything; :meth:`restore` continues from it (what-if branches, model-predictive control)."""
        if not self._ready:
            raise gym.error.ResetNeeded("call reset() before snapshot()")
        return self.batch.snapshot(), self._steps, self._gateway.known

    def restore(self, snapshot: tuple[Any, int, tuple[str, ...]]) -> None:
        """Return to a snapshot of this environment, also of another one of the same task."""
        self.batch.restore(snapshot[0])
        self._steps = snapshot[1]
        self._gateway = self._new_gateway(snapshot[2])
        self._last_command = ""
        self._ready = True

    def interrogate(self) -> dict[str, list[tuple[str, str]]]:
        """What a programmer would show of the pump now: settings, computed volume, alarms, log (no hidden truth)."""
        if not self._ready:
            raise gym.error.ResetNeeded("call reset() before interrogate()")
        batch = self.batch
        return interrogate(batch.world["pump"][0], batch.par["pump"][0], batch.scene.pump, self.spec_task.drugs)

    def render(self) -> str | None:
        """One line of text with what a bedside observer would see."""
        if self.render_mode is None:
            return None
        seen = self.decode(self.batch.observations[0])
        parts = [words.format(seen[name]) for name, words in _BEDSIDE.items() if name in seen]
        return "  ".join([f"day {self._steps * self.spec_task.tick_h / 24:5.1f}", *parts])

    def _new_gateway(self, known: tuple[str, ...] = ()) -> Gateway:
        conc = float(self.batch.par["ordered_conc"][0, 0])
        return Gateway(conc, 60.0 * self.batch.scene.profile.limit("command.age"), known)

    def _command(self, command: Mapping[Any, Any]) -> None:
        batch = self.batch
        world = batch.world[0]
        read = self._gateway.read(
            command,
            now_s=int(world["patient"]["tick"]) * TICK_S,
            head=int(world["pump"]["events"]),
            rate_nl=int(world["shield"]["prev_rate"]),
        )
        episode = batch.world["episode"]
        episode["command"], episode["command_valid"] = 1, read.valid
        episode["command_rate"], episode["command_bolus"] = read.rate_nl, read.bolus_nl
        self._last_command = read.reason or "taken"

    def _choose(self, options: dict[str, Any], seed: int | None) -> tuple[int, int]:
        unknown = set(options) - {"patient", "seed"}
        if unknown:
            raise ConfigError(f"unknown reset option {sorted(unknown)[0]!r}; known: patient, seed")
        drawn = int(self.np_random.integers(SEED_LIMIT))
        position = int(self.np_random.integers(POOL if self._patients is None else len(self._patients)))
        patient = position if self._patients is None else int(self._patients[position])
        return int(options.get("patient", patient)), int(options.get("seed", drawn if seed is None else seed))

    def _info(self) -> dict[str, Any]:
        # The copy gives each step its own dose arrays; None stands for a number that does not exist.
        info = dict(zip(self._names, np.frombuffer(self._bytes.tobytes(), self._shown)[0].tolist(), strict=True))
        for name in _MAY_BE_MISSING:
            if info[name] != info[name]:
                info[name] = None
        # What became of a typed command; always there, because vector environments stack the keys.
        info["command"], self._last_command = self._last_command, ""
        return info
