"""The Gymnasium environment: one patient, one pump, one shield; a batch of one over the same kernel."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.guarded import is_mapping
from thecal.core.layout import NL_PER_ML, NL_PER_UL, TICK_H, TICK_S, TICKS_PER_DAY
from thecal.envs.adapters.actions import is_copied, read_action
from thecal.envs.adapters.arguments import one_reset, one_seed, render_mode_of, some_patients
from thecal.envs.adapters.bedside import bedside_line, read_pump
from thecal.envs.adapters.draws import drawn, everybody
from thecal.envs.adapters.held import HoldsBatch
from thecal.envs.adapters.infos import Infos, shown
from thecal.envs.adapters.specs import true_spec
from thecal.envs.batch import Batch
from thecal.envs.clinician import words_of
from thecal.envs.snapshots import Snapshot
from thecal.safety.gateway import MALFORMED, STALE, UNITS, USABLE, Gateway
from thecal.safety.tokens import Token


class Command(IntEnum):
    """What became of a typed command, ``info["command"]``; ``command_words`` of the environment says it in words."""

    NONE = 0
    TAKEN = 1
    MALFORMED = 2
    UNITS = 3
    STALE = 4


_MOST = 1.0e6  # of a number in a confirmation
_SLACK = 1.0e-6  # absorbs the rounding of whole nL
_NO_COMMAND = np.int64(Command.NONE)
_BECAME = {
    USABLE: np.int64(Command.TAKEN),
    MALFORMED: np.int64(Command.MALFORMED),
    UNITS: np.int64(Command.UNITS),
    STALE: np.int64(Command.STALE),
}


class ThecalEnv(HoldsBatch, gym.Env[NDArray[np.float32], NDArray[np.float32]]):
    """Adaptive intrathecal dosing of one virtual patient. Simulation only, never a clinical tool.

    Action ``Box(-1, 1, (n,))``: ``action_names``, in the shipped tasks the relative change of the basal rate and the size of
    the demand bolus armed for the coming interval (see the task's file). Observation ``Box(-1, 1, (N,))``:
    ``observation_names`` with ``observation_units`` and bounds; ``decode`` gives physical
    values. ``info`` holds NumPy numbers and arrays under the same keys after every reset and step; NaN is a number that does
    not exist, and ``nrs_new`` says whether ``nrs_report`` came in this step or still stands. With ``truth=True`` it also holds
    the hidden state of the patient.

    ``copy.deepcopy`` and ``pickle`` (to the same version) give an environment that goes on bit for bit as this one would, and
    apart from it. Closing releases nothing: a closed environment can still be used.

    Args:
        task: name, id, path or spec of a task, or a :class:`thecal.envs.scenario.Scenario`.
        trail: keep the rows of the audit trail of the last step, see :class:`thecal.envs.batch.Batch`.
        patients: indices (in the split) a reset may draw from; all of a pool when ``None``.
        truth: put hidden truth into ``info``.
        render_mode: ``"ansi"`` (a line of text) or ``None``.
        clinician_token: what a person outside shows to :meth:`confirm` and :meth:`clear`, and signs commands with
            (:func:`thecal.safety.gateway.sign`); only a salted hash is kept, and copies have none.
        **options: ``reward_fn`` and ``reward_sees`` (:class:`thecal.envs.own_reward.OwnReward`), and fields of the scenario
            that differ (split, difficulty, cohort, drugs, horizon_d, profile, pump, faults, ...).

    ``reset(options={"patient": i})`` chooses the patient, ``{"seed": s}`` its days.

    Raises:
        ConfigError: an argument or a reset's option is unknown or has a value it cannot have; nothing has changed then.
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
        clinician_token: str | None = None,
        **options: Any,
    ) -> None:
        self._spec: EnvSpec | None = None
        self._token = None if clinician_token is None else Token(clinician_token)
        self._batch = Batch(task, 1, trail=trail, has_caller=self._token is not None, **options)
        if self._token is not None and self._batch.scenario.clinician == "none":
            raise ConfigError("clinician_token: with clinician 'none' nobody acts, so nobody needs one")
        self.spec_task = self.batch.spec
        lens = self.batch.lens
        self.observation_names, self.observation_units = lens.names, lens.units
        self.observation_low, self.observation_high = lens.low, lens.high
        self.decode = lens.decode
        self.action_names = self.spec_task.action.fields
        self.observation_space = Box(-1.0, 1.0, (len(lens),), np.float32)
        self.action_space = Box(-1.0, 1.0, (len(self.action_names),), np.float32)
        self.render_mode = render_mode_of(render_mode)
        self._pool = everybody(self.batch.scene) if patients is None else some_patients(patients)
        self._infos = Infos(self.batch, shown(truth))
        if self.batch.own_reward is not None:
            self.metadata = {**self.metadata, "reward": self.batch.own_reward.words}
        self._tells_own = self.batch.own_reward is not None  # the task's reward, where another is paid
        self._action = np.zeros((1, len(self.action_names)))
        self._nothing = (0.0,) * len(self.action_names)
        self._row = np.zeros(1, np.int64)
        self._n_steps = self.spec_task.n_steps
        self._steps = 0
        self._ready = False
        self._became = _NO_COMMAND
        self.command_words = ""

    @property
    def spec(self) -> EnvSpec | None:
        """The specification that ``gymnasium.make`` gave, in plain values and with the length of an episode."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = true_spec(spec, self.spec_task, self._n_steps)

    @property
    def patients(self) -> NDArray[np.int64]:
        """Indices (in the split) that a reset draws from; they can be set."""
        return self._pool

    @patients.setter
    def patients(self, patients: Any) -> None:
        self._pool = some_patients(patients)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode with a patient drawn from the split (or ``options["patient"]``)."""
        seed = None if seed is None else one_seed(seed)
        chosen, days = one_reset(options)
        super().reset(seed=seed)
        patient, later = drawn(self.np_random, self._pool)
        patient = patient if chosen is None else chosen
        days = days if days is not None else later if seed is None else seed
        self.batch.restart(self._row, np.array([patient], np.int64), np.array([days], np.uint64))
        self._steps = 0
        self._ready = True
        self._became, self.command_words = _NO_COMMAND, ""
        self._gateway = self._new_gateway()
        return self.batch.observations[0].copy(), self._info()

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Advance by one interval. An action that cannot be used makes the shield hold the last safe rate.

        A mapping in place of an array is a typed command, see :class:`thecal.safety.gateway.Gateway`; what became of it
        stands in ``info["command"]`` (:class:`Command`) and, in words, in ``command_words``.
        """
        if not self._ready:
            raise gym.error.ResetNeeded("call reset() before step()")
        self.command_words = ""
        if type(action) is not np.ndarray and is_mapping(action):
            self._command(action)
            action = self._nothing
        row = self._action[0]
        if not is_copied(action, row):
            row[:] = read_action(action, len(row))
        batch = self._batch
        batch.advance(self._action)
        self._steps += 1
        terminated = bool(batch.ended[0])
        return (
            batch.observations[0].copy(),
            self._reward(),
            terminated,
            not terminated and self._steps >= self._n_steps,
            self._info(),
        )

    def _reward(self) -> Any:
        """What the agent is paid for the step; other forms of the environment pay otherwise."""
        return float(self._batch.paid[0])

    @property
    def clinician_words(self) -> str:
        """What a clinician decided in the last step and why, in one sentence; ``info["clinician"]`` holds it as bits."""
        return words_of(int(self._batch.out["clinician"][0]))

    @property
    def refused_tokens(self) -> int:
        """How many wrong tokens and signatures were shown."""
        return 0 if self._token is None else self._token.refused

    def confirm(self, token: str, *, rate_ml_per_d: float, bolus_ul: float = 0.0, within_h: float = 24.0) -> None:
        """A person outside confirms the next request, and no other, at stage ``confirm``.

        Args:
            token: the ``clinician_token`` that was given.
            rate_ml_per_d, bolus_ul: the most that is confirmed; a request for more of either is not.
            within_h: how long the confirmation waits for a request.

        Raises:
            ConfigError: the token is wrong (which is counted), there is none, or a number is none of at least 0.
        """
        self._require_token(token)
        limits = {"rate_ml_per_d": rate_ml_per_d, "bolus_ul": bolus_ul, "within_h": within_h}
        for name, value in limits.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value < _MOST:
                raise ConfigError(f"confirm: {name}: {value!r} is no number from 0 to {_MOST:g}")
        rate = int(rate_ml_per_d * NL_PER_ML / TICKS_PER_DAY + _SLACK)
        self._batch._arm(0, rate, int(bolus_ul * NL_PER_UL + _SLACK), self._tick + int(within_h / TICK_H) + 1)

    def clear(self, token: str) -> None:
        """A person outside looks at the patient and clears, in the next step, what may be cleared (locks, errors, lease).

        Raises:
            ConfigError: the token is wrong (which is counted), or there is none.
        """
        self._require_token(token)
        self._batch._arm_clearing(0, self._tick + 1)

    def _require_token(self, token: Any) -> None:
        if not self._ready:
            raise gym.error.ResetNeeded("call reset() before a clinician acts")
        if self._token is None:
            raise ConfigError("clinician_token: this environment was given none, so nobody confirms through it")
        if not self._token.fits(token):
            raise ConfigError("clinician_token: it is not the one that was given")

    @property
    def _tick(self) -> int:
        return int(self._batch.world["patient"]["tick"][0])

    def snapshot(self) -> Snapshot:
        """A copy of the state; :meth:`restore` continues from it (what-if branches, model-predictive control)."""
        if not self._ready:
            raise gym.error.ResetNeeded("call reset() before snapshot()")
        return self.batch.snapshot(commands=[self._gateway.known])

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a snapshot of this environment, also of another one of the same scenario.

        Raises:
            ConfigError: as :meth:`thecal.envs.batch.Batch.restore`.
        """
        self.batch.restore(snapshot)
        self._steps = int(self.batch.world["episode"]["step"][0])
        self._gateway = self._new_gateway(self.batch.commands_of(0))
        self._became, self.command_words = _NO_COMMAND, ""
        self._ready = True

    def interrogate(self) -> dict[str, list[tuple[str, str]]]:
        """What a programmer would show of the pump now: settings, computed volume, alarms, log (no hidden truth)."""
        if not self._ready:
            raise gym.error.ResetNeeded("call reset() before interrogate()")
        return read_pump(self.batch, 0)

    def render(self) -> str | None:
        """One line of text with what a bedside observer would see."""
        return None if self.render_mode is None else bedside_line(self.batch, 0)

    def _new_gateway(self, known: tuple[str, ...] = ()) -> Gateway:
        conc = float(self.batch.par["ordered_conc"][0, 0])
        return Gateway(conc, 60.0 * self.batch.scene.profile.limit("command.age"), known, self._token)

    def _command(self, command: Mapping[Any, Any]) -> None:
        batch = self.batch
        world = batch.world[0]
        read = self._gateway.read(
            command,
            now_s=int(world["patient"]["tick"]) * TICK_S,
            head=int(world["pump"]["events"]),
            rate_nl=int(world["shield"]["prev_rate"]),
        )
        batch.command(0, read.rate_nl, read.bolus_nl, read.valid)
        if read.signed:  # a signature is a clinician's act for this request
            batch._arm(0, read.rate_nl, read.bolus_nl, self._tick + 1)
        self._became, self.command_words = _BECAME[read.valid], read.reason or "taken"

    def _info(self) -> dict[str, Any]:
        info = self._infos.row(0)
        info["command"], self._became = self._became, _NO_COMMAND
        if self._tells_own:
            info["task_reward"] = self._batch.rewards[0]
        return info
