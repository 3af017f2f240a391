"""The ways into the simulation, each under its own policies, stepped pump tick by pump tick before the end-to-end judge."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import SENSORS
from thecal.envs.adapters.make import make_sb3
from thecal.envs.adapters.single import ThecalEnv
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.batch import Batch
from thecal.experiments.assurance.end_to_end_case import Case
from thecal.experiments.assurance.end_to_end_judge import Judge, Verdict
from thecal.experiments.assurance.end_to_end_limits import read_limits
from thecal.experiments.assurance.end_to_end_record import begun, programmed, shown

HUGE = 1 << 50
_HEALTHY = {"rr": 16.0, "spo2": 98.0, "etco2": 38.0, "sbp": 125.0, "map": 90.0, "hr": 72.0}
Actions = NDArray[np.float64]


class _Watch:
    """Shows a batch to the judge around every step of it."""

    def __init__(self, case: Case, batch: Batch, judge: Judge) -> None:
        self.batch, self.judge = batch, judge
        self.drugs, self.round_h = len(judge.limits.drugs), batch.spec.clinic_clock_h
        self.now = self._shown()
        judge.begin(np.ones(batch.n, bool), self.now)

    def _shown(self) -> dict[str, Any]:
        return shown(self.batch, self.drugs, self.round_h)

    def look(self) -> None:
        """Read what stands before a step, falsified or not."""
        self.now = self._shown()

    def judged(self) -> None:
        """Read what a step left. A column that began anew shows nothing of its last tick."""
        then = self._shown()
        whole = then["tick"] == self.now["tick"] + 1
        self.judge.see(self.now, then, programmed(self.batch, self.now["events"]), begun(self.batch), whole)
        if not whole.all():
            self.judge.begin(~whole, then)
        self.now = then


class _Policy:
    """Actions of patients in turn: at random, the most of everything, a square wave, slowly up, and what is no number."""

    def __init__(self, n: int, width: int, rng: np.random.Generator) -> None:
        self.n, self.width, self.rng = n, width, rng

    def __call__(self, t: int) -> Actions:
        chosen = self.rng.uniform(-1.0, 1.0, (self.n, self.width))
        kind = np.arange(self.n) % 5
        chosen[kind == 1] = 1.0
        chosen[kind == 2] = 1.0 if t // 144 % 2 == 0 else -1.0
        chosen[kind == 3] = np.clip(chosen[kind == 3] + 0.6, -1.0, 1.0)
        spoiled = (kind == 4) & (self.rng.random(self.n) < 0.1)
        chosen[spoiled] = self.rng.choice([np.nan, np.inf, -np.inf, 1e30], (int(spoiled.sum()), self.width))
        return chosen


def drive(case: Case) -> Verdict:
    """Run one case through its way in; returns what the judge found.

    Raises:
        ConfigError: the program cannot be run.
    """
    judge = Judge(
        read_limits(*case.texts(), base=case.base()),
        case.stage,
        1 if case.way in ("single", "commands") else case.patients,
    )
    _WAYS[case.way](case, judge, np.random.default_rng(case.seed))
    return judge.verdict


def _stepped(case: Case, judge: Judge, batch: Batch, step: Callable[[int], None]) -> None:
    watch = _Watch(case, batch, judge)
    for t in range(case.ticks):
        step(t)
        watch.judged()


def _batch(case: Case, judge: Judge, rng: np.random.Generator) -> None:
    batch = Batch(case.scenario(), case.patients)
    _begin(batch, case)
    policy = _Policy(batch.n, batch.spec.n_actions, rng)
    _stepped(case, judge, batch, lambda t: batch.advance(policy(t)))


def _begin(batch: Batch, case: Case) -> None:
    first = case.patients * (case.seed % 100)
    batch.restart(np.arange(batch.n), first + np.arange(batch.n), np.full(batch.n, case.seed, np.uint64))


def _hostile(case: Case, judge: Judge, rng: np.random.Generator) -> None:
    """Raw requests without any policy's bounds, and signals that are falsified, frozen or gone."""
    batch = Batch(case.scenario(), case.patients)
    _begin(batch, case)
    world, n = batch.laid_open(), batch.n
    nothing = np.zeros((n, batch.spec.n_actions))
    watch = _Watch(case, batch, judge)
    frozen = rng.random(n) < 0.2
    for t in range(case.ticks):
        if t % 96 == 0:
            frozen = rng.random(n) < 0.2
        for name, value in _HEALTHY.items():
            k, patient = SENSORS.index(name), world["patient"]
            patient["s_value"][frozen, k], patient["s_valid"][frozen, k] = value, 1
            fake = rng.random(n) < 0.02
            patient["s_value"][fake, k] = value * rng.uniform(0.3, 1.3, int(fake.sum()))
            patient["s_valid"][rng.random(n) < 0.01, k] = 0
        episode, prev = world["episode"], world["pump"]["rate_nl"].astype(np.int64)
        kind = rng.integers(0, 4, n)
        episode["command"] = 1
        episode["command_rate"] = np.choose(
            kind, [np.full(n, HUGE), prev + prev // 5, rng.integers(-1000, 40_000, n), prev]
        )
        episode["command_bolus"] = rng.choice([0, 0, HUGE, -5, 7_777], n)
        episode["command_valid"] = rng.choice([1, 1, 1, 1, 0, -1, -2], n)
        world["patient"]["demand"] = rng.random(n) < 0.1
        watch.look()
        batch.advance(nothing)
        watch.judged()


def _vector(case: Case, judge: Judge, rng: np.random.Generator) -> None:
    env = ThecalVectorEnv(case.scenario(), case.patients, seed=case.seed)
    env.reset(seed=case.seed)
    policy = _Policy(case.patients, env.batch.spec.n_actions, rng)
    _stepped(case, judge, env.batch, lambda t: _quiet(env.step, policy(t).astype(np.float32)))


def _sb3(case: Case, judge: Judge, rng: np.random.Generator) -> None:
    env = make_sb3(case.scenario(), case.patients, case.seed)
    env.reset()
    policy = _Policy(case.patients, env.batch.spec.n_actions, rng)
    _stepped(case, judge, env.batch, lambda t: _quiet(env.step, policy(t).astype(np.float32)))


def _discrete(case: Case, judge: Judge, rng: np.random.Generator) -> None:
    """Discrete actions, half of them masked as MaskablePPO would, half as they come."""
    env: Any = make_sb3(case.scenario(), case.patients, case.seed, discrete=True)
    env.reset()

    def step(t: int) -> None:
        masks = np.array(
            env.env_method("action_masks") if t % 8 == 0 else np.ones((case.patients, env.action_space.n)), bool
        )
        weights = rng.random(masks.shape) * masks
        env.step(weights.argmax(1))

    _stepped(case, judge, env.batch, step)


def _single(case: Case, judge: Judge, rng: np.random.Generator) -> None:
    """The patients of the case one after another, each an episode."""
    env = ThecalEnv(case.scenario())
    for i in range(case.patients):
        env.reset(seed=case.seed, options={"patient": i + case.patients * (case.seed % 100)})
        policy = _Policy(5, env.batch.spec.n_actions, rng)
        _episode(case, judge, env, partial(_one_of, policy, i % 5))


def _one_of(policy: _Policy, kind: int, t: int) -> NDArray[np.float32]:
    chosen: NDArray[np.float32] = policy(t)[kind].astype(np.float32)
    return chosen


def _commands(case: Case, judge: Judge, rng: np.random.Generator) -> None:
    """Typed commands, good ones and others."""
    env = ThecalEnv(case.scenario())
    for i in range(case.patients):
        env.reset(seed=case.seed, options={"patient": i + case.patients * (case.seed % 100)})

        def command(t: int) -> dict[str, Any]:
            pump = env.batch.world["pump"][0]
            rate = float(pump["rate_nl"])
            order: dict[str, Any] = {
                "id": f"c{t if rng.random() < 0.9 else 0}", "seen": int(pump["events"]), "issued_s": 900.0 * t,
                "rate": rate * float(rng.choice([1.0, 1.05, 1.2, 2.0, 0.9, 10.0])),
                "bolus": float(rng.choice([0, 0, 1e4, 1e6])), "units": {"rate": "nL/tick", "bolus": "nL"},
            }  # fmt: skip
            if rng.random() < 0.05:
                order[str(rng.choice(["rate", "issued_s", "seen", "units"]))] = (None, np.nan, -1.0)[
                    int(rng.integers(3))
                ]
            return order

        _episode(case, judge, env, command)


def _episode(case: Case, judge: Judge, env: ThecalEnv, act: Callable[[int], Any]) -> None:
    watch = _Watch(case, env.batch, judge)
    for t in range(case.ticks):
        _, _, terminated, truncated, _ = env.step(act(t))
        watch.judged()
        if terminated or truncated:
            break


def _quiet(step: Callable[[Any], Any], actions: Any) -> None:
    step(actions)


_WAYS: dict[str, Callable[[Case, Judge, np.random.Generator], None]] = {
    "batch": _batch, "vector": _vector, "sb3": _sb3, "hostile": _hostile, "discrete": _discrete, "single": _single,
    "commands": _commands,
}  # fmt: skip
