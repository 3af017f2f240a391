"""A warm start: PPO begins where the student is, and says when there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.agents import load_rl_settings, train_policy
from thecal.core.errors import ConfigError, StoreError
from thecal.envs.adapters.make import make_sb3

from support.agent_toys import toy_vec_env
from support.learned import make_trained
from support.planners import target_task

DAGGER: dict[str, Any] = {
    "n_envs": 6, "rounds": 1, "between": 3, "doses": 3, "horizon": 12.0, "epochs": 2, "batch_size": 16, "net_arch": (8,),
}  # fmt: skip
WARM: dict[str, Any] = {"n_envs": 6, "n_steps": 12, "batch_size": 24, "n_epochs": 1, "net_arch": (16,)}


def env_of(seed: int = 3) -> Any:
    return make_sb3(target_task(2.0), 6, seed, pool=8, stagger=True, split="train")


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("student")
    train_policy("dagger", env_of(), load_rl_settings("dagger", **DAGGER), 3, 400).save(folder / "policy")
    return folder


def warm(student: object, **changes: Any) -> Any:
    return load_rl_settings(
        "ppo_warm", **{**WARM, "student": str(student), "imitated": 600, "imitation_epochs": 10, **changes}
    )


def test_ppo_begins_as_the_student(student):
    """After imitation, and updates too small to matter, its actions are nearer to the student's than those of a fresh network."""
    from thecal.agents.backends.sb3 import make_model
    from thecal.agents.backends.warm_start import _watched, imitate, read_student
    from thecal.agents.base import PolicyContext
    from thecal.agents.scenes import observation_view

    settings = warm(student)
    env = env_of()
    model = make_model("ppo", env, settings, 1)
    own = read_student(str(student))
    own.reset(PolicyContext(observation_view(env.batch.scene), 6, np.arange(6), 0))
    seen, asked, _ = _watched(own, env_of(5), settings)
    fresh = model.predict(seen, deterministic=True)[0]
    imitate(model, env, settings)
    after = model.predict(seen, deterministic=True)[0]
    assert np.square(after - asked).mean() < 0.25 * np.square(fresh - asked).mean()


def test_what_is_earned_is_discounted_within_an_episode(student):
    from thecal.agents.backends.warm_start import _watched

    class Toy:
        num_envs = 1

        def reset(self) -> Any:
            self.k = 0
            return np.zeros((1, 1), np.float32)

        def step(self, _actions: Any) -> Any:
            self.k += 1
            return np.zeros((1, 1), np.float32), np.float32([self.k]), np.array([self.k == 2]), [{}]

    class Holds:
        def act(self, observation: Any) -> Any:
            return np.zeros((1, 1), np.float32)

    _, _, earned = _watched(Holds(), Toy(), warm(student, imitated=4, gamma=0.5))  # type: ignore[arg-type]
    # 1 + 0.5 x 2, then a new episode: 3 + 0.5 (4 + 0.5 x 5), of which 5 = 2.5 / 0.5 is what a mean decision goes on to earn
    np.testing.assert_allclose(earned, [2.0, 2.0, 6.25, 6.5])


def test_it_trains_and_is_stored_as_ppo_is(student, tmp_path):
    from thecal.agents import load_policy

    found = train_policy("ppo_warm", env_of(), warm(student), 1, 144)
    found.save(tmp_path)
    again = load_policy(tmp_path)
    assert again.record.algorithm == "ppo_warm"
    seen = np.zeros((2, len(again.record.observation_names)), np.float32)
    np.testing.assert_array_equal(again.act(seen), found.policy.act(seen))


@pytest.mark.parametrize("place", ["", "nowhere"])
def test_no_student_is_told(place, tmp_path):
    with pytest.raises(ConfigError, match="no folder of a trained student"):
        train_policy("ppo_warm", env_of(), warm(tmp_path / place if place else ""), 1, 144)


def test_another_policy_is_no_student(tmp_path):
    with pytest.raises(ConfigError, match="trained by ppo"):
        train_policy("ppo_warm", env_of(), warm(make_trained(tmp_path)), 1, 144)


def test_a_damaged_student_is_refused(student, tmp_path):
    import shutil

    folder = Path(shutil.copytree(student, tmp_path / "copy"))
    (folder / "policy" / "weights.safetensors").write_bytes(b"no weights")
    with pytest.raises(StoreError):
        train_policy("ppo_warm", env_of(), warm(folder), 1, 144)


def test_a_toy_has_no_patients_to_treat(student):
    with pytest.raises(ConfigError, match="warm start needs"):
        train_policy("ppo_warm", toy_vec_env(6), warm(student), 1, 144)
