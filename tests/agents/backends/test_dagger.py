"""Teacher and student: what the teacher says is what happens, what is learned is what was said, and it is stored whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.agents import Trained, load_policy, load_rl_settings, train_policy
from thecal.agents.backends.dagger import Class
from thecal.agents.backends.pupil import Pupil
from thecal.agents.backends.student import StudentPolicy, candidates_of
from thecal.agents.mpc.teacher import Candidates, Lesson, Teacher, candidate_count
from thecal.agents.scenes import observation_view
from thecal.core.errors import ConfigError, StoreError
from thecal.envs.adapters.make import make_sb3
from thecal.envs.batch import Batch
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.rollouts.rollout import rollout

from support.agent_toys import SCALE, TARGETS, make_view, toy_vec_env
from support.planners import target_task
from support.runs import short_task

SMALL: dict[str, Any] = {
    "n_envs": 6, "rounds": 2, "between": 3, "doses": 3, "horizon": 12.0, "epochs": 2, "batch_size": 16, "net_arch": (8,),
}  # fmt: skip
FRAMES = 900


def scene_of(days: float = 2.0, bolus: bool = False) -> Resolved:
    task = short_task(days, tick_h=4.0) if bolus else target_task(days)
    return Scenario.of(task, split="train", seed=2).resolve()


def env_of(scene: Resolved, n: int = 6) -> Any:
    return make_sb3(scene, n, 3, pool=8, stagger=True)


def trained(seed: int = 3, callbacks: Any = (), **changes: Any) -> Trained:
    settings = load_rl_settings("dagger", **{**SMALL, **changes})
    return train_policy("dagger", env_of(scene_of()), settings, seed, FRAMES, callbacks)


@pytest.mark.parametrize("bolus", [False, True])
def test_the_teacher_says_what_will_happen(bolus):
    """Each candidate held by hand from a copy of the world brings what the teacher said."""
    scene = scene_of(bolus=bolus)
    env, view = env_of(scene), observation_view(scene)
    env.reset()
    candidates = Candidates(0.5, 2.0, 3, view)
    assert len(candidates) == candidate_count(0.5, 2.0, 3, view.action_names) == (6 if bolus else 3)
    teacher = Teacher(env.batch, view, candidates, Lesson(horizon=12.0, after=24.0, tie=0.1))
    before = env.batch.world.tobytes()
    said = teacher.values()
    assert env.batch.world.tobytes() == before
    hand = Batch(scene, env.num_envs)
    for k, (multiple, armed) in enumerate(zip(candidates.multiples, candidates.armed, strict=True)):
        hand.restore(env.batch.snapshot())
        start = hand.par["task"]["start_rate_nl"]
        conc = hand.par["shield"]["conc"][:, 0] * 96 / 1e6 / 1e3  # nL a quarter of an hour to mg/d
        goal = multiple * hand.world["shield"]["prev_rate"] * conc
        size = armed * view.actions.bolus(0.05, hand.world["shield"]["prev_rate"] * conc)
        live, worth = np.ones(env.num_envs, bool), np.zeros(env.num_envs)
        for step in range(3):
            live &= hand.world["episode"]["step"] < scene.task.n_steps
            now = hand.world["shield"]["prev_rate"] / start
            wanted = goal / (start * conc)
            ask = (
                {"relative_rate": view.actions.rate(wanted / now - 1.0), "bolus_size": size}
                if bolus
                else {"target_dose": view.actions.target(wanted)}
            )
            hand.advance(view.action(env.num_envs, now, **ask).astype(float), live)
            day = 1.0 + 24.0 / 24.0 if (3 - step) * 4.0 <= 24.0 else 1.0
            worth += np.where(live, day * hand.out["well_h"] + 0.1 * hand.out["reward"], 0.0)
            live &= hand.out["terminated"] == 0
        np.testing.assert_allclose(said[:, k], worth, rtol=1e-6, atol=0.02)  # a nanoliter, by rounding
    assert said.std() > 0.0


def test_frames_of_the_teacher_count_the_rest_of_an_episode():
    scene = scene_of(days=1.0)
    env, view = env_of(scene), observation_view(scene)
    env.reset()
    teacher = Teacher(env.batch, view, Candidates(0.5, 2.0, 3, view), Lesson(1000.0, 0.0, 0.0))
    teacher.values()
    assert teacher.frames == 3 * int((scene.task.n_steps - env.batch.world["episode"]["step"]).sum())


def test_candidates_begin_with_the_dose_in_force():
    view = make_view(action_names=("target_dose", "bolus_size"), actions=TARGETS)
    found = Candidates(0.5, 2.0, 3, view)
    np.testing.assert_allclose(found.multiples, [1.0, 0.5, 2.0, 1.0, 0.5, 2.0])
    np.testing.assert_array_equal(found.armed, [0, 0, 0, 1, 1, 1])
    assert len(Candidates(0.5, 2.0, 3, make_view(action_names=("relative_rate",), actions=SCALE))) == 3


def test_a_pupil_learns_the_mean_worth():
    """Two patients that look alike, of which one does best with A by 1 and the other with B by 3: B is worth more."""
    settings = load_rl_settings("dagger", **SMALL, learning_rate=1e-2, weight_decay=0.0)
    settings = settings.model_copy(update={"epochs": 120, "batch_size": 64})
    rng = np.random.default_rng(1)
    seen = rng.choice([-1.0, 1.0], (64, 2)).astype(np.float32) * np.float32([1.0, 5.0]) + np.float32([0.0, 9.0])
    first = np.arange(64) % 2 == 0
    worth = np.where(first[:, None], [[1.0, 0.0]], [[0.0, 3.0]]) * np.sign(seen[:, :1])
    pupil = Pupil(settings, 2, 2)
    pupil.fit(seen, worth.astype(np.float32), 0)
    np.testing.assert_array_equal(pupil.best(seen), np.where(seen[:, 0] > 0.0, 1, 0))


def test_same_seed_same_student_another_seed_another():
    first, again, other = trained(), trained(), trained(seed=4)
    for name, values in first.model.pupil.weights.items():
        np.testing.assert_array_equal(values, again.model.pupil.weights[name])
    assert any((values != other.model.pupil.weights[name]).any() for name, values in first.model.pupil.weights.items())


def test_round_trip_acts_as_the_pupil_chose(tmp_path):
    found = trained()
    found.save(tmp_path / "policy")
    again = load_policy(tmp_path / "policy")
    assert isinstance(again, StudentPolicy)
    assert (found.record.algorithm, found.record.interrupted) == ("dagger", False)
    assert found.record.frames == found.model.frames >= FRAMES
    scene = scene_of()
    runs = [rollout(policy, scene, range(3)) for policy in (found.policy, again)]
    np.testing.assert_array_equal(runs[0].data["reward"], runs[1].data["reward"])
    seen = found.model.observation
    np.testing.assert_array_equal(again.values(seen).argmax(axis=1), found.model.pupil.best(seen))
    assert sorted(item.name for item in (tmp_path / "policy").iterdir()) == ["policy.json", "weights.safetensors"]


def test_an_end_before_the_first_lesson_keeps_a_student():
    from stable_baselines3.common.callbacks import BaseCallback

    class Stop(BaseCallback):
        def _on_step(self) -> bool:
            raise KeyboardInterrupt

    found = trained(callbacks=[Stop()])
    assert found.interrupted
    assert found.record.interrupted
    assert len(found.model.seen) == 0
    assert all(np.isfinite(values).all() for values in found.model.pupil.weights.values())


def test_explorers_are_met_before_the_student_is_there():
    lessons = Class(env_of(scene_of()), load_rl_settings("dagger", **SMALL), 3, FRAMES)  # type: ignore[arg-type]
    lessons.begin()
    assert lessons.exploring.all()
    assert ((lessons.wanted >= 0.2) & (lessons.wanted <= 6.0)).all()


def test_an_environment_without_patients_is_refused():
    with pytest.raises(ConfigError, match="simulates the patients ahead"):
        train_policy("dagger", toy_vec_env(), load_rl_settings("dagger"), 1, 100)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"settings": {"doses": 3}}, "settings"),
        ({"settings": {"doses": 10**9}}, "settings"),
        ({"action_names": ["bolus_size"], "n_actions": 1}, "asks for a dose"),
        ({"net_arch": [9]}, "values.0.weight"),
    ],
)
def test_a_spoiled_student_is_refused(changes, said, tmp_path):
    folder = trained().save(tmp_path / "policy")
    path = Path(folder) / "policy.json"
    values = json.loads(path.read_text())
    if "settings" in changes:
        changes = {"settings": ({} if changes["settings"]["doses"] == 3 else values["settings"]) | changes["settings"]}
    path.write_text(json.dumps(values | changes))
    with pytest.raises(StoreError, match=said):
        load_policy(folder)


def test_it_has_to_be_reset_before_it_acts():
    with pytest.raises(ConfigError, match="before reset"):
        trained().policy.act(np.zeros((1, 3), np.float32))


def test_choices_are_those_of_the_settings():
    view = make_view(action_names=("target_dose",), actions=TARGETS)
    settings = load_rl_settings("dagger")
    assert len(candidates_of(settings, view)) == 9  # type: ignore[arg-type]
