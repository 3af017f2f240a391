"""Teacher and student: the teacher values every candidate dose where the student goes, and the student learns those values.

As in DAgger (Ross et al. 2011, arXiv 1011.0686) the states are the student's own, and all lessons so far are kept. What is
learned is the worth of every choice and not the teacher's own choice, which nobody could make who does not know the patient: the
mean worth over all patients that look alike.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.logger import Logger

from thecal.agents.backends.base import Throughput
from thecal.agents.backends.checkpoint import Checkpoints, Shapes
from thecal.agents.backends.hyperparameters import DaggerSettings
from thecal.agents.backends.pupil import Pupil
from thecal.agents.backends.student import asked, candidates_of
from thecal.agents.mpc.teacher import Lesson, Teacher
from thecal.agents.scenes import observation_view
from thecal.agents.view import Actions, Flags, Floats
from thecal.core.errors import ConfigError, StoreError

WORTH = 10.0  # hours that count as one in what is learned, so that errors are of the order of one
_LOWEST_RATIO = 1e-3  # of a running dose to the start's, so that a stopped pump divides by nothing


@dataclass
class Told:
    """What callbacks of Stable-baselines3 see in place of its model."""

    env: Any
    num_timesteps: int = 0
    logger: Logger = field(default_factory=lambda: Logger(folder=None, output_formats=[]))

    def get_env(self) -> Any:
        """The environment at work."""
        return self.env


class Class:
    """A training at work: patients are treated by student and explorers, and now and then the teacher says what would be best.

    Args:
        env: a ``ThecalSB3VecEnv``.
        settings, seed, total: of the training; ``total`` counts every decision that is simulated, those of the teacher too.

    Raises:
        ConfigError: the environment is no batch of patients, or its task shows no running dose.
    """

    def __init__(self, env: Any, settings: DaggerSettings, seed: int, total: int) -> None:
        batch = getattr(env, "batch", None)
        if batch is None:
            raise ConfigError(
                "a teacher simulates the patients ahead: the environment has to be one of thecal.envs.adapters.sb3"
            )
        self.env, self.settings, self.seed, self.total = env, settings, seed, total
        self.view = observation_view(batch.scene)
        self.view.require("dagger", ("rate_ratio_start",))
        self.candidates = candidates_of(settings, self.view)
        self.teacher = Teacher(
            batch, self.view, self.candidates, Lesson(settings.horizon, settings.after, settings.tie)
        )
        self.pupil = Pupil(settings, len(self.view.names), len(self.candidates))
        self.rng = np.random.default_rng([seed, 1])
        self.n = env.num_envs
        self.seen: list[NDArray[np.float32]] = []
        self.worth: list[NDArray[np.float32]] = []
        self.round, self.frames, self.since = 0, 0, 0
        self.exploring: Flags = np.zeros(self.n, np.bool_)
        self.wanted: Floats = np.ones(self.n)
        self.armed: Floats = np.zeros(self.n)
        self.observation: NDArray[np.float32] = np.zeros((self.n, len(self.view.names)), np.float32)

    @property
    def over(self) -> bool:
        """Whether the last round has ended."""
        return self.round >= self.settings.rounds

    @property
    def lessons(self) -> int:
        """How many there were."""
        return sum(map(len, self.seen))

    def begin(self) -> None:
        """New patients everywhere."""
        self.env.seed(self.seed)
        self.observation = self.env.reset()
        self._meet(np.ones(self.n, np.bool_))

    def act(self) -> Actions:
        """What student and explorers ask for."""
        fields = self.view.decode(self.observation)
        now = np.maximum(np.nan_to_num(fields["rate_ratio_start"], nan=1.0), _LOWEST_RATIO)
        dose = fields.get("dose_mg_per_d", np.zeros(self.n))
        jump = self.rng.random(self.n) < self.settings.jump
        self._wish(jump)
        wanted, armed = self.wanted, self.armed
        if self.pupil.weights:
            chosen = self.pupil.best(self.observation)
            wanted = np.where(self.exploring, wanted, self.candidates.multiples[chosen] * now)
            armed = np.where(self.exploring, armed, self.candidates.armed[chosen])
        return asked(self.view, wanted, now, armed, dose)

    def step(self, actions: Actions) -> tuple[Any, Any]:
        """Treat everybody for one decision; returns rewards and ends."""
        self.observation, rewards, dones, _ = self.env.step(actions)
        self.frames += self.n
        self.since += 1
        self._meet(dones)
        return rewards, dones

    def learn(self) -> None:
        """Take a lesson where one is due, and fit where a round ends."""
        if self.since >= self.settings.between:
            self.since = 0
            before = self.teacher.frames
            worth = self.teacher.values()
            self.frames += self.teacher.frames - before
            self.seen.append(self.observation.copy())
            self.worth.append(((worth - worth.mean(axis=1, keepdims=True)) / WORTH).astype(np.float32))
        if self.frames >= self.total * (self.round + 1) / self.settings.rounds:
            self.fit()
            self.round += 1

    def fit(self) -> None:
        """Learn all lessons so far; without any the weights are fresh."""
        if self.seen:
            self.pupil.fit(np.concatenate(self.seen), np.concatenate(self.worth), self.seed * 1000 + self.round)
        elif not self.pupil.weights:
            self.pupil.begin(self.seed)

    def _meet(self, new: Flags) -> None:
        """Say who of the new patients is treated by chance."""
        share = self.settings.explore if self.pupil.weights else 1.0
        drawn = self.rng.random(self.n) < share
        self.exploring[new] = drawn[new]
        self._wish(new)

    def _wish(self, rows: Flags) -> None:
        low, high = np.log(self.settings.explore_low), np.log(self.settings.explore_high)
        drawn, armed = np.exp(self.rng.uniform(low, high, self.n)), self.rng.random(self.n) < 0.5
        self.wanted = np.where(rows, drawn, self.wanted)
        self.armed = np.where(rows, armed, self.armed).astype(np.float64)

    def read(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Everything from which :meth:`write` goes on, as arrays and plain numbers."""
        arrays, env_state = self.env.training_state()
        arrays = {f"env.{name}": values for name, values in arrays.items()}
        width, outputs = self.observation.shape[1], len(self.candidates)
        arrays["seen"] = np.concatenate([np.zeros((0, width), np.float32), *self.seen])
        arrays["worth"] = np.concatenate([np.zeros((0, outputs), np.float32), *self.worth])
        arrays |= {
            "observation": self.observation,
            "exploring": self.exploring,
            "wanted": self.wanted,
            "armed": self.armed,
        }
        arrays |= {f"pupil.{name}": values for name, values in self.pupil.weights.items()}
        state = {
            "lessons": self.lessons, "round": self.round, "frames": self.frames, "since": self.since,
            "teacher_frames": self.teacher.frames, "fitted": bool(self.pupil.weights),
            "rng": self.rng.bit_generator.state, "env": env_state,
        }  # fmt: skip
        return arrays, state

    def shapes(self, state: dict[str, Any]) -> Shapes:
        """Shape and type of every array of :meth:`read` with this ``state``.

        Raises:
            StoreError: the state is not one of this training.
        """
        try:
            lessons = state["lessons"]
            if not isinstance(lessons, int) or not 0 <= lessons <= self.total:
                raise ValueError(f"{lessons!r:.30} lessons")
            f32, f64 = np.dtype(np.float32), np.dtype(np.float64)
            found = {f"env.{name}": shape for name, shape in self.env.training_shapes().items()}
            width = self.observation.shape[1]
            found |= {"seen": ((lessons, width), f32), "worth": ((lessons, len(self.candidates)), f32)}
            found |= {"observation": ((self.n, width), f32), "exploring": ((self.n,), np.dtype(np.bool_))}
            found |= {"wanted": ((self.n,), f64), "armed": ((self.n,), f64)}
            if state["fitted"]:
                found |= {f"pupil.{name}": shape for name, shape in self.pupil.shapes().items()}
            return found
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"the checkpoint does not fit this training ({type(error).__name__}: {error})") from error

    def write(self, arrays: dict[str, NDArray[Any]], state: dict[str, Any]) -> None:
        """Go on from a checkpoint.

        Raises:
            StoreError: a number is not finite or out of its range.
        """
        for name, values in arrays.items():
            if not name.startswith("env.") and values.dtype.kind == "f" and not np.isfinite(values).all():
                raise StoreError(f"the checkpoint is damaged: {name} holds a number that is not finite")
        try:
            own = {name.removeprefix("env."): values for name, values in arrays.items() if name.startswith("env.")}
            self.env.continue_from(own, state["env"])
            self.seen, self.worth = [arrays["seen"].copy()], [arrays["worth"].copy()]
            for name in ("observation", "exploring", "wanted", "armed"):
                setattr(self, name, arrays[name].copy())
            pupil = {
                name.removeprefix("pupil."): values for name, values in arrays.items() if name.startswith("pupil.")
            }
            self.pupil.weights = {name: values.copy() for name, values in pupil.items()}
            self.round, self.frames, self.since, self.teacher.frames = (
                _count(state[name]) for name in ("round", "frames", "since", "teacher_frames")
            )
            self.rng.bit_generator.state = state["rng"]
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise StoreError(f"the checkpoint does not fit this training ({type(error).__name__}: {error})") from error


