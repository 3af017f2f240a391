"""Registered variants: every id makes what it says, for one patient and for many, and the table of ids is the registry."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Discrete
from gymnasium.utils.env_checker import check_env

from thecal.core.errors import ConfigError
from thecal.envs.adapters.forms import CostThecalEnv, DiscreteThecalEnv, TermsThecalEnv
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.adapters.vector_forms import CostThecalVectorEnv, DiscreteThecalVectorEnv, TermsThecalVectorEnv
from thecal.envs.tasks import task_names
from thecal.envs.variants import VARIANTS, entries
from thecal.physiology.structures import second_offered

ENTRIES = {entry.id: entry for entry in entries()}
IDS = list(ENTRIES)


def test_the_table_is_the_registry() -> None:
    registered = {name for name in gym.registry if name.startswith("thecal/")}
    assert registered == set(IDS)
    assert len(IDS) >= len(task_names()) * 5
    for task in ("CancerMorphine", "NonCancerMorphine", "NonCancerMix"):
        found = {entry.variant.name for entry in ENTRIES.values() if entry.task == task}
        assert found == {variant.name for variant in VARIANTS if variant.name != "Swap" or second_offered()}


@pytest.mark.parametrize("env_id", IDS)
def test_every_id_makes_one_patient_and_many(env_id: str) -> None:
    variant = ENTRIES[env_id].variant
    env = gym.make(env_id)
    assert gym.spec(env_id).id == env_id == env.unwrapped.spec.id
    env.reset(seed=0)
    env.action_space.seed(0)
    assert len(env.step(env.action_space.sample())) == (6 if variant.name == "Cost" else 5)
    for option, value in variant.options.items():
        assert getattr(env.unwrapped.batch.scenario, option) == value
    many = gym.make_vec(env_id, num_envs=3)
    assert isinstance(many.unwrapped, ThecalVectorEnv)
    many.reset(seed=0)
    result = many.step(many.action_space.sample())
    assert len(result) == (6 if variant.name == "Cost" else 5)
    assert all(len(part) == 3 for part in result[:-1])


@pytest.mark.parametrize("env_id", [name for name in IDS if ENTRIES[name].variant.name not in ("Cost", "Terms")])
def test_synchronous_vectors_take_the_ids_of_five_things(env_id: str) -> None:
    many = gym.make_vec(env_id, num_envs=2, vectorization_mode="sync")
    many.reset(seed=0)
    assert many.step(many.action_space.sample())[0].shape == (2, *many.single_observation_space.shape)


def test_an_id_exists_where_the_file_names_the_difficulty(tmp_path) -> None:
    script = """
        import sys
        sys.path.insert(0, {folder!r})
        import gymnasium as gym, thecal
        print(sorted(name for name in gym.registry if "Extra" in name))
    """
    package = tmp_path / "extra"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "Extra.toml").write_text('name = "Extra"\nversion = 2\n[difficulty.real]\n[difficulty.shift]\n')
    info = tmp_path / "extra-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[thecal.tasks]\nExtra = extra\n")
    lines = "\n".join(line.strip() for line in script.format(folder=str(tmp_path)).splitlines())
    found = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True).stdout
    assert found.strip() == str(
        [f"thecal/Extra{name}-v2" for name in ("-Cost", "-Discrete", "-Faults", "-Shift", "-Terms", "")]
    )


def test_importing_compiles_nothing_and_loads_no_kernel() -> None:
    script = (
        "import sys, thecal; print([name for name in ('numba', 'scipy', 'pydantic', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["CancerMorphine-Discrete", "CancerMorphine-Easy", "NonCancerMix-Faults"])
def test_the_checker_passes(name: str) -> None:
    check_env(gym.make(f"thecal/{name}-v0").unwrapped, skip_render_check=True)


def test_discrete_runs_the_rows_of_its_table_and_masks_them() -> None:
    env, plain = DiscreteThecalEnv(), gym.make("thecal/CancerMorphine-v0", shield_mode="mask")
    assert env.action_space == Discrete(15)
    assert env.batch.scene.mode.name == "MASK"
    assert DiscreteThecalEnv(shield_mode="replace").batch.scene.mode.name == "REPLACE"
    assert np.array_equal(env.reset(seed=4)[0], plain.reset(seed=4)[0])
    rng = np.random.default_rng(0)
    narrow = 0
    for _ in range(40):
        masks = env.action_masks()
        narrow += int((~masks).sum())
        choice = rng.choice(np.flatnonzero(masks))
        mine = env.step(int(choice))
        other = plain.step(env.table[choice].astype(np.float32))
        assert np.array_equal(mine[0], other[0])
        assert mine[1] == other[1]
    assert narrow > 0
    with pytest.warns(UserWarning, match="held"):
        assert env.step(99)[4]["violations"] >> 1 & 1


def test_discrete_in_a_vector_is_that_of_the_single_one() -> None:
    many, one = DiscreteThecalVectorEnv(num_envs=3), DiscreteThecalEnv()
    many.reset(seed=0, options={"patients": [3, 4, 5]})
    one.reset(options={"patient": 4, "seed": 0})
    many.action_space.seed(0)
    for _ in range(20):
        masks = many.action_masks()
        assert np.array_equal(masks[1], one.action_masks())
        choices = many.action_space.sample()
        assert np.array_equal(many.step(choices)[0][1], one.step(choices[1])[0])


def test_terms_weigh_up_to_the_reward() -> None:
    one, many = TermsThecalEnv(), TermsThecalVectorEnv(num_envs=2)
    one.reset(options={"patient": 1, "seed": 7})
    many.reset(seed=7, options={"patients": [1, 1]})
    assert set(one.reward_names) == {name for name, weight in one.spec_task.weights.items() if weight > 0.0}
    for _ in range(30):
        _, reward, _, _, info = one.step(np.array([0.9, 0.5], np.float32))
        assert reward.shape == one.reward_space.shape == (one.reward_dim,)
        assert one.reward_space.contains(reward)
        assert float(one.reward_weights @ reward) == pytest.approx(info["task_reward"], abs=1e-5)
        rewards = many.step(np.tile(np.array([0.9, 0.5], np.float32), (2, 1)))[1]
        assert np.array_equal(rewards, [reward, reward])
    with pytest.raises(ConfigError, match="no place for reward_fn"):
        TermsThecalEnv(reward_fn=lambda rows: rows["reward"])


def test_costs_add_up_the_channels_that_are_named() -> None:
    task, steps = "CancerMorphine", 200
    plain = gym.make(f"thecal/{task}-v0", shield_mode="off", truth=True)
    env = CostThecalEnv(task, costs=("withdrawal", "sedation"), cost_limit=3.0, shield_mode="off")
    many = CostThecalVectorEnv(task, 2, costs=("withdrawal", "sedation"), shield_mode="off")
    own = CostThecalEnv(task, shield_mode="off")
    for made in (plain, env, own):
        made.reset(options={"patient": 4, "seed": 1})
    many.reset(seed=1, options={"patients": [4, 4]})
    assert (env.cost_limit, env.costs.names, own.costs.names) == (3.0, ("withdrawal", "sedation"), own.spec_task.costs)
    total = 0.0
    action = np.array([1.0, 1.0], np.float32)
    for _ in range(steps):
        info = plain.step(action)[4]
        _, _, cost, terminated, _, _ = env.step(action)
        assert cost == pytest.approx(info["cost_withdrawal"] + info["cost_sedation"])
        assert own.step(action)[2] == pytest.approx(info["cost"])
        assert many.step(np.tile(action, (2, 1)))[2].tolist() == [cost, cost]
        total += cost
        if terminated:
            break
    assert total > 0.0, "a patient without a shield is over-sedated at times"


@pytest.mark.parametrize("name", ["Discrete", "Cost", "Terms"])
def test_copies_of_the_forms_go_on_alike(name: str) -> None:
    env = gym.make(f"thecal/CancerMorphine-{name}-v0").unwrapped
    env.reset(seed=2)
    env.action_space.seed(0)
    env.step(env.action_space.sample())
    twins = (copy.deepcopy(env), pickle.loads(pickle.dumps(env)))
    for _ in range(10):
        action = env.action_space.sample()
        mine = env.step(action)
        for twin in twins:
            other = twin.step(action)
            assert np.array_equal(mine[0], other[0])
            assert all(np.array_equal(a, b) for a, b in zip(mine[1:-1], other[1:-1], strict=True))
            if name == "Discrete":
                assert np.array_equal(env.action_masks(), twin.action_masks())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"costs": ("joy",)}, "unknown cost 'joy'"),
        ({"costs": ()}, "name each channel once"),
        ({"costs": ("resp", "resp")}, "name each channel once"),
        ({"cost_limit": -1.0}, "cost_limit -1.0 is not a number of at least 0"),
        ({"cost_limit": float("nan")}, "cost_limit nan"),
    ],
)
def test_costs_that_do_not_fit_are_refused(options, words) -> None:
    with pytest.raises(ConfigError, match=words):
        CostThecalEnv(**options)