def teach(lessons: Class, callbacks: Sequence[Any], checkpoints: Checkpoints | None) -> tuple[Throughput, bool]:
    """Run the training; Ctrl-C ends it early and keeps what was learned. Returns the speed, and whether it was ended.

    Args:
        lessons: a fresh one.
        callbacks: of Stable-baselines3; they see the decisions of the treated patients, not those of the teacher.
        checkpoints: where to write them, and the one to continue from.

    Raises:
        ConfigError: the training diverged.
        StoreError: the checkpoint does not fit.
    """
    told = Told(lessons.env)
    for callback in callbacks:
        callback.init_callback(told)
    if checkpoints is not None and checkpoints.head is not None:
        state = checkpoints.head.state
        lessons.write(checkpoints.read(lessons.shapes(state)), state)
    else:
        lessons.begin()
    begun, first, spent = time.perf_counter(), lessons.frames, 0.0
    if checkpoints is not None:
        checkpoints.begin(first)
    told.num_timesteps = first
    interrupted = False
    try:
        for callback in callbacks:
            callback.on_training_start({}, {})
        while not lessons.over:
            if checkpoints is not None and checkpoints.due(lessons.frames):
                checkpoints.write(lessons.frames, lessons.read)
            actions = lessons.act()
            start = time.perf_counter()
            rewards, _ = lessons.step(actions)
            spent += time.perf_counter() - start
            lessons.learn()
            told.num_timesteps = lessons.frames
            for callback in callbacks:
                callback.update_locals({"rewards": rewards})
                callback.on_step()
    except KeyboardInterrupt:
        interrupted = True
        lessons.fit()
    for callback in callbacks:
        callback.on_training_end()
    seconds = time.perf_counter() - begun
    return Throughput(lessons.frames - first, seconds, spent, 0.0), interrupted


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r:.30} is no count")
    return value
